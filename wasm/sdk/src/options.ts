import type { CipherSuiteName } from "./events.ts";

/** Video codecs in the SDK's own names. */
export type VideoCodecName = "vp8" | "vp9" | "h264" | "av1";

/** What carries the media. `auto` races both and takes WebTransport if it is up in time. */
export type TransportChoice = "auto" | "webtransport" | "websocket";

/**
 * The engine's three builds, which differ in speed alone: with relaxed SIMD, with SIMD, with
 * neither. Only the one that is used is fetched.
 */
export type WasmBuild = "relaxed-simd" | "simd128" | "scalar";

/** How much goes to the console and the downloadable log. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "none";

/** What a room's members agree on keys with: MLS (RFC 9420), by the algorithms of the suite. */
export type GroupSuiteName = "SM2_SM4_GCM_SM3" | "SM2_PKE_SM4_GCM_SM3" | "P256_AES_128_GCM_SHA256";

/**
 * Who we are to the others of the group: a signature key.
 *
 * `"new"` makes one for this call. `{ keptAs }` keeps it in this browser under that name, best the
 * user's, so that pairwise fingerprints stay the same from call to call: in IndexedDB, where every
 * script of the origin can read it. Bytes are a key that the application keeps: 32, a number from 1
 * to n − 2 of the suite's curve.
 */
export type GroupIdentity = "new" | { readonly keptAs: string } | Uint8Array;

/**
 * `"gateway"` is the gateway's own development authority, which certifies the user of the join
 * token (`gateway/CERTIFICATES.md`). A function takes the request, in DER, to an authority of
 * yours, and gives back our certificate, then those of its issuers.
 */
export type CertificateIssuer = "gateway" | ((request: Bytes) => Promise<readonly Uint8Array[]>);

/**
 * `Uint8Array<ArrayBuffer>`, which TypeScript before 5.7 does not know and which newer ones want
 * where bytes are sent.
 */
type Bytes = ReturnType<Uint8ArrayConstructor["of"]>;

/**
 * Whose certificates the room takes, and ours. All in DER; keys and signatures are those of the
 * group's suite.
 */
export interface CertificateOptions {
  /** Certificates of the authorities that are trusted. */
  readonly authorities: readonly Uint8Array[];
  /**
   * Once there is one of an authority, what that authority signed is refused when the list is out
   * of date.
   */
  readonly revocationLists?: readonly Uint8Array[];
  /** Also take members without a certificate; they are shown as such. Default false. */
  readonly admitsUncertified?: boolean;
  /**
   * Our own certificate, then those of its issuers. Its key is `identity`, as bytes; the user in it
   * is that of the join token.
   */
  readonly chain?: readonly Uint8Array[];
  /**
   * Who gives us a certificate at each `join`, in place of `chain`; `identity` may be any then. The
   * key is made and stays in the uplink worker; what leaves it is a request in PKCS#10, signed with
   * it.
   */
  readonly issuer?: CertificateIssuer;
}

/**
 * Keys that the members of the room agree on among themselves by MLS; the gateway carries the
 * messages and learns none of them. Everybody who joins or leaves gives the room new ones. This is
 * the default.
 */
export interface GroupKeyOptions {
  /**
   * Seals the frames. Default `SM4_GCM_SM3`. The room is pinned to it: who wants another one does
   * not get in.
   */
  readonly suite?: CipherSuiteName;
  /** Default `SM2_SM4_GCM_SM3`. All members of a room use the same suite. */
  readonly groupSuite?: GroupSuiteName;
  /**
   * Whom to accept in the group. Default `"everyone"` whom the gateway lets in; a list of user ids
   * holds even against the gateway.
   */
  readonly admit?: "everyone" | readonly string[];
  /** Default `"new"`. */
  readonly identity?: GroupIdentity;
  /**
   * Take members by X.509 certificate only. Default: by the name in the join token, of which only
   * the gateway knows whose it is.
   */
  readonly certificates?: CertificateOptions;
  readonly key?: undefined;
}

/**
 * One key that everybody in the room shares, from your application or key management service. It
 * stays as it is when people come and go, and says nothing about who they are.
 */
export interface ExternalKeyOptions {
  /** Default `SM4_GCM_SM3`. All members of a room use the same suite. */
  readonly suite?: CipherSuiteName;
  /** 16 to 64 secret bytes. Handed to the uplink worker once; the page keeps no copy of its own. */
  readonly key: Uint8Array;
}

/** Where keys come from: the room's own group unless there is a `key`. */
export type EncryptionOptions = GroupKeyOptions | ExternalKeyOptions;

/** Processing of our microphone, done in Wasm in the uplink worker. Each defaults to true. */
export interface AudioProcessingOptions {
  readonly echoCancellation?: boolean;
  readonly noiseSuppression?: boolean;
  readonly autoGainControl?: boolean;
}

