/**
 * Which earlier frame each one builds on, from the temporal layers that an encoder names; the
 * words are those of `engine/WIRE.md`.
 */

/** What is told of a frame beside its bytes. */
export interface Reference {
  readonly temporal: number;
  /** No other frame refers to it. */
  readonly discardable: boolean;
  /** How many frames back the newest one lies that it needs; 0 for a key frame. */
  readonly distance: number;
}

/**
 * Follows the frames of one encoder as they are sent. In `L1T2` (W3C webrtc-svc) a frame refers
 * to the last one of the lower layer, so every second one can be left out. An encoder that names no
 * layers makes a chain.
 */
export class References {
  /** Frames since the last of the lower layer, that one counted. */
  #sinceBase = 1;

  next(key: boolean, temporal: number): Reference {
    const distance = key ? 0 : this.#sinceBase;
    const discardable = !key && temporal > 0;
    this.#sinceBase = discardable ? this.#sinceBase + 1 : 1;
    return { temporal: discardable ? temporal : 0, discardable, distance };
  }
}
