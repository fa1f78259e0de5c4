#!/bin/sh
# Builds the checker for browsers and Node: build.sh [BUILD]... (relaxed_simd, simd128, scalar; none
# means all)
#
# Writes smrtc_vectors_BUILD.wasm and smrtc_vectors.mjs, which serves all of them, to dist. Needs
# what `make setup` brings.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
dist=$here/dist
cd "$root"
[ $# -gt 0 ] || set -- relaxed_simd simd128 scalar

rustc=$(wasm/tools/rustc-for-wasm.sh) || {
    echo "$0: no standard library for wasm32-unknown-unknown; run: make setup" >&2
    exit 1
}
CARGO_TARGET_DIR=$root/.build/bindgen \
    cargo build --quiet --release --locked --manifest-path wasm/tools/bindgen/Cargo.toml
made=$(mktemp -d "$root/.build/bound.XXXXXX")
trap 'rm -rf "$made"' EXIT

for build; do
    case $build in # the flags of wasm/tools/build.sh, which has then compiled most of this
    relaxed_simd) features=+simd128,+relaxed-simd ;;
    simd128) features=+simd128 ;;
    scalar) features=-simd128 ;;
    *)
        echo "$0: no build $build" >&2
        exit 2
        ;;
    esac
    RUSTC=$rustc RUSTFLAGS="-C target-feature=$features" CARGO_TARGET_DIR=$target \
        cargo build --quiet --locked --package smrtc-vectors-web \
        --target wasm32-unknown-unknown --profile wasm
    "$root/.build/bindgen/release/smrtc-bindgen" \
        "$target/wasm32-unknown-unknown/wasm/smrtc_vectors_web.wasm" "$made/$build" smrtc_vectors
    cmp "$made/$1/smrtc_vectors.js" "$made/$build/smrtc_vectors.js" || {
        echo "$0: $build needs other JavaScript than the rest; one file cannot serve them all" >&2
        exit 1
    }
done
mkdir -p "$dist"
rm -f "$dist"/smrtc_vectors*
for build; do
    cp "$made/$build/smrtc_vectors_bg.wasm" "$dist/smrtc_vectors_$build.wasm"
done
cp "$made/$1/smrtc_vectors.js" "$dist/smrtc_vectors.mjs"
for module in "$dist"/*.wasm; do
    echo "vectors: vectors/checker/web/dist/$(basename "$module"), $(wc -c <"$module") bytes"
done
