import type { LocalStream } from "./local_stream.ts";
import type { GroupSuiteName, WasmBuild } from "./options.ts";
import type { RemoteStream } from "./remote_stream.ts";
import type { RtcError } from "./errors.ts";

/**
 * The life of a client's connection; `RECONNECTING` goes back to `CONNECTED` or on to
 * `DISCONNECTED`.
 */
export type ConnectionState = "DISCONNECTED" | "CONNECTING" | "RECONNECTING" | "CONNECTED";

/** 0 unknown, 1 excellent, 2 good, 3 poor, 4 bad, 5 very bad, 6 disconnected. */
export type NetworkQualityLevel = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/**
 * Whether frames of a remote user can be opened. `cannot-decrypt`: since one was last opened, three
 * frames, or two half a second apart, did not open with the key that should be theirs; or ten
 * seconds of frames came under keys that we do not have, because the sender is in another group.
 */
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

/**
 * What may go wrong without failing: frames that stand still, or are few; a microphone that gives
 * nothing, or that hears acoustic feedback, as with two devices of one call in a room; audio that
 * the browser holds back until somebody clicks or presses a key; an encoder that finds no time; a
 * decoder that gives no frames though frames come.
 */
export type ExceptionKind =
  | "freeze"
  | "low-frame-rate"
  | "silent-microphone"
  | "audio-suspended"
  | "howling"
  | "cpu-overuse"
  | "decoder-stall";

/** The begin or the end of an exception. */
export interface ExceptionEvent {
  readonly kind: ExceptionKind;
  readonly state: "begin" | "end";
  /** Whose stream; our own user for what happens here. */
  readonly userId: string;
  readonly stream: "main" | "auxiliary";
  /** What it is and what to do about it, in an English sentence; only at its begin. */
  readonly message?: string;
  /** Milliseconds that it lasted; only at its end. */
  readonly duration?: number;
  /** Of `howling`, at its begin: where it howls, in Hz. */
  readonly frequency?: number;
}

/** Every event of a {@link Client} with what its listeners receive. */
export interface ClientEvents {
  /** A remote user published; subscribed by itself unless `autoSubscribe` is false. */
  "stream-added": RemoteStreamEvent;
  /** A remote stream ended. */
  "stream-removed": RemoteStreamEvent;
  /** A remote stream gained or lost its audio or its video. */
  "stream-updated": RemoteStreamEvent;
  /** Media of this stream flows from now on; time to `play` it. */
  "stream-subscribed": RemoteStreamEvent;
  "connection-state-changed": {
    readonly prevState: ConnectionState;
    readonly state: ConnectionState;
  };
  "peer-join": UserEvent;
  "peer-leave": UserEvent & { readonly reason: PeerLeaveReason };
  "mute-audio": UserEvent;
  "mute-video": UserEvent;
  "unmute-audio": UserEvent;
  "unmute-video": UserEvent;
  /**
   * The gateway ended our session for good: the token ran out, the same user came again, the room
   * closed.
   */
  "client-banned": {
    readonly reason: "kick" | "banned" | "room-disband";
    readonly message: string;
  };
  /** Something goes wrong without failing, or no longer does. */
  exception: ExceptionEvent;
  /**
   * Every two seconds while connected, by the E-model (ITU-T G.107). RTT in milliseconds, loss 0 to
   * 1.
   */
  "network-quality": {
    readonly uplinkNetworkQuality: NetworkQualityLevel;
    readonly downlinkNetworkQuality: NetworkQualityLevel;
    readonly uplinkRTT: number;
    readonly uplinkLoss: number;
    readonly downlinkRTT: number;
    readonly downlinkLoss: number;
  };
  /**
   * After `enableAudioVolumeEvaluation`. The volume is the level (see {@link
   * RemoteStream.getAudioLevel}) in per cent, 0 to 100 and linear as in TRTC. `stream` is absent
   * for our own microphone.
   */
  "audio-volume": {
    readonly result: readonly {
      readonly userId: string;
      readonly audioVolume: number;
      readonly stream?: RemoteStream;
    }[];
  };
  /**
   * Whether what this user sends can be opened: a wrong key shows here, and no frame appears.
   * Frames on the wrong side of a join, a departure, a reconnection or a change of keys are no
   * cause; they stay unopened, or wait for their key, without an event.
   */
  "decryption-state-changed": UserEvent & {
    readonly state: DecryptionState;
    readonly reason?: string;
  };
  /**
   * Our own key changed: a new session has a new key id at once, a new epoch of the group within
   * 200 ms.
   */
  "encryption-changed": EncryptionState;
  /** Who is in the group changed. These, and not those whom the gateway names, can hear and see. */
  "roster-changed": RosterChange;
  /** The group has new keys, and with them another verification code. */
  "epoch-changed": { readonly epoch: number; readonly verificationCode: string };
  /**
   * The code, who has compared it with us, or who has confirmed it by a signed message, changed.
   */
  "verification-changed": Verification;
  /** On the way into the group, in it, on the way back into it, or taken out of it. */
  "group-state-changed": { readonly state: GroupState };
  /** Something about the group that people should know, or that belongs into a report. */
  "group-warning": GroupWarning;
  /** Something broke that no call of yours reports. */
  error: RtcError;
}

