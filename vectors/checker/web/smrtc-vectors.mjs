#!/usr/bin/env node
// The command smrtc-vectors in Node: the checker as Wasm, with the options, words and exit codes of the native command.
//
//   node vectors/checker/web/smrtc-vectors.mjs check [OPTION]... [FILE]...
//   node vectors/checker/web/smrtc-vectors.mjs --build scalar check ...
//
// Before the command, `--build NAME` takes another build than the best that this engine runs. `--impl` needs a pipe to
// another program: that is for the native command.
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { BUILDS, modulePath, runs } from "./builds.mjs";

const BAD_USE = 2;
const RELAXED_FLAG = " (before version 21, Node runs relaxed SIMD with --experimental-wasm-relaxed-simd)";
const vectors = fileURLToPath(new URL("../..", import.meta.url));

/** Ends the command with words for whoever typed it. */
class Failure extends Error {}

async function main(words) {
  let build = BUILDS.find(runs);
  if (words[0] === "--build") {
    build = words[1];
    words = words.slice(2);
    if (!BUILDS.includes(build)) throw new Failure(`no build \`${build}\`; there are ${BUILDS.join(", ")}`);
    if (!runs(build)) throw new Failure(`this Node does not run ${build}${RELAXED_FLAG}`);
  }
  const wasm = await load(build);
  const command = typed(wasm, words);
  switch (command.command) {
    case "help":
      process.stdout.write(wasm.usage());
      return 0;
    case "kat":
      return kat(wasm, command.out);
    default:
      return check(wasm, command);
  }
}

async function load(build) {
  let bytes, wasm;
  try {
    bytes = readFileSync(new URL(modulePath(build), import.meta.url));
    wasm = await import("./dist/smrtc_vectors.mjs");
  } catch (error) {
    throw new Failure(`${error.message}\nbuild it with vectors/checker/web/build.sh`);
  }
  wasm.initSync({ module: bytes });
  return wasm;
}

function typed(wasm, words) {
  try {
    return JSON.parse(wasm.command(words));
  } catch (error) {
    throw new Failure(`${error.message}\n\n${wasm.usage()}`);
  }
}

function check(wasm, options) {
  if (options.impl !== null) throw new Failure("`--impl` starts a program: use the native command for that");
  const checker = new wasm.Checker(options.backend ?? undefined);
  for (const [name, path] of find(options.files, wasm.notVectors())) checker.add(name, read(path));
  if (options.list) {
    process.stdout.write(checker.list());
    return 0;
  }
  if (options.files.length > 0) for (const line of checker.converted()) complain(line);
  for (let file = 0; file < checker.files; file++) checker.run(file);
  process.stdout.write(checker.text());
  if (options.json !== null) write(options.json, checker.json());
  if (options.junit !== null) write(options.junit, checker.junit());
  if (checker.nothingChecked()) complain("nothing was checked: every case is unsupported");
  return checker.exitCode(options.strict);
}

function kat(wasm, out) {
  for (const path of walk(join(vectors, "smrtc"))) {
    for (const { name, cases, text } of JSON.parse(wasm.exported(basename(path), read(path)))) {
      write(join(out, name), text);
      console.log(`${join(out, name)}: ${cases} cases`);
    }
  }
  return 0;
}

/** Names and paths of the files meant by `paths`; all of the tree if there are none. */
function find(paths, notVectors) {
  if (paths.length === 0) {
    const folders = readdirSync(vectors, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !notVectors.includes(entry.name))
      .map((entry) => entry.name)
      .sort();
    return folders.flatMap((folder) => walk(join(vectors, folder))).map((path) => [relative(vectors, path), path]);
  }
  return paths.flatMap((path) => (stat(path).isDirectory() ? walk(path) : [path])).map((path) => [path, path]);
}

/** JSON files below a folder, in the order of their names. */
function walk(folder) {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return walk(path);
    return path.endsWith(".json") ? [path] : [];
  });
}

function stat(path) {
  return onDisk(path, () => statSync(path));
}

function read(path) {
  return onDisk(path, () => readFileSync(path, "utf8"));
}

function write(path, text) {
  onDisk(path, () => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  });
}

function onDisk(path, action) {
  try {
    return action();
  } catch (error) {
    throw new Failure(`${path}: ${error.message}`);
  }
}

function complain(words) {
  console.error(`smrtc-vectors: ${words}`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // What the module throws is an error in words, as on the native side; a trap is not.
  if (error instanceof WebAssembly.RuntimeError) throw error;
  complain(error.message);
  process.exitCode = BAD_USE;
}
