#!/bin/sh
# Checks every shell script of the project with shellcheck: all files whose first line says sh.
set -eu
cd "$(dirname "$0")/.."

scripts=$(git ls-files -z --cached --others --exclude-standard |
    xargs -0 awk 'FNR == 1 { if (/^#!.*sh$/) print FILENAME; nextfile }' /dev/null)
# A list that lacks this file would prove nothing.
echo "$scripts" | grep -qx tools/shellcheck.sh || {
    echo "shellcheck: found no scripts" >&2
    exit 1
}
# shellcheck disable=SC2086 # No script has a space in its name.
shellcheck $scripts
echo "shellcheck: $(echo "$scripts" | wc -l) scripts"
