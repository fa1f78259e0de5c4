/**
 * One size of a camera or screen: encodes the frames it is given. What rate to encode at and when
 * to make a key frame is the engine's decision; here they meet the browser's encoder.
 */
import { RtcError } from "../../errors.ts";
import { encoderConfig, fitPicture, inTwoLayers } from "../codec.ts";
import { nowUs } from "../deadline.ts";
import { FrameRate } from "../frame_rate.ts";
import type { Logger } from "../logger.ts";
import type { VideoLayerStats, VideoSettings } from "../worker_protocol.ts";
import { LayerDemand } from "./layer_demand.ts";
import { FrameThinner, SurplusThinner, frameRateAt } from "./layers.ts";
import type { LayerSettings } from "./layers.ts";
import { References } from "./references.ts";
import type { Reference } from "./references.ts";

/** What an encoder needs of the sender around it. */
export interface LayerSink {
  /** Whether a frame captured now is worth encoding: asked once for each. */
  wants(): boolean;
  /** Whether frames are encoded in two temporal layers on request. */
  encodesTwoLayers(codec: VideoSettings["codec"]): boolean;
  /** Seals and sends a chunk, whose time stamp is its media time; false if there is no session. */
  send(chunk: EncodedVideoChunk, reference: Reference): boolean;
  onSize(width: number, height: number, codec: string): void;
  onError(error: RtcError): void;
}

/** Frames waiting in the encoder beyond this are late already: the new one is skipped instead. */
const ENCODER_QUEUE = 2;
/**
 * The encoder is told of a new rate only if it differs by this much, and not more often than that.
 */
const BITRATE_STEP = 0.08;
const BITRATE_INTERVAL_US = 200_000;
const KEY_FRAME_INTERVAL_US = 300_000;
const FEW_FAILURES = 3;
const REST_US = 2_000_000;
const START_BITRATE = 1_000_000;
/** Below it encoders give up rate control; the pacer and skipped frames do the rest. */
const LEAST_BITRATE = 30_000;

export class LayerEncoder {
  #codec: VideoSettings["codec"];
  #hint: VideoSettings["contentHint"];
  #layer: LayerSettings;
  #encoder: VideoEncoder | undefined;
  #config: VideoEncoderConfig | undefined;
  #keyFrameWanted = true;
  #lastKeyFrameUs = Number.NEGATIVE_INFINITY;
  #targetBitrate: number;
  /** The path has no room for this size now. */
  #paused = false;
  #muted = false;
  #closed = false;
  #bitrateSetUs = 0;
  #failures = 0;
  #restUntilUs = 0;
  /** For the log. */
  #lastFormat = "";
  #sourceWidth = 0;
  #sourceHeight = 0;
  /** Media time → when encoding began. Bounded by the encoder's queue. */
  readonly #inEncoder = new Map<number, number>();
  readonly #thinner = new FrameThinner();
  readonly #surplus = new SurplusThinner();
  readonly #rate = new FrameRate();
  readonly #references = new References();
  readonly #demand = new LayerDemand();
  #framesEncoded = 0;
  #keyFramesEncoded = 0;
  #framesDropped = 0;
  #encoderOverruns = 0;
  #encodeTimeUs = 0;

  constructor(
    readonly name: string,
    settings: VideoSettings,
    layer: LayerSettings,
    readonly sink: LayerSink,
    readonly log: Logger,
  ) {
    this.#codec = settings.codec;
    this.#hint = settings.contentHint;
    this.#layer = layer;
    this.#targetBitrate = Math.min(layer.maxBitrate, START_BITRATE);
  }

