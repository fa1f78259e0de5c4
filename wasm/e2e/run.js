// `npm test`: builds what is tested, makes the capture files once, and runs the test files with
// Node's own runner.
//
//   node run.js [pattern …]    only the files whose names contain one of the patterns
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildPrograms, captureFiles } from "./harness/workspace.js";

const wanted = process.argv.slice(2);
const files = readdirSync(new URL("test", import.meta.url))
  .filter(
    (name) =>
      name.endsWith(".test.js") &&
      (wanted.length === 0 || wanted.some((part) => name.includes(part))),
  )
  .map((name) => `test/${name}`);
if (files.length === 0) throw new Error(`no test file matches ${wanted.join(", ")}`);
buildPrograms();
captureFiles("blue");
captureFiles("green");
// One file at a time: each has browsers of its own, and calls that starve each other prove nothing.
const { status } = spawnSync(
  process.execPath,
  ["--test", "--test-reporter=spec", "--test-concurrency=1", ...files],
  {
    cwd: fileURLToPath(new URL(".", import.meta.url)),
    stdio: "inherit",
  },
);
process.exit(status ?? 1);
