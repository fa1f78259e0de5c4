// Native people and a page in one room hear and see each other: the participant of a browser and
// that of smrtc-native speak the same protocol, under the same group keys.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ageMilliseconds } from "../fixtures/picture_code.js";
import { makeSignal, writeWav } from "../fixtures/sound.js";
import { startBots } from "../harness/bots.js";
import { assertHears, assertInOrder } from "../harness/expect.js";
import { agreed } from "../harness/group.js";
import { UNPROCESSED } from "../harness/peer.js";
import { Stage } from "../harness/stage.js";
import { scratchFolder } from "../harness/workspace.js";

const stage = Stage.use("isolated");
const [ROOMS, PEOPLE] = [2, 4];
/** The page's microphone plays the signal of seed 1. */
const SPEECH = makeSignal(2).map((sample) => sample / 2);

/** The names of the bots of a room. */
const botsOf = (room) => Array.from({ length: PEOPLE }, (_, i) => `bot-${room}-${i + 1}`);

test(
  "eight native people in two rooms and a page in one of them hear and see each other",
  { timeout: 120_000 },
  async (t) => {
    const gateway = stage.gateway();
    const speech = join(scratchFolder(), "speech.wav");
    writeWav(speech, SPEECH);
    const args = ["--audio", speech, "--speak", "1", "--video-rate", "10", "--video-kbps", "100"];
    const bots = startBots(gateway, { room: "mixed", rooms: ROOMS, people: PEOPLE, args });
    try {
      await stage.withPeers(gateway, ["ada"], async (ada) => {
        await ada.join(gateway, "mixed-1", { group: {}, audioProcessing: UNPROCESSED });
        await ada.call("publish");
        const group = await agreed([ada], { others: botsOf(1) });

        await Promise.all(botsOf(1).map((bot) => assertSeesBot(ada, bot)));
        const heardByPage = await assertHears(ada, { signal: SPEECH });
        assert.deepEqual(
          (await ada.call("remoteUsers")).sort(),
          botsOf(1),
          "nobody of the other room",
        );

        const report = await bots.end();
        assertReport(report, group.code);
        const [bot] = botsOf(1);
        const heardByBot = await assertHears(bots.listener("mixed-1", bot), { tries: 3 });
        const { frames, codes } = await decode(ada, bots.video("mixed-1", bot, "ada"));
        assert.ok(codes.length > 0.9 * frames, `${codes.length} of ${frames} frames can be read`);
        const skipped = assertInOrder(codes);
        t.diagnostic(
          JSON.stringify({
            heardByPage,
            heardByBot,
            frames,
            skipped,
            video: report.video,
            audio: report.audio,
            gateway: report.gatewayProcess,
          }),
        );
      });
    } catch (error) {
      if (error instanceof Error) error.message += `\n${bots.trouble()}`;
      throw error;
    } finally {
      await bots.stop();
    }
  },
);

/** The page decodes a bot's video: its counter grows, and its time is that of a moment ago. */
async function assertSeesBot(peer, bot) {
  const codes = await peer.pictures(bot, 20);
  for (let i = 1; i < codes.length; i++) {
    assert.ok(
      codes[i].counter > codes[i - 1].counter,
      `${bot}: ${codes[i - 1].counter} before ${codes[i].counter}`,
    );
  }
  const ages = codes.map(({ time, at }) => ageMilliseconds(time, at)).sort((a, b) => a - b);
  const median = ages[ages.length >> 1];
  assert.ok(median > 0 && median < 5_000, `${bot} is seen ${median} ms late`);
}

/** Decodes an IVF file in a page. */
const decode = (peer, file) =>
  peer.page.evaluate(async (base64) => {
    const { decodeIvf } = await import(new URL("/e2e/pages/decode_ivf.js", location.origin).href);
    return decodeIvf(base64);
  }, file.toString("base64"));

/** All bots saw and heard all others of their room and nobody else, under one key for each room. */
function assertReport(report, code) {
  const text = JSON.stringify(report, undefined, 1);
  assert.equal(report.peopleJoined, ROOMS * PEOPLE, text);
  assert.deepEqual(report.missing, [], text);
  assert.equal(report.framesOfOtherRooms, 0, text);
  const codes = report.rooms.map(({ verificationCode }) => verificationCode);
  assert.equal(codes[0], code, "the bots of the page's room and the page have one code");
  assert.match(codes[1], /^\d{5}( \d{5}){5}$/);
  assert.notEqual(codes[1], code);
  for (const { agreedMs } of report.rooms) assert.ok(agreedMs > 0, text);
  for (const { room, user, framesReceived, packetsReceived, totalAudioEnergy } of report.people) {
    const others = room === "mixed-1" ? ["ada", ...botsOf(1)] : botsOf(2);
    const expected = others.filter((other) => other !== user).sort();
    for (const received of [framesReceived, packetsReceived]) {
      assert.deepEqual(Object.keys(received).sort(), expected, `what ${user} got`);
      assert.ok(
        Object.values(received).every((count) => count > 10),
        text,
      );
    }
    if (room === "mixed-1") assert.ok(totalAudioEnergy.ada > 0, `${user} hears the page`);
  }
  assert.ok(report.video.framesReceived > 0.5 * report.video.framesExpected, text);
  assert.ok(report.audio.concealedShare < 0.5, text);
  for (const { delayMs } of [report.video, report.audio])
    assert.ok(delayMs.median > 0 && delayMs.median < 5_000, text);
  assert.ok(report.gatewayProcess.cpuSeconds > 0 && report.gatewayProcess.memoryBytes > 1e6, text);
}
