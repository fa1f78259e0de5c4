// `make bench-crypto`: SM4-GCM beside its rivals, in one run. One JSON object on stdout, a table on
// stderr; both also under .build/crypto-bench, as report.json and report.md.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { check } from "./check.js";
import { load } from "./machine.js";
import { modules } from "./modules.js";
import { PeerProcess } from "./process.js";
import { report } from "./report.js";
import { absentPeers, nodeRuntimes, out, roster } from "./roster.js";
import { randomFrom, shuffled } from "./statistics.js";
import { table } from "./table.js";

const HELP = `node js/run.js [OPTION...]     (after build.sh; make bench-crypto OPTIONS="..." does both)

  --rounds N        how often each cell is measured (25)
  --sample MS       how long a measurement lasts at least, in milliseconds (6)
  --warm MS         how long each peer seals and opens before the first round, in milliseconds (500)
  --sizes A,B,...   bytes of a message (160,1200,16384,1048576)
  --peers REGEX     only peers whose id matches; our portable kernel always runs, as the reference
  --nodes REGEX     only these Nodes (node20, node26)
  --seed N          order of the cells and peers (1)
`;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "25" },
    sample: { type: "string", default: "6" },
    warm: { type: "string", default: "500" },
    sizes: { type: "string", default: "160,1200,16384,1048576" },
    peers: { type: "string", default: "" },
    nodes: { type: "string", default: "" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit();
}
const settings = {
  rounds: Number(values.rounds),
  sampleMs: Number(values.sample),
  warmMs: Number(values.warm),
  sizes: values.sizes.split(",").map(Number),
  seed: Number(values.seed),
};
const PORTABLE = "smrtc-portable";
/** Frames of sound: what is sealed by the batch. */
const BATCH_FRAME_BYTES = 160;

/** A call that takes as long as so many samples is slow. */
const SLOW_SAMPLES = 10;

const say = (text) => console.error(`bench-crypto: ${text}`);
const random = randomFrom(settings.seed);
const runtimes = nodeRuntimes().filter(({ name }) => new RegExp(values.nodes).test(name));
const entries = roster(runtimes).filter(
  ({ id }) => id === PORTABLE || new RegExp(values.peers).test(id),
);
/** @type {{ peer: string, reason: string }[]} */
const absent = absentPeers();
/** @type {Map<string, { entry: import("./roster.js").Entry, process: PeerProcess, version: string }>} */
const peers = new Map();

const loadBefore = load();
try {
  await startAndCheck();
  await warmUp();
  const samples = await rounds();
  const object = report({
    settings,
    runtimes,
    peers,
    absent,
    samples,
    modules: modules(entries, runtimes),
    load: [loadBefore, load()],
  });
  const markdown = table(object);
  const json = JSON.stringify(object);
  writeFileSync(`${out}/report.json`, `${json}\n`);
  writeFileSync(`${out}/report.md`, markdown);
  console.log(json);
  console.error(`\n${markdown}`);
  if (absent.some(({ reason }) => reason.startsWith("broken"))) process.exitCode = 1;
} finally {
  for (const { process: child } of peers.values()) child.stop();
}

/** Keeps in `peers` those that run and give the right result. */
async function startAndCheck() {
  const started = entries.map((entry) => ({ entry, process: new PeerProcess(entry.command) }));
  const portable = started.find(({ entry }) => entry.id === PORTABLE);
  if (!portable) throw new Error("no portable kernel to compare with");
  for (const { entry, process: child } of started) {
    const ask = (request) => child.ask(request);
    try {
      const { version } = await ask({ do: "describe" });
      const checked = await check(entry, ask, (request) => portable.process.ask(request), random);
      say(`${entry.id} (${version}) gives the right result ${checked} times`);
      peers.set(entry.id, { entry, process: child, version });
    } catch (error) {
      // A result that differs is a finding about somebody; the run goes on and fails at its end.
      const reason = `broken: ${error.message.split("\n")[0]}`;
      say(`${entry.id}: ${reason}`);
      absent.push({ peer: entry.id, reason });
      child.stop();
    }
  }
}

/** Optimising compilers see what is hot before anything counts. */
async function warmUp() {
  say("warming up");
  const each = settings.warmMs / settings.sizes.length / 2;
  for (const { process: child } of peers.values()) {
    for (const bytes of settings.sizes) {
      for (const what of ["seal", "open"])
        await child.ask({ do: "measure", what, bytes, milliseconds: each });
    }
    await child.ask({ do: "measure", what: "setKey", bytes: 0, milliseconds: 20 });
  }
}

/**
 * A new process for each native peer. Where the system happens to lay its memory makes up to a
 * fifth of its speed, and stays with a process; so a round draws anew. Those in JavaScript would
 * have to be warmed up again, and stay.
 */
async function renewNative() {
  for (const peer of peers.values()) {
    if (peer.entry.side !== "native") continue;
    peer.process.stop();
    peer.process = new PeerProcess(peer.entry.command);
    await peer.process.ask({ do: "measure", what: "open", bytes: 1200, milliseconds: 2 });
  }
}

/**
 * Every round takes the cells in random order, and within a cell the peers in random order, so that
 * what is compared was measured within a moment. The result is nanoseconds per call by cell, peer
 * and round; a call that a peer has not is missing.
 */
async function rounds() {
  const cells = settings.sizes.flatMap((bytes) =>
    ["seal", "open"].map((what) => ({ what, bytes })),
  );
  cells.push({ what: "setKey", bytes: 0 }, { what: "sealBatch", bytes: BATCH_FRAME_BYTES });
  const taken = cells.map((cell) => ({
    ...cell,
    /** @type {Map<string, number[]>} */ byPeer: new Map(),
  }));
  for (let round = 0; round < settings.rounds; round++) {
    await renewNative();
    if (round % 5 === 0) say(`round ${round + 1} of ${settings.rounds}`);
    for (const { what, bytes, byPeer } of shuffled(taken, random)) {
      for (const [id, { process: child }] of shuffled([...peers], random)) {
        // What takes so long is measured in every fifth round only: it would be most of the run.
        if (round % 5 && (byPeer.get(id)?.[0] ?? 0) > SLOW_SAMPLES * settings.sampleMs * 1e6)
          continue;
        const { nanosecondsPerCall } = await child.ask({
          do: "measure",
          what,
          bytes,
          milliseconds: settings.sampleMs,
        });
        if (nanosecondsPerCall === undefined) continue;
        const list = byPeer.get(id) ?? [];
        list[round] = nanosecondsPerCall;
        byPeer.set(id, list);
      }
    }
  }
  return new Map(taken.map(({ what, bytes, byPeer }) => [`${what} ${bytes}`, byPeer]));
}
