#!/bin/sh
# `make audit-ct`: looks for secrets that decide something, by each method, and writes what came out
# to results/.
#
# SAMPLES=... per test of the timing (100,000). Fails on a finding, and when a planted leak is not
# found.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
if ! command -v valgrind >/dev/null 2>&1; then
    command -v apt-get >/dev/null 2>&1 || {
        echo "audit-ct: install valgrind yourself, this is not Debian" >&2
        exit 1
    }
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get -qq -o DPkg::Lock::Timeout=600 update
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 \
        install -y --no-install-recommends valgrind >/dev/null
fi
target=${CARGO_TARGET_DIR:-$root/target}
# Line tables, so that a finding has a line; in a folder of its own, so that other builds keep
# theirs.
native=$target/audit-ct
CARGO_TARGET_DIR=$native CARGO_PROFILE_RELEASE_DEBUG=line-tables-only \
    cargo build --quiet --locked --release --package smrtc-crypto --features _test_support \
    --example secrets_undefined --example timing
CARGO_TARGET_DIR=$target wasm/tools/test-crypto.sh build
CARGO_TARGET_DIR=$target cargo build --quiet --locked --package smrtc-wasm-taint
exec node audits/constant_time/run.mjs \
    "$native/release/examples" "$target/wasm-crypto" "$target/debug/smrtc-wasm-taint"
