#!/bin/sh
# The Rust types of the control messages: generate.sh write|check
#
# `write` makes smrtc.control.v1.rs from control.proto; `check` fails if that would change it. The
# file is kept in the tree, because what generates it takes longer to compile than the engine.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
generated=smrtc.control.v1.rs
mkdir -p "$root/.build"
out=$(mktemp -d "$root/.build/proto.XXXXXX")
trap 'rm -rf "$out"' EXIT

CARGO_TARGET_DIR=$root/.build/proto cargo run --quiet --locked \
    --manifest-path "$here/generate/Cargo.toml" -- "$here" "$out"
case ${1:-} in
write) cmp -s "$out/$generated" "$here/$generated" || cp "$out/$generated" "$here/$generated" ;;
check)
    cmp "$out/$generated" "$here/$generated" || {
        echo "proto: $generated does not match control.proto; run: make fix" >&2
        exit 1
    }
    ;;
*)
    echo "usage: $0 write|check" >&2
    exit 2
    ;;
esac