/** Every event of a stream. */
export interface StreamEvents {
  "player-state-changed": {
    readonly type: "audio" | "video";
    readonly state: "PLAYING" | "PAUSED" | "STOPPED";
    /** `ended` if the track has. */
    readonly reason: string;
  };
  /**
   * A local track gives nothing any more, whoever ended it: the page stopped it, or the device is
   * gone and no other took over. The others are told as if it were muted; `replaceTrack` or
   * `switchDevice` go on.
   */
  "track-ended": { readonly type: "audio" | "video" };
  /** The user ended screen sharing with the browser's own button. */
  "screen-sharing-stopped": undefined;
  /** A device was unplugged and another one took over. */
  "device-auto-recovered": { readonly type: "audio" | "video" };
  error: RtcError;
}

/**
 * Where we are on the way into the group. In `joining` and `removed` there is no key, and nothing
 * is sent.
 */
export type GroupState = "idle" | "joining" | "in-group" | "healing" | "removed";

/** Somebody in the group. */
export interface GroupMember {
  readonly userId: string;
  readonly leafIndex: number;
  /**
   * Nine groups of five digits for this member's identity and ours: the same in every call while
   * both keep their keys.
   */
  readonly fingerprint: string;
  /** Whether it is us. */
  readonly self: boolean;
  /** Whether you said, by `setCompared`, that you have compared numbers with this identity. */
  readonly compared: boolean;
  /**
   * Until when an authority certifies that this is the user; absent if only the gateway says so.
   */
  readonly certifiedUntil?: Date;
  /** Whether a signed message of this member agrees with our epoch. */
  readonly confirmed: boolean;
}

/** How the group changed. */
export interface RosterChange {
  readonly joined: readonly GroupMember[];
  readonly left: readonly GroupMember[];
  /** The member who made the change; absent if somebody came in alone. */
  readonly by?: string;
  readonly members: readonly GroupMember[];
}

/** What people compare. */
export interface Verification {
  /**
   * Six groups of five digits, equal for all who are in one group; another in each epoch. Empty
   * before the first.
   */
  readonly verificationCode: string;
  readonly members: readonly GroupMember[];
}

/** What goes wrong in a group. */
export type GroupWarning =
  /** A member took us out: somebody says that we have left. */
  | { readonly kind: "removed"; readonly by?: string }
  /** This member proved to be in another group than we: somebody shows us different ones. */
  | { readonly kind: "split"; readonly userId: string }
  /** No signed message of these came for long; empty once all are heard again. */
  | { readonly kind: "unconfirmed"; readonly userIds: readonly string[] }
  /**
   * The certificate of a member, or of somebody who would be one, is not valid: who has it stays
   * outside, or is taken out.
   */
  | { readonly kind: "certificate-invalid"; readonly userId?: string; readonly reason: string }
  /**
   * The key package of somebody who waits was not accepted, such as that of a user whom the room
   * does not admit.
   */
  | { readonly kind: "identity-refused"; readonly reason: string }
  /**
   * Our clock is not the gateway's: `aheadMs` milliseconds ahead of it, negative behind. By a wrong
   * clock members refuse each other.
   */
  | { readonly kind: "clock-off"; readonly aheadMs: number; readonly reason: string }
  /**
   * A message about the group was not accepted: forged, damaged, or of somebody whom the room does
   * not admit.
   */
  | {
      readonly kind: "message-refused";
      readonly subject: "commit" | "welcome" | "group";
      readonly reason: string;
    }
  /** We cannot take part: no randomness, a failed self-test, or no identity. */
  | { readonly kind: "failed"; readonly reason: string };

/** The group behind our keys. */
export interface GroupKeysState {
  readonly suite: GroupSuiteName;
  readonly state: GroupState;
  readonly verificationCode: string;
  readonly members: readonly GroupMember[];
  /** Members who are in another group than we. */
  readonly split: readonly string[];
  /** Members of whom nothing signed came for long. */
  readonly unconfirmed: readonly string[];
}

/** How far a known-answer test has come. */
export type SelfTestStatus = "untested" | "passed" | "failed";

/** The known-answer tests of one worker's engine. */
export interface EngineSelfTest {
  readonly status: SelfTestStatus;
  readonly tests: readonly { readonly name: string; readonly status: SelfTestStatus }[];
}

/** What `selfTest` finds. After a failure the engine seals and opens nothing any more. */
export interface SelfTestReport {
  readonly status: SelfTestStatus;
  readonly uplink: EngineSelfTest;
  readonly downlink: EngineSelfTest;
}

/** What protects our media and that of each remote user. */
export interface EncryptionState {
  /** Name of the SFrame cipher suite. */
  readonly suite: CipherSuiteName;
  /** The group's epoch that we seal in; 0 with an external key. */
  readonly epoch: number;
  /**
   * Key id of our own sealing key as 16 hexadecimal digits; a fresh one for each session and epoch.
   * Empty if there is none yet.
   */
  readonly kid: string;
  /** Where keys come from: the room's MLS group, or the application. */
  readonly mode: "mls" | "external";
  /** Present with group keys. */
  readonly group?: GroupKeysState;
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
  /**
   * Frames refused: wrong key, changed on the way, replayed, of another user than the gateway says,
   * or sealed before we came.
   */
  readonly framesRejected: number;
}

/** SFrame cipher suites (RFC 9605 and our private-use one). */
export type CipherSuiteName = "SM4_GCM_SM3" | "AES_128_GCM_SHA256_128" | "AES_256_GCM_SHA512_128";

/** A stream of ours or of another user; named for the union in generic code. */
export type AnyStream = LocalStream | RemoteStream;
