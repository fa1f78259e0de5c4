// What an observer in the gateway sees of a call, and what it can do by changing and repeating it.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../harness/child.js";
import { assertHears, assertSees } from "../harness/expect.js";
import { startGateway } from "../harness/gateway.js";
import { KEY, UNPROCESSED } from "../harness/peer.js";
import { assembleFrames, parseMedia, readDatagrams, sharedWindows } from "../harness/recording.js";
import { externalBaseKey, makeOpener } from "../harness/sframe.js";
import { Stage } from "../harness/stage.js";
import { tappedWebRoot } from "../harness/web_root.js";
import { scratchFolder } from "../harness/workspace.js";

const stage = Stage.use();

/** Ada sends, Bob watches and listens, for as long as `during` takes. */
const oneWayCall = (gateway, during) =>
  stage.withPeers(gateway, ["ada", "bob"], async (ada, bob) => {
    const options = { transport: "webtransport", audioProcessing: UNPROCESSED };
    await ada.join(gateway, "wire", options);
    await bob.join(gateway, "wire", options);
    return during(ada, bob);
  });

const rejectedBy = async (peer, sender) => {
  const { encryption } = await peer.call("stats");
  return (
    encryption.perSender.find(({ userId }) => userId === sender) ?? {
      framesOpened: 0,
      framesRejected: 0,
    }
  );
};

test(
  "no byte of Opus or of the encoded picture is in what the gateway carries",
  { timeout: 150_000 },
  async () => {
    const recording = join(scratchFolder(), "media.bin");
    const gateway = await startGateway(tappedWebRoot("encoder_tap.js", ["uplink_worker.js"]), {
      args: ["--record-media", recording],
    });
    /** @type {Buffer[]} */
    let chunks = [];
    try {
      await oneWayCall(gateway, async (ada, bob) => {
        await ada.page.evaluate(() => {
          globalThis.tapped = [];
          new BroadcastChannel("encoder-tap").onmessage = ({ data }) =>
            globalThis.tapped.push(btoa(String.fromCharCode(...data)));
        });
        await ada.call("publish");
        await assertSees(bob, "ada", { pictures: 75 });
        await assertHears(bob);
        chunks = (await ada.page.evaluate(() => globalThis.tapped)).map((text) =>
          Buffer.from(text, "base64"),
        );
      });
    } finally {
      await gateway.stop();
    }
    const datagrams = readDatagrams(recording);
    const frames = assembleFrames(datagrams);
    const audio = frames.filter(({ kind }) => kind === "audio");
    const video = frames.filter(({ kind }) => kind === "video");
    assert.ok(chunks.length > 75, `the encoder gave ${chunks.length} chunks`);
    assert.ok(
      video.length > 75 && audio.length > 150,
      `${video.length} pictures and ${audio.length} pieces of sound were recorded`,
    );

    // First, that the recording is the call: with the key, and by a second implementation of the
    // sealing, it gives back exactly what the encoder made. Each frame's header is authenticated
    // with it.
    const open = makeOpener((kid) => externalBaseKey(KEY, kid));
    const opened = (frame) => open(frame.metadata, frame.sealed);
    const known = new Set(chunks.map((chunk) => chunk.toString("base64")));
    const pictures = video.slice(0, 60).map(opened);
    assert.ok(
      pictures.every((picture) => picture && known.has(picture.plaintext.toString("base64"))),
      "a recorded picture is not one that the encoder gave",
    );
    const sounds = audio.slice(0, 400).map(opened);
    assert.ok(sounds.every(Boolean), "recorded sound does not open");
    // RFC 6716 §3.1: 20 ms mono packets of one configuration begin with the same byte.
    const tocs = new Set(sounds.map((sound) => (sound?.plaintext[0] ?? 0) & 0x04));
    assert.deepEqual([...tocs], [0], "the opened sound is not mono Opus");
    assert.equal(
      open(video[0].metadata, video[1].sealed),
      null,
      "a header that belongs to another frame was accepted",
    );
    assert.equal(
      makeOpener((kid) => externalBaseKey(KEY.with(0, KEY[0] ^ 1), kid))(
        video[0].metadata,
        video[0].sealed,
      ),
      null,
      "another key opens it",
    );

    // Then, that none of it is there in the clear: no eight bytes in a row of any chunk or any Opus
    // packet occur anywhere in any datagram. (Two random strings of this length share a window with
    // probability below 10^-6.)
    const plaintexts = [...chunks, ...sounds.map((sound) => sound?.plaintext ?? Buffer.alloc(0))];
    // The clear header is 28 bytes of engine/WIRE.md, mostly small numbers, and is no part of what
    // is sealed.
    const payloads = datagrams.map((datagram) => datagram.subarray(28));
    const { windows, shared } = sharedWindows(plaintexts, payloads);
    assert.ok(windows > 100_000, `only ${windows} windows were looked for`);
    assert.deepEqual(shared, [], `of ${windows} windows of plaintext these occur in the datagrams`);
    // The search does find things that are there.
    assert.ok(sharedWindows([video[0].sealed.subarray(0, 200)], payloads).shared.length > 100);
    // And the key is nowhere in them either.
    const key = Buffer.from(KEY);
    assert.ok(datagrams.every((datagram) => !datagram.includes(key.subarray(0, 8))));
  },
);

