//! Tells the linker where build.sh put the libraries that it compiled.

fn main() {
    const DIRECTORY: &str = "SMRTC_BENCH_LIBRARIES";
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={DIRECTORY}");
    if let Ok(directory) = std::env::var(DIRECTORY) {
        for library in ["openssl", "botan"] {
            println!("cargo::rustc-link-search=native={directory}/{library}");
        }
    }
}
