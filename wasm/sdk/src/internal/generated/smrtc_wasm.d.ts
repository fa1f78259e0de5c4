/* tslint:disable */
/* eslint-disable */
import type * as engine from "./engine.ts";


/**
 * Receiving, opening, and the playout of audio.
 */
export class DownlinkEngine {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Receives a track from now on.
     *
     * # Errors
     *
     * Throws for an unknown kind.
     */
    addTrack(sender: number, track: number, kind: string): void;
    /**
     * Where the datagram in hand lies in Wasm memory, until the next is taken.
     */
    datagramAddress(): number;
    /**
     * Takes a datagram.
     */
    datagram(now_us: number, bytes: Uint8Array | number[]): void;
    /**
     * Whether there is anybody to hear.
     */
    hasAudio(): boolean;
    /**
     * Takes a message of the uplink worker's; `bytes` are wiped after they were read.
     *
     * # Errors
     *
     * Throws if it is none.
     */
    keyMessage(now_us: number, bytes: Uint8Array | number[]): void;
    /**
     * Takes the options, and the secret that the room shares, which is wiped after it was read; it
     * is empty with group keys, which come by [`Self::key_message`].
     *
     * # Errors
     *
     * Throws if an option is malformed or the key has another length than 16 to 64 bytes.
     */
    constructor(config: engine.DownlinkConfig, key: Uint8Array | number[]);
    /**
     * Takes the next datagram to send in hand; its length in bytes, 0 if there is none.
     */
    nextDatagram(): number;
    /**
     * When to call [`Self::timeout`]; infinity for never.
     */
    nextTimeout(): number;
    /**
     * Forgets tracks and what was learnt of the network; keeps keys and replay windows.
     */
    openSession(): void;
    /**
     * Something that the worker should know, as a plain object; undefined if there is nothing.
     */
    pollEvent(): engine.DownlinkEvent | undefined;
    /**
     * A frame for a decoder, in decoding order.
     */
    pollVideo(): VideoOut | undefined;
    /**
     * Forgets a participant.
     */
    removeSender(sender: number): void;
    /**
     * Receives a track no longer.
     */
    removeTrack(sender: number, track: number): void;
    /**
     * Fills `out`, 480 samples of 48 kHz, with the mix of everybody; `plays_at_us` is when its
     * first sample is heard.
     */
    renderAudio(now_us: number, out: Float32Array, plays_at_us: number): void;
    /**
     * A track's source pauses on purpose, or goes on: no freeze.
     */
    setPaused(sender: number, track: number, paused: boolean): void;
    /**
     * How loud a track is mixed, 0 to 2; 1 is as it came.
     */
    setVolume(sender: number, track: number, volume: number): void;
    /**
     * Statistics of receiving.
     */
    stats(now_us: number): engine.DownlinkStats;
    /**
     * The time of [`Self::next_timeout`] has come.
     */
    timeout(now_us: number): void;
    /**
     * The decoder of a track failed and waits for a key frame.
     */
    videoDecodeFailed(now_us: number, sender: number, track: number): void;
    /**
     * A frame was decoded.
     */
    videoDecoded(now_us: number, sender: number, track: number): void;
}

/**
 * A signature key on its way to a certificate: the request goes to an authority; the key stays in
 * this worker until an [`UplinkEngine`](crate::uplink::UplinkEngine) takes it with the chain that
 * came back.
 */
export class Enrolment {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * For `user` in rooms of the MLS suite `suite`, with the key `secret`, or a new one if that is
     * empty.
     *
     * # Errors
     *
     * Throws if the suite is unknown, `secret` is no key of it, `user` is empty or too long, or
     * there is no randomness.
     */
    constructor(suite: string, user: string, secret: Uint8Array | number[]);
    /**
     * The PKCS#10 request, in DER.
     */
    request(): Uint8Array<ArrayBuffer>;
    /**
     * Where the key lies in Wasm memory, until this is freed, which wipes it.
     */
    secretAddress(): number;
    /**
     * Of the key, in bytes.
     */
    secretLength(): number;
}

/**
 * Follows one direction.
 */
export class Quality {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * One that knows nothing yet.
     */
    constructor();
    /**
     * Takes what is known now and rates the direction. A `delay_us` below 0 is unknown; `good` and
     * `bad` are totals of packets or samples; `burst` is from 1.
     */
    update(now_us: number, delay_us: number, good: number, bad: number, burst: number): engine.Quality;
}

