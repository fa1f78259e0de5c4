#!/bin/sh
# Builds the package smrtc-wasm for the browser: build.sh release|debug [BUILD...]
#
# Writes smrtc_wasm_{relaxed_simd,simd128,scalar}.wasm to wasm/sdk/dist, and smrtc_wasm.js, which
# serves all three. The SDK fetches the best module that the browser runs and the server has.
#
# Naming builds makes those alone: `build.sh release simd128` takes a third of the time and serves
# every browser of today. `debug` makes relaxed_simd alone and keeps DWARF, so that the browser's
# developer tools step through Rust; it skips wasm-opt, which breaks the line table.
#
# The SDK is type-checked against a copy of the module's declarations, so that this needs no build.
# A test of the SDK compares the two; after a change of wasm/src, make the copy:
# cp wasm/sdk/dist/smrtc_wasm.d.ts wasm/sdk/src/internal/generated/
set -eu

mode=${1:-}
[ $# -eq 0 ] || shift
root=$(cd "$(dirname "$0")/../.." && pwd)
tools=$root/wasm/tools
target=${CARGO_TARGET_DIR:-$root/target}
dist=$root/wasm/sdk/dist
cd "$root"

case $mode in
release) profile=wasm directory=wasm builds='relaxed_simd simd128 scalar' ;;
debug)
    profile=dev directory=debug builds=relaxed_simd
    export CARGO_PROFILE_DEV_DEBUG=2
    ;;
*)
    echo "usage: $0 release|debug [relaxed_simd|simd128|scalar ...]" >&2
    exit 2
    ;;
esac
for build in "$@"; do
    case $build in
    relaxed_simd | simd128 | scalar) ;;
    *)
        echo "$0: no build is called $build; there are relaxed_simd, simd128 and scalar" >&2
        exit 2
        ;;
    esac
done
[ $# -eq 0 ] || builds=$*

rustc=$("$tools/rustc-for-wasm.sh") || {
    echo "$0: no standard library for wasm32-unknown-unknown; run: make setup" >&2
    exit 1
}
# Compiling the module leaves a core idle at times: what binds it is compiled beside it.
CARGO_TARGET_DIR=$root/.build/bindgen \
    cargo build --quiet --release --locked --manifest-path "$tools/bindgen/Cargo.toml" &
bindgen_build=$!
bindgen=$root/.build/bindgen/release/smrtc-bindgen

# Everything is made here and moved to dist at the end: a page that is open never loads half a
# build.
made=$(mktemp -d "$root/.build/bound.XXXXXX")
trap 'rm -rf "$made"' EXIT

# compile BUILD: the module as cargo makes it, to $made/BUILD.wasm. The standard library in it is
# scalar in all builds, and what runs on the host (procedural macros, build scripts) is shared.
compile() {
    case $1 in
    relaxed_simd) features=+simd128,+relaxed-simd opus=wasm-simd128 ;;
    simd128) features=+simd128 opus=wasm-simd128 ;;
    scalar) features=-simd128 opus=wasm-scalar ;;
    esac
    "$root/engine/opus/build.sh" "$opus"
    echo "wasm: compiling smrtc-wasm ($mode, $1)"
    RUSTC=$rustc RUSTFLAGS="-C target-feature=$features" CARGO_TARGET_DIR=$target \
        LIBOPUS_LIB_DIR=$root/.build/opus/$opus cargo build --quiet --locked --package smrtc-wasm \
        --lib --target wasm32-unknown-unknown --profile "$profile"
    cp "$target/wasm32-unknown-unknown/$directory/smrtc_wasm.wasm" "$made/$1.wasm"
}

# bind BUILD: the module and its JavaScript as browsers take them, to $made/BUILD.
bind() {
    if [ "$mode" = debug ]; then
        "$bindgen" --debug "$made/$1.wasm" "$made/$1" smrtc_wasm
        node "$tools/inline-snippets.mjs" "$made/$1" smrtc_wasm
        return
    fi
    "$bindgen" "$made/$1.wasm" "$made/$1" smrtc_wasm
    node "$tools/inline-snippets.mjs" "$made/$1" smrtc_wasm
    echo "wasm: optimising ($1)"
    # Up to eight nodes are less than a call: `fmaf` of wasm/src/libc.rs is among them.
    "$root/wasm/node_modules/.bin/wasm-opt" -O2 --always-inline-max-function-size=8 \
        "$made/$1/smrtc_wasm_bg.wasm" -o "$made/$1/optimised.wasm"
    mv "$made/$1/optimised.wasm" "$made/$1/smrtc_wasm_bg.wasm"
}

for build in $builds; do compile "$build"; done
wait "$bindgen_build"
# Nothing is bound and optimised again if it was made of the same: `.built-from` says of what.
stamp="$mode $(cd "$made" && cksum -- *.wasm | tr '\n' ' ')"
stamp="$stamp $(cksum <"$bindgen") $(cksum <"$tools/inline-snippets.mjs")"
[ "$(cat "$dist/.built-from" 2>/dev/null)" != "$stamp" ] || exit 0

for build in $builds; do
    bind "$build"
    cmp "$made/${builds%% *}/smrtc_wasm.js" "$made/$build/smrtc_wasm.js" || {
        echo "$0: $build needs other JavaScript than the rest; one file cannot serve them all" >&2
        exit 1
    }
done
mkdir -p "$dist"
# Modules of another mode or an earlier version do not fit the JavaScript.
rm -f "$dist/.built-from" "$dist"/smrtc_wasm*
for build in $builds; do
    cp "$made/$build/smrtc_wasm_bg.wasm" "$dist/smrtc_wasm_$build.wasm"
    module=wasm/sdk/dist/smrtc_wasm_$build.wasm
    echo "wasm: $module, $(wc -c <"$module") bytes"
done
cp "$made/${builds%% *}/smrtc_wasm.js" "$made/${builds%% *}/smrtc_wasm.d.ts" "$dist/"
echo "$stamp" >"$dist/.built-from"
