/**
 * What goes wrong in a call without failing: found in statistics taken each second, told when it
 * begins and when it ends. A condition must hold for some seconds before it is told, and be gone
 * for some before its end is.
 */
import type { ExceptionEvent, ExceptionKind } from "../events.ts";

/** One look at the call. Counters only grow. */
export interface ExceptionSample {
  /** Milliseconds, on any clock that does not jump. */
  readonly now: number;
  /**
   * Undefined if it is muted. `suspended`: the browser lets no audio in or out. `silent`: it gives
   * nothing, not even noise.
   */
  readonly microphone:
    | {
        readonly suspended: boolean;
        readonly silent: boolean;
        readonly howlingFrequency: number | undefined;
      }
    | undefined;
  readonly localVideo: readonly LocalVideoSample[];
  readonly remoteVideo: readonly RemoteVideoSample[];
}

export interface LocalVideoSample {
  readonly stream: "main" | "auxiliary";
  /** Of the largest size that is being sent, whose counters these are. */
  readonly spatial: number;
  /** Frames a second that the stream asks for. */
  readonly wantedRate: number;
  readonly framesEncoded: number;
  readonly framesDropped: number;
  readonly encoderOverruns: number;
}

export interface RemoteVideoSample {
  readonly userId: string;
  readonly stream: "main" | "auxiliary";
  readonly framesReceived: number;
  readonly framesDecoded: number;
  readonly framesRendered: number;
  /** Seconds. */
  readonly totalFreezesDuration: number;
}

/**
 * Seconds that a condition must hold, and be gone. A freeze is told at once, for it has lasted long
 * enough to be one; and so is a howl, which the engine has watched grow. Audio may take a moment to
 * start where nothing holds it back.
 */
const HOLD: Record<ExceptionKind, { begin: number; end: number }> = {
  freeze: { begin: 1, end: 2 },
  "low-frame-rate": { begin: 3, end: 3 },
  "silent-microphone": { begin: 5, end: 1 },
  "audio-suspended": { begin: 2, end: 1 },
  howling: { begin: 1, end: 2 },
  "cpu-overuse": { begin: 3, end: 5 },
  "decoder-stall": { begin: 2, end: 2 },
};
/** A screen that stands still sends next to nothing, so only cameras have a least rate. */
const LEAST_RATE = 8;
/** Of the frames that came to an encoder, so many found it busy. */
const OVERRUN_SHARE = 0.2;
/** For people: what it is and what to do. */
const MESSAGES: Record<ExceptionKind, string> = {
  freeze: "the picture stands still; it goes on by itself when the path bears it",
  "low-frame-rate":
    "there are few pictures a second; a smaller profile needs less of the machine and of the path",
  "silent-microphone":
    "the microphone gives nothing, not even noise; see whether it is switched on, or choose another one",
  "audio-suspended":
    "the browser lets no sound in or out before somebody clicks the page or presses a key there; it starts by itself then",
  howling: "the microphone hears itself from a loudspeaker; mute it, or use headphones",
  "cpu-overuse": "the encoder finds no time; close other programs, or choose a smaller profile",
  "decoder-stall": "pictures come but none is shown; subscribing again may help",
};

interface Condition {
  held: number;
  gone: number;
  /** When it began, if it was told. */
  since: number | undefined;
}

export class Exceptions {
  readonly #emit: (event: ExceptionEvent) => void;
  readonly #conditions = new Map<string, Condition>();
  #previous: ExceptionSample | undefined;

  constructor(emit: (event: ExceptionEvent) => void) {
    this.#emit = emit;
  }

