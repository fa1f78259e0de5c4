/**
 * One camera or screen: takes frames from their source and hands each to the encoders, one for
 * each size that is sent.
 */
import type { RtcError } from "../../errors.ts";
import { ClockMapper } from "../clock.ts";
import { codecString, encoderConfig } from "../codec.ts";
import { nowUs } from "../deadline.ts";
import type { Logger } from "../logger.ts";
import type {
  VideoLayerStats,
  VideoSenderStats,
  VideoSettings,
  VideoSource,
} from "../worker_protocol.ts";
import { LayerEncoder } from "./layer_encoder.ts";
import { largestSent, layersOf } from "./layers.ts";
import type { LayerSettings } from "./layers.ts";
import type { Reference } from "./references.ts";

/**
 * What the sender needs of the worker around it. `spatial` counts the sizes from 0, the smallest.
 */
export interface VideoSink {
  /** Whether a frame captured now is worth encoding: asked once for each. */
  wants(track: number, spatial: number): boolean;
  /** Whether the browser encodes in two temporal layers. */
  encodesTwoLayers(codec: VideoSettings["codec"]): boolean;
  /** Seals and sends a chunk, whose time stamp is its media time; false if there is no session. */
  send(chunk: EncodedVideoChunk, reference: Reference, track: number, spatial: number): boolean;
  /** Of the largest size. */
  onSize(track: number, width: number, height: number, codec: string): void;
  onSourceEnded(track: number): void;
  onError(error: RtcError): void;
}

/**
 * How long a frame that somebody waits for may take to come from the source. Then the last one is
 * encoded once more.
 */
const NEEDED_AFTER_US = 200_000;
/**
 * A frame that stands still becomes sharper with each repetition, which costs next to nothing,
 * and the gateway sees that all sizes are still there: one of which nothing comes for a second is
 * gone, to it.
 */
const REPEAT_AFTER_US = 500_000;
const LOOK_MS = 100;

type Counters = Pick<
  VideoLayerStats,
  "framesEncoded" | "keyFramesEncoded" | "framesDropped" | "encoderOverruns" | "totalEncodeTime"
>;
const NO_COUNTERS: Counters = {
  framesEncoded: 0,
  keyFramesEncoded: 0,
  framesDropped: 0,
  encoderOverruns: 0,
  totalEncodeTime: 0,
};

export class VideoSender {
  #settings: VideoSettings;
  /** The smallest first: the index is the spatial layer. */
  #encoders: LayerEncoder[] = [];
  /** What encoders counted that are no more. */
  #gone = NO_COUNTERS;
  #reader: ReadableStreamDefaultReader<VideoFrame> | undefined;
  #port: MessagePort | undefined;
  #clock = new ClockMapper();
  #muted = false;
  #closed = false;
  /**
   * The last frame and when it came: a source where nothing moves gives no other to make a key
   * frame of. The one before is closed at once, so that a camera, which has few buffers, misses no
   * more than one of them.
   */
  #last: VideoFrame | undefined;
  #lastUs = 0;
  /** When a frame was given to all encoders, from the source or repeated. */
  #encodedUs = 0;
  readonly #repeatTimer = setInterval(() => this.#repeatLast(), LOOK_MS);
  #lastMediaTimeUs = 0;

  constructor(
    readonly track: number,
    readonly kind: "video" | "screen",
    settings: VideoSettings,
    readonly sink: VideoSink,
    readonly log: Logger,
  ) {
    this.#settings = settings;
    this.#encoders = this.layers.map((layer) => this.#encoder(layer));
  }

