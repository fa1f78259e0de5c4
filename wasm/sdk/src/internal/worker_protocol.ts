/**
 * Typed messages between the page and its two workers, and between the workers and the audio
 * worklet.
 */
import type { PlainError } from "../errors.ts";
import type { CipherSuiteName, EncryptionState, EngineSelfTest } from "../events.ts";
import type {
  GroupIdentity,
  GroupSuiteName,
  LogLevel,
  TransportChoice,
  VideoCodecName,
  VideoContentHint,
} from "../options.ts";
import type { VideoEncoderStats } from "../stats.ts";
import type {
  Quality as DirectionQuality,
  DownlinkStats as DownlinkEngineStats,
  GroupCertificates,
  GroupEvent,
  Joined,
  MediaKind,
  Notification,
  RequestBody,
  UplinkStats as UplinkEngineStats,
} from "./generated/engine.ts";
import type { GatewayAddress } from "./gateway_config.ts";

/**
 * How a worker and the audio worklet exchange samples: shared memory on isolated pages, a port
 * elsewhere.
 */
export type AudioLink =
  | { readonly kind: "shared"; readonly ring: SharedArrayBuffer }
  | { readonly kind: "port"; readonly port: MessagePort };

/**
 * Where the uplink worker has its keys from. Secret bytes are transferred; the page keeps nothing.
 */
export type KeySource =
  | { readonly kind: "external"; readonly key: Uint8Array<ArrayBuffer> }
  | {
      readonly kind: "mls";
      readonly suite: GroupSuiteName;
      readonly users: readonly string[] | undefined;
      readonly certificates: GroupCertificates | undefined;
      readonly identity: GroupIdentity;
    };

/** Whose key is to be certified, and for which suite. */
export interface EnrolRequest {
  readonly module: WebAssembly.Module;
  readonly suite: GroupSuiteName;
  /** Names the user. */
  readonly token: string;
  readonly identity: GroupIdentity;
}

/**
 * The first message from the uplink worker to the downlink worker. With group keys each later one
 * is bytes for the engine.
 */
export interface KeyPortInit {
  readonly suite: CipherSuiteName;
  readonly keySource: "mls" | "external";
  readonly key: Uint8Array;
}

/** The first message to either worker but for `enrol`; everything else follows its reply. */
export interface UplinkInit {
  readonly module: WebAssembly.Module;
  readonly suite: CipherSuiteName;
  readonly keys: KeySource;
  /** Leads to the downlink worker; all keys go there this way. */
  readonly keyPort: MessagePort;
  readonly audio: AudioLink | undefined;
  readonly processing: {
    echoCancellation: boolean;
    noiseSuppression: boolean;
    autoGainControl: boolean;
  };
  readonly logLevel: LogLevel;
}

export interface ConnectRequest {
  /** Counts the page's attempts; a notice that this connection ended names it. */
  readonly connection: number;
  readonly address: GatewayAddress;
  readonly token: string;
  readonly transport: TransportChoice;
  readonly readyLanes: number;
  readonly sdkVersion: string;
  readonly decodeCodecs: readonly string[];
}

/** What the uplink worker encodes for a track. */
export interface VideoSettings {
  readonly codec: VideoCodecName;
  readonly maxWidth: number;
  readonly maxHeight: number;
  readonly frameRate: number;
  /** bit/s; the engine's estimate may be lower, never higher. */
  readonly maxBitrate: number;
  /**
   * What is encoded besides, in the same codec, for those who want or can receive no more. Rates as
   * above.
   */
  readonly small:
    | {
        readonly maxWidth: number;
        readonly maxHeight: number;
        readonly frameRate: number;
        readonly maxBitrate: number;
      }
    | undefined;
  /** Empty where nothing is known. */
  readonly contentHint: VideoContentHint | "";
}

/**
 * Where frames come from: a transferred stream of `VideoFrame`, or a port that brings them one by
 * one.
 */
export type VideoSource =
  | { readonly kind: "readable"; readonly readable: ReadableStream<VideoFrame> }
  | { readonly kind: "port"; readonly port: MessagePort };

