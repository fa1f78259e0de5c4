// Marks keys, texts and received tags as undefined and lets valgrind look for branches and
// addresses that depend on them.
//
//   node audits/constant_time/valgrind.mjs PROGRAM        the example secrets_undefined, built with line tables
//
// A line for each kernel, tab separated as in timing.mjs. Fails if one leaks or a planted leak is
// missed. What memcheck reports at a line that compares with `ct_eq` is the public answer to "does
// the tag verify" (or "is the chunk that of the first pass").
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const program = process.argv[2];
const native = spawnSync(program, { encoding: "utf8" }).stdout.trim().split("\n");
/** Kernels that valgrind cannot emulate; it hides these instructions from the program. */
const NOT_EMULATED = ["x86_avx512_gfni", "x86_avx2_gfni"];

/** Lines that decide by such an answer. */
const VERDICT = /ct_eq\(|equal\.then_some|if self\.failed/;

/** The errors of one run: what, and where the innermost frame that has a source is. */
function run(name) {
  const file = join(tmpdir(), `smrtc-valgrind-${process.pid}-${name}.xml`);
  const { status, stderr } = spawnSync(
    "valgrind",
    ["--quiet", "--error-exitcode=42", "--xml=yes", `--xml-file=${file}`, program, name],
    {
      encoding: "utf8",
    },
  );
  const xml = readFileSync(file, "utf8");
  rmSync(file);
  const text = (part, tag) => part.match(new RegExp(`<${tag}>(.*?)</${tag}>`))?.[1] ?? "";
  const errors = xml
    .split("<error>")
    .slice(1)
    .map((error) => {
      const frames = error
        .split("<frame>")
        .slice(1)
        .map((frame) => ({
          place: `${text(frame, "dir")}/${text(frame, "file")}`,
          line: Number(text(frame, "line")),
          name: text(frame, "fn"),
        }));
      return { kind: text(error, "kind"), frames: frames.slice(0, 6) };
    });
  return { status, stderr, errors };
}

function source({ place, line }) {
  try {
    return readFileSync(place, "utf8").split("\n")[line - 1] ?? "";
  } catch {
    return "";
  }
}

/** Whether the innermost frame within our own sources stands at a comparison in constant time. */
function isVerdict({ kind, frames }) {
  const ours = frames.find((frame) => frame.place.includes("/crypto/primitives/"));
  return kind === "UninitCondition" && ours !== undefined && VERDICT.test(source(ours));
}

function report(what, name, verdict, detail = "") {
  console.log(["valgrind", name, what, "undefined key, text, tag", "", detail, verdict].join("\t"));
}

let failed = false;
for (const name of [...native, "ccm-ctr"]) {
  if (NOT_EMULATED.includes(name)) {
    report("all doors", name, "not run: valgrind knows no AVX-512 and no GFNI");
    continue;
  }
  const { status, stderr, errors } = run(name);
  const leaks = errors.filter((error) => !isVerdict(error));
  const completed = !/panicked|no kernel/.test(stderr) && (status === 0 || status === 42);
  for (const { kind, frames } of leaks) {
    console.error(
      `${name}: ${kind} in ${frames.map(({ name, place, line }) => `${name} ${place}:${line}`).join(" < ")}`,
    );
  }
  if (!completed) console.error(stderr);
  const bad = !completed || leaks.length > 0;
  failed ||= bad;
  const what =
    name === "ccm-ctr" ? "CCM and CTR" : "key set-up; seal, open, whole, in batches, in chunks";
  report(
    what,
    name,
    bad ? (completed ? "LEAK" : "did not complete") : "nothing found",
    `${errors.length - leaks.length} verdicts on tags`,
  );
}
for (const name of ["leak-branch", "leak-table", "leak-tag", "crate-sm4"]) {
  const found = run(name).errors.some((error) => !isVerdict(error));
  failed ||= !found;
  report("planted leak", name, found ? "found, as it should be" : "MISSED");
}
process.exitCode = failed ? 1 : 0;
