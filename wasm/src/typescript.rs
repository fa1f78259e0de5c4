//! The SDK's TypeScript of what the module takes and hands out, written from the types here.
//!
//! The test fails if `wasm/sdk/src/internal/generated/engine.ts` is not what they say. It is
//! written by `UPDATE_TYPESCRIPT=1 cargo test -p smrtc-wasm typescript`.

use std::collections::BTreeMap;
use std::path::Path;

use smrtc_engine::control::v1::client_message;
use ts_rs::{Config, TS, TypeVisitor};

/// Declarations by name.
struct Declarations {
    config: Config,
    found: BTreeMap<String, String>,
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // Types of the language have no file.
        if T::output_path().is_none() {
            return T::visit_dependencies(self);
        }
        let name = T::ident(&self.config);
        let text = format!("export {}\n", without_docs(&T::decl(&self.config)));
        match self.found.insert(name.clone(), text.clone()) {
            None => T::visit_dependencies(self),
            Some(other) => assert_eq!(other, text, "two types are called {name}"),
        }
    }
}

/// A declaration without the docs of its fields: they stay in Rust, where a word may be mended
/// without writing the SDK's file anew.
fn without_docs(declaration: &str) -> String {
    let mut pieces = declaration.split("/**");
    let head = pieces.next().unwrap_or_default().to_owned();
    let rest = pieces.filter_map(|piece| piece.split_once("*/"));
    let text = rest.fold(head, |text, (_, code)| text + code);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_typescript_of_the_sdk_is_what_the_types_say() {
    let mut declarations = Declarations {
        // The module hands out numbers, and none grows beyond what a double holds exactly.
        config: Config::new().with_large_int("number"),
        found: BTreeMap::new(),
    };
    declarations.visit::<client_message::Body>();
    declarations.visit::<crate::uplink::Config>();
    declarations.visit::<crate::messages::Event>();
    declarations.visit::<smrtc_engine::stats::UplinkStats>();
    declarations.visit::<crate::downlink::Config>();
    declarations.visit::<crate::downlink::Event>();
    declarations.visit::<smrtc_client::DownlinkStats>();
    declarations.visit::<smrtc_engine::quality::Quality>();
    declarations.visit::<crate::known_answers::Report>();
    let found: Vec<_> = declarations.found.into_values().collect();
    let text = format!("{HEAD}\n{}", found.join("\n"));

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("sdk/src/internal/generated/engine.ts");
    if std::env::var_os("UPDATE_TYPESCRIPT").is_some() {
        std::fs::write(&path, &text).expect("the file can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "{} is out of date; run: UPDATE_TYPESCRIPT=1 cargo test -p smrtc-wasm typescript",
        path.display()
    );
}

const HEAD: &str = "\
// Generated from the types of the engine by wasm/src/typescript.rs. Do not edit.
";
