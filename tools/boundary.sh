#!/bin/sh
# Compares what each package of the workspace links with the table of arrows, tools/arrows.txt.
set -eu
cd "$(dirname "$0")/.."
table=tools/arrows.txt

# One name a line, sorted.
names() { tr -s ' ' '\n' | sed '/^$/d' | sort -u; }

# tree PACKAGE [OPTION...]: the names of all packages that a package links, with all its features.
tree() {
    package=$1
    shift
    cargo tree --locked --package "$package" --edges normal,build --all-features "$@" \
        --prefix none --format '{p}' | sed 's/ .*//' | names
}

# What a row says of our packages holds on every machine. Other packages count on this one: for
# others, some of them link a browser's or a system's parts that we never build.
measure() {
    ours=$(tree "smrtc-$1" --target all | sed -n 's/^smrtc-//p' | grep -vxF "$1" || true)
    all=$(tree "smrtc-$1")
}

# check PACKAGE LINKS NEVER: compares a row with what was measured; says each difference.
check() {
    wrong=0
    for name in $2; do
        echo "$ours" | grep -qxF "$name" && continue
        echo "boundary: smrtc-$1 does not link smrtc-$name, but $table says so"
        wrong=1
    done
    for name in $ours; do
        echo "$2" | names | grep -qxF "$name" && continue
        echo "boundary: smrtc-$1 links smrtc-$name, and $table has no such arrow"
        wrong=1
    done
    for name in $3; do
        echo "$all" | grep -qxF "$name" || continue
        echo "boundary: smrtc-$1 links $name, which it never may"
        wrong=1
    done
    return $wrong
}

failed=0
listed=
while IFS='|' read -r package links never; do
    case $package in '' | '#'*) continue ;; esac
    package=$(echo "$package" | tr -d ' ')
    listed="$listed smrtc-$package"
    measure "$package"
    check "$package" "$links" "$never" >&2 || failed=1
done <"$table"

# Every package has a row.
for package in $(cargo metadata --locked --no-deps --format-version 1 |
    grep -o '"name":"smrtc-[^"]*","version"' | cut -d '"' -f 4); do
    case "$listed " in *" $package "*) continue ;; esac
    echo "boundary: $table has no row for $package" >&2
    failed=1
done

# A check that cannot fail proves nothing: false rows about the gateway must be refused.
measure gateway
for row in 'engine crypto e2ee|' 'engine|' 'engine crypto|tokio'; do
    if check gateway "${row%|*}" "${row#*|}" >/dev/null; then
        echo "boundary: the false row for the gateway '$row' was not noticed" >&2
        failed=1
    fi
done

[ $failed = 0 ] || exit 1
echo "boundary: $(echo "$listed" | wc -w) packages link what $table says"
