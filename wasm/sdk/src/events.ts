import type { LocalStream } from "./local_stream.ts";
import type { WasmBuild } from "./options.ts";
import type { RemoteStream } from "./remote_stream.ts";
import type { RtcError } from "./errors.ts";

/** The life of a client's connection; `RECONNECTING` goes back to `CONNECTED` or on to `DISCONNECTED`. */
export type ConnectionState = "DISCONNECTED" | "CONNECTING" | "RECONNECTING" | "CONNECTED";

/** 0 unknown, 1 excellent, 2 good, 3 poor, 4 bad, 5 very bad, 6 disconnected. */
export type NetworkQualityLevel = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/** Whether frames of a remote user can be opened with the keys we have. */
export type DecryptionState = "ok" | "cannot-decrypt";

/** Why a peer is gone: it said so, its connection was lost, or the same user joined again. */
export type PeerLeaveReason = "left" | "disconnected" | "replaced";

/** An event that carries a remote stream. */
export interface RemoteStreamEvent {
  readonly stream: RemoteStream;
}

/** An event that is about one user. */
export interface UserEvent {
  readonly userId: string;
}

/** Every event of a {@link Client} with what its listeners receive. */
export interface ClientEvents {
  /** A remote user published; subscribed by itself unless `autoSubscribe` is false. */
  "stream-added": RemoteStreamEvent;
  /** A remote stream ended. */
  "stream-removed": RemoteStreamEvent;
  /** A remote stream gained or lost its sound or its picture. */
  "stream-updated": RemoteStreamEvent;
  /** Media of this stream flows from now on; time to `play` it. */
  "stream-subscribed": RemoteStreamEvent;
  "connection-state-changed": { readonly prevState: ConnectionState; readonly state: ConnectionState };
  "peer-join": UserEvent;
  "peer-leave": UserEvent & { readonly reason: PeerLeaveReason };
  "mute-audio": UserEvent;
  "mute-video": UserEvent;
  "unmute-audio": UserEvent;
  "unmute-video": UserEvent;
  /** The gateway ended our session for good: the token ran out, the same user came again, the room closed. */
  "client-banned": { readonly reason: "kick" | "banned" | "room-disband"; readonly message: string };
  /** Every two seconds while connected. RTT in milliseconds, loss 0 to 1. */
  "network-quality": {
    readonly uplinkNetworkQuality: NetworkQualityLevel;
    readonly downlinkNetworkQuality: NetworkQualityLevel;
    readonly uplinkRTT: number;
    readonly uplinkLoss: number;
    readonly downlinkRTT: number;
    readonly downlinkLoss: number;
  };
  /** After `enableAudioVolumeEvaluation`; volume 0 to 100. `stream` is absent for our own microphone. */
  "audio-volume": {
    readonly result: readonly { readonly userId: string; readonly audioVolume: number; readonly stream?: RemoteStream }[];
  };
  /** Whether what this user sends can be opened: a wrong key shows here, and no picture appears. */
  "decryption-state-changed": UserEvent & { readonly state: DecryptionState; readonly reason?: string };
  /** Our own key changed: a new session has a new key id. */
  "encryption-changed": EncryptionState;
  /** Something broke that no call of yours reports. */
  error: RtcError;
}

/** Every event of a stream. */
export interface StreamEvents {
  "player-state-changed": {
    readonly type: "audio" | "video";
    readonly state: "PLAYING" | "PAUSED" | "STOPPED";
    readonly reason: string;
  };
  /** The user ended screen sharing with the browser's own button. */
  "screen-sharing-stopped": undefined;
  /** A device was unplugged and another one took over. */
  "device-auto-recovered": { readonly type: "audio" | "video" };
  error: RtcError;
}

/** What protects our media and that of each remote user. */
export interface EncryptionState {
  /** Name of the SFrame cipher suite. */
  readonly suite: CipherSuiteName;
  readonly epoch: number;
  /** Key id of our own sealing key as 16 hexadecimal digits; a fresh one for each session. */
  readonly kid: string;
  /** Where keys come from. */
  readonly mode: "external";
  /** The build of the engine that seals and opens. */
  readonly wasmBuild: WasmBuild;
  /** The kernels of SM4-GCM, as the engine itself names them. */
  readonly sm4Backend: "wasm_relaxed_simd" | "wasm_simd128" | "portable";
  readonly perSender: readonly SenderEncryptionState[];
}

/** Decryption of one remote user. */
export interface SenderEncryptionState {
  readonly userId: string;
  /** Key id of the last frame opened, 16 hexadecimal digits; absent before the first. */
  readonly kid?: string;
  readonly state: DecryptionState | "waiting";
  readonly framesOpened: number;
  /** Frames refused: wrong key, changed on the way, or replayed. */
  readonly framesRejected: number;
}

/** SFrame cipher suites (RFC 9605 and our private-use one). */
export type CipherSuiteName = "SM4_GCM_SM3" | "AES_128_GCM_SHA256_128" | "AES_256_GCM_SHA512_128";

/** A stream of ours or of another user; named for the union in generic code. */
export type AnyStream = LocalStream | RemoteStream;
