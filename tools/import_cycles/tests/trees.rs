//! Small crates, written to a folder: with a cycle, without one, and what does not count.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use smrtc_import_cycles::{AllowList, Cycle, ModuleTree, find_cycles};

/// A folder with a crate in it, removed at the end.
struct Crate(PathBuf);

impl Crate {
    /// `name` keeps the tests apart; `files` are paths and contents, `lib.rs` the root.
    fn new(name: &str, files: &[(&str, &str)]) -> Result<Self, Box<dyn Error>> {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        for (path, contents) in files {
            let file = folder.join(path);
            fs::create_dir_all(file.parent().ok_or("a file has a folder")?)?;
            fs::write(file, contents)?;
        }
        Ok(Self(folder))
    }

    fn cycles(&self) -> Result<Vec<Cycle>, Box<dyn Error>> {
        Ok(find_cycles(&ModuleTree::read(&self.0.join("lib.rs"))?))
    }
}

impl Drop for Crate {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The cycles as lines of an allow list.
fn lines(cycles: &[Cycle]) -> Vec<String> {
    cycles
        .iter()
        .map(|cycle| format!("{}: {}", cycle.parent, cycle.children.join(" ")))
        .collect()
}

#[test]
fn siblings_in_one_order_form_no_cycle() -> Result<(), Box<dyn Error>> {
    let tree = Crate::new(
        "ordered",
        &[
            ("lib.rs", "mod a; mod b; mod c; pub use c::C;"),
            ("a.rs", "pub struct A;"),
            ("b.rs", "use crate::a::A; pub struct B(A);"),
            ("c.rs", "use crate::{a::A, b::B}; pub struct C(A, B);"),
        ],
    )?;
    assert_eq!(tree.cycles()?, []);
    Ok(())
}

#[test]
fn a_round_of_three_is_found_with_its_imports() -> Result<(), Box<dyn Error>> {
    let tree = Crate::new(
        "three",
        &[
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "\nuse crate::b::B; pub struct A(B);"),
            ("b.rs", "pub struct B(super::c::C);"),
            ("c.rs", "pub struct C; fn f() { vec![crate::a::A::new()]; }"),
            ("d.rs", "use crate::a::A;"),
        ],
    )?;
    let cycles = tree.cycles()?;
    assert_eq!(lines(&cycles), ["crate: a b c"]);
    let mut imports: Vec<String> = cycles[0]
        .imports
        .iter()
        .map(|edge| format!("{} {} {} {}", edge.from, edge.to, edge.line, edge.path))
        .collect();
    imports.sort();
    assert_eq!(
        imports,
        [
            "a b 2 crate::b::B",
            "b c 1 super::c::C",
            "c a 1 crate::a::A::new"
        ],
        "`d` is not in the cycle"
    );
    Ok(())
}

#[test]
fn a_re_export_does_not_hide_a_cycle() -> Result<(), Box<dyn Error>> {
    let tree = Crate::new(
        "re-export",
        &[
            (
                "lib.rs",
                "mod a; mod b; pub use self::b::*; pub use self::a::A as First;",
            ),
            ("a.rs", "use crate::Second; pub struct A(Second);"),
            (
                "b.rs",
                "use crate::First; pub struct Second; impl Second { fn f(_: First) {} }",
            ),
        ],
    )?;
    assert_eq!(lines(&tree.cycles()?), ["crate: a b"]);
    Ok(())
}

#[test]
fn folders_count_as_wholes_and_are_looked_into() -> Result<(), Box<dyn Error>> {
    let tree = Crate::new(
        "folders",
        &[
            ("lib.rs", "mod send; mod recv;"),
            ("send.rs", "mod pacer; mod queue;"),
            ("send/pacer.rs", "use super::queue::Q; use crate::recv::R;"),
            ("send/queue.rs", "use super::pacer::P;"),
            ("recv/mod.rs", "mod list; pub use list::R;"),
            ("recv/list.rs", "use crate::send::queue::Q; pub struct R;"),
        ],
    )?;
    assert_eq!(
        lines(&tree.cycles()?),
        ["crate: recv send", "crate::send: pacer queue"]
    );
    Ok(())
}

#[test]
fn tests_parents_and_other_crates_do_not_count() -> Result<(), Box<dyn Error>> {
    let tree = Crate::new(
        "exempt",
        &[
            ("lib.rs", "mod a; mod b; pub struct Root(a::A);"),
            (
                "a.rs",
                "use crate::Root; use b::Other; pub struct A;
                #[cfg(test)] mod tests { use crate::b::B; }
                #[cfg(any(test, feature = \"_test_support\"))] fn f(_: crate::b::B) {}
                impl A { #[cfg(test)] fn g(_: crate::b::B) {} pub(in crate::b) fn h() {} }
                /// See [`crate::b::B`].
                fn i() {}",
            ),
            ("b.rs", "use crate::a::A; pub struct B(A);"),
        ],
    )?;
    assert_eq!(tree.cycles()?, []);
    Ok(())
}

#[test]
fn a_cycle_is_allowed_as_long_as_the_list_has_it_and_no_longer() -> Result<(), Box<dyn Error>> {
    let tree = Crate::new(
        "allowed",
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B; pub struct A;"),
            ("b.rs", "use crate::a::A; pub struct B;"),
        ],
    )?;
    let cycles: Vec<(String, Cycle)> = tree
        .cycles()?
        .into_iter()
        .map(|cycle| ("p".to_owned(), cycle))
        .collect();

    let exact = AllowList::parse("# known\np crate: a b\n")?.compare(&cycles);
    assert!(exact.new.is_empty() && exact.gone.is_empty(), "{exact:?}");

    let empty = AllowList::default().compare(&cycles);
    assert_eq!((empty.new.len(), empty.gone.len()), (1, 0));

    let elsewhere = AllowList::parse("q crate: a b\n")?.compare(&cycles);
    assert_eq!((elsewhere.new.len(), elsewhere.gone.len()), (1, 1));

    let wider = AllowList::parse("p crate: a b c\n")?;
    let difference = wider.compare(&cycles);
    assert_eq!(difference.new, []);
    assert_eq!(
        difference.gone,
        ["p crate: a b c"],
        "a list that says too much fails"
    );
    assert_eq!(wider.shrunk_to(&cycles), "p crate: a b\n");
    assert_eq!(
        AllowList::default().shrunk_to(&cycles),
        "",
        "shrinking adds nothing"
    );

    assert!(AllowList::parse("p crate a b").is_err());
    Ok(())
}
