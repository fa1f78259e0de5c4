/**
 * Entry of the downlink worker: the page's calls on one side, engine, decoders and transport on the
 * other.
 */
import init, { DownlinkEngine, Quality, selfTest, wipeStack } from "smrtc-wasm";
import { RtcError } from "../../errors.ts";
import { nowUs } from "../deadline.ts";
import type { DownlinkStats as DownlinkEngineStats } from "../generated/engine.ts";
import { Logger } from "../logger.ts";
import { serve } from "../rpc.ts";
import type { Port } from "../rpc.ts";
import type {
  DownlinkCalls,
  DownlinkInit,
  DownlinkNotice,
  DownlinkStats,
  KeyPortInit,
} from "../worker_protocol.ts";
import { AudioPlayer } from "./audio_player.ts";
import { CanvasTarget, PortTarget, WritableTarget } from "./frame_targets.ts";
import { DownlinkSession } from "./session.ts";
import { VideoReceiver } from "./video_receiver.ts";
import type { FrameTarget } from "./video_receiver.ts";

/** What exists once `init` has run. */
interface Running {
  readonly engine: DownlinkEngine;
  readonly session: DownlinkSession;
  readonly audio: AudioPlayer | undefined;
  readonly quality: Quality;
}

const log = new Logger("downlink");
/** Keyed by {@link trackKey}. */
const receivers = new Map<number, VideoReceiver>();
const targets = new Map<number, FrameTarget>();
/** Of each remote voice, keyed by {@link trackKey}. */
const voices = new Map<number, Quality>();
let running: Running | undefined;

const notify = serve<DownlinkCalls, DownlinkNotice>(globalThis as unknown as Port, {
  async init(options) {
    running = await start(options);
  },
  async connect(request) {
    return need().session.connect(request);
  },
  disconnect() {
    need().session.disconnect();
  },
  addTrack({ sender, track, kind, codec }) {
    const { engine, session } = need();
    if (kind !== "audio") openReceiver(sender, track, codec);
    engine.addTrack(sender, track, kind);
    session.drain();
  },
  removeTrack({ sender, track }) {
    const { engine, session } = need();
    engine.removeTrack(sender, track);
    closeReceiver(trackKey(sender, track));
    session.drain();
  },
  removeSender({ sender }) {
    const { engine, session } = need();
    engine.removeSender(sender);
    for (const [key, receiver] of receivers) if (receiver.sender === sender) closeReceiver(key);
    session.drain();
  },
  setVolume({ sender, track, volume }) {
    need().engine.setVolume(sender, track, volume);
  },
  addCanvas({ id, canvas }) {
    targets.set(id, new CanvasTarget(canvas));
  },
  addWritable({ id, writable }) {
    targets.set(id, new WritableTarget(writable));
  },
  addTap({ id, port }) {
    targets.set(id, new PortTarget(port));
  },
  removeTarget({ id }) {
    const target = targets.get(id);
    if (target === undefined) return;
    targets.delete(id);
    for (const receiver of receivers.values())
      receiver.setTargets(receiver.targets.filter((other) => other !== target));
    target.close();
  },
  showTrack({ sender, track, targets: ids }) {
    const chosen = ids.map((id) => targets.get(id)).filter((target) => target !== undefined);
    receivers.get(trackKey(sender, track))?.setTargets(chosen);
  },
  pauseTrack({ sender, track, paused }) {
    need().engine.setPaused(sender, track, paused);
    receivers.get(trackKey(sender, track))?.pause();
  },
  snapshot({ sender, track }) {
    return receivers.get(trackKey(sender, track))?.snapshot();
  },
  stats() {
    const { session, audio } = need();
    const stats = session.stats();
    return {
      engine: stats,
      ...(stats === undefined ? { quality: undefined, voices: [] } : rate(stats)),
      video: [...receivers.values()].map((receiver) => receiver.stats()),
      playoutUnderrunSamples: audio?.missed ?? 0,
    };
  },
  logs() {
    return log.lines();
  },
  selfTest({ run }) {
    need();
    return selfTest(run);
  },
  close() {
    if (running === undefined) return;
    const { engine, session, audio } = running;
    running = undefined;
    session.disconnect();
    audio?.stop();
    for (const key of [...receivers.keys()]) closeReceiver(key);
    engine.free();
    wipeStack();
  },
});

