// What an application does without waiting, or at a bad moment. Driven by test/lifecycle.test.js;
// uses the SDK's public names only.
import { paintCode, wallClock } from "../fixtures/picture_code.js";

/** @type {any} */
const sdk = await import(new URL("/sdk/index.js", location.origin).href);
/** @type {any} */
let client;
/** @type {any} */
let stream;
/** Names and details of the events of client and streams, in order. */
const events = [];

/** Every track that a device gave, whoever asked for it. @type {MediaStreamTrack[]} */
const opened = [];
let opening = 0;
/** Like a machine where only one camera may be open. */
let oneCamera = false;
const openDevices = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (constraints) => {
  opening += 1;
  try {
    if (oneCamera && live().includes("video")) throw new DOMException("in use", "NotReadableError");
    const media = await openDevices(constraints);
    opened.push(...media.getTracks());
    return media;
  } finally {
    opening -= 1;
  }
};

/** What became of an operation. */
const outcome = (promise) =>
  promise.then(
    () => "done",
    (error) => error.codeName ?? error.name,
  );
const outcomes = (promises) => Promise.all(promises.map(outcome));
const devicesSettled = async () => {
  while (opening > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  // What comes after the device is open.
  await new Promise((resolve) => setTimeout(resolve, 50));
};
const create = (options) => {
  const made = sdk.createStream(options);
  for (const name of ["track-ended", "player-state-changed", "error"]) {
    made.on(name, ({ type, reason, codeName }) =>
      events.push({ name, type, reason, code: codeName }),
    );
  }
  return made;
};
/** A track of the application's, on which every frame is another one. */
const canvasTrack = () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
  const context = canvas.getContext("2d", { alpha: false });
  let counter = 0;
  setInterval(() => {
    if (context) paintCode(context, 640, 360, { counter: ++counter, time: wallClock() });
  }, 50);
  return canvas.captureStream(20).getVideoTracks()[0];
};

export const live = () =>
  opened.filter(({ readyState }) => readyState === "live").map(({ kind }) => kind);
export const eventsSoFar = () => events;
export const state = () => client.getConnectionState();
export const stats = () => client.getStats();
export const close = () => stream.close();
export const publish = () => outcome(client.publish(stream));
export const unpublish = () => outcome(client.unpublish(stream));

/** Streams that are closed while their devices open. */
export async function closeWhileOpening() {
  const first = create({ audio: true, video: true });
  const initializing = first.initialize();
  first.close();
  const second = create({ audio: true, video: true });
  await second.initialize();
  const switching = [second.switchDevice("video", ""), second.switchDevice("audio", "")];
  second.close();
  const late = [second.initialize(), second.switchDevice("audio", "")];
  const told = await outcomes([initializing, ...switching, ...late]);
  await devicesSettled();
  return { told, opened: opened.length, live: live() };
}

/**
 * Switches to a device that opens only once ours is closed, then to one that does not open at all.
 */
export async function switchWithOneCamera() {
  stream = create({ video: true });
  await stream.initialize();
  const before = stream.getVideoTrack();
  const { deviceId } = before.getSettings();
  oneCamera = true;
  const told = await outcomes([stream.switchDevice("video", deviceId)]);
  const after = stream.getVideoTrack();
  told.push(await outcome(stream.switchDevice("video", "there is no such device")));
  const last = stream.getVideoTrack();
  oneCamera = false;
  const states = [before, after, last].map(({ readyState }) => readyState);
  const between = live();
  stream.close();
  return { told, another: after !== before, states, live: between, liveAtTheEnd: live() };
}

/** @param {{ token: string, key: number[] }} options */
export function createClient({ token, key }) {
  const encryption = { key: Uint8Array.from(key) };
  client = sdk.createClient({
    gateway: location.origin,
    token,
    transport: "webtransport",
    encryption,
  });
  for (const name of ["connection-state-changed", "exception", "error"]) {
    client.on(name, ({ state, kind, message, codeName }) => {
      events.push({ name, state, kind, message, code: codeName });
    });
  }
}

export const join = () => outcome(client.join());
export const joinLeaveJoin = () =>
  outcomes([client.join(), client.publish(create({ video: true })), client.leave(), client.join()]);

/** Opens the camera, or what else is asked for. @param {any} [options] of the stream */
export async function open(options = { video: true }, profile = "360p") {
  stream = create(options);
  await stream.setVideoProfile(profile);
  await stream.initialize();
}

/** A video track of the application's, and audio in which there is nothing. */
export async function openOwnTracks() {
  const silence = new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0];
  await open({ videoSource: canvasTrack(), audioSource: silence });
  await stream.play("local");
}

export const publishAndLeave = () => outcomes([client.publish(stream), client.leave()]);
/** Published and taken back in one breath. */
export const publishAndUnpublish = () =>
  outcomes([client.publish(stream), client.unpublish(stream)]);
/** Ten changes without waiting for any: ends published, or not. */
export const storm = (endsPublished) =>
  outcomes(
    Array.from({ length: 10 }, (_, i) => {
      const unpublishes = (i % 2 === 0) === endsPublished;
      return unpublishes ? client.unpublish(stream) : client.publish(stream);
    }),
  );

export const endVideo = () => stream.getVideoTrack().stop();
export const replaceVideo = () => outcome(stream.replaceTrack(canvasTrack()));
/** Publishes a stream whose only track has ended, then gives that track to streams. */
export async function publishEnded() {
  const track = canvasTrack();
  const ended = sdk.createStream({ videoSource: track, screen: true });
  await ended.initialize();
  track.stop();
  const another = sdk.createStream({ videoSource: track });
  const told = await outcomes([
    client.publish(ended),
    another.initialize(),
    stream.replaceTrack(track),
  ]);
  ended.close();
  return told;
}
export const muteVideo = (muted) => (muted ? stream.muteVideo() : stream.unmuteVideo());
