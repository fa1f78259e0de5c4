// Source and sink of the benchmark's picture, the same for both engines.
import { ageMilliseconds, paintCode, readFrame, wallClock } from "../../fixtures/picture_code.js";

/**
 * A video track whose frames carry the wall clock at which they were painted.
 *
 * The picture moves all over, so that the encoder spends the bitrate it is given.
 */
export function clockTrack({ width, height, fps }) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) throw new Error("no 2D canvas");
  const texture = noise(width * 2, height);
  const track = new MediaStreamTrackGenerator({ kind: "video" });
  const writer = track.writable.getWriter();
  const start = performance.now();
  let counter = 0;
  let stopped = false;
  const paint = () => {
    if (stopped) return;
    context.drawImage(texture, -((counter * 3) % width), 0);
    context.fillStyle = `hsl(${counter % 360} 70% 50%)`;
    context.beginPath();
    context.arc(width / 2 + (width / 3) * Math.sin(counter / 20), height * 0.6, height / 6, 0, 2 * Math.PI);
    context.fill();
    paintCode(context, width, height, { counter: counter & 0xffffff, time: wallClock() });
    const frame = new VideoFrame(canvas, { timestamp: Math.round(performance.now() * 1000) });
    writer.write(frame).catch(() => {});
    counter += 1;
    setTimeout(paint, start + (counter * 1000) / fps - performance.now());
  };
  paint();
  return {
    track,
    painted: () => counter,
    stop() {
      stopped = true;
      track.stop();
    },
  };
}

/** Soft random hills: texture that a codec can neither ignore nor fail at. */
function noise(width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no 2D canvas");
  const small = new OffscreenCanvas(width / 16, height / 16);
  const smallContext = small.getContext("2d");
  if (!smallContext) throw new Error("no 2D canvas");
  const image = smallContext.createImageData(small.width, small.height);
  let state = 12_345;
  for (let i = 0; i < image.data.length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    image.data[i] = i % 4 === 3 ? 255 : 60 + ((state >>> 16) % 130);
  }
  smallContext.putImageData(image, 0, 0);
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, width, height);
  return canvas;
}

/** Collects the age of each frame at the moment the page has it. */
export class Latencies {
  /** @type {number[]} */
  #ages = [];
  #unreadable = 0;
  #repeated = 0;
  #last = -1;

  /** Takes the frame and closes it. @param {VideoFrame} frame */
  async take(frame) {
    const now = wallClock();
    const code = await readFrame(frame);
    frame.close();
    if (!code) this.#unreadable += 1;
    else if (code.counter === this.#last) this.#repeated += 1;
    else {
      this.#last = code.counter;
      this.#ages.push(ageMilliseconds(code.time, now));
    }
  }

  /** What came since the last call, and starts over. */
  drain() {
    const result = { ages: this.#ages, unreadable: this.#unreadable, repeated: this.#repeated };
    this.#ages = [];
    this.#unreadable = 0;
    this.#repeated = 0;
    return result;
  }
}
