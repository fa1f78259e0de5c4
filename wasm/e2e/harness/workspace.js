// Where things are: the repository, the build's output, the programs under test, scratch files.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PALETTES, writeClip } from "../fixtures/clip.js";
import { makeSignal, writeWav } from "../fixtures/sound.js";

export const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
export const targetFolder = resolve(repository, process.env.CARGO_TARGET_DIR ?? "target");
/** Build output and generated files; ignored by git. */
export const buildFolder = join(repository, ".build/e2e");

/**
 * Compiles the gateway with its test doors and the relay, unless make has just done so; cheap when
 * nothing changed.
 */
export function buildPrograms() {
  if (process.env.SMRTC_PROGRAMS_BUILT === "1") return;
  for (const args of [
    ["build", "-p", "smrtc-gateway", "--features", "_test_support"],
    ["build", "-p", "smrtc-loadgen"],
  ]) {
    const { status, error } = spawnSync("cargo", args, {
      cwd: repository,
      stdio: ["ignore", 2, 2],
      env: { ...process.env, CARGO_TARGET_DIR: targetFolder },
    });
    if (error || status !== 0) throw new Error(`cargo ${args.join(" ")} failed`);
  }
}

/** @param {"smrtc-gateway" | "smrtc-loadgen"} name @param {"debug" | "release"} [profile] */
export function program(name, profile = "debug") {
  const path = join(targetFolder, profile, name);
  if (!existsSync(path)) throw new Error(`${path} is missing: build it with cargo first`);
  return path;
}

/** A folder that disappears with the process. */
export function scratchFolder() {
  mkdirSync(buildFolder, { recursive: true });
  const folder = mkdtempSync(join(buildFolder, "run-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Files for the fake camera and the fake microphone, made once. The version is part of the name:
 * change it when the generators change.
 */
export function captureFiles(palette = "blue") {
  const folder = join(buildFolder, "capture-v2");
  const camera = join(folder, `camera-${palette}.y4m`);
  const microphone = join(folder, "microphone.wav");
  mkdirSync(folder, { recursive: true });
  makeOnce(camera, (path) => writeClip(path, { colours: PALETTES[palette] }));
  makeOnce(microphone, (path) => writeWav(path, makeSignal()));
  return { camera, microphone };
}

/** A minute of speech for the fake microphone, spoken by espeak-ng once. */
export function speechFile() {
  const folder = join(buildFolder, "speech-v1");
  const speech = join(folder, "speech.wav");
  mkdirSync(folder, { recursive: true });
  makeOnce(speech, (path) => {
    const { status, error } = spawnSync(
      "espeak-ng",
      ["-v", "en-gb", "-s", "150", "-g", "2", "-w", path, SPEECH],
      { stdio: ["ignore", 2, 2] },
    );
    if (error || status !== 0)
      throw new Error(
        `espeak-ng failed: ${error?.message ?? status}; install the Debian package of that name`,
      );
  });
  return speech;
}

/** Phonetically balanced sentences (IEEE 297-1969, “Harvard sentences”, lists 1 and 2). */
const SPEECH = `The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It's easy to tell the depth of a well.
These days a chicken leg is a rare dish. Rice is often served in round bowls. The juice of lemons makes fine punch.
The box was thrown beside the parked truck. The hogs were fed chopped corn and garbage. Four hours of steady work faced us.
A large size in stockings is hard to sell. The boy was there when the sun rose. A rod is used to catch pink salmon.
The source of the huge river is the clear spring. Kick the ball straight and follow through. Help the woman get back to her feet.
A pot of tea helps to pass the evening. Smoky fires lack flame and heat. The soft cushion broke the man's fall.
The salt breeze came across from the sea. The girl at the booth sold fifty bonds.`;

function makeOnce(path, make) {
  if (existsSync(path)) return;
  // Test files run side by side: write beside and rename, so that nobody reads half a file.
  const half = `${path}.${process.pid}`;
  make(half);
  renameSync(half, path);
}