  /** The sizes that are sent, the smallest first. */
  get layers(): LayerSettings[] {
    return layersOf(this.#settings, this.kind);
  }

  /** Takes frames from here, in place of what was before. */
  setSource(source: VideoSource): void {
    this.#dropSource();
    this.#dropLast();
    for (const encoder of this.#encoders) encoder.restart();
    this.#clock = new ClockMapper();
    if (source.kind === "readable") {
      this.#reader = source.readable.getReader();
      void this.#read(this.#reader);
    } else {
      this.#port = source.port;
      source.port.onmessage = ({ data }: MessageEvent<VideoFrame | null>) => {
        if (data === null) this.#onSourceEnded();
        else this.#take(data);
      };
    }
  }

  update(settings: VideoSettings): void {
    this.#settings = settings;
    const { layers } = this;
    const before = this.#encoders;
    const moved = before.length !== layers.length;
    this.#encoders = layers.map((layer) => {
      const kept = before.find(({ rid }) => rid === layer.rid);
      if (kept === undefined) return this.#encoder(layer);
      kept.update(settings, layer);
      // Under another number it is another stream to those who receive it.
      if (moved) kept.requestKeyFrame();
      return kept;
    });
    for (const encoder of before) if (!this.#encoders.includes(encoder)) this.#retire(encoder);
  }

  setMuted(muted: boolean): void {
    this.#muted = muted;
    for (const encoder of this.#encoders) encoder.setMuted(muted);
  }

  requestKeyFrame(spatial: number): void {
    this.#encoders[spatial]?.requestKeyFrame();
  }

  /**
   * A source where nothing moves gives no frames, or few; one that came may have been skipped,
   * for the path's sake or the encoder's.
   */
  #repeatLast(): void {
    const last = this.#last;
    const now = nowUs();
    if (this.#muted || last === undefined || now - this.#lastUs < NEEDED_AFTER_US) return;
    const all = now - this.#encodedUs >= REPEAT_AFTER_US;
    const encoders = all ? this.#encoders : this.#encoders.filter(({ needsFrame }) => needsFrame);
    if (encoders.length === 0) return;
    if (all) this.#encodedUs = now;
    const again = new VideoFrame(last, { timestamp: last.timestamp + (now - this.#lastUs) });
    this.#encode(again, encoders);
    again.close();
  }

  /** The engine's estimate for one size in bit/s; 0 if it is not to be sent now. */
  setTargetBitrate(spatial: number, bitrate: number): void {
    this.#encoders[spatial]?.setTargetBitrate(bitrate, spatial > 0);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#repeatTimer);
    this.#dropLast();
    this.#dropSource();
    for (const encoder of this.#encoders) encoder.close();
  }

  /** Counters of all sizes together, size and rates of the largest that is being sent. */
  stats(): VideoSenderStats {
    const layers = this.#encoders.map((encoder, spatial) => ({ spatial, ...encoder.stats() }));
    const { codec, maxWidth, maxHeight } = this.#settings;
    const { framesPerSecond, frameWidth, frameHeight, targetBitrate } = largestSent(layers);
    return {
      track: this.track,
      codec: codecString(codec, frameWidth || maxWidth, frameHeight || maxHeight),
      framesPerSecond,
      frameWidth,
      frameHeight,
      targetBitrate,
      ...layers.reduce<Counters>(add, this.#gone),
      layers,
    };
  }

  async #read(reader: ReadableStreamDefaultReader<VideoFrame>): Promise<void> {
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (this.#reader !== reader) {
          value?.close();
          return;
        }
        if (done) break;
        this.#take(value);
      }
    } catch (thrown) {
      this.log.warn(`track ${this.track}: the source failed: ${String(thrown)}`);
    }
    this.#onSourceEnded();
  }

  /** What is over is not shown to those who come later. */
  #onSourceEnded(): void {
    this.#dropLast();
    if (!this.#closed) this.sink.onSourceEnded(this.track);
  }

  #take(frame: VideoFrame): void {
    // A muted track gives black frames, which are not what is shown once it is no more.
    if (this.#closed || this.#muted) {
      frame.close();
      return;
    }
    this.#dropLast();
    this.#last = frame;
    this.#lastUs = this.#encodedUs = nowUs();
    this.#encode(frame, this.#encoders);
  }

  #encode(frame: VideoFrame, encoders: readonly LayerEncoder[]): void {
    const now = nowUs();
    let stamped: VideoFrame | undefined;
    const stamp = (): VideoFrame =>
      (stamped ??= new VideoFrame(frame, { timestamp: this.#mediaTime(frame, now) }));
    for (const encoder of encoders) encoder.take(frame, now, stamp);
    stamped?.close();
  }

  #dropLast(): void {
    this.#last?.close();
    this.#last = undefined;
  }

  /**
   * Encoders refuse time stamps that do not grow, and another camera has another clock: ours goes
   * in, and comes back.
   */
  #mediaTime(frame: VideoFrame, now: number): number {
    this.#lastMediaTimeUs = Math.max(
      this.#lastMediaTimeUs + 1,
      Math.round(this.#clock.map(frame.timestamp, now)),
    );
    return this.#lastMediaTimeUs;
  }

  #encoder(layer: LayerSettings): LayerEncoder {
    const { track, sink } = this;
    const spatial = (): number => this.#encoders.indexOf(encoder);
    const encoder: LayerEncoder = new LayerEncoder(
      `track ${track}, ${layer.rid}`,
      this.#settings,
      layer,
      {
        wants: () => sink.wants(track, spatial()),
        encodesTwoLayers: (codec) => sink.encodesTwoLayers(codec),
        send: (chunk, reference) => sink.send(chunk, reference, track, spatial()),
        onSize: (width, height, codec) => {
          if (layer.rid === "big") sink.onSize(track, width, height, codec);
        },
        onError: (error) => sink.onError(error),
      },
      this.log,
    );
    encoder.setMuted(this.#muted);
    return encoder;
  }

  #retire(encoder: LayerEncoder): void {
    this.#gone = add(this.#gone, encoder.stats());
    encoder.close();
  }

  #dropSource(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    void reader?.cancel().catch(() => undefined);
    this.#port?.close();
    this.#port = undefined;
  }
}

function add(sum: Counters, more: Counters): Counters {
  return {
    framesEncoded: sum.framesEncoded + more.framesEncoded,
    keyFramesEncoded: sum.keyFramesEncoded + more.keyFramesEncoded,
    framesDropped: sum.framesDropped + more.framesDropped,
    encoderOverruns: sum.encoderOverruns + more.encoderOverruns,
    totalEncodeTime: sum.totalEncodeTime + more.totalEncodeTime,
  };
}

/**
 * Encodes one grey frame and throws it away: the first encode of a codec takes up to 220 ms,
 * later ones a few.
 */
export async function warmUp(settings: VideoSettings): Promise<void> {
  const width = settings.maxWidth;
  const height = settings.maxHeight;
  const encoder = new VideoEncoder({ output: () => undefined, error: () => undefined });
  try {
    encoder.configure(
      encoderConfig(settings.codec, {
        width,
        height,
        frameRate: settings.frameRate,
        bitrate: settings.maxBitrate,
        contentHint: settings.contentHint,
      }),
    );
    const frame = new VideoFrame(new Uint8Array((width * height * 3) / 2), {
      format: "I420",
      codedWidth: width,
      codedHeight: height,
      timestamp: 0,
    });
    encoder.encode(frame, { keyFrame: true });
    frame.close();
    await encoder.flush();
  } catch {
    // The real encoder reports what is wrong.
  }
  if (encoder.state !== "closed") encoder.close();
}
