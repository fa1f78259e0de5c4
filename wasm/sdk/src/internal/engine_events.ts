/** Plain objects that the Wasm module hands out: control messages in camelCase, engine events, statistics. */
import type { GroupState } from "../events.ts";

export type Role = "anchor" | "audience";
export type MediaKind = "audio" | "video" | "screen";
export type StreamType = "main" | "auxiliary";

export interface TrackInfo {
  readonly number: number;
  readonly kind: MediaKind;
  readonly codec: string;
  readonly stream: StreamType;
  readonly muted: boolean;
  readonly width: number;
  readonly height: number;
}

export interface PeerInfo {
  readonly participantId: number;
  readonly userId: string;
  readonly role: Role;
  readonly decodeCodecs: readonly string[];
  readonly tracks: readonly TrackInfo[];
}

export interface JoinedInfo {
  readonly participantId: number;
  /** base64url, goes into the downlink's URL. Secret. */
  readonly attachTicket: string;
  readonly roomId: string;
  readonly userId: string;
  readonly role: Role;
  readonly peers: readonly PeerInfo[];
}

/** Requests beside Join. */
export type RequestBody =
  | { readonly kind: "leave" }
  | { readonly kind: "publish" | "update-track"; readonly track: TrackInfo }
  | { readonly kind: "unpublish"; readonly number: number }
  | {
      readonly kind: "subscribe";
      readonly participantId: number;
      readonly track: number;
      readonly maxSpatialLayer: number;
      readonly maxTemporalLayer: number;
    }
  | { readonly kind: "unsubscribe"; readonly participantId: number; readonly track: number };

export type Notification =
  | { readonly kind: "peer-joined"; readonly peer: PeerInfo }
  | {
      readonly kind: "peer-left";
      readonly participantId: number;
      readonly reason: "left" | "disconnected" | "replaced";
    }
  | {
      readonly kind: "track-published" | "track-updated";
      readonly participantId: number;
      readonly track: TrackInfo;
    }
  | { readonly kind: "track-unpublished"; readonly participantId: number; readonly number: number }
  | { readonly kind: "closing"; readonly code: number; readonly reason: string };

/** Somebody in the group, as the engine tells it. */
export interface EngineMember {
  readonly userId: string;
  readonly leafIndex: number;
  readonly fingerprint: string;
  readonly own: boolean;
  /** Seconds since 1970. */
  readonly certifiedUntil?: number;
}

/** What happens in the group. */
export type GroupEvent =
  | { readonly what: "state"; readonly state: GroupState }
  | { readonly what: "epoch"; readonly epoch: number; readonly verificationCode: string }
  | {
      readonly what: "roster";
      readonly joined: readonly EngineMember[];
      readonly left: readonly EngineMember[];
      readonly by?: string;
      readonly members: readonly EngineMember[];
    }
  | { readonly what: "confirmed" | "split"; readonly userId: string; readonly epoch: number }
  | { readonly what: "unconfirmed"; readonly userIds: readonly string[] }
  | { readonly what: "removed"; readonly by?: string }
  | { readonly what: "certificate-invalid"; readonly userId?: string; readonly reason: string }
  | {
      readonly what: "refused";
      readonly subject: "commit" | "welcome" | "group" | "key-package" | "own";
      readonly reason: string;
    };

export type UplinkEvent =
  | Notification
  | { readonly kind: "joined"; readonly requestId: number; readonly joined: JoinedInfo }
  | { readonly kind: "done"; readonly requestId: number }
  | {
      readonly kind: "refused";
      readonly requestId: number;
      readonly code: string;
      readonly message: string;
    }
  | { readonly kind: "request-timed-out"; readonly requestId: number }
  | {
      readonly kind: "target-bitrate";
      readonly audio: number;
      readonly layers: readonly {
        readonly track: number;
        readonly spatial: number;
        readonly bitrate: number;
      }[];
    }
  | { readonly kind: "key-frame-requested"; readonly track: number; readonly spatial: number }
  | { readonly kind: "seal-failed"; readonly reason: string }
  | { readonly kind: "group"; readonly event: GroupEvent }
  | { readonly kind: "log"; readonly level: "debug" | "info" | "warn"; readonly message: string };

export type DownlinkEvent =
  | {
      readonly kind: "decryption";
      readonly sender: number;
      readonly state: "ok" | "cannot-decrypt";
      readonly reason: string;
    }
  | { readonly kind: "log"; readonly level: "debug" | "info" | "warn"; readonly message: string };

/** `TransportStats` of the engine. Times in seconds. */
export interface TransportEngineStats {
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly currentRoundTripTime?: number;
  readonly availableOutgoingBitrate?: number;
}

/** `OutboundStats` of the engine, of one size of one track, as far as we use it. */
export interface OutboundTrackStats {
  readonly track: number;
  readonly spatial: number;
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly retransmittedPacketsSent: number;
  readonly nackCount: number;
  readonly pliCount: number;
  readonly packetsLost: number;
  /** 0 to 1, of the path. */
  readonly fractionLost: number;
}

/** `Quality` of the engine: how a direction is doing. */
export interface DirectionQuality {
  /** 0 unknown, 1 excellent, 2 good, 3 poor, 4 bad, 5 very bad. */
  readonly level: 0 | 1 | 2 | 3 | 4 | 5;
  /** R of the E-model, 0 to 93.2. */
  readonly rating: number;
  /** 1 to 4.5. */
  readonly meanOpinion: number;
  /** Over the last seconds, 0 to 1. */
  readonly loss: number;
}

/** `UplinkStats` of the engine. */
export interface UplinkEngineStats {
  readonly transport: TransportEngineStats;
  readonly path: {
    readonly packetsReceived: number;
    readonly packetsLost: number;
    readonly randomLoss: number;
    readonly burst: number;
  };
  readonly outbound: readonly OutboundTrackStats[];
}

/** `InboundStats` of the engine, of one track, as far as we use it. Times in seconds. */
export interface InboundTrackStats {
  readonly sender: number;
  readonly track: number;
  /** Of the newest frame handed on. */
  readonly spatial: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly bytesReceived: number;
  readonly framesReceived: number;
  readonly framesDropped: number;
  readonly nackCount: number;
  readonly pliCount: number;
  readonly jitterBufferDelay: number;
  readonly jitterBufferEmittedCount: number;
  /** By how much the sound lags the picture. */
  readonly audioLag?: number;
}

/** `AudioReceiveStats` of the playout, of one track. */
export interface AudioTrackStats {
  readonly sender: number;
  readonly track: number;
  readonly audioLevel: number;
  readonly packetsLost: number;
  readonly jitterBufferDelay: number;
  readonly jitterBufferEmittedCount: number;
  readonly totalSamplesReceived: number;
  readonly concealedSamples: number;
  readonly silentConcealedSamples: number;
  readonly concealmentEvents: number;
  readonly insertedSamplesForDeceleration: number;
  readonly removedSamplesForAcceleration: number;
}

export interface SenderKeyStats {
  readonly sender: number;
  readonly kid?: string;
  readonly state: "ok" | "cannot-decrypt" | "waiting";
  readonly framesOpened: number;
  readonly framesRejected: number;
}

/** `DownlinkStats` of the engine, with what the binding knows besides. */
export interface DownlinkEngineStats {
  readonly transport: TransportEngineStats;
  readonly inbound: readonly InboundTrackStats[];
  readonly audio: readonly AudioTrackStats[];
  readonly senders: readonly SenderKeyStats[];
}