  /**
   * Whether the next frame matters though it may be the same as the last: somebody waits for a
   * key frame, or for new settings to show.
   */
  get needsFrame(): boolean {
    return (
      !this.#closed &&
      !this.#muted &&
      !this.#paused &&
      (this.#keyFrameWanted || this.#sourceWidth === 0)
    );
  }

  get rid(): "small" | "big" {
    return this.#layer.rid;
  }

  /** Taken up at the next frame, which knows its size. */
  update(settings: VideoSettings, layer: LayerSettings): void {
    this.#codec = settings.codec;
    this.#hint = settings.contentHint;
    this.#layer = layer;
    this.#sourceWidth = 0;
  }

  /** Frames come from elsewhere from now on. */
  restart(): void {
    this.#failures = 0;
    this.#restUntilUs = 0;
    this.#keyFrameWanted = true;
  }

  setMuted(muted: boolean): void {
    this.#muted = muted;
    if (!muted) this.#keyFrameWanted = true;
  }

  requestKeyFrame(): void {
    this.#demand.onKeyFrameRequested(nowUs());
    this.#keyFrameWanted = true;
  }

  /**
   * The engine's estimate for this size in bit/s; 0 if it is not to be sent, if it is one that can
   * be left out.
   */
  setTargetBitrate(bitrate: number, leavable: boolean): void {
    const paused = leavable && bitrate === 0;
    if (paused !== this.#paused)
      this.log.info(`${this.name}: ${paused ? "no room for it" : "sent again"}`);
    // A size that begins again does so with a key frame: whoever gets it had the other one.
    if (paused || this.#paused) {
      this.#keyFrameWanted = true;
      this.#lastKeyFrameUs = Number.NEGATIVE_INFINITY;
    }
    this.#paused = paused;
    if (paused) return;
    this.#targetBitrate = Math.max(LEAST_BITRATE, Math.min(bitrate, this.#layer.maxBitrate));
    this.#followBitrate(nowUs());
  }

  /**
   * Tells the encoder of the target. What came too soon after the last change is told with a later
   * frame.
   */
  #followBitrate(now: number): void {
    const config = this.#config;
    const encoder = this.#encoder;
    if (config?.bitrate === undefined || encoder?.state !== "configured") return;
    const change = Math.abs(this.#targetBitrate - config.bitrate) / config.bitrate;
    if (change < BITRATE_STEP || now - this.#bitrateSetUs < BITRATE_INTERVAL_US) return;
    this.#bitrateSetUs = now;
    this.#config = { ...config, bitrate: this.#targetBitrate, framerate: this.#frameRate() };
    encoder.configure(this.#config);
  }

  /**
   * Encodes a frame if it is worth it now. `stamp` gives it with its media time as time stamp,
   * and is called only then.
   */
  take(frame: VideoFrame, now: number, stamp: () => VideoFrame): void {
    try {
      this.#encode(frame, now, stamp);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  close(): void {
    this.#closed = true;
    if (this.#encoder !== undefined && this.#encoder.state !== "closed") this.#encoder.close();
    this.#encoder = undefined;
  }

  stats(): Omit<VideoLayerStats, "spatial"> {
    return {
      rid: this.#layer.rid,
      active: !this.#paused,
      framesEncoded: this.#framesEncoded,
      keyFramesEncoded: this.#keyFramesEncoded,
      framesDropped: this.#framesDropped,
      encoderOverruns: this.#encoderOverruns,
      framesPerSecond: this.#rate.perSecond(nowUs()),
      frameWidth: this.#config?.width ?? 0,
      frameHeight: this.#config?.height ?? 0,
      targetBitrate: this.#paused ? 0 : this.#targetBitrate,
      totalEncodeTime: this.#encodeTimeUs / 1e6,
    };
  }

  #frameRate(): number {
    return frameRateAt(this.#targetBitrate, this.#layer);
  }

  #encode(frame: VideoFrame, now: number, stamp: () => VideoFrame): void {
    if (this.#closed || this.#muted || this.#paused || now < this.#restUntilUs) return;
    const layered =
      this.#layer.layered && this.#demand.wanted(now) && this.sink.encodesTwoLayers(this.#codec);
    const changed = layered !== (this.#config?.scalabilityMode !== undefined);
    if (
      changed ||
      frame.displayWidth !== this.#sourceWidth ||
      frame.displayHeight !== this.#sourceHeight
    ) {
      this.#configure(frame.displayWidth, frame.displayHeight, layered);
    }
    const encoder = this.#encoder;
    if (encoder?.state !== "configured") return;
    const thinner = this.#layer.thins ? this.#thinner : this.#surplus;
    if (!thinner.admits(now, this.#frameRate()) && !this.#keyFrameWanted) return;
    const overrun = encoder.encodeQueueSize >= ENCODER_QUEUE;
    if (overrun || !this.sink.wants()) {
      if (overrun) this.#encoderOverruns++;
      this.#framesDropped++;
      return;
    }
    this.#followBitrate(now);
    const keyFrame = this.#keyFrameWanted && now - this.#lastKeyFrameUs >= KEY_FRAME_INTERVAL_US;
    if (keyFrame) {
      this.#keyFrameWanted = false;
      this.#lastKeyFrameUs = now;
    }
    this.#lastFormat = `${frame.format ?? "opaque"} ${frame.displayWidth}x${frame.displayHeight}`;
    const stamped = stamp();
    this.#inEncoder.set(stamped.timestamp, now);
    encoder.encode(stamped, { keyFrame });
  }

  #configure(sourceWidth: number, sourceHeight: number, layered: boolean): void {
    const { maxWidth, maxHeight, maxBitrate } = this.#layer;
    this.#sourceWidth = sourceWidth;
    this.#sourceHeight = sourceHeight;
    const size = fitPicture(sourceWidth, sourceHeight, maxWidth, maxHeight);
    this.#targetBitrate = Math.min(this.#targetBitrate, maxBitrate);
    const whole = encoderConfig(this.#codec, {
      ...size,
      frameRate: this.#frameRate(),
      bitrate: this.#targetBitrate,
      contentHint: this.#hint,
    });
    const config = layered ? inTwoLayers(whole) : whole;
    const before = this.#config;
    const changed =
      config.codec !== before?.codec ||
      config.width !== before.width ||
      config.height !== before.height ||
      config.bitrateMode !== before.bitrateMode ||
      config.scalabilityMode !== before.scalabilityMode;
    this.#config = config;
    if (this.#encoder?.state !== "configured" || changed) this.#start(config);
    else this.#encoder.configure(config);
    if (changed) this.sink.onSize(size.width, size.height, config.codec);
  }

  #start(config: VideoEncoderConfig): void {
    if (this.#encoder !== undefined && this.#encoder.state !== "closed") this.#encoder.close();
    this.#inEncoder.clear();
    const encoder = new VideoEncoder({
      output: (chunk, metadata) => {
        if (this.#encoder === encoder) this.#onChunk(chunk, metadata?.svc?.temporalLayerId ?? 0);
      },
      error: (error) => {
        if (this.#encoder === encoder) this.#fail(error);
      },
    });
    this.#encoder = encoder;
    encoder.configure(config);
    this.#keyFrameWanted = true;
    this.#lastKeyFrameUs = Number.NEGATIVE_INFINITY;
    this.log.info(
      `${this.name}: encoding ${config.codec} ${config.width}x${config.height} at ${config.bitrate ?? 0} bit/s${config.scalabilityMode === undefined ? "" : " in two temporal layers"}`,
    );
  }

  #onChunk(chunk: EncodedVideoChunk, temporal: number): void {
    const now = nowUs();
    const sinceUs = this.#inEncoder.get(chunk.timestamp);
    this.#inEncoder.delete(chunk.timestamp);
    if (sinceUs === undefined || this.#muted) return;
    this.#encodeTimeUs += now - sinceUs;
    this.#framesEncoded++;
    this.#failures = 0;
    this.#rate.add(now);
    if (chunk.type === "key") this.#keyFramesEncoded++;
    if (!this.sink.send(chunk, this.#references.next(chunk.type === "key", temporal)))
      this.#keyFrameWanted = true;
  }

  #fail(thrown: unknown): void {
    if (this.#closed) return;
    this.#failures++;
    this.log.warn(
      `${this.name}: the encoder failed (${this.#failures}) at ${this.#lastFormat}: ${String(thrown)}`,
    );
    this.#encoder = undefined;
    // A new encoder at the next frame, or, once that has not helped, after a while: another camera
    // may suit it.
    this.#sourceWidth = 0;
    if (this.#failures <= FEW_FAILURES) return;
    this.#restUntilUs = nowUs() + REST_US;
    if (this.#failures > FEW_FAILURES + 1) return;
    this.sink.onError(
      new RtcError("CODEC_FAILED", `the video encoder failed: ${String(thrown)}`, {
        cause: thrown,
      }),
    );
  }
}
