//! Finds the module that defines what a path names.

use crate::module_tree::{ModuleId, ModuleTree, ROOT};

/// What a path leads to inside the crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// A module itself.
    Module(ModuleId),
    /// An item of a module.
    ItemOf(ModuleId),
}

/// A chain of re-exports this long goes round in a circle.
const LONGEST_CHAIN: usize = 32;

impl ModuleTree {
    /// The module that defines the item which `path`, written in module `from`, names.
    ///
    /// `None` if the path leads out of the crate, or ends at a module: then the paths that go on
    /// from that module count.
    pub(crate) fn defining_module(&self, from: ModuleId, path: &[String]) -> Option<ModuleId> {
        match self.follow(from, path, 0)? {
            Found::Module(_) => None,
            Found::ItemOf(module) => Some(module),
        }
    }

    /// The module in front of `::*`, or the one that defines the enum there.
    pub(crate) fn glob_source(&self, from: ModuleId, path: &[String]) -> Option<ModuleId> {
        match self.follow(from, path, 0)? {
            Found::Module(module) | Found::ItemOf(module) => Some(module),
        }
    }

    fn follow(&self, from: ModuleId, path: &[String], depth: usize) -> Option<Found> {
        let (first, mut rest) = path.split_first()?;
        let mut found = match first.as_str() {
            "crate" => Found::Module(ROOT),
            "self" => Found::Module(from),
            "super" => Found::Module(self.modules[from].parent?),
            name => self.look_up(from, name, depth)?,
        };
        while let (Found::Module(module), Some((name, after))) = (found, rest.split_first()) {
            found = match name.as_str() {
                "super" => Found::Module(self.modules[module].parent?),
                // What a macro made is found by no name; it stands in that module.
                name => self
                    .look_up(module, name, depth)
                    .unwrap_or(Found::ItemOf(module)),
            };
            rest = after;
        }
        Some(found)
    }

    /// A name as it is known inside a module.
    fn look_up(&self, module: ModuleId, name: &str, depth: usize) -> Option<Found> {
        if depth > LONGEST_CHAIN {
            return None;
        }
        let known = &self.modules[module].contents;
        if known.items.contains(name) {
            return Some(Found::ItemOf(module));
        }
        if let Some(&child) = self.modules[module].children.get(name) {
            return Some(Found::Module(child));
        }
        if let Some(path) = known.names.get(name) {
            // `use name;` and `use name as name` of another crate come back to themselves.
            let other_crate = path.len() == 1 && path[0] == name;
            return if other_crate {
                None
            } else {
                self.follow(module, path, depth + 1)
            };
        }
        known
            .globs
            .iter()
            .find_map(|glob| match self.follow(module, &glob.path, depth + 1)? {
                Found::Module(source) if source != module => self.look_up(source, name, depth + 1),
                _ => None,
            })
    }
}
