/**
 * In which sizes a track of frames is encoded, and how many frames a second each has: the
 * rules, without an encoder.
 */
import { FrameRate } from "../frame_rate.ts";
import type { VideoLayerStats, VideoSettings } from "../worker_protocol.ts";

/**
 * One size of a video track, which one encoder makes: a spatial layer in the words of
 * `engine/WIRE.md`.
 */
export interface LayerSettings {
  readonly rid: "small" | "big";
  readonly maxWidth: number;
  readonly maxHeight: number;
  readonly frameRate: number;
  /** bit/s; with less it is not sent. Without meaning for the smallest, which is always sent. */
  readonly minBitrate: number;
  /** bit/s. */
  readonly maxBitrate: number;
  /**
   * Whether every frame beyond `frameRate` is left out; else only where clearly more come, for a
   * camera that is asked for a rate mostly keeps it.
   */
  readonly thins: boolean;
  /** Whether fewer frames are better than worse ones. */
  readonly sharp: boolean;
  /**
   * Whether every second frame may be made such that it can be left out, for viewers whose path
   * does not bear all.
   */
  readonly layered: boolean;
}

/** Half of so many frames a second still show motion. */
const LEAST_LAYERED_RATE = 24;

/** A screen is not followed with fewer frames a second. */
const LEAST_SCREEN_RATE = 5;

/** The sizes of a track, the smallest first. */
export function layersOf(settings: VideoSettings, kind: "video" | "screen"): LayerSettings[] {
  const { maxWidth, maxHeight, frameRate, maxBitrate, small, contentHint } = settings;
  const sharp = contentHint === "detail" || contentHint === "text";
  const big = {
    rid: "big",
    maxWidth,
    maxHeight,
    frameRate,
    minBitrate: 0,
    maxBitrate,
    thins: kind === "screen" || sharp,
    sharp,
    layered: kind === "video" && !sharp && frameRate >= LEAST_LAYERED_RATE,
  } as const;
  if (small === undefined) return [big];
  return [
    { rid: "small", ...small, minBitrate: 0, thins: true, sharp: false, layered: false },
    // Worse than the small one it is of no use to anybody: the gateway takes a size for a better
    // one only if it takes more.
    { ...big, minBitrate: small.maxBitrate },
  ];
}

/**
 * Frames a second at a bitrate. Where frames must be sharp each keeps the bits that it has at
 * the greatest rate, and there are fewer of them, down to {@link LEAST_SCREEN_RATE}.
 */
export function frameRateAt(
  bitrate: number,
  { frameRate, maxBitrate, sharp }: Pick<LayerSettings, "frameRate" | "maxBitrate" | "sharp">,
): number {
  if (!sharp) return frameRate;
  return Math.min(frameRate, Math.max(LEAST_SCREEN_RATE, (frameRate * bitrate) / maxBitrate));
}

/** What a viewer with a good path sees. The smallest is always sent. */
export function largestSent<Layer extends Pick<VideoLayerStats, "active">>(
  layers: readonly Layer[],
): Layer {
  const found = [...layers].reverse().find(({ active }) => active) ?? layers[0];
  if (found === undefined) throw new Error("a track has at least one size");
  return found;
}

/** Leaves frames out so that no more than a rate go on, as evenly as those that come allow. */
export class FrameThinner {
  #nextUs = Number.NEGATIVE_INFINITY;

  /** Whether the frame that came now goes on; asked once for each. */
  admits(nowUs: number, framesPerSecond: number): boolean {
    const intervalUs = 1e6 / framesPerSecond;
    if (nowUs < this.#nextUs - intervalUs * EARLY) return false;
    // A little late is made up for by the next one, a pause is not.
    this.#nextUs = (nowUs - this.#nextUs > intervalUs ? nowUs : this.#nextUs) + intervalUs;
    return true;
  }
}

/**
 * Holds a source that does not keep to the rate it was asked for, such as a track of the
 * application's, to that rate. One that does keep to it loses nothing, however unevenly its
 * frames come.
 */
export class SurplusThinner {
  readonly #came = new FrameRate();
  readonly #thinner = new FrameThinner();

  /** Whether the frame that came now goes on; asked once for each. */
  admits(nowUs: number, framesPerSecond: number): boolean {
    this.#came.add(nowUs);
    const admitted = this.#thinner.admits(nowUs, framesPerSecond);
    return admitted || this.#came.perSecond(nowUs) <= framesPerSecond * SURPLUS;
  }
}

/**
 * A frame may come so much of an interval early: half the interval of a source at twice the rate.
 */
const EARLY = 0.25;
/** So many times the rate are clearly more than it. */
const SURPLUS = 1.2;
