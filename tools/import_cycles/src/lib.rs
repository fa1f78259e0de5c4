//! Finds import cycles between the modules of a Rust package.
//!
//! The modules that stand side by side under one parent must form no cycle: if anything in `a`
//! (`a.rs` and all below `a/`) imports from `b`, nothing in `b` may import from `a`, directly or
//! through further siblings. The rule holds at every level of the module tree, so a reader can
//! always take the modules of one folder in an order in which each needs only earlier ones.
//!
//! What counts as an import:
//!
//! - a `use`, and a path in code, in a type or in a macro's arguments;
//! - a path counts for the module that *defines* what it names, however many re-exports it goes
//!   through. `crate::Error`, re-exported at the root, is an import from `crate::error`.
//!
//! What does not count:
//!
//! - items that are compiled only for tests, or only with a feature whose name starts with `_`;
//! - a parent that uses or re-exports its children, and a child that uses items which its parent
//!   defines itself: a parent and its children are read together;
//! - calls of methods, links in documentation, `pub(in …)`.

mod allowed;
mod cfg;
mod cycles;
mod error;
mod imports;
mod module_tree;
mod packages;
mod resolve;

pub use allowed::{AllowList, Difference};
pub use cycles::{Cycle, Edge, find_cycles};
pub use error::Error;
pub use module_tree::ModuleTree;
pub use packages::{CrateRoot, crate_roots};
