// Native participants (smrtc-loadgen bots) as a child process, and what they report and record.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SAMPLE_RATE } from "../fixtures/sound.js";
import { start } from "./child.js";
import { program, scratchFolder } from "./workspace.js";

/**
 * Starts bots in rooms `ROOM-1`, `ROOM-2` and so on; they talk until {@link Bots.end}.
 * @param {import("./gateway.js").Gateway} gateway
 * @param {{ room: string, rooms: number, people: number, args?: string[] }} options
 */
export function startBots(gateway, { room, rooms, people, args = [] }) {
  const recordings = join(scratchFolder(), "bots");
  const child = start(program("smrtc-loadgen"), [
    "bots",
    "--gateway",
    gateway.origin,
    "--token-secret",
    gateway.secret,
    "--room",
    room,
    "--rooms",
    `${rooms}`,
    "--people",
    `${people}`,
    "--seconds",
    "600",
    "--record",
    recordings,
    ...args,
  ]);
  return new Bots(child, recordings);
}

export class Bots {
  #child;
  #recordings;

  /** @param {import("./child.js").Child} child @param {string} recordings */
  constructor(child, recordings) {
    this.#child = child;
    this.#recordings = recordings;
  }

  /** The last lines that they printed, for a failed test's message. */
  trouble() {
    return ["--- bots", ...this.#child.lines.slice(-20)].join("\n");
  }

  /** Ends the run as Ctrl-C does; the report. */
  async end() {
    process.kill(this.#child.pid, "SIGINT");
    const code = await this.#child.exited;
    if (code !== 0) throw new Error(`the bots ended with ${code}\n${this.trouble()}`);
    return JSON.parse(this.#child.lines.filter((line) => !line.startsWith("bots:")).join("\n"));
  }

  /** Does nothing to bots that have ended. */
  async stop() {
    await this.#child.stop("SIGKILL");
  }

  /** What a bot got of the video of `sender`: an IVF file. @returns {Buffer} */
  video(room, bot, sender) {
    const folder = join(this.#recordings, room, bot);
    const name = readdirSync(folder).find(
      (file) => file.startsWith(`${sender}-`) && file.endsWith(".ivf"),
    );
    if (name === undefined) throw new Error(`${bot} recorded no video of ${sender}`);
    return readFileSync(join(folder, name));
  }

  /**
   * What a bot heard, for `assertHears`: stretches of its recording, from its end backwards, each
   * of which begins two seconds before the one before.
   */
  listener(room, bot) {
    const file = readFileSync(join(this.#recordings, room, bot, "heard.wav"));
    // The samples, 32-bit floats, are the last chunk of the file.
    const data = file.indexOf("data") + 8;
    const heard = new Float32Array(
      file.buffer.slice(file.byteOffset + data, file.byteOffset + file.length),
    );
    let end = heard.length;
    return {
      user: bot,
      /** @param {number} seconds */
      async recordSound(seconds) {
        const stretch = heard.slice(Math.max(0, end - seconds * SAMPLE_RATE), end);
        end -= 2 * SAMPLE_RATE;
        return stretch;
      },
    };
  }
}
