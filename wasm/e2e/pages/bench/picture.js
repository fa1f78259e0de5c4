// Source and sink of the benchmark's video, the same for both engines.
import { ageMilliseconds, paintCode, readFrame, wallClock } from "../../fixtures/picture_code.js";

/**
 * A video track whose frames carry the wall clock at which they were painted.
 *
 * The video moves all over, so that the encoder spends the bitrate it is given.
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
    context.arc(
      width / 2 + (width / 3) * Math.sin(counter / 20),
      height * 0.6,
      height / 6,
      0,
      2 * Math.PI,
    );
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

/**
 * @typedef {object} Seen one new frame
 * @property {number} at milliseconds, when the page had it
 * @property {number | null} age milliseconds since it was painted; null where its code cannot be
 *   read
 * @property {number} height of the video as decoded
 */

/** Notes each new frame at the moment the page has it. */
export class Latencies {
  /** @type {Seen[]} */
  #frames = [];
  #repeated = 0;
  #since = performance.now();
  #last = -1;

  /** Takes the frame and closes it. @param {VideoFrame} frame */
  async take(frame) {
    const at = performance.now();
    const now = wallClock();
    const height = frame.visibleRect?.height ?? frame.displayHeight;
    const code = await readFrame(frame);
    frame.close();
    if (code && code.counter === this.#last) {
      this.#repeated += 1;
      return;
    }
    if (code) this.#last = code.counter;
    this.#frames.push({ at, age: code ? ageMilliseconds(code.time, now) : null, height });
  }

  /** What came since the last call, and starts over. */
  drain() {
    const until = performance.now();
    const frames = this.#frames;
    const ages = frames.flatMap(({ age }) => (age === null ? [] : [age]));
    const result = {
      since: this.#since,
      until,
      frames,
      ages,
      unreadable: frames.length - ages.length,
      repeated: this.#repeated,
    };
    this.#frames = [];
    this.#repeated = 0;
    this.#since = until;
    return result;
  }
}
