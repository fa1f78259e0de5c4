// Generated from the types of the engine by wasm/src/typescript.rs. Do not edit.

export type AudioStats = { sender: number, track: number, estimatedPlayoutTimestamp?: number, packetsReceived: number, packetsLost: number, packetsDiscarded: number, jitter: number, jitterBufferDelay: number, jitterBufferTargetDelay: number, jitterBufferEmittedCount: number, totalSamplesReceived: number, concealedSamples: number, silentConcealedSamples: number, concealmentEvents: number, insertedSamplesForDeceleration: number, removedSamplesForAcceleration: number, fecPacketsReceived: number, fecPacketsDiscarded: number, recoveredSamples: number, audioLevel: number, totalAudioEnergy: number, totalSamplesDuration: number, targetDelay: number, decodeErrors: number, };

export type Bitrate = number;

export type Closing = { code: number, reason: string, };

export type DownlinkConfig = { suite: string, keySource: KeySourceName, minPlayoutDelayUs: number, maxPlayoutDelayUs: number, };

export type DownlinkEvent = { "kind": "decryption", sender: number, state: OpeningState, reason: string, } | { "kind": "log", level: EngineLogLevel, message: string, };

export type DownlinkStats = { audio: Array<AudioStats>, senders: Array<SenderStats>, timestamp: number, transport: TransportStats, inbound: Array<InboundStats>, };

export type DropCounts = { late: number, incomplete: number, undecodable: number, notOpened: number, overflow: number, otherLayer: number, malformed: number, };

export type EncoderEvent = { "kind": "target-bitrate", audio: Bitrate, layers: Array<LayerBitrate>, } | { "kind": "key-frame-requested", track: number, spatial: number, };

export type EngineLogLevel = "trace" | "debug" | "warn";

export type GroupCertificates = { authorities: readonly Uint8Array[], revocationLists: readonly Uint8Array[], admitsBasic: boolean, chain: readonly Uint8Array[], };

export type GroupConfig = { suite: string, users: readonly string[] | null, certificates: GroupCertificates | null, };

export type GroupEvent = { "kind": "state", state: GroupState, } | { "kind": "epoch", epoch: number, verificationCode: string, } | { "kind": "roster", joined: Array<RosterMember>, left: Array<RosterMember>, by?: string, members: Array<RosterMember>, } | { "kind": "confirmed", user: string, epoch: number, } | { "kind": "split", user: string, epoch: number, } | { "kind": "unconfirmed", users: Array<string>, } | { "kind": "removed", by?: string, } | { "kind": "certificate-invalid", user?: string, why: string, } | { "kind": "refused", what: RefusedSubject, why: string, };

export type GroupState = "idle" | "joining" | "in-group" | "healing" | "removed";

export type InboundStats = { kind: string, sender: number, track: number, spatial: number, packetsReceived: number, bytesReceived: number, headerBytesReceived: number, packetsLost: number, retransmittedPacketsReceived: number, retransmittedBytesReceived: number, fecPacketsReceived: number, fecBytesReceived: number, fecPacketsDiscarded: number, framesRecovered: number, duplicatePacketsReceived: number, nackCount: number, pliCount: number, framesReceived: number, framesDecoded: number, keyFramesDecoded: number, framesDropped: number, dropped: DropCounts, framesSeen: number, framesDelivered: number, framesPending: number, framesLost: number, framesAssembledFromMultiplePackets: number, totalAssemblyTime: number, freezeCount: number, totalFreezesDuration: number, totalInterFrameDelay: number, jitter: number, jitterBufferDelay: number, currentTargetDelay: number, jitterBufferEmittedCount: number, syncDelay: number, audioLag?: number, cannotDecrypt: boolean, };

export type Joined = { participantId: number, attachTicket: Uint8Array, roomId: string, userId: string, role: Role, peers: Array<Peer>, };

export type KeySourceName = "mls" | "external";

export type LayerBitrate = { track: number, spatial: number, bitrate: Bitrate, };

