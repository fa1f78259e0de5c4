#!/bin/sh
# Builds the package smrtc-wasm for the browser: build.sh release|debug
#
# Writes smrtc_wasm.js, smrtc_wasm.d.ts and smrtc_wasm_bg.wasm to wasm/sdk/dist. `debug` keeps DWARF, so that the browser's
# developer tools step through Rust, and never meets wasm-opt, which breaks the line table.
set -eu

mode=${1:-}
root=$(cd "$(dirname "$0")/../.." && pwd)
tools=$root/wasm/tools
target=${CARGO_TARGET_DIR:-$root/target}
cd "$root"

case $mode in
release) profile=wasm directory=wasm ;;
debug)
    profile=dev directory=debug
    export CARGO_PROFILE_DEV_DEBUG=2
    ;;
*)
    echo "usage: $0 release|debug" >&2
    exit 2
    ;;
esac

# One variant so far. A scalar module, or one with relaxed SIMD, is another set of features, another libopus and another
# name beside this one: the JavaScript is the same.
features=+simd128
opus=$root/.build/opus/wasm

RUSTC=$("$tools/rustc-for-wasm.sh") || {
    echo "$0: no standard library for wasm32-unknown-unknown; run: make setup" >&2
    exit 1
}
"$root/engine/opus/build.sh" wasm
CARGO_TARGET_DIR=$root/.build/bindgen cargo build --quiet --release --locked --manifest-path "$tools/bindgen/Cargo.toml"

echo "wasm: compiling smrtc-wasm ($mode)"
RUSTC=$RUSTC RUSTFLAGS="-C target-feature=$features" LIBOPUS_LIB_DIR=$opus CARGO_TARGET_DIR=$target \
    cargo build --quiet --package smrtc-wasm --lib --target wasm32-unknown-unknown --profile "$profile"

module=$target/wasm32-unknown-unknown/$directory/smrtc_wasm.wasm
dist=$root/wasm/sdk/dist
bindgen=$root/.build/bindgen/release/smrtc-bindgen
# Optimising takes longer than all the rest; `.built-from` says which module the files in dist came from.
made="$mode $(cksum <"$module") $(cksum <"$bindgen")"
if [ "$(cat "$dist/.built-from" 2>/dev/null)" = "$made" ] && [ -f "$dist/smrtc_wasm_bg.wasm" ]; then
    exit 0
fi

# Everything is made beside the destination and moved there at the end: a page that is open never loads half a build.
bound=$(mktemp -d "$root/.build/bound.XXXXXX")
trap 'rm -rf "$bound"' EXIT
if [ "$mode" = debug ]; then
    "$bindgen" --debug "$module" "$bound" smrtc_wasm
else
    "$bindgen" "$module" "$bound" smrtc_wasm
    echo "wasm: optimising"
    "$tools/node_modules/.bin/wasm-opt" -O2 "$bound/smrtc_wasm_bg.wasm" -o "$bound/optimised.wasm"
    mv "$bound/optimised.wasm" "$bound/smrtc_wasm_bg.wasm"
fi
mkdir -p "$dist"
rm -f "$dist/.built-from"
cp "$bound"/smrtc_wasm* "$dist/"
echo "$made" >"$dist/.built-from"
echo "wasm: wasm/sdk/dist/smrtc_wasm_bg.wasm, $(wc -c <"$dist/smrtc_wasm_bg.wasm") bytes"
