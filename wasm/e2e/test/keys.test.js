// Who may come in, and who can see: the gateway decides the first by token, the key alone decides
// the second.
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../harness/child.js";
import { signToken } from "../harness/gateway.js";
import { KEY } from "../harness/peer.js";
import { Stage } from "../harness/stage.js";

const stage = Stage.use("isolated");

test(
  "a third page with the wrong key is told that it cannot decrypt, and gets neither picture nor sound",
  { timeout: 120_000 },
  () =>
    stage.withPeers(stage.gateway(), ["ada", "bob", "eve"], async (ada, bob, eve) => {
      const wrong = KEY.with(5, KEY[5] ^ 1);
      await ada.join(stage.gateway(), "keys");
      await bob.join(stage.gateway(), "keys");
      await eve.join(stage.gateway(), "keys", { key: wrong });
      await ada.call("publish");
      await bob.pictures("ada", 30);
      await until("eve to be told", async () =>
        (await eve.call("eventsSoFar")).some(
          ({ name, user, state }) =>
            name === "decryption-state-changed" && user === "ada" && state === "cannot-decrypt",
        ),
      );
      // Long enough that a frame would have come, as it has come to bob.
      await bob.pictures("ada", 30);
      await until(
        "media to reach eve",
        async () => (await eve.call("stats")).encryption.perSender[0]?.framesRejected > 30,
      );
      const seen = await eve.call("pictures", "ada");
      assert.equal(seen.frames, 0, "eve got a picture");
      assert.equal(seen.decryption, "cannot-decrypt");
      assert.equal(await eve.call("snapshot", "ada"), undefined);
      const heard = await eve.recordSound(1.5);
      assert.ok(
        heard.every((sample) => Math.abs(sample) < 1e-4),
        "eve hears something",
      );
      const [sender] = (await eve.call("stats")).encryption.perSender;
      assert.equal(sender.framesOpened, 0);
      assert.equal(
        (await bob.call("stats")).encryption.perSender.find(({ userId }) => userId === "ada")
          .framesRejected,
        0,
        "eve's presence harms nobody",
      );
    }),
);

const now = () => Math.floor(Date.now() / 1000);
const REFUSED = [
  { what: "no token", token: () => "", closeCode: 4401 },
  { what: "a token that is no token", token: () => "not.a.token", closeCode: 4401 },
  {
    what: "a token signed with another secret",
    token: () =>
      signToken({ room: "r", user: "mallory", secret: "another secret of 32 bytes or more" }),
    closeCode: 4401,
  },
  {
    what: "an expired token",
    token: () => signToken({ room: "r", user: "mallory", expires: now() - 3600 }),
    closeCode: 4402,
  },
];
for (const transport of ["webtransport", "websocket"]) {
  test(
    `a page without a valid token is refused in clear words over ${transport}`,
    { timeout: 90_000 },
    () =>
      stage.withPeers(stage.gateway(), ["mallory"], async (mallory) => {
        for (const { what, token, closeCode } of REFUSED) {
          const result = await mallory.call("join", { token: token(), key: KEY, transport });
          assert.equal(result.joined, false, `${what} was let in`);
          // An empty token may already be caught by the SDK; whatever arrives at the gateway gets
          // its close code.
          if (what !== "no token")
            assert.deepEqual(
              [result.code, result.closeCode],
              ["JOIN_REFUSED", closeCode],
              `${what}: ${JSON.stringify(result)}`,
            );
          assert.match(result.message, /token/, `${what}: the words do not name the token`);
        }
        const accepted = await mallory.call("join", {
          token: stage.gateway().token("r", "mallory"),
          key: KEY,
          transport,
        });
        assert.equal(
          accepted.joined,
          true,
          `the same page with a good token: ${JSON.stringify(accepted)}`,
        );
      }),
  );
}
