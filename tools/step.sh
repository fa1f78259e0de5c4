#!/bin/bash
# One step of `make test`: step.sh NAME COMMAND...
#
# Shows the output as it comes, keeps it in .build/logs/NAME.log, and notes the seconds for tools/counts.sh. A step that
# hangs is ended after half an hour: what it printed until then says where.
set -u -o pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
logs=$root/.build/logs
name=$1
shift
mkdir -p "$logs"

echo "== $name: $*"
start=$(date +%s)
timeout --kill-after=10 1800 "$@" 2>&1 | tee "$logs/$name.log"
status=$?
# The last line of `times` is the processor time of the children: what the step costs on any number of cores.
times >"$logs/times" # not in a pipe, whose shell has other children
cpu=$(tail -n 1 "$logs/times" | sed -E 's/([0-9]+)m([0-9]+)[^ ]* ([0-9]+)m([0-9]+).*/$((60 * (\1 + \3) + \2 + \4))/')
eval "cpu=$cpu"
echo "$name $(($(date +%s) - start)) $cpu $status" >>"$logs/steps"
[ "$status" = 0 ] || echo "== $name FAILED ($status)" >&2
exit "$status"
