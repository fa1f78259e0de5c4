#!/bin/bash
# One step of `make test`: step.sh NAME COMMAND...
#
# Shows the output as it comes, keeps it in .build/logs/NAME.log, and notes the seconds for tools/counts.sh. A step that
# hangs is ended after half an hour: what it printed until then says where. What a step leaves running is ended with it: a
# server that outlived its test would keep the pipe to `tee` open, and the step would wait for it for ever.
set -u -o pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
logs=$root/.build/logs
name=$1
shift
mkdir -p "$logs"

pipe=$logs/$name.pipe
rm -f "$pipe"
mkfifo "$pipe"
tee "$logs/$name.log" <"$pipe" &
tee=$!

echo "== $name: $*"
start=$(date +%s)
# `timeout` leads a process group of its own, with its own number.
timeout --kill-after=10 1800 "$@" </dev/null >"$pipe" 2>&1 &
group=$!
trap 'kill -- -$group 2>/dev/null; exit 130' INT TERM
wait "$group"
status=$?
kill -- -"$group" 2>/dev/null && echo "== $name left processes behind: ended" >&2
# Who has left the group as well is not waited for.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    kill -0 "$tee" 2>/dev/null || break
    sleep 0.5
done
kill "$tee" 2>/dev/null && echo "== $name left processes behind that still hold its output" >&2
rm -f "$pipe"

# The last line of `times` is the processor time of the children: what the step costs on any number of cores.
times >"$logs/times" # not in a pipe, whose shell has other children
cpu=$(tail -n 1 "$logs/times" | sed -E 's/([0-9]+)m([0-9]+)[^ ]* ([0-9]+)m([0-9]+).*/$((60 * (\1 + \3) + \2 + \4))/')
eval "cpu=$cpu"
echo "$name $(($(date +%s) - start)) $cpu $status" >>"$logs/steps"
[ "$status" = 0 ] || echo "== $name FAILED ($status)" >&2
exit "$status"
