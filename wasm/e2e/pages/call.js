// One participant, driven by a test through page.evaluate. Uses the SDK's public names only.
import { paintCode, readFrame, wallClock } from "../fixtures/picture_code.js";

/** @type {any} */
let sdk;
/** @type {any} */
let client;
/** @type {any} */
let local;
/** Remote users: what came of them. */
const remotes = new Map();
/** Names and details of the client's events, in order. */
const events = [];

/**
 * @param {{ token: string, key?: number[], group?: object, transport?: string, suite?: string,
 *   audioProcessing?: object, wasmBuild?: string, gateway?: string, videoCodecs?: string[] }}
 *   options
 *   an external key, or options of group keys
 * @returns {Promise<{ joined: true } | { joined: false, code: string, closeCode?: number, message:
 *   string }>}
 */
export async function join({
  token,
  key,
  group,
  transport = "auto",
  suite,
  audioProcessing,
  wasmBuild,
  gateway = location.origin,
  videoCodecs,
}) {
  sdk = await import(new URL("/sdk/index.js", location.origin).href);
  try {
    client = sdk.createClient({
      gateway,
      token,
      transport,
      encryption: {
        ...(key ? { key: Uint8Array.from(key) } : withBytes(group)),
        ...(suite ? { suite } : {}),
      },
      ...(audioProcessing ? { audioProcessing } : {}),
      ...(wasmBuild ? { wasmBuild } : {}),
      ...(videoCodecs ? { videoCodecs } : {}),
      logLevel: "debug",
    });
    for (const name of [
      "stream-added",
      "stream-removed",
      "stream-updated",
      "stream-subscribed",
      "peer-join",
      "peer-leave",
      "mute-audio",
      "unmute-audio",
      "mute-video",
      "unmute-video",
      "connection-state-changed",
      "decryption-state-changed",
      "roster-changed",
      "epoch-changed",
      "verification-changed",
      "group-state-changed",
      "group-warning",
      "client-banned",
      "error",
    ]) {
      client.on(name, (event) => {
        events.push({
          name,
          user: event?.userId ?? event?.stream?.getUserId(),
          state: event?.state,
          message: event?.message,
          kind: event?.kind,
          reason: event?.reason,
          at: performance.now(),
        });
        if (name === "stream-subscribed") attach(event.stream);
      });
    }
    await client.join();
    return { joined: true };
  } catch (error) {
    return {
      joined: false,
      code: error.codeName ?? error.name,
      closeCode: error.closeCode,
      message: error.message,
    };
  }
}

/** What came as arrays of numbers, as bytes. @param {any} group */
function withBytes(group = {}) {
  const { identity, certificates, ...others } = group;
  const bytes = (list) => list?.map((one) => Uint8Array.from(one));
  const { authorities, chain, ...policy } = certificates ?? {};
  return {
    ...others,
    ...(identity
      ? { identity: Array.isArray(identity) ? Uint8Array.from(identity) : identity }
      : {}),
    ...(certificates
      ? {
          certificates: {
            ...policy,
            authorities: bytes(authorities),
            ...(chain ? { chain: bytes(chain) } : {}),
          },
        }
      : {}),
  };
}

function attach(stream) {
  const user = stream.getUserId();
  const known = remotes.get(user);
  // Somebody who was gone for a while comes back with another stream.
  if (known && (known.stream === stream || stream.getType() !== known.stream.getType())) return;
  /** @type {any[]} */
  const codes = [];
  const remote = { stream, codes, frames: 0, unreadable: 0, keep: 3_000 };
  remotes.set(user, remote);
  stream.onVideoFrame(async (frame) => {
    const at = wallClock();
    const { visibleRect } = frame;
    remote.frames += 1;
    const code = await readFrame(frame);
    frame.close();
    if (!code) remote.unreadable += 1;
    else if (remote.codes.length < remote.keep)
      remote.codes.push({ ...code, at, width: visibleRect?.width, height: visibleRect?.height });
  });
  void stream.play("remote");
}

/**
 * Opens the fake camera and microphone, or takes the given track, and publishes.
 * @param {{ audio?: boolean, video?: boolean, profile?: any, small?: any }} [options] `small`: the
 *   profile of a small stream
 */
export async function publish({ audio = true, video = true, profile = "360p", small } = {}) {
  local = sdk.createStream({ audio, video });
  await local.setVideoProfile(profile);
  if (small) {
    await local.setSmallStreamProfile(small);
    await local.enableSmallStream();
  }
  await local.initialize();
  await local.play("local");
  await client.publish(local);
}

/**
 * Publishes a screen on which a line of text changes with each frame: a canvas in place of what
 * `getDisplayMedia` gives.
 * @param {{ width: number, height: number, fps: number }} options
 */
