#!/bin/sh
# Checks licences, bans, sources and advisories of every lock file of the project with cargo-deny.
#
# The first run compiles cargo-deny, which takes minutes; it stays in .build/cargo-deny. The
# advisories come from a clone of github.com/rustsec/advisory-db. Where that cannot be reached, set
# ADVISORY_DB to a folder that holds a clone under the name advisory-db-3157b0e258782691 (cargo-deny
# derives it from the address); else the script says what was not checked.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
version=0.20.2
export PATH="$root/.build/cargo-deny/bin:$PATH"

if ! cargo-deny --version 2>/dev/null | grep -qF "$version"; then
    echo "audit: compiling cargo-deny $version"
    CARGO_TARGET_DIR=$root/.build/cargo-deny/target \
        cargo install --quiet --locked --root "$root/.build/cargo-deny" "cargo-deny@$version"
    rm -rf "$root/.build/cargo-deny/target"
fi

manifests=$(git ls-files '*Cargo.lock' | sed 's/Cargo\.lock$/Cargo.toml/')
for manifest in $manifests; do
    echo "audit: $manifest: licences, bans, sources"
    cargo deny --log-level error --manifest-path "$manifest" --config deny.toml --locked check \
        --hide-inclusion-graph --allow unused-wrapper --allow license-exception-not-encountered \
        licenses bans sources
done

if [ -n "${ADVISORY_DB:-}" ]; then
    config=$root/.build/deny-offline.toml
    sed "s|^\[advisories\]|&\\ndb-path = \"$ADVISORY_DB\"|" deny.toml >"$config"
elif cargo deny --config deny.toml fetch db >/dev/null 2>&1; then
    config=deny.toml
else
    echo 'audit: ADVISORIES NOT CHECKED: the advisory database cannot be reached;' \
        'set ADVISORY_DB to a clone of it'
    exit 0
fi
for manifest in $manifests; do
    echo "audit: $manifest: advisories"
    cargo deny --log-level error --manifest-path "$manifest" --config "$config" \
        --locked --offline check --hide-inclusion-graph --allow advisory-not-detected advisories
done
