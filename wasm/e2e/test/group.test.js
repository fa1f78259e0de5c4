// Group keys in browsers: who comes, goes or is taken out changes the keys, and everybody who is in
// sees one code.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { sleep, until } from "../harness/child.js";
import { assertSees } from "../harness/expect.js";
import { startGateway } from "../harness/gateway.js";
import { agreed, epochKeys, epochOf } from "../harness/group.js";
import { UNPROCESSED } from "../harness/peer.js";
import { assembleFrames, readDatagrams } from "../harness/recording.js";
import { makeOpener, parseHeader } from "../harness/sframe.js";
import { Stage } from "../harness/stage.js";
import { tappedWebRoot } from "../harness/web_root.js";
import { scratchFolder } from "../harness/workspace.js";

const stage = Stage.use("isolated");
const GROUP = { group: {}, audioProcessing: UNPROCESSED };

test(
  "two pages agree on a key without one in the link, in each suite, and see each other",
  { timeout: 150_000 },
  async () => {
    for (const groupSuite of [
      "SM2_SM4_GCM_SM3",
      "SM2_PKE_SM4_GCM_SM3",
      "P256_AES_128_GCM_SHA256",
    ]) {
      await stage.withPeers(stage.gateway(), ["ada", "bob"], async (ada, bob) => {
        const room = `pair-${groupSuite}`;
        for (const peer of [ada, bob])
          await peer.join(stage.gateway(), room, { ...GROUP, group: { groupSuite } });
        await ada.call("publish");
        await agreed([ada, bob]);
        await assertSees(bob, "ada", { pictures: 45 });
        const state = await bob.call("encryption");
        assert.deepEqual(
          [state.mode, state.group.suite, state.group.state],
          ["mls", groupSuite, "in-group"],
        );
        assert.ok(state.epoch >= 1 && /^[0-9a-f]{16}$/.test(state.kid), JSON.stringify(state));
      });
    }
  },
);

test(
  "of four pages one leaves, one joins, one is taken out: keys and code change, and media flows on",
  { timeout: 300_000 },
  async (t) => {
    const recording = join(scratchFolder(), "group.bin");
    const gateway = await startGateway(
      tappedWebRoot("keys_tap.js", ["uplink_worker.js", "downlink_worker.js"]),
      { args: ["--record-media", recording] },
    );
    /** @type {Record<string, { baseKey: Buffer, epoch: bigint }[]>} */
    const keys = {};
    try {
      await stage.withPeers(
        gateway,
        ["ada", "bob", "cyd", "dan", "eve", "cyd"],
        async (ada, bob, cyd, dan, eve, cydAgain) => {
          for (const peer of [ada, bob, cyd, dan, eve]) await keepWorkers(peer);
          for (const peer of [ada, bob, cyd, dan]) await peer.join(gateway, "four", GROUP);
          await ada.call("publish");
          const four = await agreed([ada, bob, cyd, dan]);
          await bob.pictures("ada", 45);
          const gaps = { control: await longestGap(bob, "ada", async () => sleep(1_500)) };

          let code = four.code;
          gaps.leave = await longestGap(bob, "ada", async () => {
            await dan.call("leave");
            ({ code } = await agreed([ada, bob, cyd], { not: code }));
          });
          gaps.join = await longestGap(bob, "ada", async () => {
            await eve.join(gateway, "four", GROUP);
            ({ code } = await agreed([ada, bob, cyd, eve], { not: code }));
          });
          await eve.pictures("ada", 15);
          // The same user signs in elsewhere: the gateway ends the first session, and the group
          // takes its leaf out.
          gaps.removal = await longestGap(bob, "ada", async () => {
            await cydAgain.join(gateway, "four", GROUP);
            ({ code } = await agreed([ada, bob, eve, cydAgain], { not: code }));
          });
          await until("the page that was taken out to be told", async () =>
            (await cyd.call("eventsSoFar")).some(({ name }) => name === "client-banned"),
          );
          await bob.pictures("ada", 45);
          await cydAgain.pictures("ada", 15);
          for (const [user, peer] of Object.entries({ ada, bob, cyd, dan, eve }))
            keys[user] = await epochKeys(peer);

          // What makes frames stop at a change is frames that do not open. Not one was refused.
          const [sender] = (await bob.call("encryption")).perSender.filter(
            ({ userId }) => userId === "ada",
          );
          assert.deepEqual(
            [sender.state, sender.framesRejected],
            ["ok", 0],
            JSON.stringify(sender),
          );
          assert.ok(
            !(await bob.call("eventsSoFar")).some(({ state }) => state === "cannot-decrypt"),
          );
          const { freezeCount, totalFreezesDuration } = (await bob.call("stats")).remoteVideo.ada;
          t.diagnostic(JSON.stringify({ longestGapMs: gaps, freezeCount, totalFreezesDuration }));
          for (const [change, gap] of Object.entries(gaps)) {
            assert.ok(
              gap <= Math.max(500, 3 * gaps.control),
              `${change}: no picture for ${gap} ms; ${JSON.stringify(gaps)}`,
            );
          }
        },
      );
    } finally {
      await gateway.stop();
    }
    assertSealedFrom(assembleFrames(readDatagrams(recording)), keys);
  },
);

