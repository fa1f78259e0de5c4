/**
 * A single-producer, single-consumer ring of audio samples in a `SharedArrayBuffer`, between the
 * audio worklet and a worker. Positions are sample counters modulo 2^32, so a full ring and an
 * empty one differ. Not a jitter buffer: it holds what must be there for the next few callbacks and
 * nothing more.
 */

const WRITTEN = 0;
const READ = 1;
const WAKE = 2;
const DROPPED = 3;
const MISSED = 4;
const HEADER_INTS = 8;

/** Bytes that a ring needs. `capacity` in samples, a power of two. */
export function ringBytes(capacity: number, channels: number): number {
  return HEADER_INTS * 4 + capacity * channels * 4;
}

/** Both ends of a ring; each end calls only its own half of the methods. */
export class AudioRing {
  readonly capacity: number;
  readonly #header: Int32Array<SharedArrayBuffer>;
  readonly #planes: Float32Array[];

  constructor(
    readonly buffer: SharedArrayBuffer,
    channels: number,
  ) {
    this.capacity = (buffer.byteLength - HEADER_INTS * 4) / 4 / channels;
    if (!Number.isInteger(Math.log2(this.capacity)))
      throw new RangeError("the capacity is not a power of two");
    this.#header = new Int32Array(buffer, 0, HEADER_INTS);
    this.#planes = Array.from(
      { length: channels },
      (_, channel) =>
        new Float32Array(buffer, HEADER_INTS * 4 + channel * this.capacity * 4, this.capacity),
    );
  }

  static allocate(capacity: number, channels: number): AudioRing {
    return new AudioRing(new SharedArrayBuffer(ringBytes(capacity, channels)), channels);
  }

  /** Samples that wait to be read. */
  get filled(): number {
    return (Atomics.load(this.#header, WRITTEN) - Atomics.load(this.#header, READ)) | 0;
  }

  /** Samples that the writer had no room for, ever, modulo 2^32. */
  get dropped(): number {
    return Atomics.load(this.#header, DROPPED) >>> 0;
  }

  /** Samples that the reader asked for and did not get, ever, modulo 2^32. */
  get missed(): number {
    return Atomics.load(this.#header, MISSED) >>> 0;
  }

  /** Writer: appends `length` samples of every channel, all or nothing. */
  write(channels: readonly Float32Array[], length: number): boolean {
    const header = this.#header;
    const written = Atomics.load(header, WRITTEN);
    const used = (written - Atomics.load(header, READ)) | 0;
    if (used + length > this.capacity) {
      Atomics.add(header, DROPPED, length);
      return false;
    }
    const start = (written >>> 0) & (this.capacity - 1);
    const first = Math.min(length, this.capacity - start);
    for (let channel = 0; channel < this.#planes.length; channel++) {
      const plane = this.#planes[channel];
      const source = channels[channel];
      if (plane === undefined || source === undefined) continue;
      plane.set(first === source.length ? source : source.subarray(0, first), start);
      if (first < length) plane.set(source.subarray(first, length), 0);
    }
    Atomics.store(header, WRITTEN, (written + length) | 0);
    return true;
  }

  /**
   * Reader: takes up to `length` samples of every channel; returns how many. What is missing is
   * counted.
   */
  read(channels: readonly Float32Array[], length: number): number {
    const header = this.#header;
    const read = Atomics.load(header, READ);
    const used = (Atomics.load(header, WRITTEN) - read) | 0;
    const count = Math.min(length, used);
    if (count < length) Atomics.add(header, MISSED, length - count);
    if (count === 0) return 0;
    const start = (read >>> 0) & (this.capacity - 1);
    const first = Math.min(count, this.capacity - start);
    for (let channel = 0; channel < this.#planes.length; channel++) {
      const plane = this.#planes[channel];
      const target = channels[channel];
      if (plane === undefined || target === undefined) continue;
      target.set(plane.subarray(start, start + first), 0);
      if (first < count) target.set(plane.subarray(0, count - first), first);
    }
    Atomics.store(header, READ, (read + count) | 0);
    return count;
  }

  /** Reader: lets go of all that waits; returns how many samples that was. */
  discard(): number {
    const written = Atomics.load(this.#header, WRITTEN);
    return (written - Atomics.exchange(this.#header, READ, written)) | 0;
  }

  /** Wakes the other end if it is in {@link wait}. */
  wake(): void {
    Atomics.add(this.#header, WAKE, 1);
    Atomics.notify(this.#header, WAKE);
  }

  /** The value to hand to {@link wait}; take it before looking at `filled`. */
  ticket(): number {
    return Atomics.load(this.#header, WAKE);
  }

  /** Resolves at the first `wake` after `ticket` was taken, or after `timeoutMs`. */
  async wait(ticket: number, timeoutMs: number): Promise<void> {
    await Atomics.waitAsync(this.#header, WAKE, ticket, timeoutMs).value;
  }
}
