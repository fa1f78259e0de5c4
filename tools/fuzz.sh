#!/bin/sh
# Fuzz targets on the stable compiler: fuzz.sh build | fuzz.sh run SECONDS [TARGET]
#
# cargo-fuzz would do the same with a nightly compiler and minutes of its own compilation. The flags
# below are what it passes to give libFuzzer its coverage counters. No sanitizer: the code under
# test is safe Rust, whose checks panic.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

packages=$(git ls-files '*/fuzz/Cargo.toml' | xargs -n 1 dirname)
host=$(rustc -vV | sed -n 's/^host: //p')
# Optimised, with debug assertions and overflow checks on. One codegen unit and no dead code
# removed, or the linker drops counters that belong together.
flags="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Clink-dead-code
    -Cdebug-assertions -Coverflow-checks"

# The names of the targets of one package: a file each.
targets() {
    for file in "$1"/fuzz_targets/*.rs; do
        [ ! -f "$file" ] || basename "$file" .rs
    done
}

build() {
    count=0
    for package in $packages; do
        [ -f "$package/Cargo.toml" ] || continue
        # With --target the flags reach the code under test and not the build scripts. Not --locked:
        # the lock file follows the dependencies of the crate under test, which change without it;
        # `make audit` is where it must be current.
        RUSTFLAGS=$flags CARGO_TARGET_DIR=$root/.build/fuzz \
            cargo build --quiet --release --bins --target "$host" \
            --manifest-path "$package/Cargo.toml"
        for target in $(targets "$package"); do
            [ -x "$root/.build/fuzz/$host/release/$target" ] || {
                echo "fuzz: $package has no program for fuzz_targets/$target.rs" >&2
                exit 1
            }
            count=$((count + 1))
        done
    done
    [ "$count" -gt 0 ] || {
        echo "fuzz: there are no targets" >&2
        exit 1
    }
    echo "fuzz: $count targets built"
}

run() {
    for package in $packages; do
        for target in $(targets "$package"); do
            [ -z "${2:-}" ] || [ "$2" = "$target" ] || continue
            corpus=$root/.build/fuzz/corpus/$target
            artifacts=$root/.build/fuzz/artifacts/$target/
            mkdir -p "$corpus" "$artifacts"
            seeds=$package/seeds/$target
            [ -d "$seeds" ] || seeds=
            echo "fuzz: $target for $1 s"
            log=$root/.build/fuzz/$target.log
            # shellcheck disable=SC2086
            "$root/.build/fuzz/$host/release/$target" -max_total_time="$1" -max_len=4096 \
                -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
                -artifact_prefix="$artifacts" "$corpus" $seeds >"$log" 2>&1 || {
                tail -n 40 "$log" >&2
                echo "fuzz: $target FAILED; the input is in $artifacts, the log in $log" >&2
                exit 1
            }
            grep -E 'DONE|number_of_executed_units' "$log"
        done
    done
}

case ${1:-} in
build) build ;;
run)
    build
    run "${2:?seconds}" "${3:-}"
    ;;
*)
    echo "usage: $0 build | $0 run SECONDS [TARGET]" >&2
    exit 2
    ;;
esac
