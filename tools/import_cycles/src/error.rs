use std::path::PathBuf;

/// Why the modules of a package could not be read.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// A file is not Rust.
    #[error("{0}: {1}")]
    Syntax(PathBuf, syn::Error),
    /// A `mod name;` without a file.
    #[error("{0}: no file for `mod {1};`")]
    NoFile(PathBuf, String),
    /// `cargo metadata` failed, or printed something else than expected.
    #[error("cargo metadata: {0}")]
    Metadata(String),
    /// A line of the allow list is not `PACKAGE PARENT: CHILD CHILD …`.
    #[error("allow list, line {0}: expected `PACKAGE PARENT: CHILD CHILD …`")]
    AllowList(usize),
}
