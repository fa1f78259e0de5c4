// What a file of browser tests needs: a Chromium and gateways that start before its tests and end
// after them.
import { after, before } from "node:test";
import { startChromium } from "./browsers.js";
import { startGateway } from "./gateway.js";
import { Peer } from "./peer.js";
import { makeWebRoot } from "./web_root.js";

/** Arguments of the gateways that tests ask for by these names. */
const GATEWAYS = {
  isolated: [],
  /** Its pages are not cross-origin isolated: no shared memory. */
  plain: ["--cross-origin-isolation", "off"],
};

export class Stage {
  /** @type {Awaited<ReturnType<typeof startChromium>> | undefined} */
  #chromium;
  /** @type {Map<string, import("./gateway.js").Gateway>} */
  #gateways = new Map();
  #root = "";

  /**
   * Call it at the top of a test file.
   * @param {...keyof typeof GATEWAYS} gateways
   */
  static use(...gateways) {
    const stage = new Stage();
    before(
      async () => {
        stage.#root = makeWebRoot();
        stage.#chromium = await startChromium();
        for (const name of gateways)
          stage.#gateways.set(name, await startGateway(stage.#root, { args: GATEWAYS[name] }));
      },
      { timeout: 90_000 },
    );
    after(async () => {
      await stage.#chromium?.close();
      for (const gateway of stage.#gateways.values()) await gateway.stop();
    });
    return stage;
  }

  get browser() {
    if (this.#chromium === undefined) throw new Error("the stage is not set yet");
    return this.#chromium.browser;
  }

  /** What the gateways serve. */
  get root() {
    return this.#root;
  }

  /** @param {keyof typeof GATEWAYS} name */
  gateway(name = "isolated") {
    const gateway = this.#gateways.get(name);
    if (gateway === undefined) throw new Error(`the stage has no gateway ${name}`);
    return gateway;
  }

  /**
   * Opens a page of `at` for each user, and closes them when `during` is over. A failure carries
   * their logs.
   * @template T
   * @param {import("./gateway.js").Gateway} at
   * @param {string[]} users
   * @param {(...peers: Peer[]) => Promise<T>} during
   */
  async withPeers(at, users, during) {
    const peers = await Promise.all(users.map((user) => Peer.open(this.browser, user, at.origin)));
    try {
      return await during(...peers);
    } catch (error) {
      if (error instanceof Error)
        error.message += `\n${(await Promise.all(peers.map((peer) => peer.trouble()))).join("\n")}`;
      throw error;
    } finally {
      await Promise.all(peers.map((peer) => peer.close()));
    }
  }
}
