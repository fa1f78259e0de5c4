/**
 * One camera or screen: takes frames, encodes them, hands chunks to the engine. What rate to encode at and when to make
 * a key frame is the engine's decision; here they meet the browser's encoder.
 */
import { RtcError } from "../../errors.ts";
import { ClockMapper } from "../clock.ts";
import { codecString, encoderConfig, fitPicture } from "../codec.ts";
import { nowUs } from "../deadline.ts";
import type { Logger } from "../logger.ts";
import type { VideoSenderStats, VideoSettings, VideoSource } from "../worker_protocol.ts";
import { FrameRate } from "../frame_rate.ts";

/** What the sender needs of the worker around it. */
export interface VideoSink {
  /** Whether a picture captured now is worth encoding: asked once for each. */
  wants(track: number): boolean;
  /** Seals and sends a chunk, whose time stamp is its media time; false if there is no session. */
  send(chunk: EncodedVideoChunk, track: number): boolean;
  onSize(track: number, width: number, height: number, codec: string): void;
  onSourceEnded(track: number): void;
  onError(error: RtcError): void;
}

/** Frames waiting in the encoder beyond this are late already: the new one is skipped instead. */
const ENCODER_QUEUE = 2;
/** The encoder is told of a new rate only if it differs by this much, and not more often than that. */
const BITRATE_STEP = 0.08;
const BITRATE_INTERVAL_US = 200_000;
const KEY_FRAME_INTERVAL_US = 300_000;
const REPEAT_AFTER_MS = 350;
const FEW_FAILURES = 3;
const REST_US = 2_000_000;

export class VideoSender {
  #settings: VideoSettings;
  #encoder: VideoEncoder | undefined;
  #config: VideoEncoderConfig | undefined;
  #reader: ReadableStreamDefaultReader<VideoFrame> | undefined;
  #port: MessagePort | undefined;
  #clock = new ClockMapper();
  #muted = false;
  #closed = false;
  #keyFrameWanted = true;
  #lastKeyFrameUs = Number.NEGATIVE_INFINITY;
  #targetBitrate: number;
  #bitrateSetUs = 0;
  #failures = 0;
  #restUntilUs = 0;
  /** For the log. */
  #lastFormat = "";
  /** Of a screen: the last picture and when it came. */
  #last: VideoFrame | undefined;
  #lastUs = 0;
  #repeatTimer: ReturnType<typeof setTimeout> | undefined;
  #sourceWidth = 0;
  #sourceHeight = 0;
  /** Media time → when encoding began. Bounded by the encoder's queue. */
  readonly #inEncoder = new Map<number, number>();
  #lastMediaTimeUs = 0;
  readonly #rate = new FrameRate();
  #framesEncoded = 0;
  #keyFramesEncoded = 0;
  #framesDropped = 0;
  #encoderOverruns = 0;
  #encodeTimeUs = 0;

  constructor(
    readonly track: number,
    readonly kind: "video" | "screen",
    settings: VideoSettings,
    readonly sink: VideoSink,
    readonly log: Logger,
  ) {
    this.#settings = settings;
    this.#targetBitrate = Math.min(settings.maxBitrate, START_BITRATE);
  }

  /** Takes frames from here, in place of what was before. */
  setSource(source: VideoSource): void {
    this.#dropSource();
    this.#failures = 0;
    this.#restUntilUs = 0;
    this.#keyFrameWanted = true;
    this.#clock = new ClockMapper();
    if (source.kind === "readable") {
      this.#reader = source.readable.getReader();
      void this.#read(this.#reader);
    } else {
      this.#port = source.port;
      source.port.onmessage = ({ data }: MessageEvent<VideoFrame | null>) => {
        if (data === null) this.sink.onSourceEnded(this.track);
        else this.#take(data);
      };
    }
  }

  update(settings: VideoSettings): void {
    this.#settings = settings;
    // Taken up at the next frame, which knows its size.
    this.#sourceWidth = 0;
  }

  setMuted(muted: boolean): void {
    this.#muted = muted;
    if (!muted) this.#keyFrameWanted = true;
  }

