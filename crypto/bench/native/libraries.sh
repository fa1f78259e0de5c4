#!/bin/bash
# Compiles OpenSSL and Botan for the bench: libraries.sh openssl|botan DIRECTORY
#
# Their sources are in crates that Cargo.lock pins by checksum; the crates themselves would compile
# ten times as much as the one cipher needs. Compiler and flags are what each project's own
# configuration chooses.
set -eu -o pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
library=$1
prefix=$2

# The folder of a crate's source in cargo's registry.
crate() {
    cargo metadata --format-version 1 --manifest-path "$here/Cargo.toml" |
        node -e '
            const { packages } = JSON.parse(require("fs").readFileSync(0, "utf8"));
            const wanted = packages.find(({ name }) => name === process.argv[1]);
            const { manifest_path, version } = wanted;
            console.log(require("path").dirname(manifest_path), version);' "$1"
}
read -r source version < <(crate "$library-src")
# What is there was made from this version by these files.
stamp="$version $(cat "$here"/native/* | cksum)"
[ "$(cat "$prefix/stamp" 2>/dev/null)" != "$stamp" ] || exit 0

echo "bench-crypto: compiling $library $version (once; takes minutes," \
    "see .build/crypto-bench/$library/log)"
rm -rf "$prefix"
mkdir -p "$prefix/source"
cd "$prefix/source"
exec 3>&2 >"$prefix/log" 2>&1
# shellcheck disable=SC2154 # `status` is set by the trap itself.
trap 'status=$?; [ "$status" = 0 ] || tail -n 20 "$prefix/log" >&3; exit "$status"' EXIT

jobs=$(nproc)
case $library in
openssl)
    cp -R "$source/openssl/." .
    # Without what takes long to compile and has no part in SM4-GCM.
    perl ./Configure no-shared no-module no-dso no-tests no-apps no-docs no-tls no-dtls no-quic no-engine \
        no-argon2 no-aria no-bf no-blake2 no-camellia no-cast no-chacha no-cmp no-cms no-ct no-des no-dh no-dsa no-ec \
        no-idea no-md4 no-ml-dsa no-ml-kem no-ocsp no-poly1305 no-rc2 no-rc4 no-rmd160 no-scrypt no-seed no-siphash \
        no-siv no-slh-dsa no-srp no-ts no-whirlpool
    make -j "$jobs" build_generated
    make -j "$jobs" libcrypto.a
    mv libcrypto.a "$prefix/"
    ;;
botan)
    tar --extract --strip-components 1 --file "$source"/vendor/Botan-*.tar.xz
    modules=sm4,gcm
    # Every kernel that this architecture has.
    [ "$(uname -m)" != x86_64 ] || modules=$modules,sm4_gfni,sm4_avx512,sm4_hwaes,ghash_cpu,ghash_avx512_clmul,ghash_vperm
    python3 configure.py --minimized-build --enable-modules="$modules" --build-targets=static --without-documentation
    make -j "$jobs" libs
    c++ -O3 -std=c++20 -I build/include/public -c "$here/native/botan.cpp" -o shim.o
    ar rs libbotan-3.a shim.o
    mv libbotan-3.a "$prefix/"
    ;;
*)
    echo "usage: $0 openssl|botan DIRECTORY" >&3
    exit 2
    ;;
esac
rm -rf "$prefix/source"
echo "$stamp" >"$prefix/stamp"