/**
 * Capture, sealing, sending and the control stream.
 */
export class UplinkEngine {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Adds a track, or changes its greatest bitrate (bit/s). Only after Join was answered.
     *
     * # Errors
     *
     * Throws for an unknown kind, or before Join was answered.
     */
    addTrack(track: number, kind: string, max_bitrate: number): void;
    /**
     * Level of the microphone after processing, linear, 0 to 1.
     */
    audioLevel(): number;
    /**
     * Takes a piece of the control stream.
     */
    control(now_us: number, bytes: Uint8Array | number[]): void;
    /**
     * Where the datagram in hand lies in Wasm memory, until the next is taken.
     */
    datagramAddress(): number;
    /**
     * Takes a datagram.
     */
    datagram(now_us: number, bytes: Uint8Array | number[]): void;
    /**
     * The epoch that we seal in; 0 for a key that has none.
     */
    epoch(): number;
    /**
     * Where the microphone hears acoustic feedback, in Hz; undefined while it hears none.
     */
    howlingFrequency(): number | undefined;
    /**
     * Asks to enter the room; returns the request's number.
     *
     * # Errors
     *
     * Throws without a session.
     */
    join(now_us: number, sdk_version: string, decode_codecs: string[]): number;
    /**
     * Where the secret in hand lies in Wasm memory, until the next is taken, which wipes it.
     */
    keyMessageAddress(): number;
    /**
     * Where keys come from.
     */
    keySource(): engine.KeySourceName;
    /**
     * Key id of the session's sealing key, 16 hexadecimal digits; empty if there is none.
     */
    kid(): string;
    /**
     * Takes the options and a secret, which is wiped after it was read: the key that the room
     * shares or, with group keys, the signature key that we are known by; empty for a new one.
     *
     * # Errors
     *
     * Throws if an option is malformed or the secret is none.
     */
    constructor(config: engine.UplinkConfig, secret: Uint8Array | number[]);
    /**
     * Takes the next datagram to send in hand; its length in bytes, 0 if there is none.
     */
    nextDatagram(): number;
    /**
     * Takes the next message for the downlink worker in hand; its length in bytes, 0 if there is
     * none. It is a secret.
     */
    nextKeyMessage(): number;
    /**
     * When to call [`Self::timeout`]; infinity for never.
     */
    nextTimeout(): number;
    /**
     * Forgets the session before and takes a fresh sealing key, if there is one to take yet.
     *
     * # Errors
     *
     * Throws if there is no randomness for the key.
     */
    openSession(now_us: number): void;
    /**
     * Bytes for the control stream.
     */
    pollControl(): Uint8Array | undefined;
    /**
     * Something that the worker should know, as a plain object; undefined if there is nothing.
     */
    pollEvent(): engine.UplinkEvent | undefined;
    /**
     * Takes microphone and loudspeaker samples, 48 kHz mono, of the same time; `end_us` is when
     * the last was captured.
     */
    pushAudio(now_us: number, track: number, near: Float32Array | number[], far: Float32Array | number[], end_us: number): void;
    /**
     * How long what waits to be sent will take, in microseconds.
     */
    queueDelay(): number;
    /**
     * Forgets a track; what of it waits is not sent.
     */
    removeTrack(track: number): void;
    /**
     * Sends any other request; returns its number.
     *
     * # Errors
     *
     * Throws without a session, or if the object is no request.
     */
    request(now_us: number, body: engine.RequestBody): number;
    /**
     * Asks the group for new keys; nothing happens with an external key.
     */
    rotateKeys(now_us: number): void;
    /**
     * Seals the frame in the buffer where it lies and sends it; false if there is no session.
     */
    sealVideo(now_us: number, track: number, spatial: number, key: boolean, discardable: boolean, temporal: number, reference_distance: number, media_time_us: number): boolean;
    /**
     * Silences the microphone without a click; packets go on.
     */
    setAudioMuted(muted: boolean): void;
    /**
     * Switches the stages of audio processing.
     */
    setAudioProcessing(echo: boolean, noise: boolean, gain: boolean): void;
    /**
     * Sends a video track in several sizes, the smallest first, or in one again if there are
     * none. Each has two numbers in `bounds`, bit/s: with less than the first it is not sent, and
     * its encoder is told of no more than the second. The track's own greatest bitrate bounds them
     * together.
     *
     * # Errors
     *
     * Throws if the numbers are no pairs, there are more than 16 of those, or before Join was
     * answered.
     */
    setLayers(track: number, bounds: Float64Array | number[]): void;
    /**
     * Statistics of sending; undefined before Join was answered.
     */
    stats(now_us: number): engine.UplinkStats | undefined;
    /**
     * Takes the signature key that we are known by in hand, as [`Self::next_key_message`] does. It
     * is a secret.
     */
    takeIdentity(): number;
    /**
     * The time of [`Self::next_timeout`] has come.
     */
    timeout(now_us: number): void;
    /**
     * Address of `length` bytes in Wasm memory, for the frame of the next [`Self::seal_video`].
     */
    videoBuffer(length: number): number;
    /**
     * Whether a frame of `track` that was captured now is worth encoding; asked once for each,
     * for asking counts.
     */
    wantsFrame(now_us: number, track: number): boolean;
    /**
     * The same of one size of a track that is sent in several, `spatial` from 0, the smallest.
     */
    wantsLayerFrame(now_us: number, track: number, spatial: number): boolean;
}

