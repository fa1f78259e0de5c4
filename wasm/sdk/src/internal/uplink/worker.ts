/** Entry of the uplink worker: the page's calls on one side, engine and transport on the other. */
import init, {
  Enrolment,
  Quality,
  UplinkEngine,
  selfTest,
  sm4Backend,
  wipeStack,
} from "smrtc-wasm";
import { RtcError, toPlainError } from "../../errors.ts";
import type { CipherSuiteName } from "../../events.ts";
import type { VideoCodecName } from "../../options.ts";
import { encoderConfig, encodesTwoLayers } from "../codec.ts";
import { nowUs } from "../deadline.ts";
import type {
  Quality as DirectionQuality,
  UplinkStats as UplinkEngineStats,
} from "../generated/engine.ts";
import { Logger } from "../logger.ts";
import { serve } from "../rpc.ts";
import type { Port } from "../rpc.ts";
import type {
  EnrolRequest,
  KeyPortInit,
  UplinkCalls,
  UplinkInit,
  UplinkNotice,
  VideoSettings,
} from "../worker_protocol.ts";
import { AudioSender } from "./audio_sender.ts";
import { certify, userOf } from "./certificate.ts";
import { keepIdentity, keptIdentity } from "./identity_store.ts";
import { UplinkSession } from "./session.ts";
import { VideoSender, warmUp } from "./video_sender.ts";

/** What exists once `init` has run. */
interface Running {
  readonly engine: UplinkEngine;
  readonly session: UplinkSession;
  readonly audio: AudioSender | undefined;
  readonly suite: CipherSuiteName;
  readonly quality: Quality;
}

const log = new Logger("uplink");
const videos = new Map<number, VideoSender>();
/** Tracks that others are to get no frames of, also before there is a sender. */
const mutedVideos = new Set<number>();
/** Codecs, by whether the browser encodes them in two temporal layers. */
const twoLayers = new Map<VideoCodecName, boolean>();
let running: Running | undefined;
/** The signature key that was certified; `init` takes it. */
let enrolled: Uint8Array | undefined;

const notify = serve<UplinkCalls, UplinkNotice>(globalThis as unknown as Port, {
  enrol,
  certify({ gateway, token, request }) {
    return certify(gateway, token, request);
  },
  async init(options) {
    running = await start(options);
  },
  async connect(request) {
    return need().session.connect(request);
  },
  async request(body) {
    await need().session.request(body);
  },
  disconnect({ leave }) {
    need().session.disconnect(leave);
  },
  async addVideo({ track, kind, source, settings }) {
    const { session } = need();
    askForLayers(settings);
    await warmUp(settings);
    videos.get(track)?.close();
    const sized = Promise.withResolvers<{ width: number; height: number; codec: string }>();
    const sender = new VideoSender(
      track,
      kind,
      settings,
      {
        wants: (number, spatial) => session.wantsVideoFrame(number, spatial),
        encodesTwoLayers: (codec) => twoLayers.get(codec) === true,
        send: (chunk, reference, number, spatial) =>
          session.sendVideo(chunk, reference, number, spatial),
        onSize: (number, width, height, codec) => {
          sized.resolve({ width, height, codec });
          notify({ kind: "video-size", track: number, width, height, codec });
        },
        onSourceEnded: (number) => notify({ kind: "source-ended", track: number }),
        onError: (error) => {
          sized.reject(error);
          notify({ kind: "error", error: toPlainError(error) });
        },
      },
      log,
    );
    videos.set(track, sender);
    sender.setMuted(mutedVideos.has(track));
    session.addTrack(track, kind, sender.layers);
    sender.setSource(source);
    // A camera that gives no frame must not hold up the call: what it will be is known well
    // enough.
    const timer = setTimeout(
      () =>
        sized.resolve({
          width: settings.maxWidth,
          height: settings.maxHeight,
          codec: sender.stats().codec,
        }),
      mutedVideos.has(track) ? 0 : FIRST_FRAME_MS,
    );
    return sized.promise.finally(() => clearTimeout(timer));
  },
  replaceVideoSource({ track, source }) {
    videos.get(track)?.setSource(source);
  },
  updateVideo({ track, settings }) {
    askForLayers(settings);
    const sender = videos.get(track);
    if (sender === undefined) return;
    sender.update(settings);
    need().session.addTrack(track, sender.kind, sender.layers);
  },
  muteVideo({ track, muted }) {
    if (muted) mutedVideos.add(track);
    else mutedVideos.delete(track);
    videos.get(track)?.setMuted(muted);
  },
  removeVideo({ track }) {
    videos.get(track)?.close();
    videos.delete(track);
    need().session.removeTrack(track);
  },
  setAudio({ track }) {
    const { session, audio } = need();
    if (audio === undefined) return;
    if (audio.track !== undefined) session.removeTrack(audio.track);
    audio.track = track;
    if (track !== undefined)
      session.addTrack(track, "audio", [{ minBitrate: 0, maxBitrate: AUDIO_BITRATE }]);
  },
  muteAudio({ muted }) {
    need().engine.setAudioMuted(muted);
  },
  setProcessing({ echoCancellation, noiseSuppression, autoGainControl }) {
    need().engine.setAudioProcessing(echoCancellation, noiseSuppression, autoGainControl);
  },
  stats() {
    const { session, engine } = need();
    const stats = session.stats();
    return {
      engine: stats,
      quality: stats === undefined ? undefined : rate(stats),
      video: [...videos.values()].map((sender) => sender.stats()),
      audioLevel: engine.audioLevel(),
      microphoneSilent: need().audio?.silent ?? false,
      howlingFrequency: engine.howlingFrequency(),
      audioTargetBitrate: session.audioBitrate,
      suite: need().suite,
      keySource: engine.keySource(),
      kid: engine.kid(),
      epoch: engine.epoch(),
      sm4Backend: sm4Backend(),
    };
  },
  logs() {
    return log.lines();
  },
  rotateKeys() {
    const { engine, session } = need();
    engine.rotateKeys(nowUs());
    session.drain();
  },
  selfTest({ run }) {
    need();
    return selfTest(run);
  },
  close() {
    if (running === undefined) return;
    const { engine, session, audio } = running;
    running = undefined;
    session.disconnect(false);
    audio?.stop();
    for (const video of videos.values()) video.close();
    videos.clear();
    engine.free();
    wipeStack();
  },
});

