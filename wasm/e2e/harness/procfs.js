// CPU time and memory of a process and all its descendants, from /proc (Linux only).
import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks per second: USER_HZ, 100 on every Linux that Debian ships. */
const TICKS = 100;

/**
 * All processes below `root`, itself included, with their CPU seconds so far and their command
 * lines.
 */
export function processTree(root) {
  const all = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      all.set(Number(name), {
        pid: Number(name),
        parent: Number(fields[1]),
        cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
      });
    } catch {
      // It ended while we looked.
    }
  }
  return [...all.values()].filter(({ pid }) => {
    for (let at = pid; at > 0; at = all.get(at)?.parent ?? 0) if (at === root) return true;
    return false;
  });
}

/** What a browser's process is for. */
export function role(pid) {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    const type = command.match(/--type=([\w-]+)/)?.[1];
    return type === "utility"
      ? (command.match(/--utility-sub-type=[\w.]*?(\w+)\.mojom/)?.[1] ?? "utility")
      : (type ?? "browser");
  } catch {
    return "gone";
  }
}

/** Proportional set size of one process, bytes; 0 if it is gone. */
export function pssBytes(pid) {
  try {
    const kib = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").match(/^Pss:\s+(\d+) kB/m)?.[1];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** CPU seconds by role between two calls of `snapshot`, children that ended in between left out. */
export function cpuBetween(before, after) {
  const earlier = new Map(before.map(({ pid, cpuSeconds }) => [pid, cpuSeconds]));
  /** @type {Record<string, number>} */
  const byRole = {};
  for (const { pid, cpuSeconds } of after) {
    const spent = cpuSeconds - (earlier.get(pid) ?? 0);
    byRole[role(pid)] = (byRole[role(pid)] ?? 0) + spent;
  }
  return { total: Object.values(byRole).reduce((sum, value) => sum + value, 0), byRole };
}
