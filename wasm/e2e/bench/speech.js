// `make bench-speech`: speaks once, and hands on to speech_path.py.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { speechFile } from "../harness/workspace.js";
import { canScoreSpeech, python } from "./weaknet/speech.js";

const [program] = process.argv.slice(2);
if (!program || !canScoreSpeech())
  throw new Error("usage: node bench/speech.js PROGRAM, after tools/setup.sh bench");
const { status } = spawnSync(
  python,
  ["-B", join(import.meta.dirname, "speech_path.py"), program, speechFile()],
  { stdio: "inherit" },
);
process.exitCode = status ?? 1;
