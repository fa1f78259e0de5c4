//! Finds the circuit of SM4's S-box, and writes `src/sm4/circuit.rs`.
//!
//! ```sh
//! cargo run --release -p smrtc-crypto --example derive_sbox           # prints the file
//! cargo run --release -p smrtc-crypto --example derive_sbox -- check  # compares it with the one kept
//! ```
//!
//! `docs/sbox.md` tells the story; in short: S(x) = A·inv(A·x ⊕ c) ⊕ c. Inversion is taken from a
//! circuit of Boyar and Peralta for AES (its middle layer, the nonlinear one, between two linear
//! ones); the two linear layers are joined with A and an isomorphism of fields, and shortened
//! greedily; and of all 255 · 8 maps that commute with inversion the one is taken that leaves the
//! fewest gates.

mod algebra;
mod circuit;
mod fields;
mod inversion;
#[path = "../../tests/support/s_box.rs"]
mod s_box;
mod search;
mod shorten;

use algebra::find_affine_map;
use circuit::Circuit;
use inversion::Inversion;
use search::search;

fn main() {
    let affine = find_affine_map();
    let inversion = Inversion::of_boyar_and_peralta();
    let best = search(&affine, &inversion);
    let circuit = Circuit::assemble(&best, &inversion);
    circuit.check(&affine);
    let file = circuit.render();
    if std::env::args().nth(1).as_deref() == Some("check") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sm4/circuit.rs");
        let kept = std::fs::read_to_string(path).expect("the circuit is in the tree");
        assert!(kept == file, "{path} is not what this program finds");
        eprintln!(
            "src/sm4/circuit.rs is what this program finds: {} gates",
            circuit.gates.len()
        );
    } else {
        print!("{file}");
    }
}