async function start(options: DownlinkInit): Promise<Running> {
  log.setLevel(options.logLevel);
  const [{ memory }, { suite, keySource, key }] = await Promise.all([
    init({ module_or_path: options.module }),
    receiveKey(options.keyPort),
  ]);
  const engine = new DownlinkEngine(
    {
      suite,
      keySource,
      minPlayoutDelayUs: options.minPlayoutDelayMs * 1000,
      maxPlayoutDelayUs: options.maxPlayoutDelayMs * 1000,
    },
    key,
  );
  key.fill(0);
  const session = new DownlinkSession(engine, memory, log, notify, (sender, track) =>
    receivers.get(trackKey(sender, track)),
  );
  const audio =
    options.audio === undefined
      ? undefined
      : new AudioPlayer(engine, options.audio, () => session.drain());
  log.info("ready");
  return { engine, session, audio, quality: new Quality() };
}

/**
 * Half of the round trip is the way here. A voice is late by its buffer besides, and lost is what
 * had to be concealed.
 */
function rate({
  transport,
  inbound,
  audio,
}: DownlinkEngineStats): Pick<DownlinkStats, "quality" | "voices"> {
  const now = nowUs();
  const { currentRoundTripTime: rtt } = transport;
  const oneWayUs = rtt === undefined ? -1 : rtt * 5e5;
  const sum = (of: "packetsReceived" | "packetsLost"): number =>
    inbound.reduce((total, track) => total + track[of], 0);
  const present = new Set(audio.map(({ sender, track }) => trackKey(sender, track)));
  for (const key of voices.keys()) if (!present.has(key)) voices.delete(key);
  return {
    quality: need().quality.update(now, oneWayUs, sum("packetsReceived"), sum("packetsLost"), 1),
    voices: audio.map(({ sender, track, ...sound }) => {
      const key = trackKey(sender, track);
      const voice = voices.get(key) ?? new Quality();
      voices.set(key, voice);
      const bufferUs =
        sound.jitterBufferEmittedCount === 0
          ? 0
          : (sound.jitterBufferDelay / sound.jitterBufferEmittedCount) * 1e6;
      const heard = sound.totalSamplesReceived - sound.concealedSamples;
      return {
        sender,
        track,
        ...voice.update(
          now,
          oneWayUs < 0 ? -1 : oneWayUs + bufferUs,
          heard,
          sound.concealedSamples,
          1,
        ),
      };
    }),
  };
}

/**
 * The first message says what keys there are; with group keys the others bring them, after both
 * workers are ready.
 */
function receiveKey(port: MessagePort): Promise<KeyPortInit> {
  return new Promise((resolve) => {
    port.onmessage = ({ data }: MessageEvent<KeyPortInit>) => {
      port.onmessage = ({ data: bytes }: MessageEvent<Uint8Array>) => takeKeys(bytes);
      resolve(data);
    };
  });
}

function takeKeys(bytes: Uint8Array): void {
  try {
    running?.engine.keyMessage(nowUs(), bytes);
  } finally {
    bytes.fill(0);
  }
  running?.session.drain();
}

function openReceiver(sender: number, track: number, codec: string): void {
  const key = trackKey(sender, track);
  const earlier = receivers.get(key);
  if (earlier?.codec === codec) return;
  const receiver = new VideoReceiver(
    sender,
    track,
    codec,
    {
      onDecodeFailed: () => {
        need().engine.videoDecodeFailed(nowUs(), sender, track);
        need().session.drain();
      },
      onDecoded: () => need().engine.videoDecoded(nowUs(), sender, track),
      onFirstFrame: (width, height) =>
        notify({ kind: "first-frame", sender, track, width, height }),
    },
    log,
  );
  receivers.set(key, receiver);
  if (earlier === undefined) return;
  // Another codec: its key frame may be past already.
  receiver.setTargets(earlier.targets);
  earlier.close();
  need().engine.videoDecodeFailed(nowUs(), sender, track);
}

function closeReceiver(key: number): void {
  receivers.get(key)?.close();
  receivers.delete(key);
}

/** A sender is 32 bits and a track 8: together they fit a double. */
function trackKey(sender: number, track: number): number {
  return sender * 256 + track;
}

function need(): Running {
  if (running === undefined)
    throw new RtcError("INVALID_OPERATION", "the downlink worker is not ready");
  return running;
}
