#!/bin/bash
# The simulated table of engine/QOS.md: every scenario, then what each part contributes, as Markdown on standard output, JSON in
# .build/sim and plots of the first seed of each scenario in .build/sim/plots. tools/sim.sh PROGRAM [SEEDS]
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
    echo "$name, $seeds seeds: median (worst)"
    echo
    nice "$program" "$@" --seeds "$seeds" --json ".build/sim/${name// /-}.json"
}

part "scenarios" $scenarios/*.toml --plot .build/sim/plots
part "RFC 8867" $scenarios/rfc8867/*.toml --plot .build/sim/plots
part "through a gateway" $scenarios/rooms/*.toml --plot .build/sim/plots
for without in fec red nack fec,red,nack; do
    part "without $without" $scenarios/loss.toml --without "$without"
done
part "without neteq" $scenarios/loss.toml $scenarios/jitter.toml $scenarios/step_2m_300k_2m.toml --without neteq
part "BBR" $scenarios/loss.toml $scenarios/step_2m_300k_2m.toml $scenarios/rfc8867/*.toml --bbr
