#!/bin/bash
# One step of `make test` or `make demo`: step.sh [-q] [-d DESCRIPTION] NAME COMMAND...
#
# Says what it does, shows the output as it comes, keeps it in .build/logs/NAME.log, says how long
# it took, and notes that for tools/counts.sh. With -q only a step that fails shows its output,
# which suits one that runs beside others. A step that hangs is ended after half an hour; what it
# printed until then says where. What a step leaves running is ended with it: a server that outlived
# its test would keep the pipe open, and the step would wait for it for ever.
set -u -o pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
logs=$root/.build/logs
quiet=
description=
while getopts qd: option; do
    case $option in
    q) quiet=yes ;;
    d) description=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
name=$1
shift
mkdir -p "$logs"

echo "== $name: ${description:-$*}"
pipe=$logs/$name.pipe
rm -f "$pipe"
mkfifo "$pipe"
if [ "$quiet" ]; then
    cat <"$pipe" >"$logs/$name.log" &
else
    tee "$logs/$name.log" <"$pipe" &
fi
reader=$!

start=$SECONDS
began=$EPOCHSECONDS
# `timeout` leads a process group of its own, with its own number.
timeout --kill-after=10 1800 "$@" </dev/null >"$pipe" 2>&1 &
group=$!
trap 'kill -- -$group 2>/dev/null; exit 130' INT TERM
wait "$group"
status=$?
kill -- -"$group" 2>/dev/null && echo "== $name left processes behind: ended" >&2
# Who has left the group as well is not waited for.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    kill -0 "$reader" 2>/dev/null || break
    sleep 0.5
done
kill "$reader" 2>/dev/null && echo "== $name left processes behind that still hold its output" >&2
rm -f "$pipe"

# The last line of `times` is the processor time of the children, "1m2.345s 0m6.789s" for programs
# and for the system: what the step costs on any number of cores.
times >"$logs/$name.times" # not in a pipe, whose shell has other children
cpu=$(awk 'END { gsub(/[ms]/, " "); print int(60 * ($1 + $3) + $2 + $4) }' "$logs/$name.times")
rm "$logs/$name.times"
seconds=$((SECONDS - start))
echo "$name $seconds $cpu $began" >>"$logs/steps"
if [ "$status" = 0 ]; then
    echo "== $name: done in $seconds s ($cpu s of processor)"
else
    [ -z "$quiet" ] || cat "$logs/$name.log"
    echo "== $name FAILED ($status) after $seconds s" >&2
fi
exit "$status"
