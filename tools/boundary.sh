#!/bin/sh
# The gateway never links the code that can open media, with no feature and through no dependency.
set -eu
cd "$(dirname "$0")/.."

linked=$(cargo tree --locked --package smrtc-gateway --edges normal,build --all-features --prefix none)
# A tree that does not even show the engine would prove nothing.
echo "$linked" | grep -q '^smrtc-engine ' || {
    echo "boundary: cargo tree shows no smrtc-engine in the gateway; what did it list?" >&2
    exit 1
}
for forbidden in smrtc-e2ee smrtc-audio smrtc-client smrtc-native smrtc-wasm; do
    if echo "$linked" | grep "^$forbidden "; then
        echo "boundary: smrtc-gateway links $forbidden" >&2
        exit 1
    fi
done
echo "boundary: smrtc-gateway links none of smrtc-e2ee, smrtc-audio, smrtc-client, smrtc-native, smrtc-wasm"

# A participant has no socket: what carries it is the host's.
linked=$(cargo tree --locked --package smrtc-client --edges normal,build --all-features --prefix none)
echo "$linked" | grep -q '^smrtc-e2ee ' || {
    echo "boundary: cargo tree shows no smrtc-e2ee in the participant; what did it list?" >&2
    exit 1
}
for forbidden in tokio quinn socket2 mio wasm-bindgen smrtc-gateway; do
    if echo "$linked" | grep "^$forbidden "; then
        echo "boundary: smrtc-client links $forbidden" >&2
        exit 1
    fi
done
echo "boundary: smrtc-client links no runtime, no socket and no browser"
