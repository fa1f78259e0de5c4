// Certificates of members: whose key the room takes, and the authority of a gateway.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../harness/child.js";
import { startGateway } from "../harness/gateway.js";
import { agreed } from "../harness/group.js";
import { UNPROCESSED } from "../harness/peer.js";
import { Stage } from "../harness/stage.js";
import { program, repository, scratchFolder } from "../harness/workspace.js";

const stage = Stage.use("isolated");
const GROUP = { group: {}, audioProcessing: UNPROCESSED };

/** A file of vectors/x509. */
const vector = (name) => [...readFileSync(join(repository, "vectors/x509", `${name}.der`))];
const certified = (name) => ({
  ...GROUP,
  group: {
    identity: [
      ...Buffer.from(
        readFileSync(join(repository, "vectors/x509", `${name}.key.hex`), "utf8").trim(),
        "hex",
      ),
    ],
    certificates: { authorities: [vector("root")], chain: [vector(name), vector("inter")] },
  },
});

test(
  "a room that asks for certificates takes those of its authority, and says whose is invalid",
  { timeout: 120_000 },
  async () => {
    const at = stage.gateway();
    await stage.withPeers(at, ["alice", "bob", "mallory"], async (alice, bob, mallory) => {
      await alice.join(at, "certified", certified("alice"));
      await bob.join(at, "certified", certified("bob"));
      await alice.call("publish");
      const { members } = await agreed([alice, bob]);
      assert.deepEqual(
        members.map(({ certifiedUntil }) => new Date(certifiedUntil).getUTCFullYear()),
        [2126, 2126],
      );
      await bob.pictures("alice", 15);
      await mallory.join(at, "certified", certified("mallory_expired"));
      // She asks her own policy first, and sends nothing that the others would have to refuse.
      const invalid = async (peer) =>
        (await peer.call("eventsSoFar")).some(
          ({ kind, user }) => kind === "certificate-invalid" && user === "mallory",
        );
      await until("her own page to say that her certificate is invalid", () => invalid(mallory));
      await bob.pictures("alice", 30);
      assert.equal((await alice.call("group")).members.length, 2);
      assert.deepEqual(await Promise.all([alice, bob].map(invalid)), [false, false]);
      assert.ok(
        (await mallory.call("encryption")).perSender.every(
          ({ framesOpened }) => framesOpened === 0,
        ),
      );
    });
  },
);

test(
  "the gateway's authority certifies pages at each join, and a kept key stays the same person",
  { timeout: 150_000 },
  async () => {
    const folder = join(scratchFolder(), "ca");
    const { status, stderr } = spawnSync(
      program("smrtc-gateway"),
      ["ca", "init", "--dir", folder],
      { encoding: "utf8" },
    );
    assert.equal(status, 0, stderr);
    const [pem, key] = ["ca.pem", "ca-key.pem"].map((name) => join(folder, name));
    const authority = [...new X509Certificate(readFileSync(pem)).raw];
    const gateway = await startGateway(stage.root, {
      args: ["--ca-certificate", pem, "--ca-key", key, "--ca-lifetime", "12h"],
    });
    const issued = (identity) => ({
      ...GROUP,
      group: { identity, certificates: { authorities: [authority], issuer: "gateway" } },
    });
    try {
      await stage.withPeers(gateway, ["ada", "bob"], async (ada, bob) => {
        await ada.join(gateway, "issued", issued("new"));
        await bob.join(gateway, "issued", issued({ keptAs: "bob" }));
        await ada.call("publish");
        const { members } = await agreed([ada, bob]);
        for (const { certifiedUntil } of members) {
          const hours = (new Date(certifiedUntil).getTime() - Date.now()) / 3_600_000;
          assert.ok(
            hours > 11.5 && hours <= 12 + 1 / 3_600,
            `certified for another ${hours} hours`,
          );
        }
        await bob.pictures("ada", 15);
        const { fingerprint } = members.find(({ userId }) => userId === "bob");

        await bob.call("leave");
        await agreed([ada]);
        await bob.load(gateway.origin);
        await bob.join(gateway, "issued", issued({ keptAs: "bob" }));
        const again = (await agreed([ada, bob])).members.find(({ userId }) => userId === "bob");
        assert.equal(again.fingerprint, fingerprint, "another certificate of the same key");
        await bob.pictures("ada", 15);
      });
    } finally {
      await gateway.stop();
    }
  },
);

test(
  "a page that asks a gateway for a certificate which issues none is told so",
  { timeout: 60_000 },
  async () => {
    const at = stage.gateway();
    await stage.withPeers(at, ["ada"], async (ada) => {
      const group = { certificates: { authorities: [vector("root")], issuer: "gateway" } };
      const result = await ada.call("join", { token: at.token("none", "ada"), group });
      assert.deepEqual([result.joined, result.code], [false, "REQUEST_REFUSED"]);
      assert.match(result.message, /issues no certificates/);
    });
  },
);
