// One end of an RTCPeerConnection call. The test driver carries the descriptions between the pages.
import { clockTrack, Latencies } from "./picture.js";
import { recordTrack } from "./sound.js";

const connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
const latencies = new Latencies();
let source;

/** Sends the video of the clock and the fake microphone. */
export async function offer({ width, height, fps, bitrate, processing }) {
  source = clockTrack({ width, height, fps });
  const audio = await navigator.mediaDevices.getUserMedia({
    audio: {
      echoCancellation: processing,
      noiseSuppression: processing,
      autoGainControl: processing,
    },
  });
  // One stream, so that the receiver keeps the lips in step, as ours does.
  connection.addTrack(audio.getAudioTracks()[0], audio);
  const video = connection.addTransceiver(source.track, {
    direction: "sendonly",
    streams: [audio],
    sendEncodings: [{ maxBitrate: bitrate, maxFramerate: fps }],
  });
  const codecs = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
  video.setCodecPreferences(codecs.filter(({ mimeType }) => /VP8|rtx|red|ulpfec/i.test(mimeType)));
  await connection.setLocalDescription(await connection.createOffer());
  return gathered();
}

/** @param {string} sdp @param {{ display: boolean }} options */
export async function answer(sdp, { display }) {
  const stream = new MediaStream();
  connection.ontrack = ({ track }) => {
    stream.addTrack(track);
    if (track.kind === "video") sink(track);
  };
  await connection.setRemoteDescription({ type: "offer", sdp });
  await connection.setLocalDescription(await connection.createAnswer());
  // Audio is always played; the video is shown when asked for.
  const element = document.createElement(display ? "video" : "audio");
  element.autoplay = true;
  if (element instanceof HTMLVideoElement) element.width = 640;
  element.srcObject = display ? stream : new MediaStream(stream.getAudioTracks());
  document.body.append(element);
  // It starts when media comes, which is after this answer.
  element.play().catch((error) => console.error(error));
  return gathered();
}

export async function accept(sdp) {
  await connection.setRemoteDescription({ type: "answer", sdp });
}

async function sink(track) {
  const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    await latencies.take(value);
  }
}

async function gathered() {
  if (connection.iceGatheringState !== "complete") {
    await new Promise((resolve) => {
      connection.onicegatheringstatechange = () =>
        connection.iceGatheringState === "complete" && resolve(undefined);
    });
  }
  return connection.localDescription?.sdp;
}

export const drain = () => latencies.drain();

let endRecording;

/** Begins to record what is heard. */
export async function record() {
  const heard = connection.getReceivers().find(({ track }) => track.kind === "audio");
  if (!heard) throw new Error("nothing is heard");
  endRecording = await recordTrack(heard.track);
}

export const recorded = () => endRecording();

/** The numbers of getStats that the report uses. */
export async function stats() {
  const all = [...(await connection.getStats()).values()];
  const pair = all.find(
    ({ type, nominated, state }) => type === "candidate-pair" && nominated && state === "succeeded",
  );
  const byId = (id) => all.find((entry) => entry.id === id);
  const pick = (type, kind) => all.find((entry) => entry.type === type && entry.kind === kind);
  const video = pick("outbound-rtp", "video") ?? pick("inbound-rtp", "video");
  const audio = pick("inbound-rtp", "audio");
  return {
    connected: connection.connectionState === "connected",
    remotePort: pair && byId(pair.remoteCandidateId)?.port,
    remoteType: pair && byId(pair.remoteCandidateId)?.candidateType,
    roundTripMs: pair && pair.currentRoundTripTime * 1000,
    codec: video && byId(video.codecId)?.mimeType,
    videoBytes: video?.bytesSent ?? video?.bytesReceived ?? 0,
    height: video?.frameHeight ?? 0,
    targetBitrate: video?.targetBitrate ?? 0,
    audioConcealed: audio?.concealedSamples,
    audioSamples: audio?.totalSamplesReceived,
    audioEnergy: audio?.totalAudioEnergy,
  };
}

export function close() {
  connection.close();
  source?.stop();
}
