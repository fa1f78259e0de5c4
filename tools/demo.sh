#!/bin/sh
# Starts the gateway with the demo page: demo.sh GATEWAY_PROGRAM PORT
#
# Join tokens are signed with a secret of this run; the page gets one for any name it asks (--demo).
set -eu
gateway=$1
port=$2
cd "$(dirname "$0")/.."

SMRTC_TOKEN_SECRET=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export SMRTC_TOKEN_SECRET
url=http://localhost:$port/
echo
echo "  Open $url in two windows of Chromium (or Firefox) and join the same room:"
echo "  they see and hear each other."
echo "  Ctrl-C ends the gateway."
echo
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && command -v xdg-open >/dev/null; then
    (sleep 1 && xdg-open "$url" >/dev/null 2>&1) &
fi
exec "$gateway" serve --listen "127.0.0.1:$port" --web-root wasm/demo/dist --demo --drain-timeout 0s
