//! The rule: modules under one parent form no cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use crate::module_tree::{ModuleId, ModuleTree};

/// Modules under one parent that import from each other, directly or in a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// `crate::send`.
    pub parent: String,
    /// Names of the children in the cycle, in alphabetical order.
    pub children: Vec<String>,
    /// Every import between them.
    pub imports: Vec<Edge>,
}

/// An import that takes part in a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The child that imports: a name in [`Cycle::children`].
    pub from: String,
    /// The child that defines what is imported.
    pub to: String,
    /// Where the import stands.
    pub file: PathBuf,
    /// Line of `file`, from 1.
    pub line: usize,
    /// The path as it is written there.
    pub path: String,
}

/// Shows the imports of each pair of modules, at most this many.
const SHOWN_PER_PAIR: usize = 3;

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.parent, self.children.join(" "))?;
        let mut pairs: BTreeMap<(&str, &str), Vec<&Edge>> = BTreeMap::new();
        for edge in &self.imports {
            pairs.entry((&edge.from, &edge.to)).or_default().push(edge);
        }
        for ((from, to), edges) in pairs {
            writeln!(f, "  {from} -> {to}")?;
            for edge in edges.iter().take(SHOWN_PER_PAIR) {
                writeln!(
                    f,
                    "    {}:{}: {}",
                    edge.file.display(),
                    edge.line,
                    edge.path
                )?;
            }
            if edges.len() > SHOWN_PER_PAIR {
                writeln!(f, "    and {} more", edges.len() - SHOWN_PER_PAIR)?;
            }
        }
        Ok(())
    }
}

/// The cycles of a crate at all levels of its module tree.
pub fn find_cycles(tree: &ModuleTree) -> Vec<Cycle> {
    let mut levels: BTreeMap<ModuleId, Vec<(ModuleId, ModuleId, Edge)>> = BTreeMap::new();
    for (parent, from, to, edge) in edges(tree) {
        levels.entry(parent).or_default().push((from, to, edge));
    }
    levels
        .iter()
        .flat_map(|(&parent, edges)| cycles_of_level(tree, parent, edges))
        .collect()
}

/// All imports between modules of which neither is inside the other, as edges between two children
/// of the closest parent of both: the parent, the child that imports, the child that defines.
fn edges(tree: &ModuleTree) -> impl Iterator<Item = (ModuleId, ModuleId, ModuleId, Edge)> {
    let name = |id: ModuleId| {
        let path = &tree.modules[id].path;
        path.rsplit("::").next().unwrap_or(path).to_owned()
    };
    targets(tree).filter_map(move |(importer, definer, line, path)| {
        let (parent, from, to) = where_they_part(tree, importer, definer)?;
        let edge = Edge {
            from: name(from),
            to: name(to),
            file: tree.modules[importer].file.clone(),
            line,
            path,
        };
        Some((parent, from, to, edge))
    })
}

/// Each import of each module: who imports, who defines, the line and the path.
fn targets(tree: &ModuleTree) -> impl Iterator<Item = (ModuleId, ModuleId, usize, String)> {
    tree.modules
        .iter()
        .enumerate()
        .flat_map(move |(id, module)| {
            let paths = module.contents.paths.iter().filter_map(move |import| {
                let definer = tree.defining_module(id, &import.path)?;
                Some((id, definer, import.line, import.path.join("::")))
            });
            let globs = module.contents.globs.iter().filter_map(move |glob| {
                let source = tree.glob_source(id, &glob.path)?;
                Some((
                    id,
                    source,
                    glob.line,
                    format!("{}::*", glob.path.join("::")),
                ))
            });
            paths.chain(globs)
        })
}

/// The closest common parent of two modules and its child towards each; `None` if one module is
/// the other or contains it.
fn where_they_part(
    tree: &ModuleTree,
    a: ModuleId,
    b: ModuleId,
) -> Option<(ModuleId, ModuleId, ModuleId)> {
    let (line_a, line_b) = (line_of(tree, a), line_of(tree, b));
    let same = line_a
        .iter()
        .zip(&line_b)
        .take_while(|(a, b)| a == b)
        .count();
    Some((
        *line_a.get(same - 1)?,
        *line_a.get(same)?,
        *line_b.get(same)?,
    ))
}

/// The modules from the root down to one.
fn line_of(tree: &ModuleTree, mut module: ModuleId) -> Vec<ModuleId> {
    let mut line = vec![module];
    while let Some(parent) = tree.modules[module].parent {
        module = parent;
        line.push(module);
    }
    line.reverse();
    line
}

/// The cycles among the children of one parent.
fn cycles_of_level(
    tree: &ModuleTree,
    parent: ModuleId,
    edges: &[(ModuleId, ModuleId, Edge)],
) -> Vec<Cycle> {
    let mut after: BTreeMap<ModuleId, BTreeSet<ModuleId>> = BTreeMap::new();
    for &(from, to, _) in edges {
        after.entry(from).or_default().insert(to);
    }
    let reached: BTreeMap<ModuleId, BTreeSet<ModuleId>> = after
        .keys()
        .map(|&start| (start, reached_from(start, &after)))
        .collect();
    let together = |a: ModuleId, b: ModuleId| {
        let reaches = |a, b| reached.get(&a).is_some_and(|reached| reached.contains(&b));
        reaches(a, b) && reaches(b, a)
    };

    let mut done: BTreeSet<ModuleId> = BTreeSet::new();
    let mut cycles = Vec::new();
    for &start in after.keys() {
        if !together(start, start) || done.contains(&start) {
            continue;
        }
        let members: BTreeSet<ModuleId> = after
            .keys()
            .copied()
            .filter(|&other| together(start, other))
            .collect();
        done.extend(&members);
        let inside = |edge: &&(ModuleId, ModuleId, Edge)| {
            members.contains(&edge.0) && members.contains(&edge.1)
        };
        let imports: Vec<Edge> = edges
            .iter()
            .filter(inside)
            .map(|(_, _, edge)| edge.clone())
            .collect();
        let mut children: Vec<String> = imports.iter().map(|edge| edge.from.clone()).collect();
        children.sort();
        children.dedup();
        let parent = tree.modules[parent].path.clone();
        cycles.push(Cycle {
            parent,
            children,
            imports,
        });
    }
    cycles
}

/// All modules that can be reached in one step or more.
fn reached_from(
    start: ModuleId,
    after: &BTreeMap<ModuleId, BTreeSet<ModuleId>>,
) -> BTreeSet<ModuleId> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(module) = open.pop() {
        for &next in after.get(&module).into_iter().flatten() {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
}
