//! `smrtc-import-cycles [--shrink] ALLOW_LIST`: fails if a module cycle is not in the list, or if
//! one of the list is gone. `--shrink` takes what is gone out of the list.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use smrtc_import_cycles::{AllowList, Cycle, Error, ModuleTree, crate_roots, find_cycles};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["--shrink", list] => shrink(Path::new(list)),
        [list] if !list.starts_with('-') => check(Path::new(list)),
        _ => {
            eprintln!("usage: smrtc-import-cycles [--shrink] ALLOW_LIST");
            return ExitCode::from(2);
        }
    };
    result.unwrap_or_else(|error| {
        eprintln!("import-cycles: {error}");
        ExitCode::FAILURE
    })
}

fn check(list: &Path) -> Result<ExitCode, Error> {
    let allowed = AllowList::read(list)?;
    let (cycles, modules) = cycles_of_workspace()?;
    let difference = allowed.compare(&cycles);
    for (package, cycle) in &difference.new {
        eprintln!("import-cycles: new: {package} {cycle}");
    }
    for entry in &difference.gone {
        eprintln!("import-cycles: gone or smaller: {entry}");
    }
    if !difference.gone.is_empty() {
        eprintln!(
            "import-cycles: `make fix` takes what is gone out of {}",
            list.display()
        );
    }
    if !difference.new.is_empty() || !difference.gone.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    println!(
        "import-cycles: {modules} modules, {} cycles, all of them in {}",
        cycles.len(),
        list.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn shrink(list: &Path) -> Result<ExitCode, Error> {
    let text = fs::read_to_string(list).map_err(|error| Error::File(list.to_owned(), error))?;
    let allowed = AllowList::parse(&text)?;
    let (cycles, _) = cycles_of_workspace()?;
    let mut shrunk: String = text
        .lines()
        .take_while(|line| line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    shrunk.push_str(&allowed.shrunk_to(&cycles));
    fs::write(list, shrunk).map_err(|error| Error::File(list.to_owned(), error))?;
    Ok(ExitCode::SUCCESS)
}

/// The cycles of all crates with their packages, and the number of modules that were read.
fn cycles_of_workspace() -> Result<(Vec<(String, Cycle)>, usize), Error> {
    let here = env::current_dir().map_err(|error| Error::File(".".into(), error))?;
    let mut cycles = Vec::new();
    let mut modules = 0;
    for root in crate_roots()? {
        let tree = ModuleTree::read(root.file.strip_prefix(&here).unwrap_or(&root.file))?;
        modules += tree.len();
        cycles.extend(
            find_cycles(&tree)
                .into_iter()
                .map(|cycle| (root.name.clone(), cycle)),
        );
    }
    Ok((cycles, modules))
}
