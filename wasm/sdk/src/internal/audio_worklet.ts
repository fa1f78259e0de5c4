/**
 * The one audio processor of a client: its input is the microphone, its output what everybody else
 * says.
 *
 * Playing and capturing in the same callback gives the echo canceller pairs (near, far) that are
 * aligned to the sample. It allocates nothing per callback on isolated pages, and knows nothing of
 * codecs or networks.
 */
import { AudioRing } from "./audio_ring.ts";
import type { AudioLink, SamplesMessage, WorkletOptions } from "./worker_protocol.ts";

declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: unknown): void;

/** The worker is woken once for so many samples: 10 ms at 48 kHz, what the engine works in. */
const BLOCK = 480;
/** More waiting samples than this are late: 100 ms. */
const PORT_QUEUE_BLOCKS = 10;

/** Takes `near` and `far` of one callback. */
interface CaptureSink {
  push(near: Float32Array, far: Float32Array): void;
}

/** Fills `out` with what is to be heard. */
interface PlayoutSource {
  pull(out: Float32Array): void;
}

class SharedCapture implements CaptureSink {
  readonly #ring: AudioRing;
  #sinceWake = 0;
  constructor(buffer: SharedArrayBuffer) {
    this.#ring = new AudioRing(buffer, 2);
  }
  push(near: Float32Array, far: Float32Array): void {
    this.#ring.write([near, far], near.length);
    this.#sinceWake += near.length;
    if (this.#sinceWake >= BLOCK) {
      this.#sinceWake -= BLOCK;
      this.#ring.wake();
    }
  }
}

class SharedPlayout implements PlayoutSource {
  readonly #ring: AudioRing;
  #sinceWake = 0;
  #dry = false;
  constructor(buffer: SharedArrayBuffer) {
    this.#ring = new AudioRing(buffer, 1);
  }
  pull(out: Float32Array): void {
    const count = this.#ring.read([out], out.length);
    const dry = count < out.length;
    if (dry) out.fill(0, count);
    this.#sinceWake += out.length;
    // Out of turn only once: a ring that stays dry has nobody to play.
    if (this.#sinceWake >= BLOCK || (dry && !this.#dry)) {
      this.#sinceWake = 0;
      this.#ring.wake();
    }
    this.#dry = dry;
  }
}

class PortCapture implements CaptureSink {
  readonly #port: MessagePort;
  #block = new Float32Array(2 * BLOCK);
  #length = 0;
  constructor(port: MessagePort) {
    this.#port = port;
  }
  push(near: Float32Array, far: Float32Array): void {
    let offset = 0;
    while (offset < near.length) {
      const count = Math.min(near.length - offset, BLOCK - this.#length);
      this.#block.set(near.subarray(offset, offset + count), this.#length);
      this.#block.set(far.subarray(offset, offset + count), BLOCK + this.#length);
      this.#length += count;
      offset += count;
      if (this.#length < BLOCK) continue;
      const message: SamplesMessage = { kind: "samples", samples: this.#block };
      this.#port.postMessage(message, [this.#block.buffer]);
      this.#block = new Float32Array(2 * BLOCK);
      this.#length = 0;
    }
  }
}

class PortPlayout implements PlayoutSource {
  readonly #port: MessagePort;
  readonly #queue: Float32Array[] = [];
  #offset = 0;
  #consumed = 0;
  #missed = 0;
  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<SamplesMessage>) => {
      if (data.kind !== "samples") return;
      this.#queue.push(data.samples);
      if (this.#queue.length > PORT_QUEUE_BLOCKS) this.#queue.shift();
    };
  }
  pull(out: Float32Array): void {
    let filled = 0;
    while (filled < out.length) {
      const head = this.#queue[0];
      if (head === undefined) break;
      const count = Math.min(out.length - filled, head.length - this.#offset);
      out.set(head.subarray(this.#offset, this.#offset + count), filled);
      filled += count;
      this.#offset += count;
      if (this.#offset < head.length) continue;
      this.#queue.shift();
      this.#offset = 0;
    }
    out.fill(0, filled);
    this.#missed += out.length - filled;
    this.#consumed += out.length;
    if (this.#consumed < BLOCK && filled === out.length) return;
    const message: SamplesMessage = {
      kind: "consumed",
      count: this.#consumed,
      missed: this.#missed,
    };
    this.#port.postMessage(message);
    this.#consumed = 0;
    this.#missed = 0;
  }
}

class SmrtcAudioProcessor extends AudioWorkletProcessor {
  #capture: CaptureSink | undefined;
  #playout: PlayoutSource | undefined;
  readonly #silence = new Float32Array(128);
  #far = new Float32Array(128);
  #mono = new Float32Array(128);
  #ended = false;

  constructor({ processorOptions }: { processorOptions?: WorkletOptions | null }) {
    super();
    if (processorOptions?.capture !== undefined) this.#link(processorOptions);
    this.port.onmessage = ({ data }: MessageEvent<WorkletOptions | "end">) => {
      if (data === "end") this.#ended = true;
      else this.#link(data);
    };
  }

  #link(options: WorkletOptions): void {
    this.#capture = sink(options.capture);
    this.#playout = source(options.playout);
  }

  process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const output = outputs[0] ?? [];
    const length = output[0]?.length ?? 128;
    if (this.#far.length !== length) {
      this.#far = new Float32Array(length);
      this.#mono = new Float32Array(length);
    }
    this.#playout?.pull(this.#far);
    for (const channel of output) channel.set(this.#far);
    this.#capture?.push(this.#near(inputs[0] ?? [], length), this.#far);
    return !this.#ended;
  }

  #near(channels: readonly Float32Array[], length: number): Float32Array {
    const first = channels[0];
    if (first === undefined) return length === 128 ? this.#silence : new Float32Array(length);
    if (channels.length === 1) return first;
    const mono = this.#mono;
    mono.fill(0);
    for (const channel of channels) {
      for (let i = 0; i < length; i++)
        mono[i] = (mono[i] ?? 0) + (channel[i] ?? 0) / channels.length;
    }
    return mono;
  }
}

function sink(link: AudioLink): CaptureSink {
  return link.kind === "shared" ? new SharedCapture(link.ring) : new PortCapture(link.port);
}

function source(link: AudioLink): PlayoutSource {
  return link.kind === "shared" ? new SharedPlayout(link.ring) : new PortPlayout(link.port);
}

registerProcessor("smrtc-audio", SmrtcAudioProcessor);
