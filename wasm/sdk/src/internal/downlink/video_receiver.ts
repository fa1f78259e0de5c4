/**
 * One remote video: decodes what the engine hands out, shows it at the time the engine named. The
 * order of frames, what is decodable and when to show it are the engine's decisions.
 */
import { Deadline, nowUs } from "../deadline.ts";
import { FrameRate, FreezeMeter } from "../frame_rate.ts";
import type { Logger } from "../logger.ts";
import type { VideoReceiverStats } from "../worker_protocol.ts";

/** What the receiver needs of the worker around it. */
export interface VideoReceiverHost {
  onDecoded(): void;
  /** The decoder failed: the engine asks for a key frame. */
  onDecodeFailed(): void;
  onFirstFrame(width: number, height: number): void;
}

/** A place that frames go to; it must not keep the frame. */
export interface FrameTarget {
  show(frame: VideoFrame): void;
  close(): void;
}

/** A decoded frame that waits for its time. */
interface Pending {
  readonly frame: VideoFrame;
  readonly renderAtUs: number;
}

/** An encoded frame that is not to be decoded yet. */
interface Held {
  readonly chunk: EncodedVideoChunk;
  readonly renderAtUs: number;
}

/**
 * Frames in the decoder or decoded and waiting: raw ones take megabytes, so frames wait encoded
 * while there are so many.
 */
const DECODED_LIMIT = 3;
/** A frame is decoded so long before its time at the latest, however many wait. */
const DECODE_AHEAD_US = 40_000;
/**
 * Encoded frames that wait; beyond it something is wrong with the times, and all are decoded at
 * once.
 */
const HELD_LIMIT = 120;
/** Timers wake late rather than early: what is due within this is shown now. */
const SLACK_US = 1_000;

