// A peer as a child process that answers one line of JSON with another.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/**
 * Longest answer to wait for, in milliseconds: the slowest package takes a fraction of a second for
 * 1 MiB.
 */
const PATIENCE = 60_000;

export class PeerProcess {
  /** @type {string | undefined} why it answers no more */
  failure;
  /** @type {{ resolve(answer: any): void, reject(error: Error): void } | undefined} */
  settle;
  errors = "";

  /** @param {string[]} command */
  constructor([program, ...args]) {
    this.child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.child.stderr.on("data", (data) => (this.errors = (this.errors + data).slice(-2000)));
    this.child.stdin.on("error", () => {}); // the end of the process says why
    const lines = createInterface({ input: this.child.stdout });
    lines.on("line", (line) => this.settle?.resolve(JSON.parse(line)));
    this.child.on("error", (error) => this.fail(error.message));
    // Both streams are read to their end by then.
    this.child.on("close", (code, signal) =>
      this.fail(`ended with ${signal ?? code}: ${this.errors.trim()}`),
    );
  }

  fail(reason) {
    this.failure ??= reason;
    this.settle?.reject(new Error(reason));
  }

  /** Asks; one question at a time. */
  async ask(request) {
    if (this.failure) throw new Error(this.failure);
    const answer = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    const late = setTimeout(() => this.fail("no answer"), PATIENCE);
    this.child.stdin.write(`${JSON.stringify(request)}\n`);
    try {
      return await answer;
    } finally {
      clearTimeout(late);
      this.settle = undefined;
    }
  }

  stop() {
    this.failure ??= "stopped";
    this.child.kill();
  }
}