/** Workers of this page outlive `leave`, so that they can be looked at afterwards. */
const keepWorkers = (peer) =>
  peer.page.evaluate(() => {
    Worker.prototype.terminate = () => undefined;
  });

/**
 * The longest time between two frames that a page showed while something happened and until half
 * a second after, in ms.
 */
async function longestGap(peer, user, during) {
  await peer.call("pictures", user);
  await during();
  await sleep(500);
  const { codes } = await peer.call("pictures", user);
  assert.ok(codes.length > 3, `${codes.length} pictures of ${user} came`);
  return Math.round(Math.max(...codes.slice(1).map(({ at }, i) => at - codes[i].at)));
}

/** Everything that the gateway carried, against the keys that each page ever had. */
function assertSealedFrom(frames, keys) {
  const opens = (user, frame) =>
    keys[user].some(
      ({ baseKey }) => makeOpener(() => baseKey)(frame.metadata, frame.sealed) !== null,
    );
  const sample = (list, count) =>
    list.filter((_, i) => i % Math.max(1, Math.floor(list.length / count)) === 0);
  const epoch = (frame) => epochOf(parseHeader(frame.sealed).kid);
  const [first, last] = [
    (user) => Number(keys[user][0].epoch),
    (user) => Number(keys[user].at(-1)?.epoch),
  ];
  const sound = frames.filter(({ kind }) => kind === "audio");
  const pictures = frames.filter(({ kind, sealed }) => kind === "video" && sealed.length < 4_000);
  const between = (list, from, to) =>
    sample(
      list.filter((frame) => epoch(frame) >= from && epoch(frame) <= to),
      25,
    );
  for (const list of [sound, pictures]) {
    const after = {
      cyd: between(list, last("cyd") + 1, 255),
      dan: between(list, last("dan") + 1, 255),
    };
    for (const user of ["cyd", "dan"]) {
      const before = between(list, first(user), last(user));
      assert.ok(
        before.length > 5 && after[user].length > 5,
        `${user}: ${before.length} frames before, ${after[user].length} after`,
      );
      assert.ok(
        before.every((frame) => opens(user, frame)),
        `${user} had the keys of what was sent while it was there`,
      );
      assert.ok(
        !after[user].some((frame) => opens(user, frame)),
        `${user} opens what was sent after it was out`,
      );
    }
    const beforeEve = between(list, 0, first("eve") - 1);
    assert.ok(
      beforeEve.length > 5 && !beforeEve.some((frame) => opens("eve", frame)),
      "a late page opens what was sent before it came",
    );
    assert.ok(between(list, first("eve"), last("eve")).every((frame) => opens("eve", frame)));
    assert.ok(
      [...after.cyd, ...after.dan, ...beforeEve].every((frame) => opens("ada", frame)),
      "the frames are those of the call",
    );
  }
}

test(
  "an identity that is kept has the same fingerprint in the next call, and stays compared; a new one has another",
  { timeout: 150_000 },
  async () => {
    const at = stage.gateway();
    await stage.withPeers(at, ["ada", "bob"], async (ada, bob) => {
      const kept = (peer) => ({ ...GROUP, group: { identity: { keptAs: peer.user } } });
      const fingerprint = async (peer, user) =>
        (await peer.call("group")).members.find(({ userId }) => userId === user);
      for (const peer of [ada, bob]) await peer.join(at, "kept", kept(peer));
      await agreed([ada, bob]);
      const first = await fingerprint(ada, "bob");
      assert.match(first.fingerprint, /^\d{5}( \d{5}){8}$/);
      assert.equal(
        (await fingerprint(bob, "ada")).fingerprint,
        first.fingerprint,
        "both read the same digits",
      );
      await ada.call("setCompared", "bob", true);
      assert.equal((await fingerprint(ada, "bob")).compared, true);
      await until(
        "a signed message to confirm bob",
        async () => (await fingerprint(ada, "bob")).confirmed,
      );

      await bob.call("leave");
      await agreed([ada]);
      await bob.load(at.origin);
      await bob.join(at, "kept", kept(bob));
      await agreed([ada, bob]);
      const again = await fingerprint(ada, "bob");
      assert.deepEqual([again.fingerprint, again.compared], [first.fingerprint, true]);

      await bob.call("leave");
      await agreed([ada]);
      await bob.load(at.origin);
      await bob.join(at, "kept", GROUP);
      await agreed([ada, bob]);
      const other = await fingerprint(ada, "bob");
      assert.notEqual(other.fingerprint, first.fingerprint);
      assert.equal(
        other.compared,
        false,
        "another key under the same name is not the one that was compared",
      );
    });
  },
);

