#!/bin/bash
# The simulated tables of engine/QOS.md: every scenario, then what each part contributes, as
# Markdown on standard output, each behind the arguments that made it; JSON in .build/sim and plots
# of the first seed of each case in .build/sim/plots. tools/sim.sh PROGRAM [SEEDS]
set -eu -o pipefail
cd "$(dirname "$0")/.."
program=$1
seeds=${2:-20}
scenarios=engine/sim/scenarios
mkdir -p .build/sim

# part NAME ARGUMENTS...
part() {
    local name=$1
    shift
    echo
    echo "$name: median (worst) of $seeds seeds"
    echo
    echo "    smrtc-sim $* --seeds $seeds"
    echo
    nice "$program" "$@" --seeds "$seeds" \
        --json ".build/sim/${name// /-}.json" --plot .build/sim/plots
}

part "scenarios" $scenarios/*.toml
part "traces" $scenarios/traces/*.toml
part "RFC 8867" $scenarios/rfc8867/*.toml
part "through a gateway" $scenarios/rooms/*.toml
for without in fec red nack fec,red,nack; do
    part "without $without" $scenarios/parts/loss.toml --without "$without"
done
part "without neteq" $scenarios/parts/loss.toml $scenarios/jitter.toml \
    $scenarios/step_2m_300k_2m.toml --without neteq
part "BBR" $scenarios/parts/loss.toml $scenarios/step_2m_300k_2m.toml \
    $scenarios/rfc8867/*.toml --bbr
echo
plots=(.build/sim/plots/*.svg)
echo "${#plots[@]} plots in .build/sim/plots, JSON in .build/sim; ${SECONDS} s"