test(
  "a flip of any byte of a sealed frame or of its authenticated header is dropped and counted",
  { timeout: 120_000 },
  async () => {
    const EVERY = 4;
    const gateway = await startGateway(stage.root, { args: ["--tamper", `flip:${EVERY}`] });
    try {
      await oneWayCall(gateway, async (ada, bob) => {
        await ada.call("publish", { video: false });
        // The changed byte walks along the packets, so some hundreds of them meet every byte of the
        // header and of the audio.
        await until(
          "hundreds of changed frames",
          async () => (await rejectedBy(bob, "ada")).framesRejected >= 150,
          { timeout: 90_000, every: 500 },
        );
        const before = await rejectedBy(bob, "ada");
        const now = await until("the call to go on", async () => {
          const counts = await rejectedBy(bob, "ada");
          return counts.framesOpened - before.framesOpened > 150 && counts;
        });
        const rejected = now.framesRejected - before.framesRejected;
        const opened = now.framesOpened - before.framesOpened;
        // One in four was changed. A flip in sender, track or kind sends a packet nowhere, and one
        // in the earlier audio that goes along with a packet hits what has been heard already; so
        // many are missing from the count. None may be added to what was opened.
        const share = rejected / (rejected + opened);
        assert.ok(rejected > 0 && share <= 0.27, `${rejected} refused and ${opened} opened`);
        assert.equal(
          (await bob.call("stats")).encryption.perSender[0].state,
          "ok",
          "a quarter of damaged frames is no wrong key",
        );
      });
    } finally {
      await gateway.stop();
    }
  },
);

test(
  "pictures go on when packets of theirs are changed on the way",
  { timeout: 120_000 },
  async () => {
    const gateway = await startGateway(stage.root, { args: ["--tamper", "flip:50"] });
    try {
      await oneWayCall(gateway, async (ada, bob) => {
        await ada.call("publish");
        await assertSees(bob, "ada", {
          pictures: 300,
          startUp: 30,
          maxSkipShare: 0.6,
          timeout: 60_000,
        });
        const { framesRejected, framesOpened } = await rejectedBy(bob, "ada");
        assert.ok(
          framesRejected > 3 && framesOpened > 100,
          `${framesRejected} refused, ${framesOpened} opened`,
        );
      });
    } finally {
      await gateway.stop();
    }
  },
);

test("a datagram sent again does nothing", { timeout: 120_000 }, async () => {
  const gateway = await startGateway(stage.root, { args: ["--tamper", "replay:5:40"] });
  try {
    await oneWayCall(gateway, async (ada, bob) => {
      await ada.call("publish");
      // What is sent again lies some ten frames back: showing it would step the counter back.
      await assertSees(bob, "ada", { pictures: 150 });
      await assertHears(bob);
      assert.match(await gateway.metrics(), /tamper\w*(\{[^}]*\})? [1-9]\d+/m);
      // Ada is asked after Bob, so that every frame he has opened is among those that she counts.
      const { framesOpened } = await rejectedBy(bob, "ada");
      const { localAudio, localVideo } = await ada.call("stats");
      const sealed = (localAudio?.packetsSent ?? 0) + (localVideo?.framesEncoded ?? 0);
      assert.ok(
        framesOpened > 100 && framesOpened <= sealed,
        `${framesOpened} frames were opened of ${sealed} that were sealed`,
      );
    });
  } finally {
    await gateway.stop();
  }
});

test("the recording's reader understands engine/WIRE.md", () => {
  const datagram = Buffer.alloc(40, 0xab);
  datagram.writeUInt32BE(0x01100007, 0);
  datagram.writeUInt32BE(0x00000001, 4);
  datagram.set([0x11, 2, 3, 0x10, 0, 0, 0, 9, 0, 0, 1, 0], 8);
  const packet = parseMedia(datagram);
  assert.deepEqual(
    [packet?.kind, packet?.key, packet?.sender, packet?.frameId, packet?.payload.length],
    ["video", true, 9, 256, 12],
  );
});
