// The command in Node against the native one: the same lines, counts and exit codes, for every build that was made.
//
//   node --test vectors/checker/web/test        needs build.sh, and the native command in target/debug or $SMRTC_VECTORS
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { BUILDS, modulePath, runs } from "../builds.mjs";

const web = new URL("..", import.meta.url);
const vectors = fileURLToPath(new URL("../..", web));
const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL("../../../target", web));
const native = process.env.SMRTC_VECTORS ?? join(target, "debug", "smrtc-vectors");
const script = fileURLToPath(new URL("smrtc-vectors.mjs", web));
const built = BUILDS.filter((build) => existsSync(new URL(modulePath(build), web)));
const scratch = mkdtempSync(join(tmpdir(), "smrtc-vectors-"));
after(() => rmSync(scratch, { recursive: true }));

const run = (program, words) => {
  const { status, stdout, stderr } = spawnSync(program, words, { cwd: vectors, encoding: "utf8", maxBuffer: 1 << 28 });
  return { status, stdout, stderr };
};
const RELAXED_FLAG = "--experimental-wasm-relaxed-simd";
/** What this Node needs to run relaxed SIMD: nothing, a flag, or another Node. */
const flags = runs("relaxed_simd") ? [] : [RELAXED_FLAG];
const inNode = (build, ...words) => run(process.execPath, [...flags, script, "--build", build, ...words]);

/** Lines of a report without what differs by intention: the first, which names the build, and the back ends. */
const bare = (text) => text.split("\n").slice(1).map((line) => line.replace(/ \[[^\]]*\]/, ""));

function write(name, text) {
  const path = join(scratch, name);
  writeFileSync(path, text);
  return path;
}

test("there is something to test: the native command, builds, and a Node that runs them", () => {
  assert.ok(existsSync(native), `${native}: build the package smrtc-vectors-check, or set SMRTC_VECTORS`);
  assert.ok(built.length > 0, "run vectors/checker/web/build.sh");
  console.log(`builds: ${built.join(", ")}`);
  assert.equal(run(process.execPath, [...flags, "--version"]).status, 0, "this Node has no relaxed SIMD, not even with a flag");
});

for (const build of built) {
  test(`${build}: the whole tree gives the same lines and counts as natively`, () => {
    const path = join(scratch, `${build}.json`);
    const [ours, theirs] = [inNode(build, "check", "--json", path), run(native, ["check"])];
    assert.equal(ours.status, 0, ours.stdout + ours.stderr);
    assert.equal(theirs.status, 0, theirs.stdout);
    assert.deepEqual(bare(ours.stdout), bare(theirs.stdout));
    assert.match(ours.stdout, new RegExp(`^smrtc .*wasm32.* ${build.replace("_", "-")}`));
    const [{ counts, groups }] = JSON.parse(readFileSync(path, "utf8")).runs;
    assert.ok(counts.passed > 4600, `only ${counts.passed} passed`);
    const backends = new Set(groups.flatMap(({ cases }) => cases.map(({ backend }) => backend)));
    const expected = { relaxed_simd: ["wasm_relaxed_simd"], simd128: ["wasm_simd128"], scalar: [] }[build];
    assert.deepEqual([...backends].filter((name) => name.startsWith("wasm")), expected, [...backends].join());
  });

  test(`${build}: a changed vector is found, in the same words as natively`, () => {
    const file = JSON.parse(readFileSync(join(vectors, "smrtc/sm2_verify_edges_test.json"), "utf8"));
    const [first] = file.testGroups[0].tests;
    first.msg = `00${first.msg}`;
    const path = write("changed.json", JSON.stringify(file));
    const [ours, theirs] = [inNode(build, "check", path), run(native, ["check", path])];
    assert.deepEqual([ours.status, theirs.status], [1, 1]);
    assert.deepEqual(bare(ours.stdout), bare(theirs.stdout));
    assert.match(ours.stdout, /case 1: signature-verify: refused what is valid/);
  });
}

test("mistakes end in the same words and codes as natively", () => {
  const [build] = built;
  const cases = [
    ["check", write("half.json", "{")],
    ["check", write("unknown.json", '{"a": 1}')],
    ["check", write("odd.json", '{"algorithm": "SM3", "tests": [{"msg": "0", "md": ""}]}')],
    ["check", write("sm9.json", '{"algorithm": "SM9", "testGroups": [{"type": "Sm9Test", "tests": [{"tcId": 1}]}]}')],
    ["check", "--strict", "hitls/sm9_raw.json", "hitls/hmac_sm3.json"],
    ["check", "--backend", "abacus"],
    ["check", "--colour"],
    ["chekc"],
    [],
    ["check", "--list", "wycheproof/hmac_sm3_test.json", "hitls/sm2_sig.json"],
    ["--help"],
  ];
  for (const words of cases) {
    const [ours, theirs] = [inNode(build, ...words), run(native, words)];
    const where = `${words.join(" ")}\n${ours.stderr}\n${theirs.stderr}`;
    assert.equal(ours.status, theirs.status, where);
    const backends = (text) => text.replace(/(back ends of SM4 here:|there are) .*/, "");
    assert.equal(backends(ours.stderr), backends(theirs.stderr), where);
    assert.deepEqual(bare(ours.stdout), bare(theirs.stdout), where);
  }
  const missing = inNode(build, "check", "no_such_file.json");
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /no_such_file\.json: /);
  assert.equal(inNode("abacus", "check").status, 2);
});

test("kat writes the same files as natively", () => {
  const folders = ["ours", "theirs"].map((name) => join(scratch, name));
  assert.equal(inNode(built[0], "kat", "--out", folders[0]).status, 0);
  assert.equal(run(native, ["kat", "--out", folders[1]]).status, 0);
  for (const name of ["sm2_verify_edges_test.json", "hkdf_sm3_test.json", "external_key_test.json"]) {
    const [ours, theirs] = folders.map((folder) => readFileSync(join(folder, name), "utf8"));
    assert.equal(ours, theirs, name);
  }
});
