#!/bin/sh
# The crypto crate as Wasm, in the builds that the SDK has: scalar, simd128, relaxed SIMD. The
# kernels there are other code than on the host.
#
#   test-crypto.sh build    builds them
#   test-crypto.sh          also compares all with the oracle, in Node and in Chromium, and follows
#                           secrets through them
#
# The modules are left in $CARGO_TARGET_DIR/wasm-crypto: check-BUILD.wasm, and doors-BUILD.wasm with
# doors-BUILD-opt.wasm, which is what wasm-opt makes of it, as for the SDK.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
cd "$root"
made=$target/wasm-crypto
mkdir -p "$made"

# build NAME FLAGS
build() {
    RUSTC=$(wasm/tools/rustc-for-wasm.sh) RUSTFLAGS=$2 CARGO_TARGET_DIR=$target \
        cargo build --quiet --locked --package smrtc-crypto --features _test_support \
        --example wasm_check --example wasm_check_doors --example sm2_residue \
        --target wasm32-unknown-unknown --profile wasm
    examples=$target/wasm32-unknown-unknown/wasm/examples
    cp "$examples/wasm_check.wasm" "$made/check-$1.wasm"
    cp "$examples/wasm_check_doors.wasm" "$made/doors-$1.wasm"
    cp "$examples/sm2_residue.wasm" "$made/residue-$1.wasm"
    wasm/node_modules/.bin/wasm-opt -O2 -g "$made/doors-$1.wasm" -o "$made/doors-$1-opt.wasm"
}
# The flags of wasm/tools/build.sh, which has then compiled the dependencies.
build scalar '-C target-feature=-simd128'
build simd128 '-C target-feature=+simd128'
build relaxed '-C target-feature=+simd128,+relaxed-simd'
[ "${1:-}" != build ] || exit 0

# With the features of all tests, as `make test` has built it.
CARGO_TARGET_DIR=$target cargo build --quiet --locked --bin smrtc-wasm-taint \
    --features smrtc-gateway/_test_support
"$target/debug/smrtc-wasm-taint" "$made"/doors-*.wasm
node crypto/primitives/tests/wasm.mjs "$made"/check-*.wasm
node crypto/primitives/tests/sm2_residue.mjs "$made/residue-scalar.wasm"
node crypto/primitives/tests/wasm_browser.mjs "$made"/check-*.wasm
