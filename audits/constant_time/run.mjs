// Runs the four methods and writes results/: all.json, timing.csv, and the text of each. run.sh
// builds what it needs.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";

const [examples, modules, taint] = process.argv.slice(2);
const here = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
const results = join(here, "results");
mkdirSync(results, { recursive: true });

const say = (command, ...args) =>
  spawnSync(command, args, { encoding: "utf8" }).stdout?.trim().split("\n")[0] ?? "";
const files = (prefix) =>
  readdirSync(modules)
    .filter((name) => name.startsWith(prefix) && name.endsWith(".wasm"))
    .map((name) => join(modules, name));
const environment = {
  date: new Date().toISOString(),
  commit: say("git", "rev-parse", "HEAD"),
  uncommitted: say("git", "status", "--porcelain", "crypto", "audits") !== "",
  processor: cpus()[0]?.model.trim(),
  cores: cpus().length,
  kernel: release(),
  loadAtStart: loadavg().map((load) => Number(load.toFixed(2))),
  rustc: say("rustc", "--version"),
  node: process.version,
  v8: process.versions.v8,
  valgrind: say("valgrind", "--version"),
};
const thresholds = {
  certainLeak: 10,
  nothingFound: 4.5,
  samples: Number(process.env.SAMPLES ?? 100_000),
};

/** Each method prints lines; those with tabs are rows of the same seven columns. */
const methods = [
  {
    name: "valgrind",
    command: process.execPath,
    args: [join(here, "valgrind.mjs"), join(examples, "secrets_undefined")],
  },
  { name: "wasm", command: taint, args: files("doors-") },
  { name: "timing-native", command: join(examples, "timing"), args: [] },
  {
    name: "timing-wasm",
    command: process.execPath,
    args: [join(here, "timing.mjs"), ...files("check-")],
  },
];
const COLUMNS = ["where", "build", "what", "classes", "samples", "t", "verdict"];
let failed = false;
const all = { environment, thresholds, methods: {} };
const timing = [COLUMNS.join(",")];
for (const { name, command, args } of methods) {
  console.log(`== ${name}`);
  const start = Date.now();
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  process.stdout.write(stdout.replaceAll("\t", "  "));
  process.stderr.write(stderr);
  const passed = status === 0;
  failed ||= !passed;
  const lines = stdout.trim().split("\n");
  const rows = lines.filter((line) => line.includes("\t")).map((line) => line.split("\t"));
  all.methods[name] = {
    passed,
    seconds: Math.round((Date.now() - start) / 1e3),
    rows:
      rows.length > 0
        ? rows.map((row) => Object.fromEntries(row.map((cell, i) => [COLUMNS[i], cell])))
        : lines,
  };
  if (name.startsWith("timing"))
    timing.push(...rows.map((row) => row.map((cell) => `"${cell}"`).join(",")));
  const heading = `${environment.date}, ${environment.processor}, commit ${environment.commit.slice(0, 12)}: ${passed ? "passed" : "FAILED"}\n\n`;
  writeFileSync(join(results, `${name}.txt`), heading + stdout.replaceAll("\t", "  "));
}
all.environment.loadAtEnd = loadavg().map((load) => Number(load.toFixed(2)));
all.passed = !failed;
writeFileSync(join(results, "all.json"), `${JSON.stringify(all, null, 2)}\n`);
writeFileSync(join(results, "timing.csv"), `${timing.join("\n")}\n`);
console.log(
  failed
    ? "audit-ct: FINDINGS, or a planted leak that was missed"
    : `audit-ct: nothing found; ${join(results, "all.json")}`,
);
process.exitCode = failed ? 1 : 0;
