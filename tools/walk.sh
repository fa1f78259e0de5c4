#!/bin/bash
# ARCHITECTURE.md leads nobody astray: each path that it names exists, and in the tables of "Follow
# a frame" each function is in its file.
set -eu -o pipefail
cd "$(dirname "$0")/.."

failed=0
fail() {
    echo "walk: ARCHITECTURE.md: $1" >&2
    failed=1
}

stops=0
while IFS='|' read -r _ number file function _; do
    [[ $number =~ ^\ [0-9]+\ $ ]] || continue
    file=$(tr -d ' `' <<<"$file")
    function=$(tr -d ' `' <<<"$function")
    stops=$((stops + 1))
    # In Rust "fn name(", in TypeScript a method: "  name(" or "  #name(".
    grep -qE "fn ${function}[(<]|^  ${function}\(" "$file" || fail "no $function in $file"
done <ARCHITECTURE.md
[ "$stops" -ge 15 ] || fail "the walk has only $stops stops"

# Paths are written from the root, or from the folder that the sentence is about.
# shellcheck disable=SC2016 # the backquotes are Markdown's
paths=$(grep -oE '`[a-z_0-9./]+/[a-z_0-9./]*\.(rs|ts|sh|md|toml|proto)`' ARCHITECTURE.md | tr -d '`' | sort -u)
for path in $paths; do
    for folder in . gateway/src wasm/sdk/src/internal; do
        [ -e "$folder/$path" ] && continue 2
    done
    fail "$path does not exist"
done
[ "$failed" = 0 ] && echo "walk: $stops stops, $(wc -l <<<"$paths") paths: all there"
exit "$failed"