/**
 * A frame for a decoder. Its bytes stay in Wasm memory until it is freed.
 */
export class VideoOut {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Whether it decodes by itself.
     */
    readonly key: boolean;
    /**
     * How many there are.
     */
    readonly len: number;
    /**
     * When it was captured, on the sender's clock.
     */
    readonly mediaTimeUs: number;
    /**
     * Where its bytes begin in Wasm memory.
     */
    readonly ptr: number;
    /**
     * When to show it, on our clock.
     */
    readonly renderAtUs: number;
    /**
     * The participant who sent it.
     */
    readonly sender: number;
    /**
     * The sender's track.
     */
    readonly track: number;
}

/**
 * Where the known-answer tests of this instance stand, as a plain object. With `run` all are run
 * first, also those that have run before use; a wrong answer puts the instance into its error
 * state, which refuses everything for good.
 */
export function selfTest(run: boolean): engine.SelfTest;

/**
 * The kernels that SM4-GCM runs on in this module.
 */
export function sm4Backend(): "wasm_relaxed_simd" | "wasm_simd128" | "portable";

/**
 * Overwrites what calls that have returned left on the stack; the last call into an instance whose
 * engine is freed.
 */
export function wipeStack(): void;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_downlinkengine_free: (a: number, b: number) => void;
    readonly __wbg_enrolment_free: (a: number, b: number) => void;
    readonly __wbg_quality_free: (a: number, b: number) => void;
    readonly __wbg_uplinkengine_free: (a: number, b: number) => void;
    readonly __wbg_videoout_free: (a: number, b: number) => void;
    readonly downlinkengine_addTrack: (a: number, b: number, c: number, d: number, e: number) => [number, number];
    readonly downlinkengine_datagram: (a: number, b: number, c: number, d: number) => void;
    readonly downlinkengine_datagramAddress: (a: number) => number;
    readonly downlinkengine_hasAudio: (a: number) => number;
    readonly downlinkengine_keyMessage: (a: number, b: number, c: number, d: number) => [number, number];
    readonly downlinkengine_new: (a: any, b: number, c: number) => [number, number, number];
    readonly downlinkengine_nextDatagram: (a: number) => number;
    readonly downlinkengine_nextTimeout: (a: number) => number;
    readonly downlinkengine_openSession: (a: number) => void;
    readonly downlinkengine_pollEvent: (a: number) => any;
    readonly downlinkengine_pollVideo: (a: number) => number;
    readonly downlinkengine_removeSender: (a: number, b: number) => void;
    readonly downlinkengine_removeTrack: (a: number, b: number, c: number) => void;
    readonly downlinkengine_renderAudio: (a: number, b: number, c: number, d: number, e: any, f: number) => void;
    readonly downlinkengine_setPaused: (a: number, b: number, c: number, d: number) => void;
    readonly downlinkengine_setVolume: (a: number, b: number, c: number, d: number) => void;
    readonly downlinkengine_stats: (a: number, b: number) => any;
    readonly downlinkengine_timeout: (a: number, b: number) => void;
    readonly downlinkengine_videoDecodeFailed: (a: number, b: number, c: number, d: number) => void;
    readonly downlinkengine_videoDecoded: (a: number, b: number, c: number, d: number) => void;
    readonly enrolment_new: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number];
    readonly enrolment_request: (a: number) => [number, number];
    readonly enrolment_secretAddress: (a: number) => number;
    readonly enrolment_secretLength: (a: number) => number;
    readonly fmaf: (a: number, b: number, c: number) => number;
    readonly free: (a: number) => void;
    readonly malloc: (a: number) => number;
    readonly quality_new: () => number;
    readonly quality_update: (a: number, b: number, c: number, d: number, e: number, f: number) => any;
    readonly selfTest: (a: number) => any;
    readonly sm4Backend: () => [number, number];
    readonly uplinkengine_addTrack: (a: number, b: number, c: number, d: number, e: number) => [number, number];
    readonly uplinkengine_audioLevel: (a: number) => number;
    readonly uplinkengine_control: (a: number, b: number, c: number, d: number) => void;
    readonly uplinkengine_datagram: (a: number, b: number, c: number, d: number) => void;
    readonly uplinkengine_datagramAddress: (a: number) => number;
    readonly uplinkengine_epoch: (a: number) => number;
    readonly uplinkengine_howlingFrequency: (a: number) => number;
    readonly uplinkengine_join: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number];
    readonly uplinkengine_keyMessageAddress: (a: number) => number;
    readonly uplinkengine_keySource: (a: number) => [number, number];
    readonly uplinkengine_kid: (a: number) => [number, number];
    readonly uplinkengine_new: (a: any, b: number, c: number) => [number, number, number];
    readonly uplinkengine_nextDatagram: (a: number) => number;
    readonly uplinkengine_nextKeyMessage: (a: number) => number;
    readonly uplinkengine_nextTimeout: (a: number) => number;
    readonly uplinkengine_openSession: (a: number, b: number) => [number, number];
    readonly uplinkengine_pollControl: (a: number) => [number, number];
    readonly uplinkengine_pollEvent: (a: number) => any;
    readonly uplinkengine_pushAudio: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number) => void;
    readonly uplinkengine_queueDelay: (a: number) => number;
    readonly uplinkengine_removeTrack: (a: number, b: number) => void;
    readonly uplinkengine_request: (a: number, b: number, c: any) => [number, number, number];
    readonly uplinkengine_rotateKeys: (a: number, b: number) => void;
    readonly uplinkengine_sealVideo: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number) => number;
    readonly uplinkengine_setAudioMuted: (a: number, b: number) => void;
    readonly uplinkengine_setAudioProcessing: (a: number, b: number, c: number, d: number) => void;
    readonly uplinkengine_setLayers: (a: number, b: number, c: number, d: number) => [number, number];
    readonly uplinkengine_stats: (a: number, b: number) => any;
    readonly uplinkengine_takeIdentity: (a: number) => number;
    readonly uplinkengine_timeout: (a: number, b: number) => void;
    readonly uplinkengine_videoBuffer: (a: number, b: number) => number;
    readonly uplinkengine_wantsFrame: (a: number, b: number, c: number) => number;
    readonly uplinkengine_wantsLayerFrame: (a: number, b: number, c: number, d: number) => number;
    readonly videoout_key: (a: number) => number;
    readonly videoout_len: (a: number) => number;
    readonly videoout_mediaTimeUs: (a: number) => number;
    readonly videoout_ptr: (a: number) => number;
    readonly videoout_renderAtUs: (a: number) => number;
    readonly videoout_sender: (a: number) => number;
    readonly videoout_track: (a: number) => number;
    readonly wipeStack: () => void;
    readonly __wbindgen_malloc: (a: number, b: number) => number;
    readonly __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
    readonly __wbindgen_free: (a: number, b: number, c: number) => void;
    readonly __wbindgen_exn_store: (a: number) => void;
    readonly __externref_table_alloc: () => number;
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __externref_table_dealloc: (a: number) => void;
    readonly __externref_drop_slice: (a: number, b: number) => void;
    readonly __wbindgen_start: () => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
