/**
 * Carries microphone samples from the worklet into the engine. Processing and encoding happen in
 * Wasm.
 */
import type { UplinkEngine } from "smrtc-wasm";
import { AudioRing } from "../audio_ring.ts";
import { ClockMapper } from "../clock.ts";
import { nowUs } from "../deadline.ts";
import { sleep } from "../sleep.ts";
import type { AudioLink, SamplesMessage } from "../worker_protocol.ts";

const BLOCK = 480;
const SAMPLE_US = 1_000_000 / 48_000;
/** Less than the ring holds, 170 ms. */
const IDLE_MS = 100;
/** −80 dB: below the noise of any microphone that is on. */
const SILENCE = 1e-4;
/** More than the pauses in which a browser brings audio. */
const SILENT_AFTER_US = 1_000_000;

export class AudioSender {
  readonly #engine: UplinkEngine;
  readonly #afterPush: () => void;
  readonly #clock = new ClockMapper();
  /** Samples pushed so far; with the clock it tells when each was captured. */
  #position = 0;
  #stopped = false;
  #track: number | undefined;
  /** When the microphone last gave more than silence, or could have begun to. */
  #heardUs = 0;

  constructor(engine: UplinkEngine, link: AudioLink, afterPush: () => void) {
    this.#engine = engine;
    this.#afterPush = afterPush;
    if (link.kind === "shared") void this.#drainRing(new AudioRing(link.ring, 2));
    else this.#listen(link.port);
  }

  /** The track to send as, or undefined to let the samples go. */
  get track(): number | undefined {
    return this.#track;
  }

  set track(track: number | undefined) {
    this.#track = track;
    this.#heardUs = nowUs();
  }

  /** Whether the microphone gave nothing for a second, not even noise. */
  get silent(): boolean {
    return this.#track !== undefined && nowUs() - this.#heardUs > SILENT_AFTER_US;
  }

  stop(): void {
    this.#stopped = true;
  }

  async #drainRing(ring: AudioRing): Promise<void> {
    const near = new Float32Array(BLOCK);
    const far = new Float32Array(BLOCK);
    let dropped = ring.dropped;
    while (!this.#stopped) {
      if (this.track === undefined) {
        // Nobody publishes audio: no need to wake up for each block of it.
        this.#position += ring.discard();
        await sleep(IDLE_MS);
        continue;
      }
      const ticket = ring.ticket();
      while (ring.filled >= BLOCK) {
        ring.read([near, far], BLOCK);
        this.#push(near, far, ring.filled);
      }
      if (ring.dropped !== dropped) {
        this.#position += (ring.dropped - dropped) >>> 0;
        dropped = ring.dropped;
      }
      await ring.wait(ticket, 1_000);
    }
  }

  #listen(port: MessagePort): void {
    port.onmessage = ({ data }: MessageEvent<SamplesMessage>) => {
      if (data.kind !== "samples" || this.#stopped) return;
      this.#push(data.samples.subarray(0, BLOCK), data.samples.subarray(BLOCK), 0);
    };
  }

  /** `behind`: samples captured after these. */
  #push(near: Float32Array, far: Float32Array, behind: number): void {
    this.#position += BLOCK;
    const now = nowUs();
    const endUs = this.#clock.map(this.#position * SAMPLE_US, now - behind * SAMPLE_US);
    if (this.#track === undefined) return;
    if (near.some((sample) => Math.abs(sample) > SILENCE)) this.#heardUs = now;
    this.#engine.pushAudio(now, this.#track, near, far, endUs);
    this.#afterPush();
  }
}
