//! The list of cycles that are still allowed. It may only become shorter.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fmt, fs};

use crate::{Cycle, Error};

/// Cycles that are known: one a line, `PACKAGE PARENT: CHILD CHILD …`; `#` starts a comment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    entries: BTreeSet<Entry>,
}

/// A cycle without its imports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    package: String,
    parent: String,
    children: Vec<String>,
}

/// How the cycles of the workspace differ from the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Cycles, as `PACKAGE` and cycle, that are in no entry of the list, nor part of one.
    pub new: Vec<(String, Cycle)>,
    /// Entries that no cycle fills any more: gone or smaller.
    pub gone: Vec<String>,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: {}",
            self.package,
            self.parent,
            self.children.join(" ")
        )
    }
}

impl AllowList {
    /// Reads the list from a file.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be read, [`Error::AllowList`] if a line is malformed.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(file).map_err(|error| Error::File(file.to_owned(), error))?;
        Self::parse(&text)
    }

    /// Reads the list from its text.
    ///
    /// # Errors
    ///
    /// [`Error::AllowList`] if a line is malformed.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut entries = BTreeSet::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                entries.insert(parse_entry(line).ok_or(Error::AllowList(index + 1))?);
            }
        }
        Ok(Self { entries })
    }

    /// Compares the list with what there is: pairs of a package and one of its cycles.
    pub fn compare(&self, cycles: &[(String, Cycle)]) -> Difference {
        let mut difference = Difference::default();
        let found: BTreeSet<Entry> = cycles.iter().map(entry_of).collect();
        for cycle in cycles {
            if !self
                .entries
                .iter()
                .any(|entry| entry.contains(&entry_of(cycle)))
            {
                difference.new.push(cycle.clone());
            }
        }
        let gone = self.entries.difference(&found);
        difference.gone = gone.map(Entry::to_string).collect();
        difference
    }

    /// The list of these cycles as text, without those that are new.
    pub fn shrunk_to(&self, cycles: &[(String, Cycle)]) -> String {
        let mut text = String::new();
        for entry in cycles.iter().map(entry_of).collect::<BTreeSet<_>>() {
            if self.entries.iter().any(|known| known.contains(&entry)) {
                text.push_str(&format!("{entry}\n"));
            }
        }
        text
    }
}

impl Entry {
    /// Whether `other` is this cycle or what is left of it.
    fn contains(&self, other: &Self) -> bool {
        self.package == other.package
            && self.parent == other.parent
            && other
                .children
                .iter()
                .all(|child| self.children.contains(child))
    }
}

fn entry_of((package, cycle): &(String, Cycle)) -> Entry {
    Entry {
        package: package.clone(),
        parent: cycle.parent.clone(),
        children: cycle.children.clone(),
    }
}

fn parse_entry(line: &str) -> Option<Entry> {
    let (place, children) = line.split_once(": ")?;
    let (package, parent) = place.split_once(' ')?;
    let mut children: Vec<String> = children.split_whitespace().map(str::to_owned).collect();
    children.sort();
    (children.len() > 1).then(|| Entry {
        package: package.to_owned(),
        parent: parent.to_owned(),
        children,
    })
}