export class VideoReceiver {
  #decoder: VideoDecoder | undefined;
  #needKeyFrame = true;
  readonly #renderAt = new Map<number, { renderAtUs: number; sinceUs: number }>();
  readonly #held: Held[] = [];
  readonly #pending: Pending[] = [];
  #targets: readonly FrameTarget[] = [];
  readonly #deadline = new Deadline(() => {
    this.#showDue();
    this.#decodeHeld();
  });
  readonly #rate = new FrameRate();
  readonly #freezes = new FreezeMeter();
  #last: VideoFrame | undefined;
  #shown = false;
  #width = 0;
  #height = 0;
  #framesDecoded = 0;
  #keyFramesDecoded = 0;
  #framesRendered = 0;
  #framesDropped = 0;
  #decodeTimeUs = 0;

  constructor(
    readonly sender: number,
    readonly track: number,
    readonly codec: string,
    readonly host: VideoReceiverHost,
    readonly log: Logger,
  ) {}

  /** Takes one frame in decoding order; `data` is copied before this returns. */
  decode(data: Uint8Array, key: boolean, mediaTimeUs: number, renderAtUs: number): void {
    if (this.#needKeyFrame && !key) {
      this.#framesDropped++;
      // The engine limits how often that reaches the sender.
      this.host.onDecodeFailed();
      return;
    }
    this.#needKeyFrame = false;
    this.#held.push({
      chunk: new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp: mediaTimeUs, data }),
      renderAtUs,
    });
    this.#decodeHeld();
  }

  #decodeHeld(): void {
    for (let head = this.#held[0]; head !== undefined; head = this.#held[0]) {
      const crowded = this.#renderAt.size + this.#pending.length >= DECODED_LIMIT;
      if (crowded && head.renderAtUs - nowUs() > DECODE_AHEAD_US && this.#held.length < HELD_LIMIT)
        break;
      this.#held.shift();
      try {
        const decoder = this.#decoder ?? this.#open();
        if (head.chunk.type === "key") this.#keyFramesDecoded++;
        this.#renderAt.set(head.chunk.timestamp, { renderAtUs: head.renderAtUs, sinceUs: nowUs() });
        decoder.decode(head.chunk);
      } catch (thrown) {
        this.#fail(thrown);
        return;
      }
    }
    this.#arm();
  }

  /** Where frames go from now on; the one shown last goes there at once. */
  setTargets(targets: readonly FrameTarget[]): void {
    for (const target of targets)
      if (this.#last !== undefined && !this.#targets.includes(target)) target.show(this.#last);
    this.#targets = targets;
  }

  get targets(): readonly FrameTarget[] {
    return this.#targets;
  }

  async snapshot(): Promise<Blob | undefined> {
    const frame = this.#last;
    if (frame === undefined) return undefined;
    const canvas = new OffscreenCanvas(frame.displayWidth, frame.displayHeight);
    canvas.getContext("2d")?.drawImage(frame, 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
  }

  /** The sender muted its video; the pause that follows is no freeze. */
  pause(): void {
    this.#freezes.pause();
  }

  close(): void {
    this.#deadline.cancel();
    if (this.#decoder !== undefined && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = undefined;
    this.#held.length = 0;
    for (const { frame } of this.#pending.splice(0)) frame.close();
    this.#targets = [];
    this.#last?.close();
    this.#last = undefined;
  }

  stats(): VideoReceiverStats {
    return {
      sender: this.sender,
      track: this.track,
      codec: this.codec,
      framesDecoded: this.#framesDecoded,
      keyFramesDecoded: this.#keyFramesDecoded,
      framesRendered: this.#framesRendered,
      framesDropped: this.#framesDropped,
      framesPerSecond: this.#rate.perSecond(nowUs()),
      frameWidth: this.#width,
      frameHeight: this.#height,
      freezeCount: this.#freezes.count,
      totalFreezesDuration: this.#freezes.totalUs / 1e6,
      totalDecodeTime: this.#decodeTimeUs / 1e6,
    };
  }

  #open(): VideoDecoder {
    const decoder = new VideoDecoder({
      output: (frame) => {
        if (this.#decoder === decoder) this.#onFrame(frame);
        else frame.close();
      },
      error: (error) => {
        if (this.#decoder === decoder) this.#fail(error);
      },
    });
    decoder.configure({ codec: this.codec, optimizeForLatency: true });
    this.#decoder = decoder;
    return decoder;
  }

  #onFrame(frame: VideoFrame): void {
    const now = nowUs();
    const due = this.#renderAt.get(frame.timestamp);
    this.#renderAt.delete(frame.timestamp);
    this.#framesDecoded++;
    this.host.onDecoded();
    this.#decodeTimeUs += now - (due?.sinceUs ?? now);
    const renderAtUs = due?.renderAtUs ?? now;
    if (this.#pending.length === 0 && renderAtUs <= now + SLACK_US) {
      this.#show(frame);
      this.#decodeHeld();
      return;
    }
    this.#pending.push({ frame, renderAtUs });
    this.#arm();
  }

  #showDue(): void {
    const now = nowUs();
    // Of several that are due only the last is worth drawing.
    while (this.#pending.length > 1 && (this.#pending[1]?.renderAtUs ?? Infinity) <= now) {
      this.#pending.shift()?.frame.close();
      this.#framesDropped++;
    }
    if ((this.#pending[0]?.renderAtUs ?? Infinity) <= now + SLACK_US) this.#showNext();
    this.#arm();
  }

  #arm(): void {
    const next = this.#pending[0];
    if (next !== undefined) this.#deadline.arm(next.renderAtUs);
    const held = this.#held[0];
    if (held !== undefined) this.#deadline.arm(held.renderAtUs - DECODE_AHEAD_US);
  }

  #showNext(): void {
    const next = this.#pending.shift();
    if (next !== undefined) this.#show(next.frame);
  }

  #show(frame: VideoFrame): void {
    const now = nowUs();
    for (const target of this.#targets) target.show(frame);
    this.#last?.close();
    this.#last = frame;
    this.#framesRendered++;
    this.#rate.add(now);
    this.#freezes.onVideoFrame(now);
    this.#width = frame.displayWidth;
    this.#height = frame.displayHeight;
    if (!this.#shown) {
      this.#shown = true;
      this.host.onFirstFrame(frame.displayWidth, frame.displayHeight);
    }
  }

  #fail(thrown: unknown): void {
    this.log.warn(
      `decoding ${this.sender}/${this.track} (${this.codec}) failed: ${String(thrown)}`,
    );
    if (this.#decoder !== undefined && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = undefined;
    this.#needKeyFrame = true;
    this.#renderAt.clear();
    // What waits refers to what failed, unless it begins anew.
    const keyFrame = this.#held.findIndex(({ chunk }) => chunk.type === "key");
    this.#framesDropped += this.#held.splice(
      0,
      keyFrame === -1 ? this.#held.length : keyFrame,
    ).length;
    if (keyFrame !== -1) {
      this.#needKeyFrame = false;
      this.#arm();
      return;
    }
    this.host.onDecodeFailed();
  }
}