  /** Takes a look each second. */
  look(sample: ExceptionSample, ownUserId: string): void {
    const before = this.#previous;
    this.#previous = sample;
    const seen = new Set<string>();
    const judge = (
      kind: ExceptionKind,
      userId: string,
      stream: "main" | "auxiliary",
      holds: boolean,
      frequency?: number,
    ): void => {
      seen.add(this.#judge(sample.now, kind, userId, stream, holds, frequency));
    };
    if (sample.microphone !== undefined) {
      const { suspended, silent, howlingFrequency } = sample.microphone;
      judge("audio-suspended", ownUserId, "main", suspended);
      // Who lets nothing in is not to be told to look at the microphone.
      judge("silent-microphone", ownUserId, "main", silent && !suspended);
      judge("howling", ownUserId, "main", howlingFrequency !== undefined, howlingFrequency);
    }
    for (const video of sample.localVideo) {
      const earlier = before?.localVideo.find(
        ({ stream, spatial }) => stream === video.stream && spatial === video.spatial,
      );
      if (earlier !== undefined)
        judge("cpu-overuse", ownUserId, video.stream, overruns(earlier, video));
      if (earlier !== undefined && video.stream === "main")
        judge(
          "low-frame-rate",
          ownUserId,
          "main",
          isSlow(sample, before, video.framesEncoded - earlier.framesEncoded, video.wantedRate),
        );
    }
    for (const video of sample.remoteVideo) {
      const earlier = before?.remoteVideo.find(
        ({ userId, stream }) => userId === video.userId && stream === video.stream,
      );
      if (earlier === undefined || video.framesRendered === 0) continue;
      const rendered = video.framesRendered - earlier.framesRendered;
      if (video.stream === "main") {
        judge(
          "freeze",
          video.userId,
          "main",
          rendered === 0 || video.totalFreezesDuration - earlier.totalFreezesDuration > 0.5,
        );
        judge(
          "low-frame-rate",
          video.userId,
          "main",
          isSlow(sample, before, rendered, LEAST_RATE * 2),
        );
      }
      judge(
        "decoder-stall",
        video.userId,
        video.stream,
        video.framesReceived > earlier.framesReceived &&
          video.framesDecoded === earlier.framesDecoded,
      );
    }
    this.#endOfAbsent(sample.now, seen);
  }

  #judge(
    now: number,
    kind: ExceptionKind,
    userId: string,
    stream: "main" | "auxiliary",
    holds: boolean,
    frequency: number | undefined,
  ): string {
    const key = JSON.stringify([kind, userId, stream]);
    const condition = this.#conditions.get(key) ?? { held: 0, gone: 0, since: undefined };
    this.#conditions.set(key, condition);
    condition.held = holds ? condition.held + 1 : 0;
    condition.gone = holds ? 0 : condition.gone + 1;
    const { begin, end } = HOLD[kind];
    if (condition.since === undefined && condition.held >= begin) {
      condition.since = now;
      this.#emit({
        kind,
        state: "begin",
        userId,
        stream,
        message: MESSAGES[kind],
        ...(frequency === undefined ? {} : { frequency }),
      });
    } else if (condition.since !== undefined && condition.gone >= end) {
      this.#emit({ kind, state: "end", userId, stream, duration: now - condition.since });
      condition.since = undefined;
    }
    return key;
  }

  /** What is muted, unpublished or gone has no exceptions any more. */
  #endOfAbsent(now: number, seen: ReadonlySet<string>): void {
    for (const [key, { since }] of this.#conditions) {
      if (seen.has(key)) continue;
      this.#conditions.delete(key);
      if (since === undefined) continue;
      const [kind, userId, stream] = JSON.parse(key) as [
        ExceptionKind,
        string,
        "main" | "auxiliary",
      ];
      this.#emit({ kind, state: "end", userId, stream, duration: now - since });
    }
  }
}

function overruns(before: LocalVideoSample, now: LocalVideoSample): boolean {
  const found = now.encoderOverruns - before.encoderOverruns;
  const came = now.framesEncoded - before.framesEncoded + now.framesDropped - before.framesDropped;
  return came > 0 && found / came > OVERRUN_SHARE;
}

/**
 * Half of what is wanted, at least {@link LEAST_RATE}; a frame that stands quite still is a
 * freeze instead.
 */
function isSlow(
  sample: ExceptionSample,
  before: ExceptionSample | undefined,
  frames: number,
  wantedRate: number,
): boolean {
  const seconds = (sample.now - (before?.now ?? sample.now)) / 1000;
  return seconds > 0 && frames > 0 && frames / seconds < Math.min(LEAST_RATE, wantedRate / 2);
}
