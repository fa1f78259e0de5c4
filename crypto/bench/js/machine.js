// What the machine is, and what else it was doing.
import { readFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";

export function machine() {
  const flags = /^flags\s*: (.*)$/m.exec(read("/proc/cpuinfo"))?.[1].split(" ") ?? [];
  const telling = ["avx2", "avx512f", "avx512bw", "gfni", "vaes", "vpclmulqdq", "sm4"];
  return {
    cpus: cpus().length,
    model: cpus()[0]?.model ?? "unknown",
    has: telling.filter((flag) => flags.includes(flag)),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
}

/** Load average of the last minute, and ticks since boot: busy, stolen by the host, all. */
export function load() {
  const [, ...ticks] = read("/proc/stat").split("\n")[0].split(/\s+/);
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] =
    ticks.map(Number);
  const busy = user + nice + system + irq + softirq;
  return { average: loadavg()[0], busy, steal, all: busy + idle + iowait + steal };
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // not Linux
  }
}
