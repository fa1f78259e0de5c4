// Records what a page plays, as speech is judged: 16 kHz, mono.
const RATE = 16_000;

/**
 * @param {MediaStreamTrack} track
 * @returns {Promise<() => string>} ends it, and has base64 of little-endian 16-bit samples
 */
export async function recordTrack(track) {
  const context = new AudioContext({ sampleRate: RATE });
  await context.audioWorklet.addModule(new URL("../recorder_worklet.js", import.meta.url));
  const node = new AudioWorkletNode(context, "recorder", {
    numberOfInputs: 1,
    numberOfOutputs: 1,
    channelCount: 1,
    channelCountMode: "explicit",
  });
  /** @type {Float32Array[]} */
  const blocks = [];
  node.port.onmessage = ({ data }) => blocks.push(data);
  context.createMediaStreamSource(new MediaStream([track])).connect(node);
  // A node that leads nowhere is not run; the recorder puts out silence.
  node.connect(context.destination);
  return () => {
    void context.close();
    const samples = new Int16Array(128 * blocks.length);
    blocks.forEach((block, i) =>
      samples.set(
        block.map((sample) => Math.round(32_767 * Math.max(-1, Math.min(1, sample)))),
        128 * i,
      ),
    );
    const bytes = new Uint8Array(samples.buffer);
    let text = "";
    for (let i = 0; i < bytes.length; i += 32_768)
      text += String.fromCharCode(...bytes.subarray(i, i + 32_768));
    return btoa(text);
  };
}
