//! `smrtc-wasm-taint FILE.wasm...`: follows secrets through builds of the example
//! `wasm_check_doors`.
//!
//! One line for each module and for each planted leak; fails on a finding, on a planted leak that
//! is not found, and on an instruction of a kernel that did not run.

use std::process::ExitCode;

use smrtc_wasm_taint::coverage::coverage;
use smrtc_wasm_taint::follow::{follow, follow_chunks};
use smrtc_wasm_taint::machine::{Leak, Machine};
use smrtc_wasm_taint::module::Module;

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: smrtc-wasm-taint FILE.wasm...");
        return ExitCode::FAILURE;
    }
    let mut failed = false;
    for file in files {
        let name = file.rsplit('/').next().unwrap_or(&file);
        if let Err(error) = check(name, &file) {
            println!("{name}: FAILED: {error}");
            failed = true;
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn check(name: &str, file: &str) -> Result<(), Box<dyn std::error::Error>> {
    let bytes = std::fs::read(file)?;
    let module = Module::decode(&bytes)?;
    for (kind, (what, leak)) in PLANTED.into_iter().enumerate() {
        let found = plant(&module, kind as u32)?;
        if !found.contains(&leak) {
            return Err(format!("the planted {what} was not found (but {found:?})").into());
        }
    }
    let mut machine = Machine::new(&module)?;
    let mut calls = follow_chunks(&mut machine)?;
    calls += follow(&mut machine)?;
    let coverage = coverage(&machine);
    for (&((function, at), leak), count) in &machine.findings {
        let function = &module.functions[function];
        let instruction = &function.body[at];
        println!(
            "{name}: LEAK: secret {leak:?} in {} at {:#x}, {count} times: {:?}",
            function.name, instruction.offset, instruction.operator
        );
    }
    for (function, what) in &coverage.missed {
        println!(
            "{name}: nothing is known of what did not run; have `follow` call it: {function}: {what}"
        );
    }
    if !machine.findings.is_empty() || !coverage.missed.is_empty() {
        return Err("see above".into());
    }
    println!(
        "{name}: no secret decides anything: {} loads and stores, {} branches, selects and indirect calls of {} functions ran; \
         {} of {} loads of the cipher and the hash; {} calls with {} bytes, {} million instructions; {} planted leaks found",
        coverage.accesses,
        coverage.decisions,
        coverage.functions,
        coverage.loads,
        coverage.loads + coverage.loads_missed,
        calls.calls,
        calls.bytes,
        machine.steps / 1_000_000,
        PLANTED.len(),
    );
    Ok(())
}

/// What is planted, by its number in `wasm_check_doors`, and how it must be found.
const PLANTED: [(&str, Leak); 6] = [
    ("look-up in a table", Leak::Address),
    ("store at a secret place", Leak::Address),
    ("branch", Leak::Branch),
    ("call of a secret function", Leak::Call),
    ("division", Leak::Division),
    ("comparison that stops early", Leak::Branch),
];

/// Runs one planted leak on a secret, which for the last one is also a received tag.
fn plant(module: &Module<'_>, kind: u32) -> Result<Vec<Leak>, Box<dyn std::error::Error>> {
    let mut machine = Machine::new(module)?;
    let pointer = machine.call_export("allocate", &[16])?;
    let pointer = pointer.ok_or("no pointer")?.as_u32();
    machine.memory.write(
        pointer as usize,
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    )?;
    machine.memory.mark_tag(pointer as usize)?;
    machine.call_export("leak", &[kind, pointer])?;
    Ok(machine.findings.keys().map(|&(_, leak)| leak).collect())
}
