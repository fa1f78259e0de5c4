// A participant in a page of a real browser: pages/call.js behind ordinary functions.
import { until } from "./child.js";

/** The key that everybody shares unless a test says otherwise: 32 bytes. */
export const KEY = Array.from({ length: 32 }, (_, i) => (i * 37 + 11) & 0xff);

/** The readers of audio need it as it was captured; the processing is tested where it lives. */
export const UNPROCESSED = {
  echoCancellation: false,
  noiseSuppression: false,
  autoGainControl: false,
};

export class Peer {
  /** @param {any} page of Playwright or Puppeteer @param {string} user */
  constructor(page, user) {
    this.page = page;
    this.user = user;
    /** @type {string[]} */
    this.console = [];
    page.on("console", (message) => this.console.push(message.text()));
    page.on("pageerror", (error) => this.console.push(`uncaught: ${error.message}`));
  }

  /**
   * @param {any} browser Playwright's or Puppeteer's
   * @param {string} user
   * @param {string} origin of the gateway
   */
  static async open(browser, user, origin) {
    // Playwright wants a context with permissions; in Puppeteer's Firefox a preference grants them.
    const place =
      "newContext" in browser
        ? await browser.newContext({ permissions: ["camera", "microphone"] })
        : browser;
    const page = await place.newPage();
    const peer = new Peer(page, user);
    await peer.load(origin);
    return peer;
  }

  /** Loads the page, or loads it anew. @param {string} origin of the gateway */
  async load(origin) {
    await this.page.goto(`${origin}/e2e/pages/call.html`);
    await this.page.evaluate(async () => {
      globalThis.call = await import(new URL("./call.js", location.href).href);
    });
  }

  /** Calls a function of pages/call.js. */
  async call(name, ...args) {
    return this.page.evaluate(([what, values]) => globalThis.call[what](...values), [name, args]);
  }

  /**
   * Joins, and fails with the page's log if it cannot. With `group: {}` in the options by group
   * keys, else with {@link KEY}.
   */
  async join(gateway, room, options = {}) {
    const result = await this.call("join", {
      token: gateway.token(room, this.user),
      ...("group" in options ? {} : { key: KEY }),
      ...options,
    });
    if (!result.joined)
      throw new Error(
        `${this.user} could not join: ${JSON.stringify(result)}\n${await this.trouble()}`,
      );
  }

  /** Waits until frames of `user` with readable codes have come, and gives them. */
  async pictures(user, atLeast, timeout = 30_000) {
    const codes = [];
    try {
      await until(
        `${this.user} to see ${atLeast} pictures of ${user}`,
        async () => {
          codes.push(...(await this.call("pictures", user)).codes);
          return codes.length >= atLeast;
        },
        { timeout, every: 100 },
      );
    } catch (error) {
      throw new Error(`${error.message}; ${codes.length} came\n${await this.trouble()}`, {
        cause: error,
      });
    }
    return codes;
  }

  /** Samples at 48 kHz of what this page plays. */
  async recordSound(seconds, options = {}) {
    const { base64 } = await this.call("recordSound", { seconds, ...options });
    const bytes = Buffer.from(base64, "base64");
    return new Float32Array(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
    );
  }

  /** The last lines of the page's console and of the SDK's log, for a failed test's message. */
  async trouble() {
    const log = await Promise.race([
      this.call("logs"),
      new Promise((resolve) => setTimeout(() => resolve("(no log)"), 2_000)),
    ]).catch(String);
    return [
      `--- console of ${this.user}`,
      ...this.console.slice(-15),
      `--- log of ${this.user}`,
      ...String(log).split("\n").slice(-40),
    ].join("\n");
  }

  async close() {
    await Promise.race([
      this.call("leave"),
      new Promise((resolve) => setTimeout(resolve, 1_000)),
    ]).catch(() => {});
    await this.page.close().catch(() => {});
  }
}
