//! Vector files on disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use smrtc_vectors_check::command::NOT_VECTORS;

/// A file or folder that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub(crate) struct FileError {
    path: String,
    source: io::Error,
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.display().to_string();
    move |source| FileError { path, source }
}

/// Names and paths of the files meant by `paths`; all of the tree if there are none.
pub(crate) fn find(paths: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, FileError> {
    let mut found = Vec::new();
    if paths.is_empty() {
        let root = smrtc_vectors::directory();
        for folder in entries(&root)? {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            if folder.is_dir() && !NOT_VECTORS.contains(&&*name) {
                walk(&folder, &mut found)?;
            }
        }
        return Ok(found.into_iter().map(|path| named(&root, path)).collect());
    }
    for path in paths {
        if path.is_dir() {
            walk(path, &mut found)?;
        } else {
            found.push(path.clone());
        }
    }
    Ok(found
        .into_iter()
        .map(|path| named(Path::new(""), path))
        .collect())
}

fn named(root: &Path, path: PathBuf) -> (String, PathBuf) {
    let name = path.strip_prefix(root).unwrap_or(&path);
    (name.display().to_string(), path)
}

/// JSON files below `folder`, in the order of their names.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), FileError> {
    for path in entries(folder)? {
        if path.is_dir() {
            walk(&path, found)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            found.push(path);
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut paths = fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.path()))
                .collect::<io::Result<Vec<_>>>()
        })
        .map_err(at(folder))?;
    paths.sort();
    Ok(paths)
}

pub(crate) fn read(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(at(path))
}

pub(crate) fn write(path: &Path, text: &str) -> Result<(), FileError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(at(folder))?;
    }
    fs::write(path, text).map_err(at(path))
}
