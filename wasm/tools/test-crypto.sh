#!/bin/sh
# Runs the ciphers' known-answer tests as Wasm in Node: the SIMD kernels there are other code than on the host.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
cd "$root"

RUSTC=$(wasm/tools/rustc-for-wasm.sh) RUSTFLAGS='-C target-feature=+simd128' CARGO_TARGET_DIR=$target \
    cargo build --quiet --locked --package smrtc-crypto --example wasm_check --target wasm32-unknown-unknown --profile wasm
node crypto/primitives/tests/wasm.mjs "$target/wasm32-unknown-unknown/wasm/examples/wasm_check.wasm"