/** bit/s: fullband speech in mono. */
const AUDIO_BITRATE = 32_000;
/** How long a camera may take to its first frame. */
const FIRST_FRAME_MS = 3_000;

/**
 * The answer is needed only once a viewer's path turns out to be narrow; until it is here, nothing
 * is encoded so.
 */
function askForLayers({
  codec,
  maxWidth: width,
  maxHeight: height,
  frameRate,
  maxBitrate: bitrate,
}: VideoSettings): void {
  if (twoLayers.has(codec)) return;
  void encodesTwoLayers(encoderConfig(codec, { width, height, frameRate, bitrate })).then(
    (answer) => twoLayers.set(codec, answer),
  );
}

async function start(options: UplinkInit): Promise<Running> {
  log.setLevel(options.logLevel);
  const { memory } = await init({ module_or_path: options.module });
  const { keys, keyPort, suite } = options;
  const secret = keys.kind === "external" ? keys.key : (enrolled ?? (await identityOf(keys)));
  if (enrolled !== undefined && keys.kind === "mls" && !keys.certificates?.chain.length)
    throw new RtcError("INVALID_PARAMETER", "`certificates.issuer` gave no certificates");
  enrolled = undefined;
  const engine = new UplinkEngine(
    {
      suite,
      mls:
        keys.kind === "mls"
          ? {
              suite: keys.suite,
              users: keys.users ?? null,
              certificates: keys.certificates ?? null,
            }
          : null,
      ...options.processing,
    },
    secret,
  );
  // The downlink worker opens with the same keys; they go there without passing through the page.
  const first: KeyPortInit = {
    suite,
    keySource: keys.kind,
    key: keys.kind === "external" ? secret : new Uint8Array(),
  };
  keyPort.postMessage(first, [first.key.buffer]);
  if (keys.kind === "mls") secret.fill(0);
  const session = new UplinkSession(engine, memory, log, {
    notify,
    onKeyFrameRequested: (track, spatial) => videos.get(track)?.requestKeyFrame(spatial),
    onBitrate: (track, spatial, bitrate) => videos.get(track)?.setTargetBitrate(spatial, bitrate),
    onKeyMessage: (bytes) => keyPort.postMessage(bytes, [bytes.buffer]),
    onJoined: () => {
      if (keys.kind === "mls" && typeof keys.identity === "object" && "keptAs" in keys.identity) {
        const length = engine.takeIdentity();
        keep(
          keys.suite,
          keys.identity.keptAs,
          new Uint8Array(memory.buffer, engine.keyMessageAddress(), length).slice(),
        );
      }
    },
  });
  const audio =
    options.audio === undefined
      ? undefined
      : new AudioSender(engine, options.audio, () => session.drain());
  log.info("ready");
  return { engine, session, audio, suite, quality: new Quality() };
}

async function enrol(request: EnrolRequest): Promise<Uint8Array<ArrayBuffer>> {
  const user = userOf(request.token);
  const { memory } = await init({ module_or_path: request.module });
  const secret = await identityOf(request);
  const enrolment = new Enrolment(request.suite, user, secret);
  secret.fill(0);
  try {
    enrolled = new Uint8Array(
      memory.buffer,
      enrolment.secretAddress(),
      enrolment.secretLength(),
    ).slice();
    return enrolment.request();
  } finally {
    enrolment.free();
  }
}

/** The signature key to begin with; empty for a new one. */
async function identityOf({
  suite,
  identity,
}: Pick<EnrolRequest, "suite" | "identity">): Promise<Uint8Array> {
  if (identity === "new") return new Uint8Array();
  if (identity instanceof Uint8Array) return identity;
  try {
    return (await keptIdentity(suite, identity.keptAs)) ?? new Uint8Array();
  } catch (thrown) {
    log.warn(`the kept identity cannot be read, a new one takes its place: ${String(thrown)}`);
    return new Uint8Array();
  }
}

function keep(suite: string, name: string, secret: Uint8Array<ArrayBuffer>): void {
  keepIdentity(suite, name, secret)
    .catch((thrown: unknown) => log.warn(`the identity cannot be kept: ${String(thrown)}`))
    .finally(() => secret.fill(0));
}

function rate({ transport, path }: UplinkEngineStats): DirectionQuality {
  const { currentRoundTripTime: rtt } = transport;
  return need().quality.update(
    nowUs(),
    rtt === undefined ? -1 : rtt * 5e5,
    path.packetsReceived,
    path.packetsLost,
    path.burst,
  );
}

function need(): Running {
  if (running === undefined)
    throw new RtcError("INVALID_OPERATION", "the uplink worker is not ready");
  return running;
}