/** Calls that the uplink worker answers: name → argument and result. */
export interface UplinkCalls {
  /**
   * Before `init`, which then takes this key: the request, in DER, by which an authority may
   * certify it to be that of the token's user.
   */
  enrol: { argument: EnrolRequest; result: Uint8Array<ArrayBuffer> };
  /**
   * What the gateway's own authority makes of such a request: our certificate, then those of its
   * issuers, in DER.
   */
  certify: {
    argument: { gateway: string; token: string; request: Uint8Array<ArrayBuffer> };
    result: Uint8Array[];
  };
  init: { argument: UplinkInit; result: undefined };
  connect: {
    argument: ConnectRequest;
    result: {
      joined: Joined;
      transport: "webtransport" | "websocket";
      kid: string;
      epoch: number;
    };
  };
  request: { argument: RequestBody; result: undefined };
  disconnect: { argument: { leave: boolean }; result: undefined };
  addVideo: {
    argument: {
      track: number;
      kind: "video" | "screen";
      source: VideoSource;
      settings: VideoSettings;
    };
    result: { width: number; height: number; codec: string };
  };
  replaceVideoSource: { argument: { track: number; source: VideoSource }; result: undefined };
  updateVideo: { argument: { track: number; settings: VideoSettings }; result: undefined };
  muteVideo: { argument: { track: number; muted: boolean }; result: undefined };
  removeVideo: { argument: { track: number }; result: undefined };
  /** Starts sending what the worklet captures as this track, or stops. */
  setAudio: { argument: { track: number | undefined }; result: undefined };
  muteAudio: { argument: { muted: boolean }; result: undefined };
  setProcessing: {
    argument: { echoCancellation: boolean; noiseSuppression: boolean; autoGainControl: boolean };
    result: undefined;
  };
  /** New keys for the group. */
  rotateKeys: { argument: undefined; result: undefined };
  selfTest: { argument: { run: boolean }; result: EngineSelfTest };
  stats: { argument: undefined; result: UplinkStats };
  logs: { argument: undefined; result: string[] };
  /** The last call: wipes all keys. */
  close: { argument: undefined; result: undefined };
}

/** One of the sizes in which a track is sent. */
export interface VideoLayerStats extends VideoEncoderStats {
  readonly rid: "small" | "big";
  /** From 0, the smallest. */
  readonly spatial: number;
  /** Whether the path has room for it now. */
  readonly active: boolean;
}

/**
 * Counters are those of all sizes together; size, rate and target those of the largest that is
 * being sent.
 */
export interface VideoSenderStats extends VideoEncoderStats {
  readonly track: number;
  readonly codec: string;
  readonly layers: readonly VideoLayerStats[];
}

export interface UplinkStats {
  readonly engine: UplinkEngineStats | undefined;
  /** Of the path to the gateway. */
  readonly quality: DirectionQuality | undefined;
  readonly video: readonly VideoSenderStats[];
  readonly audioLevel: number;
  /** Whether the microphone gave no more than silence for a second, if audio is sent at all. */
  readonly microphoneSilent: boolean;
  /** Hz, while the microphone hears acoustic feedback. */
  readonly howlingFrequency: number | undefined;
  readonly audioTargetBitrate: number;
  readonly suite: CipherSuiteName;
  readonly keySource: "mls" | "external";
  readonly kid: string;
  readonly epoch: number;
  readonly sm4Backend: EncryptionState["sm4Backend"];
}

/** What the uplink worker tells unasked. */
export type UplinkNotice =
  | { readonly kind: "notification"; readonly notification: Notification }
  | { readonly kind: "closed"; readonly connection: number; readonly error: PlainError }
  | {
      readonly kind: "video-size";
      readonly track: number;
      readonly width: number;
      readonly height: number;
      readonly codec: string;
    }
  | { readonly kind: "source-ended"; readonly track: number }
  | { readonly kind: "group"; readonly event: GroupEvent }
  | { readonly kind: "error"; readonly error: PlainError };

export interface DownlinkInit {
  readonly module: WebAssembly.Module;
  /** Brings a {@link KeyPortInit} from the uplink worker and, with group keys, all that follows. */
  readonly keyPort: MessagePort;
  readonly audio: AudioLink | undefined;
  readonly minPlayoutDelayMs: number;
  readonly maxPlayoutDelayMs: number;
  readonly logLevel: LogLevel;
}