export type Leave = Record<symbol, never>;

export type LeaveReason = "left" | "disconnected" | "replaced";

export type MediaKind = "audio" | "video" | "screen";

export type Notification = { "kind": "peer-joined" } & Peer | { "kind": "peer-left" } & PeerLeft | { "kind": "track-published" } & TrackChanged | { "kind": "track-updated" } & TrackChanged | { "kind": "track-unpublished" } & TrackGone | { "kind": "closing" } & Closing;

export type OpeningState = "waiting" | "ok" | "cannot-decrypt";

export type OutboundStats = { kind: string, track: number, spatial: number, packetsSent: number, bytesSent: number, headerBytesSent: number, retransmittedPacketsSent: number, retransmittedBytesSent: number, fecPacketsSent: number, fecBytesSent: number, framesSent: number, keyFramesEncoded: number, framesEncoded: number, framesDropped: number, bytesEncoded: number, nackCount: number, pliCount: number, targetBitrate: number, totalPacketSendDelay: number, packetsLost: number, fractionLost: number, };

export type PathStats = { packetsReceived: number, packetsLost: number, randomLoss: number, burst: number, };

export type Peer = { participantId: number, userId: string, role: Role, decodeCodecs: Array<string>, tracks: Array<Track>, };

export type PeerLeft = { participantId: number, reason: LeaveReason, };

export type Publish = { track: Track, };

export type Quality = { level: 0 | 1 | 2 | 3 | 4 | 5, rating: number, meanOpinion: number, loss: number, };

export type RefusedSubject = "commit" | "welcome" | "group" | "key-package" | "own";

export type RequestBody = { "kind": "leave" } & Leave | { "kind": "publish" } & Publish | { "kind": "unpublish" } & Unpublish | { "kind": "update-track" } & UpdateTrack | { "kind": "subscribe" } & Subscribe | { "kind": "unsubscribe" } & Unsubscribe;

export type Role = "anchor" | "audience";

export type RosterMember = { leafIndex: number, user: string, fingerprint: string, own: boolean, expires?: number, };

export type SelfTest = { status: StatusName, tests: Array<TestReport>, };

export type SenderStats = { sender: number, kid?: string, state: OpeningState, framesOpened: number, framesRejected: number, };

export type StatusName = "untested" | "passed" | "failed";

export type StreamType = "main" | "auxiliary";

export type Subscribe = { participantId: number, track: number, maxSpatialLayer: number, maxTemporalLayer: number, };

export type TestReport = { name: string, status: StatusName, };

export type Track = { number: number, kind: MediaKind, codec: string, stream: StreamType, muted: boolean, width: number, height: number, };

export type TrackChanged = { participantId: number, track: Track, };

export type TrackGone = { participantId: number, number: number, };

export type TransportStats = { packetsSent: number, packetsReceived: number, bytesSent: number, bytesReceived: number, currentRoundTripTime?: number, totalRoundTripTime: number, responsesReceived: number, availableOutgoingBitrate?: number, malformedPacketsReceived: number, unexpectedPacketsReceived: number, };

export type Unpublish = { number: number, };

export type Unsubscribe = { participantId: number, track: number, };

export type UpdateTrack = { track: Track, };

export type UplinkConfig = { suite: string, mls: GroupConfig | null, echoCancellation: boolean, noiseSuppression: boolean, autoGainControl: boolean, };

export type UplinkEvent = { "kind": "joined", requestId: number, joined: Joined, } | { "kind": "done", requestId: number, } | { "kind": "refused", requestId: number, code: string, message: string, } | { "kind": "request-timed-out", requestId: number, } | { "kind": "notification", notification: Notification, } | { "kind": "encoder", event: EncoderEvent, } | { "kind": "seal-failed", reason: string, } | { "kind": "group", event: GroupEvent, } | { "kind": "log", level: EngineLogLevel, message: string, };

export type UplinkStats = { timestamp: number, transport: TransportStats, path: PathStats, outbound: Array<OutboundStats>, };