/** Bounds of the delay that smooths network jitter for video, in milliseconds. */
export interface PlayoutDelayOptions {
  /** Default 0. */
  readonly min?: number;
  /** Default 500. */
  readonly max?: number;
}

/** Options of {@link createClient}. */
export interface ClientOptions {
  /**
   * Base URL of the gateway, such as `https://rtc.example.com`. The SDK reads `/v1/config` there.
   */
  readonly gateway: string;
  /**
   * The join token, or a function that fetches one; a function is asked again for each
   * reconnection.
   */
  readonly token: string | (() => string | Promise<string>);
  /** Default: group keys, see {@link GroupKeyOptions}. */
  readonly encryption?: EncryptionOptions;
  /** Default `auto`. */
  readonly transport?: TransportChoice;
  /**
   * QUIC sessions beside our own that stand ready for sending, 0 to 60; default 8. Where packets
   * get lost the SDK opens more by itself, but where most do that takes longer than anybody waits:
   * 30 bear 80 % both ways, for those who must expect it. Each costs the gateway a connection, and
   * counts among its sessions.
   */
  readonly readyLanes?: number;
  /** Subscribe to every stream as it appears. Default true. */
  readonly autoSubscribe?: boolean;
  readonly audioProcessing?: AudioProcessingOptions;
  readonly playoutDelay?: PlayoutDelayOptions;
  /**
   * Video codecs to use, best first; those that nobody else decodes are skipped. Default: by
   * frame size.
   */
  readonly videoCodecs?: readonly VideoCodecName[];
  /** Default `info` to the log, `warn` to the console. */
  readonly logLevel?: LogLevel;
  /** Where the SDK's files lie. Default: beside the module itself. */
  readonly assetBase?: string | URL;
  /**
   * Default: the fastest that the browser runs. For tests and measurements; `NOT_SUPPORTED` if it
   * does not run.
   */
  readonly wasmBuild?: WasmBuild;
  /**
   * How long to keep trying after the connection is lost, in milliseconds; the time that the
   * machine sleeps does not count. Default 120,000.
   */
  readonly reconnectTimeout?: number;
}

/** Size and rate of video. Bitrate in kbit/s, as in TRTC. */
export interface VideoProfile {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  readonly bitrate: number;
}

/** Names of common video profiles. */
export type VideoProfileName = "120p" | "180p" | "240p" | "360p" | "480p" | "720p" | "1080p";

/**
 * What is in a video: `motion` is a camera or a film, where frames should follow each other;
 * `detail` and `text` are screens, where they should be sharp and may be few.
 */
export type VideoContentHint = "motion" | "detail" | "text";

/**
 * Which of a user's two streams to receive. `big` is the big one as far as our path bears it, else
 * the small one; `small` is the small one; `auto` is what {@link
 * Client.setRemoteDefaultVideoStreamType} says for everybody.
 */
export type VideoStreamType = "big" | "small" | "auto";

/** Options of {@link createStream}. */
export interface StreamOptions {
  /** Capture a microphone. */
  readonly audio?: boolean;
  /** Capture a camera. */
  readonly video?: boolean;
  /** Share a screen, window or tab instead of a camera. */
  readonly screen?: boolean;
  readonly cameraId?: string;
  readonly microphoneId?: string;
  readonly facingMode?: "user" | "environment";
  /** A track of your own instead of a microphone. */
  readonly audioSource?: MediaStreamTrack;
  /** A track of your own instead of a camera. */
  readonly videoSource?: MediaStreamTrack;
  /** Show our own video mirrored. Default true for cameras. Others always see it as it is. */
  readonly mirror?: boolean;
}

/** Options of `play`. */
export interface PlayOptions {
  /** How the video fits the element. Default `cover` for cameras, `contain` for screens. */
  readonly objectFit?: "cover" | "contain" | "fill";
  /** Whether to play audio too. Default true for remote, ignored for local streams. */
  readonly muted?: boolean;
}

/** The profiles behind the names. */
export const VIDEO_PROFILES: Readonly<Record<VideoProfileName, VideoProfile>> = {
  "120p": { width: 160, height: 120, frameRate: 15, bitrate: 200 },
  "180p": { width: 320, height: 180, frameRate: 15, bitrate: 350 },
  "240p": { width: 320, height: 240, frameRate: 15, bitrate: 400 },
  "360p": { width: 640, height: 360, frameRate: 30, bitrate: 1000 },
  "480p": { width: 640, height: 480, frameRate: 30, bitrate: 1200 },
  "720p": { width: 1280, height: 720, frameRate: 30, bitrate: 2500 },
  "1080p": { width: 1920, height: 1080, frameRate: 30, bitrate: 4000 },
};