export async function publishScreen({ width, height, fps }) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) throw new Error("no canvas");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#222";
  context.font = "20px monospace";
  for (let y = height / 4; y < height; y += 28)
    context.fillText("the quick brown fox jumps over the lazy dog 0123456789 ".repeat(3), 8, y);
  let counter = 0;
  setInterval(() => {
    counter += 1;
    paintCode(context, width, height, { counter, time: wallClock() });
  }, 1000 / fps);
  const [videoSource] = canvas.captureStream(fps).getVideoTracks();
  local = sdk.createStream({ screen: true, videoSource });
  await local.initialize();
  await client.publish(local);
}

/**
 * Publishes a frame that never changes: a canvas that is painted once. @param {{ small?: any }}
 * [options] as of {@link publish}
 */
export async function publishStill({ small } = {}) {
  const [width, height] = [640, 360];
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) throw new Error("no canvas");
  const [videoSource] = canvas.captureStream(30).getVideoTracks();
  local = sdk.createStream({ videoSource });
  if (small) {
    await local.setSmallStreamProfile(small);
    await local.enableSmallStream();
  }
  await local.initialize();
  paintCode(context, width, height, { counter: 7, time: wallClock() });
  await client.publish(local);
}

/**
 * From now on the page and the workers that it starts are so many milliseconds late: its own clock,
 * or theirs since the page was loaded, as after a sleep.
 */
export function setClocks({ window = 0, timeOrigin = 0 }) {
  const { now } = Date;
  Date.now = () => now() - window;
  const Real = Worker;
  const late = `data:text/javascript,const began = performance.timeOrigin; Object.defineProperty(performance, "timeOrigin", { get: () => began - ${timeOrigin} })`;
  globalThis.Worker = class extends Real {
    constructor(url, options) {
      super(
        URL.createObjectURL(
          new Blob([`import ${JSON.stringify(late)}; import ${JSON.stringify(String(url))};`], {
            type: "text/javascript",
          }),
        ),
        options,
      );
    }
  };
}

/** Calls a method of the local stream. */
export const ofLocal = async (method, ...args) => await local[method](...args);
export const setStreamType = (user, type) => client.setRemoteVideoStreamType(user, type);
export const setDefaultStreamType = (type) => client.setRemoteDefaultVideoStreamType(type);

export const mute = (what, on) => local[`${on ? "mute" : "unmute"}${what}`]();
export const leave = () => client.leave();
export const rotateKeys = () => client.rotateKeys();
export const selfTest = (options) => client.selfTest(options);
export const setCompared = (user, compared) => client.setCompared(user, compared);
export const encryption = () => client.getEncryptionState();
/** The group as the page sees it; nothing is asked of a worker. */
export const group = () => ({
  code: client.getVerificationCode(),
  members: client.getGroupMembers(),
});
export const isolated = () => crossOriginIsolated;
export const connectionState = () => client.getConnectionState();
export const stats = () => client.getStats();
export const systemRequirements = async () =>
  (await import(new URL("/sdk/index.js", location.origin).href)).checkSystemRequirements();
export const logs = () => client.getLogs();
export const eventsSoFar = () => events;
export const remoteUsers = () => [...remotes.keys()];

/** What came of a remote user's video since the last call. */
export function pictures(user) {
  const remote = remotes.get(user);
  if (!remote) return { frames: 0, unreadable: 0, codes: [], decryption: "no stream" };
  const { frames, unreadable, codes, stream } = remote;
  Object.assign(remote, { frames: 0, unreadable: 0, codes: [] });
  return { frames, unreadable, codes, decryption: stream.getDecryptionState() };
}

/** A PNG data URL of what is shown last, or undefined. */
export const snapshot = (user) => remotes.get(user)?.stream.getVideoFrame();

/**
 * Records what this page plays: 48 kHz mono samples, as base64 of little-endian floats. `during` is
 * a busy wait of so many milliseconds on the main thread, half a second into the recording.
 */
export async function recordSound({ seconds, block = 0 }) {
  const stream = [...remotes.values()]
    .map(({ stream }) => stream)
    .find((stream) => stream.hasAudio());
  const track = stream?.getAudioTrack();
  if (!track) return { base64: "", track: false, samples: 0 };
  const context = new AudioContext({ sampleRate: 48_000 });
  await context.audioWorklet.addModule(new URL("./recorder_worklet.js", import.meta.url));
  const node = new AudioWorkletNode(context, "recorder", {
    numberOfInputs: 1,
    numberOfOutputs: 1,
    channelCount: 1,
    channelCountMode: "explicit",
  });
  const blocks = [];
  node.port.onmessage = ({ data }) => blocks.push(data);
  const source = context.createMediaStreamSource(new MediaStream([track]));
  source.connect(node).connect(context.destination);
  await context.resume();
  await new Promise((resolve) => setTimeout(resolve, 500));
  if (block > 0) {
    for (const end = performance.now() + block; performance.now() < end;);
  }
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000 - 500));
  source.disconnect();
  await context.close();
  const samples = new Float32Array(blocks.length * 128);
  blocks.forEach((values, i) => samples.set(values, i * 128));
  const bytes = new Uint8Array(samples.buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 32_768)
    text += String.fromCharCode(...bytes.subarray(i, i + 32_768));
  return { base64: btoa(text), track: true, samples: samples.length };
}