test(
  "whom the list does not admit stays outside, though the gateway lets it in",
  { timeout: 120_000 },
  async () => {
    const at = stage.gateway();
    await stage.withPeers(at, ["ada", "bob", "mallory"], async (ada, bob, mallory) => {
      const listed = { ...GROUP, group: { admit: ["ada", "bob"] } };
      for (const peer of [ada, bob]) await peer.join(at, "listed", listed);
      await ada.call("publish");
      await agreed([ada, bob]);
      await mallory.join(at, "listed", GROUP);
      await until("mallory's key package to be refused", async () =>
        (await Promise.all([ada, bob].map((peer) => peer.call("eventsSoFar"))))
          .flat()
          .some(({ kind }) => kind === "identity-refused" || kind === "message-refused"),
      );
      await until("media to reach mallory", async () =>
        (await mallory.call("encryption")).perSender.some(
          ({ framesRejected }) => framesRejected > 0,
        ),
      );
      const seen = await mallory.call("encryption");
      assert.ok(
        seen.perSender.every(({ framesOpened }) => framesOpened === 0),
        JSON.stringify(seen.perSender),
      );
      assert.ok(!(await ada.call("group")).members.some(({ userId }) => userId === "mallory"));
      await bob.pictures("ada", 30);
    });
  },
);

test(
  "when the gateway is lost and another takes its place, the pages make a new group and see each other again",
  { timeout: 180_000 },
  async () => {
    let gateway = await startGateway(stage.root);
    try {
      await stage.withPeers(gateway, ["ada", "bob"], async (ada, bob) => {
        for (const peer of [ada, bob]) await peer.join(gateway, "lost", GROUP);
        await ada.call("publish");
        const { code } = await agreed([ada, bob]);
        await bob.pictures("ada", 30);
        const { kid } = await ada.call("encryption");
        await gateway.child.stop("SIGKILL");
        gateway = await startGateway(stage.root, { port: gateway.port });
        await agreed([ada, bob], { not: code });
        await bob.call("pictures", "ada");
        await bob.pictures("ada", 45, 60_000);
        assert.notEqual(
          (await ada.call("encryption")).kid,
          kid,
          "a key that has sealed before seals again",
        );
        assert.equal((await bob.call("encryption")).group.state, "in-group");
      });
    } finally {
      await gateway.stop();
    }
  },
);

test(
  "a machine that slept admits newcomers, and a page whose clock is wrong says so",
  { timeout: 90_000 },
  async () => {
    const at = stage.gateway();
    await stage.withPeers(at, ["ada", "bob"], async (ada, bob) => {
      const hours = 3 * 3_600_000;
      await ada.call("setClocks", { timeOrigin: hours });
      await bob.call("setClocks", { window: hours });
      for (const peer of [ada, bob]) await peer.join(at, "slept", GROUP);
      await agreed([ada, bob]);
      const warnings = async (peer) =>
        (await peer.call("eventsSoFar")).filter(({ name }) => name === "group-warning");
      assert.deepEqual(await warnings(ada), [], "its clock is right, and bob's key package valid");
      const [{ kind, reason }] = await warnings(bob);
      assert.equal(kind, "clock-off");
      assert.match(reason, /the clock of this device is about [23] h \d+ min behind the gateway's/);
    });
  },
);

test("the self-test runs on demand in both workers", { timeout: 60_000 }, async () => {
  await stage.withPeers(stage.gateway(), ["ada"], async (ada) => {
    await ada.join(stage.gateway(), "tested", GROUP);
    const before = await ada.call("selfTest", { run: false });
    assert.notEqual(before.status, "failed");
    assert.equal(before.uplink.tests.length, 18);
    const after = await ada.call("selfTest");
    assert.equal(after.status, "passed");
    for (const { tests } of [after.uplink, after.downlink])
      assert.ok(
        tests.every(({ status }) => status === "passed"),
        JSON.stringify(tests),
      );
  });
});
