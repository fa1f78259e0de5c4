#!/bin/sh
# Sees to it that some compiler has a standard library for wasm32-unknown-unknown; does nothing when
# one has.
#
# Where rustup may not install the target, Debian's rustc-web (a current compiler, kept for the
# browsers) takes its place, with the standard library compiled from the source that comes with it.
# The packages are unpacked under .build/rust-wasm and not installed: rustc-web conflicts with
# Debian's own rustc and rustup.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
prefix=$root/.build/rust-wasm

say() { echo "wasm std: $*"; }
fail() {
    echo "wasm std: $*" >&2
    exit 1
}

# Any call of a rustup proxy makes rustup install what rust-toolchain.toml names, unless it is told
# not to.
(cd "$root" && rustc --version >/dev/null)
if "$here/rustc-for-wasm.sh" >/dev/null; then
    exit 0
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    fail "missing; run: rustup target add wasm32-unknown-unknown"
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# The security pocket keeps only the newest version, so nothing is pinned: the names that carry a
# version number are read from the dependencies.
apt-cache show rustc-web >/dev/null 2>&1 || fail "no package rustc-web; run: apt-get update"
depends() { apt-cache depends --important "$1" | sed -n 's/^ *Depends: //p'; }
std=$(depends libstd-rust-web-dev | grep -E '^libstd-rust-web-[0-9]')
llvm=$(depends "$std" | grep -E '^libllvm[0-9]+$')
lld=lld-${llvm#libllvm}
say "no wasm32-unknown-unknown in the active toolchain"
say "downloading Debian's rustc-web, $std, $llvm, $lld"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download \
    rustc-web "$std" libstd-rust-web-dev rust-web-src "$llvm" "$lld" patchelf

say "unpacking"
for package in rustc-web_* "${std}"_* libstd-rust-web-dev_* "${llvm}"_* "${lld}"_* patchelf_*; do
    dpkg-deb --extract "$package" unpacked
done
dpkg-deb --fsys-tarfile rust-web-src_*.deb |
    tar --extract --directory unpacked --wildcards './usr/src/rustc-*/library'

partial=$prefix.partial
rm -rf "$partial"
triple=$(basename "$(dirname "$(ls -d unpacked/usr/lib/rustlib/*/lib)")")
mkdir -p "$partial/bin" "$partial/lib/rustlib/$triple/bin" "$partial/lib/rustlib/src/rust"
mv unpacked/usr/bin/rustc "$partial/bin/"
mv "unpacked/usr/lib/rustlib/$triple/lib" "$partial/lib/rustlib/$triple/"
mv unpacked/usr/lib/*/librustc_driver-*.so unpacked/usr/lib/*/libLLVM* "$partial/lib/"
# The compiler looks for its Wasm linker under this name; the package only has a link that points
# nowhere.
mv "unpacked/usr/lib/llvm-${llvm#libllvm}/bin/lld" "$partial/lib/rustlib/$triple/bin/rust-lld"
mv unpacked/usr/src/rustc-*/library "$partial/lib/rustlib/src/rust/"
patchelf=$scratch/unpacked/usr/bin/patchelf
# shellcheck disable=SC2016 # $ORIGIN is for the dynamic linker.
{
    "$patchelf" --set-rpath '$ORIGIN/../lib' "$partial/bin/rustc"
    "$patchelf" --set-rpath '$ORIGIN' "$partial"/lib/librustc_driver-*.so
    "$patchelf" --set-rpath '$ORIGIN/../../..' "$partial/lib/rustlib/$triple/bin/rust-lld"
}

say "compiling the standard library with $("$partial/bin/rustc" --version)"
# RUSTC_BOOTSTRAP is for the standard library alone, which is allowed unstable features; our code
# never sees it.
(
    source=$partial/lib/rustlib/src/rust
    cd "$source/library/sysroot"
    RUSTC_BOOTSTRAP=1 RUSTC="$partial/bin/rustc" CARGO_TARGET_DIR="$scratch/target" \
        __CARGO_DEFAULT_LIB_METADATA=stablestd \
        RUSTFLAGS="-Zforce-unstable-if-unmarked --remap-path-prefix=$source=/rustc/std" \
        cargo build --quiet --locked --profile dist --target wasm32-unknown-unknown
)
std_for_wasm=$partial/lib/rustlib/wasm32-unknown-unknown/lib
mkdir -p "$std_for_wasm"
mv "$scratch"/target/wasm32-unknown-unknown/dist/deps/lib*.rlib "$std_for_wasm/"
rm -rf "$prefix"
mv "$partial" "$prefix"
say "done: $prefix"