  requestKeyFrame(): void {
    this.#keyFrameWanted = true;
    clearTimeout(this.#repeatTimer);
    // A screen where nothing moves brings no picture to make the key frame of: the last one serves again.
    this.#repeatTimer = setTimeout(() => this.#repeatLast(), REPEAT_AFTER_MS);
  }

  #repeatLast(): void {
    const last = this.#last;
    if (!this.#keyFrameWanted || last === undefined || this.#closed) return;
    const timestamp = last.timestamp + (nowUs() - this.#lastUs);
    this.#take(new VideoFrame(last, { timestamp }), false);
    // It may have been skipped, for the path's sake or the encoder's.
    if (this.#keyFrameWanted) this.#repeatTimer = setTimeout(() => this.#repeatLast(), REPEAT_AFTER_MS);
  }

  /** The engine's estimate for video in bit/s. */
  setTargetBitrate(bitrate: number): void {
    this.#targetBitrate = Math.max(LEAST_BITRATE, Math.min(bitrate, this.#settings.maxBitrate));
    const config = this.#config;
    const encoder = this.#encoder;
    if (config?.bitrate === undefined || encoder?.state !== "configured") return;
    const change = Math.abs(this.#targetBitrate - config.bitrate) / config.bitrate;
    const now = nowUs();
    if (change < BITRATE_STEP || now - this.#bitrateSetUs < BITRATE_INTERVAL_US) return;
    this.#bitrateSetUs = now;
    this.#config = { ...config, bitrate: this.#targetBitrate };
    encoder.configure(this.#config);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#repeatTimer);
    this.#last?.close();
    this.#last = undefined;
    this.#dropSource();
    if (this.#encoder !== undefined && this.#encoder.state !== "closed") this.#encoder.close();
    this.#encoder = undefined;
  }

  stats(): VideoSenderStats {
    return {
      track: this.track,
      codec: this.#config?.codec ?? codecString(this.#settings.codec, this.#settings.maxWidth, this.#settings.maxHeight),
      framesEncoded: this.#framesEncoded,
      keyFramesEncoded: this.#keyFramesEncoded,
      framesDropped: this.#framesDropped,
      encoderOverruns: this.#encoderOverruns,
      framesPerSecond: this.#rate.perSecond(nowUs()),
      frameWidth: this.#config?.width ?? 0,
      frameHeight: this.#config?.height ?? 0,
      targetBitrate: this.#targetBitrate,
      totalEncodeTime: this.#encodeTimeUs / 1e6,
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
    if (!this.#closed) this.sink.onSourceEnded(this.track);
  }

  #take(frame: VideoFrame, keep = this.kind === "screen"): void {
    if (keep) {
      this.#last?.close();
      this.#last = frame.clone();
      this.#lastUs = nowUs();
    }
    try {
      this.#encode(frame);
    } catch (thrown) {
      this.#fail(thrown);
    } finally {
      frame.close();
    }
  }

  #encode(frame: VideoFrame): void {
    const now = nowUs();
    if (this.#closed || this.#muted || now < this.#restUntilUs) return;
    if (frame.displayWidth !== this.#sourceWidth || frame.displayHeight !== this.#sourceHeight) {
      this.#configure(frame.displayWidth, frame.displayHeight);
    }
    const encoder = this.#encoder;
    if (encoder?.state !== "configured") return;
    const overrun = encoder.encodeQueueSize >= ENCODER_QUEUE;
    if (overrun || !this.sink.wants(this.track)) {
      if (overrun) this.#encoderOverruns++;
      this.#framesDropped++;
      return;
    }
    const keyFrame = this.#keyFrameWanted && now - this.#lastKeyFrameUs >= KEY_FRAME_INTERVAL_US;
    if (keyFrame) {
      this.#keyFrameWanted = false;
      this.#lastKeyFrameUs = now;
    }
    // Encoders refuse time stamps that do not grow, and another camera has another clock: ours goes in, and comes back.
    const mediaTimeUs = Math.max(this.#lastMediaTimeUs + 1, Math.round(this.#clock.map(frame.timestamp, now)));
    this.#lastMediaTimeUs = mediaTimeUs;
    this.#inEncoder.set(mediaTimeUs, now);
    this.#lastFormat = `${frame.format ?? "opaque"} ${frame.displayWidth}x${frame.displayHeight}`;
    const stamped = new VideoFrame(frame, { timestamp: mediaTimeUs });
    encoder.encode(stamped, { keyFrame });
    stamped.close();
  }

  #configure(sourceWidth: number, sourceHeight: number): void {
    const { codec, maxWidth, maxHeight, frameRate } = this.#settings;
    this.#sourceWidth = sourceWidth;
    this.#sourceHeight = sourceHeight;
    const size = fitPicture(sourceWidth, sourceHeight, maxWidth, maxHeight);
    this.#targetBitrate = Math.min(this.#targetBitrate, this.#settings.maxBitrate);
    const config = encoderConfig(codec, { ...size, frameRate, bitrate: this.#targetBitrate });
    const changed = config.codec !== this.#config?.codec || config.width !== this.#config.width || config.height !== this.#config.height;
    this.#config = config;
    if (this.#encoder?.state !== "configured" || changed) this.#start(config);
    else this.#encoder.configure(config);
    if (changed) this.sink.onSize(this.track, size.width, size.height, config.codec);
  }

  #start(config: VideoEncoderConfig): void {
    if (this.#encoder !== undefined && this.#encoder.state !== "closed") this.#encoder.close();
    this.#inEncoder.clear();
    const encoder = new VideoEncoder({
      output: (chunk) => {
        if (this.#encoder === encoder) this.#onChunk(chunk);
      },
      error: (error) => {
        if (this.#encoder === encoder) this.#fail(error);
      },
    });
    this.#encoder = encoder;
    encoder.configure(config);
    this.#keyFrameWanted = true;
    this.#lastKeyFrameUs = Number.NEGATIVE_INFINITY;
    this.log.info(`track ${this.track}: encoding ${config.codec} ${config.width}x${config.height} at ${config.bitrate ?? 0} bit/s`);
  }

  #onChunk(chunk: EncodedVideoChunk): void {
    const now = nowUs();
    const sinceUs = this.#inEncoder.get(chunk.timestamp);
    this.#inEncoder.delete(chunk.timestamp);
    if (sinceUs === undefined || this.#muted) return;
    this.#encodeTimeUs += now - sinceUs;
    this.#framesEncoded++;
    this.#failures = 0;
    this.#rate.add(now);
    if (chunk.type === "key") this.#keyFramesEncoded++;
    if (!this.sink.send(chunk, this.track)) this.#keyFrameWanted = true;
  }

  #fail(thrown: unknown): void {
    if (this.#closed) return;
    this.#failures++;
    this.log.warn(`track ${this.track}: the encoder failed (${this.#failures}) at ${this.#lastFormat}: ${String(thrown)}`);
    this.#encoder = undefined;
    // A new encoder at the next frame, or, once that has not helped, after a while: another camera may suit it.
    this.#sourceWidth = 0;
    if (this.#failures <= FEW_FAILURES) return;
    this.#restUntilUs = nowUs() + REST_US;
    if (this.#failures > FEW_FAILURES + 1) return;
    this.sink.onError(new RtcError("CODEC_FAILED", `the video encoder failed: ${String(thrown)}`, { cause: thrown }));
  }

  #dropSource(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    void reader?.cancel().catch(() => undefined);
    this.#port?.close();
    this.#port = undefined;
  }
}

const START_BITRATE = 1_000_000;
/** Below it encoders give up rate control; the pacer and skipped pictures do the rest. */
const LEAST_BITRATE = 30_000;

/** Encodes one grey picture and throws it away: the first encode of a codec takes up to 220 ms, later ones a few. */
export async function warmUp(settings: VideoSettings): Promise<void> {
  const width = settings.maxWidth;
  const height = settings.maxHeight;
  const encoder = new VideoEncoder({ output: () => undefined, error: () => undefined });
  try {
    encoder.configure(encoderConfig(settings.codec, { width, height, frameRate: settings.frameRate, bitrate: settings.maxBitrate }));
    const frame = new VideoFrame(new Uint8Array((width * height * 3) / 2), { format: "I420", codedWidth: width, codedHeight: height, timestamp: 0 });
    encoder.encode(frame, { keyFrame: true });
    frame.close();
    await encoder.flush();
  } catch {
    // The real encoder reports what is wrong.
  }
  if (encoder.state !== "closed") encoder.close();
}
