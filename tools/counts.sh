#!/bin/bash
# The closing lines of `make test`: how long each step took and how many tests ran, read from what
# they printed.
set -eu -o pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root/.build/logs"

# Sums the numbers in front of a word over the lines that match.
sum() { # LOG LINE_PATTERN WORD
    grep -E "$2" "$1" | grep -oE "[0-9]+ $3" | awk '{ total += $1 } END { print total + 0 }' || true
}
# Node's test runner: "ℹ pass 12" or "# pass 12".
node_sum() { # LOG WORD
    sed -nE "s/^(ℹ|#) $2 ([0-9]+)\$/\\2/p" "$1" | awk '{ total += $1 } END { print total + 0 }'
}

echo
# Some steps run beside others: the whole takes from the first start to the last end.
awk 'NR == 1 { first = $4 }
    { printf "%5d s (%4d s of processor)  %s\n", $2, $3, $1; cpu += $3 }
    $4 < first { first = $4 }
    $4 + $2 > last { last = $4 + $2 }
    END { printf "%5d s (%4d s of processor)  all steps\n", last - first, cpu }' steps
echo

failed=0
# row LABEL PASSED FAILED SKIPPED: a suite in which nothing ran counts as broken.
row() {
    printf '%-14s %5d passed %3d failed %3d skipped\n' "$1" "$2" "$3" "$4"
    if [ "$2" -eq 0 ] || [ "$3" -ne 0 ]; then failed=1; fi
}
result='^test result:'
row rust "$(sum rust-test.log "$result" passed)" "$(sum rust-test.log "$result" failed)" \
    "$(sum rust-test.log "$result" ignored)"
for suite in sdk vectors browser; do
    log=$suite-test.log
    row "$suite" "$(node_sum "$log" pass)" "$(node_sum "$log" fail)" "$(node_sum "$log" skipped)"
done
grep -hE '^fuzz: [0-9]+ targets built' fuzz-build.log
if [ "$failed" = 0 ]; then
    echo 'make test: ok'
else
    echo 'make test: a suite failed or ran nothing' >&2
    exit 1
fi
