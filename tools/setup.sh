#!/bin/sh
# Installs what the machine lacks: setup.sh packages|build|check|test|bench
#
# `build` is what compiling needs, `packages` the part of it that Debian has; `check` adds the
# checker of scripts, `test` also the browsers, `bench` also the speech for their microphone and
# what judges it. Looks for commands, not for packages, so that a machine that has them from
# elsewhere is left alone, and says nothing when nothing is missing. Debian packages need root or
# sudo; everything else goes under .build and node_modules.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

say() { echo "setup: $*"; }
fail() {
    echo "setup: $*" >&2
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

packages=
# need COMMAND PACKAGE...: remembers the packages if the command is missing.
need() {
    has "$1" || { shift && packages="$packages $*"; }
}

install_packages() {
    # shellcheck disable=SC2086
    set -- $packages
    [ $# -gt 0 ] || return 0
    has apt-get || fail "install these yourself, this is not Debian: $*"
    if [ "$(id -u)" = 0 ]; then
        sudo=
    else
        has sudo || fail "run as root, or install these yourself: $*"
        sudo=sudo
    fi
    say "installing Debian packages: $*"
    # Another apt may be at work (a fresh machine updates itself): wait for its lock instead of
    # failing.
    $sudo apt-get -qq -o DPkg::Lock::Timeout=600 update
    $sudo env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 install -y --no-install-recommends "$@" >"$root/.build/apt.log" 2>&1 || {
        tail -n 20 "$root/.build/apt.log" >&2
        fail "apt-get failed; the whole of it is in .build/apt.log"
    }
    packages=
}

# Debian 12 has Node 18; the tools want 20. Its npm fetches a newer Node, and a newer npm, into
# .build/node.
node_is_new_enough() {
    has node && has npm && node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)'
}
install_node() {
    PATH=$root/.build/node/node_modules/.bin:$PATH
    if node_is_new_enough; then return 0; fi
    say "Node.js is missing or older than 20: fetching one from npm into .build/node"
    mkdir -p "$root/.build/node"
    cp "$root"/tools/node/package*.json "$root/.build/node/"
    (cd "$root/.build/node" && npm ci --loglevel=error --no-audit --no-fund)
    hash -r # forget where the old one was
    node_is_new_enough || fail "Node.js in .build/node does not run"
}

# npm writes this file last, so its age says whether the lock file has changed since.
install_node_modules() {
    [ -f "$1/package-lock.json" ] || return 0
    installed=$1/node_modules/.package-lock.json
    if [ -n "$(find "$installed" -newer "$1/package-lock.json" 2>/dev/null)" ]; then return 0; fi
    say "installing the Node packages of $1"
    (cd "$1" && npm ci --loglevel=error --no-audit --no-fund)
    touch "$1/node_modules/.package-lock.json"
}

# Whether Python can make an environment and compile a package's C.
python_compiles() {
    python3 -c 'import ensurepip, os, sysconfig
os.stat(sysconfig.get_paths()["include"] + "/Python.h")' 2>/dev/null
}
# Judges speech: wasm/e2e/bench/weaknet/speech.py.
install_speech() {
    list=wasm/e2e/bench/weaknet/requirements.txt
    if cmp -s "$list" .build/speech/installed.txt; then return 0; fi
    say "installing what judges speech into .build/speech"
    python3 -m venv --clear .build/speech
    .build/speech/bin/pip install --quiet --disable-pip-version-check --requirement "$list"
    cp "$list" .build/speech/installed.txt
}

mkdir -p .build
case ${1:-} in
packages | build | check | test | bench) level=$1 ;;
*) fail "usage: $0 packages|build|check|test|bench" ;;
esac
# is_one_of LEVEL...: whether the level asked for is one of these.
is_one_of() { case " $* " in *" $level "*) ;; *) return 1 ;; esac }

has cargo || fail "no cargo: install rustup from https://rustup.rs first"
need cc gcc libc6-dev
need c++ g++
need clang-19 clang-19
need llvm-ar-19 llvm-19
if is_one_of check test bench; then
    need shellcheck shellcheck
fi
if is_one_of test bench; then
    need chromium chromium
    need firefox-esr firefox-esr
    # A sound server with no sound card: Firefox never starts its audio clock without a device.
    need pulseaudio pulseaudio
fi
if is_one_of bench; then
    need espeak-ng espeak-ng
    python_compiles || packages="$packages python3-dev python3-venv"
fi
# Node's own packages come later; where npm is missing, Debian has it, and may ask for a password.
(PATH=$root/.build/node/node_modules/.bin:$PATH && node_is_new_enough) || need npm npm
install_packages
# rustup downloads the toolchain at the first call, and two calls at once would both do it.
rustc --version >/dev/null
if is_one_of packages; then exit 0; fi

install_node
install_node_modules wasm
if is_one_of test bench; then install_node_modules wasm/e2e/package; fi
if is_one_of bench; then install_speech; fi

wasm/tools/setup-std.sh