/** Calls that the downlink worker answers. */
export interface DownlinkCalls {
  init: { argument: DownlinkInit; result: undefined };
  connect: {
    argument: {
      connection: number;
      address: GatewayAddress;
      ticket: string;
      transport: TransportChoice;
    };
    result: { transport: "webtransport" | "websocket" };
  };
  disconnect: { argument: undefined; result: undefined };
  addTrack: {
    argument: { sender: number; track: number; kind: MediaKind; codec: string };
    result: undefined;
  };
  removeTrack: { argument: { sender: number; track: number }; result: undefined };
  removeSender: { argument: { sender: number }; result: undefined };
  setVolume: { argument: { sender: number; track: number; volume: number }; result: undefined };
  /** A place for frames; it outlives tracks and is moved between them. */
  addCanvas: { argument: { id: number; canvas: OffscreenCanvas }; result: undefined };
  /** Feeds the `MediaStreamTrackGenerator` behind a `<video>`. */
  addWritable: {
    argument: { id: number; writable: WritableStream<VideoFrame> };
    result: undefined;
  };
  addTap: { argument: { id: number; port: MessagePort }; result: undefined };
  removeTarget: { argument: { id: number }; result: undefined };
  /** Shows a track at these places, and nowhere else. */
  showTrack: {
    argument: { sender: number; track: number; targets: readonly number[] };
    result: undefined;
  };
  /** The sender muted its video, or goes on: the pause between is no freeze. */
  pauseTrack: { argument: { sender: number; track: number; paused: boolean }; result: undefined };
  snapshot: { argument: { sender: number; track: number }; result: Blob | undefined };
  selfTest: { argument: { run: boolean }; result: EngineSelfTest };
  stats: { argument: undefined; result: DownlinkStats };
  logs: { argument: undefined; result: string[] };
  /** The last call: wipes all keys. */
  close: { argument: undefined; result: undefined };
}

export interface VideoReceiverStats {
  readonly sender: number;
  readonly track: number;
  readonly codec: string;
  readonly framesDecoded: number;
  readonly keyFramesDecoded: number;
  readonly framesRendered: number;
  readonly framesDropped: number;
  readonly framesPerSecond: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  readonly freezeCount: number;
  readonly totalFreezesDuration: number;
  readonly totalDecodeTime: number;
}

export interface DownlinkStats {
  readonly engine: DownlinkEngineStats | undefined;
  /** Of the path from the gateway. */
  readonly quality: DirectionQuality | undefined;
  /** Of each remote voice, by what had to be concealed and how late it is. */
  readonly voices: readonly ({
    readonly sender: number;
    readonly track: number;
  } & DirectionQuality)[];
  readonly video: readonly VideoReceiverStats[];
  /** Samples of silence that the worklet played because we were late. */
  readonly playoutUnderrunSamples: number;
}

/** What the downlink worker tells unasked. */
export type DownlinkNotice =
  | { readonly kind: "closed"; readonly connection: number; readonly error: PlainError }
  | {
      readonly kind: "decryption";
      readonly sender: number;
      readonly state: "ok" | "cannot-decrypt";
      readonly reason: string;
    }
  | {
      readonly kind: "first-frame";
      readonly sender: number;
      readonly track: number;
      readonly width: number;
      readonly height: number;
    }
  | { readonly kind: "error"; readonly error: PlainError };

/** Of the page to the worklet, through `processorOptions`. */
export interface WorkletOptions {
  /** Near and far samples for the uplink worker. */
  readonly capture: AudioLink;
  /** Mixed samples from the downlink worker. */
  readonly playout: AudioLink;
}

/** Between a worker and the worklet where there is no shared memory. The buffer is transferred. */
export type SamplesMessage =
  | { readonly kind: "samples"; readonly samples: Float32Array<ArrayBuffer> }
  /** The worklet's need for more, in samples since the last message. */
  | { readonly kind: "consumed"; readonly count: number; readonly missed: number };

/** The frame in which calls and notices travel. */
export type CallMessage<Calls> = {
  [Name in keyof Calls]: { id: number; name: Name; argument: ArgumentOf<Calls, Name> };
}[keyof Calls];
export type ReplyMessage = { id: number; result: unknown } | { id: number; error: PlainError };
export type ArgumentOf<Calls, Name extends keyof Calls> = Calls[Name] extends {
  argument: infer Argument;
}
  ? Argument
  : never;
export type ResultOf<Calls, Name extends keyof Calls> = Calls[Name] extends { result: infer Result }
  ? Result
  : never;
