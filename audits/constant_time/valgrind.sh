#!/bin/sh
# Marks keys and texts as undefined and lets valgrind look for branches and addresses that depend on them.
#
#   audits/constant_time/valgrind.sh        # a line for each kernel; fails if one leaks or a planted leak is missed
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --release --package smrtc-crypto --features _test_support --example secrets_undefined
program=$target/release/examples/secrets_undefined

# Memcheck's error exit code, or the program's own.
check() {
    status=0
    valgrind --quiet --error-exitcode=42 "$program" "$1" >/dev/null 2>"$target/valgrind-$1.log" || status=$?
}

failed=0
for kernel in portable x86_avx2; do
    check "$kernel"
    case $status in
        0) echo "$kernel: nothing depends on a secret" ;;
        42) echo "$kernel: LEAKS, see $target/valgrind-$kernel.log"; failed=1 ;;
        *) echo "$kernel: not run (exit code $status)"; failed=1 ;;
    esac
done
for leak in leak-branch leak-table crate-sm4; do
    check "$leak"
    case $status in
        42) echo "$leak: found, as it should be" ;;
        *) echo "$leak: MISSED (exit code $status)"; failed=1 ;;
    esac
done
exit $failed
