#!/bin/sh
# Checks licences, bans, sources and advisories of every lock file of the project with cargo-deny.
#
# The first run compiles cargo-deny, which takes minutes; it stays in .build/cargo-deny. The advisories come from a clone of
# github.com/rustsec/advisory-db. Where that cannot be reached, set ADVISORY_DB to a folder that contains a clone, or the
# script says at the end what was not checked.
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
    cargo deny --manifest-path "$manifest" --locked check --config deny.toml --hide-inclusion-graph licenses bans sources
done

if [ -n "${ADVISORY_DB:-}" ]; then
    config=$root/.build/deny-offline.toml
    sed "s|^\[advisories\]|&\\ndb-path = \"$ADVISORY_DB\"|" deny.toml >"$config"
    set -- --disable-fetch
elif cargo deny fetch --config deny.toml db >/dev/null 2>&1; then
    config=deny.toml
    set -- --disable-fetch
else
    echo 'audit: ADVISORIES NOT CHECKED: the advisory database cannot be reached; set ADVISORY_DB to a clone of it'
    exit 0
fi
for manifest in $manifests; do
    echo "audit: $manifest: advisories"
    cargo deny --manifest-path "$manifest" --locked check --config "$config" "$@" advisories
done
