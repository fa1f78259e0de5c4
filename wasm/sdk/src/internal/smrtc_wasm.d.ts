/**
 * What the glue that wasm-bindgen generates exports, as far as we use it; the shells are in `wasm/src`. Written by hand
 * so that the SDK type-checks before the module is built; keep it in step with `wasm/src/{uplink,downlink}.rs`.
 *
 * All times are microseconds on the worker's `performance.now` clock.
 */
import type { EncryptionState, EngineSelfTest } from "../events.ts";
import type { EngineCertificates } from "./worker_protocol.ts";
import type {
  DirectionQuality,
  DownlinkEngineStats,
  DownlinkEvent,
  UplinkEngineStats,
  UplinkEvent,
} from "./engine_events.ts";

export default function init(options: {
  module_or_path: WebAssembly.Module;
}): Promise<{ memory: WebAssembly.Memory }>;

/** Where the known-answer tests stand; `run` runs them all first. Only after `init`. */
export function selfTest(run: boolean): EngineSelfTest;

/** Overwrites what calls left on the stack; after the engine was freed. */
export function wipeStack(): void;

/** The kernels of SM4-GCM in the module. Only after `init`. */
export function sm4Backend(): EncryptionState["sm4Backend"];

/** Follows one direction and rates it: the rule is in `engine/src/quality.rs`. */
export class Quality {
  constructor();
  /** `delayUs` below 0 is unknown; `good` and `bad` are totals of packets or samples; `burst` from 1. */
  update(
    nowUs: number,
    delayUs: number,
    good: number,
    bad: number,
    burst: number,
  ): DirectionQuality;
}

/** A signature key, and the request (PKCS#10, DER) by which an authority may certify it to be the user's. */
export class Enrolment {
  /** An empty secret makes a new key. Throws if `secret` is no key of the suite. */
  constructor(suite: string, user: string, secret: Uint8Array);
  request(): Uint8Array<ArrayBuffer>;
  /** Where the key lies in Wasm memory until `free`, which wipes it. */
  secretAddress(): number;
  secretLength(): number;
  free(): void;
}

/** Capture, sealing, sending and the control stream. */
export class UplinkEngine {
  constructor(
    config: {
      suite: string;
      /** Group keys; without it the secret is the room's key. */
      mls:
        | {
            suite: string;
            users: readonly string[] | undefined;
            certificates: EngineCertificates | undefined;
          }
        | undefined;
      echoCancellation: boolean;
      noiseSuppression: boolean;
      autoGainControl: boolean;
    },
    secret: Uint8Array,
  );
  free(): void;
  /** Forgets the session before and takes a fresh sealing key, if there is one yet. */
  openSession(nowUs: number): void;
  kid(): string;
  epoch(): number;
  keySource(): "mls" | "external";
  /** Takes the next message for the downlink worker in hand; its length, 0 if there is none. A secret. */
  nextKeyMessage(): number;
  /** Where what is in hand lies in Wasm memory, until the next is taken, which wipes it. */
  keyMessageAddress(): number;
  /** Takes the signature key that we are known by in hand; its length. A secret. */
  takeIdentity(): number;
  rotateKeys(nowUs: number): void;
  join(nowUs: number, sdkVersion: string, decodeCodecs: string[]): number;
  request(nowUs: number, body: unknown): number;
  control(nowUs: number, bytes: Uint8Array): void;
  datagram(nowUs: number, bytes: Uint8Array): void;
  timeout(nowUs: number): void;
  pollControl(): Uint8Array | undefined;
  /** Takes the next datagram in hand; its length, 0 if there is none. */
  nextDatagram(): number;
  /** Where the one in hand lies in Wasm memory, until the next is taken. */
  datagramAddress(): number;
  pollEvent(): UplinkEvent | undefined;
  /** When to call `timeout`; infinity for never. */
  nextTimeout(): number;
  /** `maxBitrate` in bit/s; again to change it. Only after Join was answered. */
  addTrack(track: number, kind: "audio" | "video" | "screen", maxBitrate: number): void;
  /**
   * Sends a track in several sizes, the smallest first, or in one again if `bounds` is empty: for each the least and the greatest
   * bitrate in bit/s.
   */
  setLayers(track: number, bounds: Float64Array): void;
  removeTrack(track: number): void;
  /** Whether a picture captured now is worth encoding; asked once for each. */
  wantsFrame(nowUs: number, track: number): boolean;
  /** The same of one of several sizes. */
  wantsLayerFrame(nowUs: number, track: number, spatial: number): boolean;
  /** Microseconds that what waits to be sent will take. */
  queueDelay(): number;
  /** Address of `length` bytes in Wasm memory that the next `sealVideo` takes. */
  videoBuffer(length: number): number;
  /** Seals what lies in the buffer where it lies and sends it; false if there is no session. */
  sealVideo(
    nowUs: number,
    track: number,
    spatial: number,
    key: boolean,
    discardable: boolean,
    temporal: number,
    referenceDistance: number,
    mediaTimeUs: number,
  ): boolean;
  /** Near and far end, 48 kHz mono, same length; `endUs` is when the last sample was captured. */
  pushAudio(
    nowUs: number,
    track: number,
    near: Float32Array,
    far: Float32Array,
    endUs: number,
  ): void;
  setAudioMuted(muted: boolean): void;
  setAudioProcessing(
    echoCancellation: boolean,
    noiseSuppression: boolean,
    autoGainControl: boolean,
  ): void;
  audioLevel(): number;
  /** Hz, while the microphone hears acoustic feedback. */
  howlingFrequency(): number | undefined;
  stats(nowUs: number): UplinkEngineStats | undefined;
}

