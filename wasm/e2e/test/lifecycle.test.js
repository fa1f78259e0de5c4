// What an application does without waiting, or at a bad moment: what was asked for last is what
// comes of it, and what was closed is off.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startChromium } from "../harness/browsers.js";
import { sleep, until } from "../harness/child.js";
import { startGateway } from "../harness/gateway.js";
import { KEY, Peer } from "../harness/peer.js";
import { makeWebRoot } from "../harness/web_root.js";

/** @type {Awaited<ReturnType<typeof startChromium>>} */
let chromium;
/** @type {import("../harness/gateway.js").Gateway} */
let gateway;
let root = "";

before(
  async () => {
    root = makeWebRoot();
    // Of two values the last one counts.
    chromium = await startChromium({
      args: ["--autoplay-policy=document-user-activation-required"],
    });
    gateway = await startGateway(root);
  },
  { timeout: 90_000 },
);
after(async () => {
  await chromium?.close();
  await gateway?.stop();
});

/**
 * A page with pages/lifecycle.js in it. Playwright's own `evaluate` counts as a gesture of the
 * user, so it is not used.
 */
class Application {
  static async open() {
    const context = await chromium.browser.newContext({ permissions: ["camera", "microphone"] });
    const page = await context.newPage();
    await page.goto(`${gateway.origin}/e2e/pages/call.html`);
    const application = new Application(page, await context.newCDPSession(page));
    const module = `${gateway.origin}/e2e/pages/lifecycle.js`;
    await application.#evaluate(`import("${module}").then((call) => { globalThis.call = call; })`);
    return application;
  }

  constructor(page, devTools) {
    this.page = page;
    this.devTools = devTools;
  }

  call(name, ...args) {
    return this.#evaluate(`globalThis.call[${JSON.stringify(name)}](...${JSON.stringify(args)})`);
  }

  async told(name, wanted = {}) {
    const expected = Object.entries({ name, ...wanted });
    const events = await this.call("eventsSoFar");
    return events.find((event) => expected.every(([key, value]) => event[key] === value));
  }

  async #evaluate(expression) {
    const options = { awaitPromise: true, returnByValue: true, userGesture: false };
    const { result, exceptionDetails: failure } = await this.devTools.send("Runtime.evaluate", {
      expression,
      ...options,
    });
    if (failure) throw new Error(failure.exception?.description ?? failure.text);
    return result.value;
  }
}

/** Joins an application with these rights and a viewer to a room. */
async function inCall(room, during, { role = "anchor" } = {}) {
  const ada = await Application.open();
  const bob = await Peer.open(chromium.browser, "bob", gateway.origin);
  try {
    await bob.join(gateway, room);
    await ada.call("createClient", { token: gateway.token(room, "ada", { role }), key: KEY });
    await during(ada, bob);
  } catch (error) {
    const events = await ada.call("eventsSoFar").catch(String);
    error.message += `\n${JSON.stringify(events)}\n${await bob.trouble()}`;
    throw error;
  } finally {
    await ada.page.context().close();
    await bob.close();
  }
}

/** Nothing is encoded or sent any more. */
async function assertSendsNothing(ada) {
  const { localVideo, localAudio } = await ada.call("stats");
  assert.deepEqual([localVideo, localAudio], [undefined, undefined]);
}

test(
  "a stream that is closed while its devices open leaves none on",
  { timeout: 60_000 },
  async () => {
    const page = await Application.open();
    const { told, opened, live } = await page.call("closeWhileOpening");
    assert.deepEqual(told, [
      "ABORTED",
      "ABORTED",
      "ABORTED",
      "INVALID_OPERATION",
      "INVALID_OPERATION",
    ]);
    assert.ok(opened >= 5, `only ${opened} devices were opened: the test proves nothing`);
    assert.deepEqual(live, []);

    const one = await page.call("switchWithOneCamera");
    assert.deepEqual(one.told, ["done", "DEVICE_NOT_FOUND"]);
    assert.ok(one.another, "the other camera was not taken");
    assert.deepEqual(
      one.states,
      ["ended", "ended", "live"],
      "the camera that was closed for the other one is back",
    );
    assert.deepEqual([one.live, one.liveAtTheEnd], [["video"], []]);
    await page.page.context().close();
  },
);

