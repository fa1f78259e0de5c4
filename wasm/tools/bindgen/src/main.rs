//! Makes the JavaScript side of the Wasm module: what `wasm-bindgen --target web` does, as a
//! program of the project.
//!
//! The published command of that name takes long to build because of options that nobody here uses,
//! and its version would have to be kept equal to the linked crate's by hand.

use std::env;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

const USAGE: &str = "usage: smrtc-bindgen [--debug] INPUT.wasm OUTPUT_DIRECTORY NAME";

fn main() -> Result<()> {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let debug = arguments.first().is_some_and(|first| first == "--debug");
    if debug {
        arguments.remove(0);
    }
    let [input, directory, name] = &arguments[..] else {
        bail!(USAGE);
    };

    Bindgen::new()
        .input_path(input)
        .out_name(name)
        .web(true)
        .context("web target")?
        .typescript(true)
        // The SDK chooses among several modules; a default would name one that is not there.
        .omit_default_module_path(true)
        // DWARF is what the browser's debugger reads; checks in the glue catch the use of a freed
        // object.
        .keep_debug(debug)
        .debug(debug)
        .remove_name_section(false)
        .generate(directory)
        .with_context(|| format!("cannot bind {input}"))
}