/** A decodable frame; `ptr` is valid until the next call into the engine. */
export class VideoOut {
  free(): void;
  readonly sender: number;
  readonly track: number;
  readonly key: boolean;
  readonly mediaTimeUs: number;
  readonly renderAtUs: number;
  readonly ptr: number;
  readonly len: number;
}

/** Receiving, opening, and the playout of sound. */
export class DownlinkEngine {
  constructor(
    config: {
      suite: string;
      keySource: "mls" | "external";
      minPlayoutDelayUs: number;
      maxPlayoutDelayUs: number;
    },
    key: Uint8Array,
  );
  free(): void;
  /** Takes what the uplink worker's `nextKeyMessage` gave; it is wiped in Wasm memory, not in `bytes`. */
  keyMessage(nowUs: number, bytes: Uint8Array): void;
  /** Forgets tracks and network state, keeps keys. */
  openSession(): void;
  datagram(nowUs: number, bytes: Uint8Array): void;
  timeout(nowUs: number): void;
  /** Takes the next datagram in hand; its length, 0 if there is none. */
  nextDatagram(): number;
  /** Where the one in hand lies in Wasm memory, until the next is taken. */
  datagramAddress(): number;
  pollVideo(): VideoOut | undefined;
  pollEvent(): DownlinkEvent | undefined;
  nextTimeout(): number;
  addTrack(sender: number, track: number, kind: "audio" | "video" | "screen"): void;
  removeTrack(sender: number, track: number): void;
  removeSender(sender: number): void;
  videoDecoded(nowUs: number, sender: number, track: number): void;
  /** A pause that is meant is no freeze. */
  setPaused(sender: number, track: number, paused: boolean): void;
  videoDecodeFailed(nowUs: number, sender: number, track: number): void;
  /** Whether there is anybody to hear. */
  hasAudio(): boolean;
  /** Fills 480 samples, 10 ms; `playsAtUs` is when its first sample is heard. */
  renderAudio(nowUs: number, out: Float32Array, playsAtUs: number): void;
  setVolume(sender: number, track: number, volume: number): void;
  stats(nowUs: number): DownlinkEngineStats;
}
