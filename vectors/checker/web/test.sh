#!/bin/sh
# Builds the checker as Wasm and compares it in Node with the native command: test.sh [BUILD]... (as
# build.sh)
#
# The native command must have been built (`cargo build`).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
"$here/build.sh" "$@"
node --test --test-reporter=spec "$here/test/node.test.mjs"