test(
  "what was asked for last is what comes of joins and publications that nobody waits for",
  { timeout: 120_000 },
  () =>
    inCall("storm", async (ada, bob) => {
      assert.deepEqual(await ada.call("joinLeaveJoin"), ["ABORTED", "ABORTED", "done", "done"]);
      assert.equal(await ada.call("state"), "CONNECTED");
      await ada.call("open");
      assert.equal(await ada.call("publish"), "done");
      const published = await ada.call("storm", true);
      assert.equal(published.at(-1), "done");
      assert.deepEqual(
        published.filter((told) => !["done", "ABORTED"].includes(told)),
        [],
      );
      await bob.pictures("ada", 10);
      const ended = await ada.call("storm", false);
      assert.equal(ended.at(-1), "done");
      assert.deepEqual(
        ended.filter((told) => !["done", "ABORTED"].includes(told)),
        [],
      );
      await assertSendsNothing(ada);
      assert.deepEqual(await ada.call("publishAndUnpublish"), ["ABORTED", "done"]);
      await sleep(500);
      await assertSendsNothing(ada);
      // Left while it publishes.
      assert.deepEqual(await ada.call("publishAndLeave"), ["ABORTED", "done"]);
      assert.equal(await ada.call("state"), "DISCONNECTED");
      await ada.call("close");
      assert.deepEqual(await ada.call("live"), []);
    }),
);

test(
  "what the gateway refuses is not encoded, and can be published again",
  { timeout: 60_000 },
  () =>
    inCall(
      "refused",
      async (ada) => {
        assert.equal(await ada.call("join"), "done");
        await ada.call("open", { audio: true, video: true }, "720p");
        for (let attempt = 0; attempt < 2; attempt++) {
          assert.equal(await ada.call("publish"), "REQUEST_REFUSED");
          await assertSendsNothing(ada);
          // Nor does an encoder begin that was still being made when the refusal came.
          await sleep(500);
          await assertSendsNothing(ada);
        }
      },
      { role: "audience" },
    ),
);

test(
  "sound that the browser holds back, silence and a track that ends are told",
  { timeout: 120_000 },
  () =>
    inCall("ended", async (ada, bob) => {
      const heardOf = async (name) => {
        const events = await bob.call("eventsSoFar");
        return events.filter((event) => event.user === "ada" && event.name === name).length;
      };
      assert.equal(await ada.call("join"), "done");
      await ada.call("openOwnTracks");
      await ada.call("muteVideo", true);
      assert.equal(await ada.call("publish"), "done");
      const { localVideo } = await ada.call("stats");
      assert.equal(localVideo.framesEncoded, 0, "what is muted is not encoded");
      const exception = (kind, state) => ada.told("exception", { kind, state });
      const held = await until("ada to be told", () => exception("audio-suspended", "begin"));
      assert.match(held.message, /clicks the page/);
      await ada.page.mouse.click(5, 5);
      await until("the end to be told", () => exception("audio-suspended", "end"));

      await ada.call("muteVideo", false);
      await bob.pictures("ada", 10);
      assert.deepEqual(
        await ada.call("publishEnded"),
        Array.from({ length: 3 }, () => "INVALID_OPERATION"),
      );

      const before = await heardOf("mute-video");
      await ada.call("endVideo");
      await until("ada to be told", () => ada.told("track-ended", { type: "video" }));
      assert.ok(await ada.told("player-state-changed", { type: "video", reason: "ended" }));
      await until("bob to be told", async () => (await heardOf("mute-video")) > before);
      assert.equal(await ada.call("replaceVideo"), "done");
      await bob.call("pictures", "ada");
      await bob.pictures("ada", 10);
      const silent = await until("silence to be told", () =>
        exception("silent-microphone", "begin"),
      );
      assert.match(silent.message, /switched on/);

      // Closed and not unpublished: nothing is sent, and another one may be published.
      await ada.call("close");
      await until(
        "nothing to be sent",
        async () => (await ada.call("stats")).localVideo === undefined,
      );
      await ada.call("open");
      assert.equal(await ada.call("publish"), "done");
    }),
);

test(
  "a microphone is heard without a gesture where the browser allows it",
  { timeout: 60_000 },
  () =>
    inCall("gesture", async (ada) => {
      // The browser allows audio only to a page that captures it, and this one does so after it
      // joined.
      assert.equal(await ada.call("join"), "done");
      await ada.call("open", { audio: true });
      assert.equal(await ada.call("publish"), "done");
      await until("sound", async () => (await ada.call("stats")).localAudio?.packetsSent > 20);
    }),
);

test("who publishes while the connection is lost waits for it", { timeout: 180_000 }, () =>
  inCall("lost", async (ada, bob) => {
    assert.equal(await ada.call("join"), "done");
    await ada.call("open");
    await gateway.child.stop("SIGKILL");
    await until("the loss", async () => (await ada.call("state")) === "RECONNECTING");
    const waiting = ada.call("publish");
    assert.equal(await ada.call("unpublish"), "done");
    assert.equal(await waiting, "ABORTED");
    const published = ada.call("publish");
    gateway = await startGateway(root, { port: gateway.port });
    assert.equal(await published, "done");
    await bob.pictures("ada", 10, 90_000);
  }),
);
