//! Writes the traces of `scenarios/traces` anew: `cargo run -p smrtc-sim --example traces`.

use std::path::Path;

use smrtc_sim::made_traces::MADE;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/traces");
    for (name, make) in MADE {
        std::fs::write(folder.join(format!("{name}.trace")), make())?;
    }
    Ok(())
}
