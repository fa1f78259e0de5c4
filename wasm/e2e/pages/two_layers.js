// Encodes in two temporal layers with every codec that the browser does so with, and decodes all of
// it and the lower layer alone.

const [WIDTH, HEIGHT, PICTURES] = [320, 180, 40];
const CODECS = ["vp8", "vp09.00.31.08", "avc1.42e01f", "av01.0.05M.08"];

/**
 * @typedef {object} Result
 * @property {string} codec
 * @property {number} all frames that came out of the decoder
 * @property {number} sent of the lower layer
 * @property {number} left that came out when only these were decoded
 * @property {number} same of these, how many came out the same
 */

/** @returns {Promise<Result[]>} */
export async function tryAll() {
  const results = [];
  for (const codec of CODECS) {
    const config = configure(codec);
    const support = await VideoEncoder.isConfigSupported(config).catch(() => undefined);
    if (support?.supported !== true || support.config?.scalabilityMode !== "L1T2") continue;
    const chunks = await encode(config);
    const all = await decode(
      codec,
      chunks.map(({ chunk }) => chunk),
    );
    const base = chunks.filter(({ temporal }) => temporal === 0).map(({ chunk }) => chunk);
    const left = await decode(codec, base);
    const same = [...left].filter(([at, hash]) => all.get(at) === hash).length;
    results.push({ codec, all: all.size, sent: base.length, left: left.size, same });
  }
  return results;
}

/** @param {string} codec @returns {VideoEncoderConfig} */
const configure = (codec) => ({
  codec,
  width: WIDTH,
  height: HEIGHT,
  framerate: 30,
  bitrate: 300_000,
  bitrateMode: "constant",
  latencyMode: "realtime",
  scalabilityMode: "L1T2",
  ...(codec.startsWith("avc1") ? { avc: { format: "annexb" } } : {}),
});

/** @param {VideoEncoderConfig} config */
async function encode(config) {
  /** @type {{ chunk: EncodedVideoChunk, temporal: number }[]} */
  const chunks = [];
  /** @type {unknown} */
  let failed;
  const encoder = new VideoEncoder({
    output: (chunk, metadata) =>
      chunks.push({ chunk, temporal: metadata?.svc?.temporalLayerId ?? 0 }),
    error: (error) => (failed = error),
  });
  encoder.configure(config);
  for (let n = 0; n < PICTURES; n++) {
    const frame = picture(n);
    encoder.encode(frame, { keyFrame: n === 0 || n === 25 });
    frame.close();
    while (encoder.encodeQueueSize > 2) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await encoder.flush();
  if (failed !== undefined) throw failed;
  return chunks;
}

/**
 * Hashes of the frames by their time. @param {string} codec @param {EncodedVideoChunk[]} chunks
 */
async function decode(codec, chunks) {
  /** @type {Map<number, string>} */
  const shown = new Map();
  /** @type {Promise<void>[]} */
  const work = [];
  /** @type {unknown} */
  let failed;
  const decoder = new VideoDecoder({
    output: (frame) =>
      work.push(
        hash(frame)
          .then((value) => void shown.set(frame.timestamp, value))
          .finally(() => frame.close()),
      ),
    error: (error) => (failed = error),
  });
  decoder.configure({ codec, codedWidth: WIDTH, codedHeight: HEIGHT });
  for (const chunk of chunks) decoder.decode(chunk);
  await decoder.flush();
  await Promise.all(work);
  if (failed !== undefined) throw failed;
  return shown;
}

/** @param {VideoFrame} frame */
async function hash(frame) {
  const bytes = new Uint8Array(frame.allocationSize());
  await frame.copyTo(bytes);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).join(" ");
}

const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
const context = canvas.getContext("2d");

/** Something that moves over something that stands. @param {number} n */
function picture(n) {
  if (context === null) throw new Error("no canvas");
  for (let x = 0; x < WIDTH; x += 10) {
    context.fillStyle = `hsl(${(x * 7) % 360} 60% ${30 + ((x * 13) % 40)}%)`;
    context.fillRect(x, 0, 10, HEIGHT);
  }
  context.fillStyle = "white";
  context.fillRect((n * 9) % WIDTH, 40 + ((n * 5) % 80), 50, 50);
  return new VideoFrame(canvas, { timestamp: n * 33_333 });
}
