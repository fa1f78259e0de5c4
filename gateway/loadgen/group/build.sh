#!/bin/sh
# Builds the measurement of group keys as Wasm for Node: `smrtc-loadgen group --wasm
# gateway/loadgen/group/dist` runs it.
#
# Needs what `make setup` brings. With the SIMD that all browsers have, as the SDK's second build.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
cd "$root"

rustc=$(wasm/tools/rustc-for-wasm.sh) || {
    echo "$0: no standard library for wasm32-unknown-unknown; run: make setup" >&2
    exit 1
}
CARGO_TARGET_DIR=$root/.build/bindgen \
    cargo build --quiet --release --locked --manifest-path wasm/tools/bindgen/Cargo.toml
RUSTC=$rustc RUSTFLAGS="-C target-feature=+simd128" CARGO_TARGET_DIR=$target \
    cargo build --quiet --locked --package smrtc-group-cost --lib \
    --target wasm32-unknown-unknown --profile wasm
mkdir -p "$here/dist"
"$root/.build/bindgen/release/smrtc-bindgen" \
    "$target/wasm32-unknown-unknown/wasm/smrtc_group_cost.wasm" "$here/dist" group
mv "$here/dist/group.js" "$here/dist/group.mjs"
cp "$here/run.mjs" "$here/dist/"
