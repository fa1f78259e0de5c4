#!/bin/sh
# Builds libopus as a static library: build.sh host|wasm-scalar|wasm-simd128
#
# The C sources come from crates.io, pinned and checked by source/Cargo.lock; the result is
# .build/opus/TARGET/lib/libopus.a. Does nothing when that is newer than everything it is made of.
# CC and AR choose the host's compiler, WASM_CC and WASM_AR the one for Wasm.
set -eu

target=${1:-}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
prefix=$root/.build/opus/$target
library=$prefix/lib/libopus.a

# Bit-exact on every target: no contraction to fused multiply-add, no -ffast-math.
flags="-O3 -DHAVE_CONFIG_H -ffp-contract=off -fno-math-errno -fvisibility=hidden -I$here/config"
case $target in
host)
    cc=${CC:-cc} ar=${AR:-ar}
    flags="$flags -fPIC"
    ;;
wasm-scalar | wasm-simd128)
    cc=${WASM_CC:-clang-19} ar=${WASM_AR:-llvm-ar-19}
    flags="$flags --target=wasm32-unknown-unknown -fno-stack-protector -nostdlibinc"
    flags="$flags -isystem $here/shim"
    [ "$target" = wasm-scalar ] || flags="$flags -msimd128"
    ;;
*)
    echo "usage: $0 host|wasm-scalar|wasm-simd128" >&2
    exit 2
    ;;
esac

if [ -f "$library" ] && [ -z "$(find "$here" -type f -newer "$library")" ]; then
    exit 0
fi

manifest=$here/source/Cargo.toml
cargo fetch --quiet --locked --manifest-path "$manifest"
source=$(cargo metadata --format-version 1 --locked --offline --manifest-path "$manifest" |
    tr ',' '\n' | sed -n 's|.*"manifest_path":"\(.*/opusic-sys-[^/"]*\)/Cargo.toml".*|\1/opus|p')
version=$(sed -n 's/PACKAGE_VERSION="\(.*\)"/\1/p' "$source/package_version")
grep -q "PACKAGE_VERSION \"$version\"" "$here/config/config.h" || {
    echo "$0: config/config.h does not name libopus $version" >&2
    exit 1
}
echo "opus: building libopus $version for $target"

# A variable of libopus's own makefiles, its continued lines joined.
list() {
    sed -e ':a' -e '/\\$/N; s/\\\n//; ta' "$source/$1" | sed -n "s/^$2 *= *//p"
}
files="$(list celt_sources.mk CELT_SOURCES)
    $(list silk_sources.mk SILK_SOURCES) $(list silk_sources.mk SILK_SOURCES_FLOAT)
    $(list opus_sources.mk OPUS_SOURCES) $(list opus_sources.mk OPUS_SOURCES_FLOAT)"
flags="$flags -I$source/include -I$source/celt -I$source/silk -I$source/silk/float -I$source"

rm -rf "$prefix"
mkdir -p "$prefix/lib" "$prefix/objects"
# shellcheck disable=SC2016,SC2086 # The inner shell expands its own arguments.
printf '%s\n' $files | xargs -P "$(getconf _NPROCESSORS_ONLN)" -I{} sh -c '
    object=$(echo "$3" | tr / _)
    $1 -c "$0/$3" -o "$2/${object%.c}.o" || exit 255 # which stops xargs
' "$source" "$cc $flags" "$prefix/objects" {}
"$ar" rcs "$prefix/lib/libopus.partial" "$prefix"/objects/*.o
rm -rf "$prefix/objects"
mv "$prefix/lib/libopus.partial" "$library"
