// One end of our call, with the same source and the same kind of sink as webrtc.js.
import { clockTrack, Latencies } from "./picture.js";
import { recordTrack } from "./sound.js";

const latencies = new Latencies();
let client;
let remote;
let endRecording;

export async function join({ token, role, display, processing, readyLanes }) {
  const { createClient } = await import(new URL("/sdk/index.js", location.origin).href);
  client = createClient({
    gateway: location.origin,
    token,
    transport: "webtransport",
    readyLanes,
    encryption: { key: new Uint8Array(32).fill(7) },
    audioProcessing: {
      echoCancellation: processing,
      noiseSuppression: processing,
      autoGainControl: processing,
    },
    videoCodecs: ["vp8"],
  });
  if (role === "receive") {
    client.on("stream-subscribed", ({ stream }) => {
      remote = stream;
      stream.onVideoFrame((frame) => void latencies.take(frame));
      // Audio is always played; the video is shown when asked for.
      const place = document.createElement("div");
      place.style.cssText = display ? "width: 640px; height: 360px" : "display: none";
      document.body.append(place);
      stream.play(place).catch((error) => console.error(error));
    });
  }
  await client.join();
}

/** Sends the video of the clock and the fake microphone. */
export async function publish({ width, height, fps, bitrate }) {
  const { createStream } = await import(new URL("/sdk/index.js", location.origin).href);
  const source = clockTrack({ width, height, fps });
  // Our engine processes the audio itself; the browser's processing on top would be done twice.
  const microphone = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const stream = createStream({
    audio: true,
    video: true,
    audioSource: microphone.getAudioTracks()[0],
    videoSource: source.track,
  });
  await stream.setVideoProfile({ width, height, frameRate: fps, bitrate: bitrate / 1000 });
  await stream.initialize();
  await client.publish(stream);
}

export const drain = () => latencies.drain();

/** Begins to record what is heard. */
export async function record() {
  const track = remote?.getAudioTrack();
  if (!track) throw new Error("nothing is heard");
  endRecording = await recordTrack(track);
}

export const recorded = () => endRecording();

export async function stats() {
  const all = await client.getStats();
  const [audio] = Object.values(all.remoteAudio);
  return {
    transport: all.transport.transport,
    codec: all.localVideo?.codec,
    videoBytes: all.localVideo?.bytesSent ?? 0,
    height: all.localVideo?.frameHeight ?? 0,
    targetBitrate: all.localVideo?.targetBitrate ?? 0,
    audioConcealed: audio?.concealedSamples ?? 0,
    audioSamples: audio?.totalSamplesReceived ?? 0,
    audioLevel: audio?.audioLevel ?? 0,
    all,
  };
}
