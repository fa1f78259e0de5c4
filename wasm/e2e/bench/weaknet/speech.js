// Scores recorded speech against what was said.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { writeWav } from "../../fixtures/sound.js";
import { repository } from "../../harness/workspace.js";

const RATE = 16_000;
/** The Python that has what judges speech. */
export const python = join(repository, ".build/speech/bin/python");

/** Whether `tools/setup.sh bench` has installed what this needs. */
export const canScoreSpeech = () => existsSync(python);

/**
 * @param {string} recorded base64 of little-endian 16-bit samples, 16 kHz, mono
 * @param {string} said path of a WAV file, which is played in a loop
 * @param {string} keptAs path for the recording as a WAV file
 * @returns {Promise<{ pesq: number, stoi: number }>}
 */
export async function speechScore(recorded, said, keptAs) {
  const bytes = Buffer.from(recorded, "base64");
  const samples = Float32Array.from(
    { length: bytes.length >> 1 },
    (_, i) => bytes.readInt16LE(2 * i) / 32_768,
  );
  writeWav(keptAs, samples, RATE);
  const { stdout } = await promisify(execFile)(python, [
    "-B",
    join(import.meta.dirname, "speech.py"),
    said,
    keptAs,
  ]);
  const { pesq, stoi } = JSON.parse(stdout);
  return { pesq, stoi };
}
