import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineHost } from "../src/internal/engine_host.ts";
import type { Joined, Peer, RequestBody, Track } from "../src/internal/generated/engine.ts";
import { Roster } from "../src/internal/roster.ts";

type Subscription = Extract<RequestBody, { kind: "subscribe" }>;

/** A room in which every stream is received; `refuse` makes the gateway say no. */
function room(): {
  roster: Roster;
  asked: (participantId: number) => number[];
  refuse: (refused: boolean) => void;
} {
  const subscriptions: Subscription[] = [];
  let refused = false;
  const host = {
    uplink: {
      call: (_name: string, body: RequestBody) => {
        if (refused) return Promise.reject(new Error("refused"));
        if (body.kind === "subscribe" && body.track === 1) subscriptions.push(body);
        return Promise.resolve();
      },
    },
    downlink: { call: () => Promise.resolve() },
    audio: { playing: true },
  } as unknown as EngineHost;
  const roster = new Roster({
    host,
    autoSubscribe: true,
    emit: () => undefined,
    onPeersChanged: () => undefined,
    onError: (thrown) => assert.fail(String(thrown)),
  });
  const asked = (participantId: number): number[] =>
    subscriptions
      .filter((one) => one.participantId === participantId)
      .map(({ maxSpatialLayer }) => maxSpatialLayer);
  return { roster, asked, refuse: (now) => (refused = now) };
}

const track = (changes: Partial<Track> = {}): Track => ({
  number: 1,
  kind: "video",
  codec: "vp8",
  stream: "main",
  muted: false,
  width: 640,
  height: 360,
  ...changes,
});
const peer = (participantId: number, userId: string, tracks = [track()]): Peer => ({
  participantId,
  userId,
  role: "anchor",
  decodeCodecs: [],
  tracks,
});
const joined = (...peers: Peer[]): Joined => ({
  participantId: 99,
  attachTicket: new Uint8Array(),
  roomId: "room",
  userId: "me",
  role: "anchor",
  peers,
});
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 40));

test("everybody's big stream is received unless something else was said", async () => {
  const { roster, asked } = room();
  roster.reset(joined(peer(1, "ada"), peer(2, "bob")));
  await settle();
  assert.deepEqual([asked(1), asked(2)], [[15], [15]]);
});

test("another size is asked for once, of the one user, and back again", async () => {
  const { roster, asked } = room();
  roster.reset(joined(peer(1, "ada"), peer(2, "bob")));
  await settle();
  await roster.setStreamType("ada", "small");
  await roster.setStreamType("ada", "small");
  assert.deepEqual([asked(1), asked(2)], [[15, 0], [15]]);
  await roster.setStreamType("ada", "auto");
  assert.deepEqual(asked(1), [15, 0, 15]);
});

test("what was said of a user holds when the user comes, and comes again", async () => {
  const { roster, asked } = room();
  roster.reset(joined());
  await roster.setStreamType("ada", "small");
  roster.handle({ kind: "peer-joined", ...peer(1, "ada") });
  await settle();
  assert.deepEqual(asked(1), [0]);
  roster.handle({ kind: "peer-left", participantId: 1, reason: "left" });
  roster.handle({ kind: "peer-joined", ...peer(3, "ada") });
  await settle();
  assert.deepEqual(asked(3), [0]);
  roster.reset(joined(peer(4, "ada")));
  await settle();
  assert.deepEqual(asked(4), [0], "a connection that came back asks for all sizes");
});

test("what a session tells before the room is taken from its answer is not lost", async () => {
  const { roster, asked } = room();
  roster.begin();
  roster.handle({ kind: "peer-joined", ...peer(2, "bob", []) });
  roster.handle({ kind: "track-published", participantId: 2, track: track() });
  roster.reset(joined());
  await settle();
  assert.deepEqual(asked(2), [15], "the first time");

  // Everybody comes back under the same number after the gateway was lost, and bob publishes while
  // our downlink is being attached.
  roster.begin();
  roster.handle({ kind: "track-published", participantId: 2, track: track() });
  roster.handle({ kind: "peer-joined", ...peer(3, "cas") });
  roster.reset(joined(peer(2, "bob", [])));
  await settle();
  assert.deepEqual([asked(2), asked(3)], [[15, 15], [15]]);
});

test("the default is for those of whom nothing else was said, and not for screens", async () => {
  const { roster, asked } = room();
  roster.reset(
    joined(
      peer(1, "ada"),
      peer(2, "bob"),
      peer(3, "cas", [track({ kind: "screen", stream: "auxiliary" })]),
    ),
  );
  await settle();
  await roster.setStreamType("bob", "big");
  await roster.setDefaultStreamType("small");
  assert.deepEqual([asked(1), asked(2), asked(3)], [[15, 0], [15], [15]]);
});

test("a change that the gateway refuses is told, and may be tried again", async () => {
  const { roster, asked, refuse } = room();
  roster.reset(joined(peer(1, "ada")));
  await settle();
  refuse(true);
  await assert.rejects(roster.setStreamType("ada", "small"), /refused/);
  assert.ok(roster.streams[0]?.media.video?.subscribed, "what was received goes on");
  refuse(false);
  await roster.setStreamType("ada", "small");
  assert.deepEqual(asked(1), [15, 0]);
});

test("words that mean nothing are refused", async () => {
  const { roster } = room();
  await assert.rejects(roster.setStreamType("ada", "tiny" as "small"), {
    codeName: "INVALID_PARAMETER",
  });
  await assert.rejects(roster.setDefaultStreamType("auto" as "small"), {
    codeName: "INVALID_PARAMETER",
  });
});
