#!/bin/sh
# Prints the path of the compiler that has a standard library for wasm32-unknown-unknown, or fails
# without a word.
#
# The active toolchain comes first (rust-toolchain.toml names the target, so rustup brings it where
# it may); then the private one that setup-std.sh makes.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
active=$(rustup which rustc 2>/dev/null || command -v rustc || true)
for rustc in "$active" "$root/.build/rust-wasm/bin/rustc"; do
    [ -x "$rustc" ] || continue
    set -- "$("$rustc" --print sysroot)"/lib/rustlib/wasm32-unknown-unknown/lib/libstd-*.rlib
    if [ -f "$1" ]; then
        echo "$rustc"
        exit 0
    fi
done
exit 1
