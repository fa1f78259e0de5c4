#!/bin/bash
# Builds what the bench measures under .build/crypto-bench: build.sh
#
# Installs what is missing. A rival that cannot be had costs its own row and is named in absent.json
# with the reason; all that is ours must build.
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/.build/crypto-bench
mkdir -p "$out/modules"
cd "$here"
# Standard output is for the report.
exec 1>&2
: >"$out/absent"

absent() { # PEER REASON
    echo "bench-crypto: without $1: $2"
    printf '%s\t%s\n' "$1" "$2" >>"$out/absent"
}

# Debian's packages, as tools/setup.sh installs them: libgcrypt is a rival, Perl and Python
# configure the other two.
missing=
[ -f /usr/include/gcrypt.h ] || missing="$missing libgcrypt20-dev"
command -v perl >/dev/null || missing="$missing perl"
command -v python3 >/dev/null || missing="$missing python3"
if [ -n "$missing" ]; then
    echo "bench-crypto: installing Debian packages:$missing"
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    # shellcheck disable=SC2086
    { $sudo apt-get -qq update && $sudo env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends $missing; } \
        >"$out/apt.log" 2>&1 || echo "bench-crypto: apt-get failed, see $out/apt.log"
fi

if [ -z "$(find node_modules/.package-lock.json -newer package-lock.json 2>/dev/null)" ]; then
    echo "bench-crypto: installing npm's rivals"
    npm ci --loglevel=error --no-audit --no-fund || absent npm "npm ci failed"
    [ ! -d node_modules ] || touch node_modules/.package-lock.json
fi

export SMRTC_BENCH_LIBRARIES=$out CARGO_TARGET_DIR=$out/target

# Not --locked: the lock file follows the dependencies of smrtc-crypto; `make fix` brings it up to
# date.
echo "bench-crypto: compiling the native peers"
cargo build --quiet --release --bin peer_smrtc --bin peer_rustcrypto
for library in libgcrypt openssl botan; do
    reason=
    if [ "$library" != libgcrypt ]; then
        native/libraries.sh "$library" "$out/$library" ||
            reason="its source does not compile, see .build/crypto-bench/$library/log"
    fi
    if [ -z "$reason" ]; then
        cargo build --quiet --release --features "$library" --bin "peer_$library" \
            2>"$out/$library.log" ||
            reason="its peer does not link, see .build/crypto-bench/$library.log"
    fi
    [ -z "$reason" ] || absent "$library" "$reason"
done

echo "bench-crypto: compiling the Wasm modules"
RUSTC=$("$root/wasm/tools/rustc-for-wasm.sh")
export RUSTC
# module NAME EXAMPLE FEATURES: as wasm/tools/build.sh makes the module of the SDK, but for
# wasm-bindgen.
module() {
    RUSTFLAGS="-C target-feature=$3" \
        cargo build --quiet --example "$2" --target wasm32-unknown-unknown --profile wasm
    "$root/wasm/node_modules/.bin/wasm-opt" -O2 --always-inline-max-function-size=8 \
        "$CARGO_TARGET_DIR/wasm32-unknown-unknown/wasm/examples/$2.wasm" -o "$out/modules/$1.wasm"
}
module smrtc-scalar module_smrtc -simd128
module smrtc-simd128 module_smrtc +simd128
module smrtc-relaxed module_smrtc +simd128,+relaxed-simd
module rustcrypto-scalar module_rustcrypto -simd128
module rustcrypto-simd128 module_rustcrypto +simd128
