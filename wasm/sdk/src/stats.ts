import type { EncryptionState } from "./events.ts";

/** Of {@link Client.getTransportStats}. Times in milliseconds, rates in bit/s, loss 0 to 1. */
export interface TransportStats {
  readonly transport: "webtransport" | "websocket";
  readonly rtt: number;
  readonly uplinkLoss: number;
  readonly downlinkLoss: number;
  /** What the congestion controller allows us to send. */
  readonly availableOutgoingBitrate: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
}

/** Our own audio. Names from W3C webrtc-stats where they exist. */
export interface LocalAudioStats {
  readonly bytesSent: number;
  readonly packetsSent: number;
  /** 0 to 1. */
  readonly audioLevel: number;
  readonly targetBitrate: number;
}

/** What an encoder has done. */
export interface VideoEncoderStats {
  readonly framesEncoded: number;
  readonly keyFramesEncoded: number;
  /** Frames skipped before encoding because the encoder or the network was behind. */
  readonly framesDropped: number;
  /** Of those dropped, the ones that found the encoder's queue full. */
  readonly encoderOverruns: number;
  readonly framesPerSecond: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  /** bit/s; 0 if it is not sent now. */
  readonly targetBitrate: number;
  /** Seconds, total; divide by `framesEncoded`. */
  readonly totalEncodeTime: number;
}

/** What was sent of a video track. */
export interface VideoSentStats {
  readonly bytesSent: number;
  readonly packetsSent: number;
  readonly retransmittedPacketsSent: number;
  readonly nackCount: number;
  readonly pliCount: number;
}

/**
 * One of the streams in which our video is sent: the big one and, if it is enabled, the small
 * one.
 */
export interface LocalVideoLayerStats extends VideoEncoderStats, VideoSentStats {
  readonly rid: "small" | "big";
  /** From 0, the smallest: without a small stream the big one is 0. */
  readonly spatialLayer: number;
  /** Whether it is sent: our path may have no room for the big one. */
  readonly active: boolean;
}

/**
 * Our own video. Counters are those of all its streams together; size, rate and target those of
 * the largest that is being sent.
 */
export interface LocalVideoStats extends VideoEncoderStats, VideoSentStats {
  readonly codec: string;
  /** Each stream by itself, the smallest first. */
  readonly layers: readonly LocalVideoLayerStats[];
}

/** Audio of one remote user. */
export interface RemoteAudioStats {
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly bytesReceived: number;
  readonly audioLevel: number;
  /** Seconds, total; divide by `jitterBufferEmittedCount`. */
  readonly jitterBufferDelay: number;
  readonly jitterBufferEmittedCount: number;
  readonly totalSamplesReceived: number;
  readonly concealedSamples: number;
  readonly silentConcealedSamples: number;
  readonly concealmentEvents: number;
  readonly insertedSamplesForDeceleration: number;
  readonly removedSamplesForAcceleration: number;
  /**
   * What listeners would say, 1 to 4.5, by the E-model (ITU-T G.107) from delay and concealed
   * audio; absent while unknown.
   */
  readonly meanOpinion?: number;
}

/** Video of one remote user. */
export interface RemoteVideoStats {
  readonly codec: string;
  readonly bytesReceived: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly framesReceived: number;
  readonly framesDecoded: number;
  readonly framesRendered: number;
  readonly framesDropped: number;
  readonly framesPerSecond: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  /**
   * Which of the sender's sizes is shown, from 0, the smallest. Who sends one alone sends it as 0.
   */
  readonly spatialLayer: number;
  readonly keyFramesDecoded: number;
  readonly freezeCount: number;
  /** Seconds. */
  readonly totalFreezesDuration: number;
  /** Seconds, total; divide by `framesDecoded`. */
  readonly totalDecodeTime: number;
  /** Seconds, total; divide by `jitterBufferEmittedCount`. */
  readonly jitterBufferDelay: number;
  readonly jitterBufferEmittedCount: number;
  readonly nackCount: number;
  readonly pliCount: number;
  /** Milliseconds by which the video trails the audio; absent without audio. */
  readonly audioVideoOffset?: number;
}

/** Everything at once, of {@link Client.getStats}. Keys of the maps are user ids. */
export interface ClientStats {
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly transport: TransportStats;
  readonly localAudio: LocalAudioStats | undefined;
  readonly localVideo: LocalVideoStats | undefined;
  /** Screen sharing. */
  readonly localAuxiliary: LocalVideoStats | undefined;
  readonly remoteAudio: Readonly<Record<string, RemoteAudioStats>>;
  readonly remoteVideo: Readonly<Record<string, RemoteVideoStats>>;
  readonly remoteAuxiliary: Readonly<Record<string, RemoteVideoStats>>;
  readonly encryption: EncryptionState;
}
