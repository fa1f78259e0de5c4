/**
 * Puts the statistics of both workers together, by user, and emits what is derived from them at
 * intervals.
 */
import type { ClientEvents, ConnectionState } from "../events.ts";
import type {
  ClientStats,
  LocalVideoLayerStats,
  LocalVideoStats,
  RemoteAudioStats,
  RemoteVideoStats,
  VideoSentStats,
} from "../stats.ts";
import type { AudioStats, InboundStats, OutboundStats } from "./generated/engine.ts";
import type { EngineHost } from "./engine_host.ts";
import { Exceptions } from "./exceptions.ts";
import type { ExceptionSample } from "./exceptions.ts";
import type { GroupView } from "./group_view.ts";
import type { Roster } from "./roster.ts";
import { largestSent } from "./uplink/layers.ts";
import type { DownlinkStats, UplinkStats, VideoReceiverStats } from "./worker_protocol.ts";

/** Looks for exceptions; each second one tells the network's quality. */
const LOOK_INTERVAL_MS = 1_000;
type Emit = <Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]) => void;

/** What we publish, as far as it says which numbers are to be expected. */
export interface LocalView {
  audioMuted(): boolean;
  videoMuted(track: number): boolean;
  frameRate(track: number): number;
}

export class StatsMonitor {
  readonly #host: EngineHost;
  readonly #roster: Roster;
  readonly #group: GroupView | undefined;
  readonly #emit: Emit;
  readonly #self: () => { userId: string; state: ConnectionState };
  readonly #exceptions: Exceptions;
  #looks = 0;
  #lookTimer: ReturnType<typeof setInterval> | undefined;
  #volumeTimer: ReturnType<typeof setInterval> | undefined;
  readonly #local: LocalView;
  ownAudioLevel = 0;

  constructor(
    host: EngineHost,
    roster: Roster,
    group: GroupView | undefined,
    local: LocalView,
    emit: Emit,
    self: () => { userId: string; state: ConnectionState },
  ) {
    this.#host = host;
    this.#local = local;
    this.#roster = roster;
    this.#group = group;
    this.#emit = emit;
    this.#self = self;
    this.#exceptions = new Exceptions((event) => emit("exception", event));
  }

  start(volumeIntervalMs: number): void {
    this.#lookTimer = setInterval(() => void this.#look().catch(() => undefined), LOOK_INTERVAL_MS);
    this.setVolumeInterval(volumeIntervalMs);
  }

  stop(): void {
    clearInterval(this.#lookTimer);
    clearInterval(this.#volumeTimer);
  }

  /** Milliseconds; 0 ends it. */
  setVolumeInterval(intervalMs: number): void {
    clearInterval(this.#volumeTimer);
    this.#volumeTimer =
      intervalMs === 0
        ? undefined
        : setInterval(() => void this.#tellVolume().catch(() => undefined), intervalMs);
  }

  async measure(transport: "webtransport" | "websocket"): Promise<ClientStats> {
    const [up, down] = await this.#fetch();
    const byUser = <T>(
      kind: "main" | "auxiliary",
      side: "audio" | "video",
      map: (id: TrackId) => T | undefined,
    ): Record<string, T> => {
      const result: Record<string, T> = {};
      for (const stream of this.#roster.streams) {
        const track = stream.media[side];
        if (stream.getType() !== kind || track?.subscribed !== true) continue;
        const mapped = map({ sender: track.sender, track: track.info.number });
        if (mapped !== undefined) result[stream.getUserId()] = mapped;
      }
      return result;
    };
    const audio = (id: TrackId): RemoteAudioStats | undefined =>
      remoteAudio(
        find(down.engine?.inbound, id),
        find(down.engine?.audio, id),
        find(down.voices, id)?.meanOpinion,
      );
    const video = (id: TrackId): RemoteVideoStats | undefined =>
      remoteVideo(find(down.engine?.inbound, id), find(down.video, id));
    const audioTrack = up.engine?.outbound.find((track) => track.track === 0);
    return {
      timestamp: Date.now(),
      transport: {
        transport,
        rtt: uplinkPath(up).rtt,
        uplinkLoss: uplinkPath(up).loss,
        downlinkLoss: down.quality?.loss ?? 0,
        availableOutgoingBitrate: up.engine?.transport.availableOutgoingBitrate ?? 0,
        bytesSent: up.engine?.transport.bytesSent ?? 0,
        bytesReceived: down.engine?.transport.bytesReceived ?? 0,
        packetsSent: up.engine?.transport.packetsSent ?? 0,
        packetsReceived: down.engine?.transport.packetsReceived ?? 0,
        packetsLost: (down.engine?.inbound ?? []).reduce(
          (sum, track) => sum + track.packetsLost,
          0,
        ),
      },
      localAudio:
        audioTrack === undefined
          ? undefined
          : {
              bytesSent: audioTrack.bytesSent,
              packetsSent: audioTrack.packetsSent,
              audioLevel: up.audioLevel,
              targetBitrate: up.audioTargetBitrate,
            },
      localVideo: localVideo(up, 1),
      localAuxiliary: localVideo(up, 2),
      remoteAudio: byUser("main", "audio", audio),
      remoteVideo: byUser("main", "video", video),
      remoteAuxiliary: byUser("auxiliary", "video", video),
      encryption: {
        suite: up.suite,
        epoch: up.epoch,
        kid: up.kid,
        mode: up.keySource,
        wasmBuild: this.#host.wasmBuild,
        sm4Backend: up.sm4Backend,
        perSender: (down.engine?.senders ?? []).flatMap(({ sender, ...state }) => {
          const userId = this.#roster.userOf(sender);
          return userId === undefined ? [] : [{ userId, ...state }];
        }),
        ...(this.#group === undefined ? {} : { group: this.#group.keysState }),
      },
    };
  }

  async #fetch(): Promise<[UplinkStats, DownlinkStats]> {
    const [up, down] = await Promise.all([
      this.#host.uplink.call("stats", undefined),
      this.#host.downlink.call("stats", undefined),
    ]);
    this.ownAudioLevel = up.audioLevel;
    for (const { media } of this.#roster.streams) {
      const { audio } = media;
      const found =
        audio === undefined
          ? undefined
          : find(down.engine?.audio, { sender: audio.sender, track: audio.info.number });
      media.audioLevel = found?.audioLevel ?? 0;
    }
    return [up, down];
  }

  async #look(): Promise<void> {
    const [up, down] = await this.#fetch();
    this.#exceptions.look(this.#sample(up, down), this.#self().userId);
    if (++this.#looks % 2 === 0) this.#tellQuality(up, down);
  }

  #tellQuality(up: UplinkStats, down: DownlinkStats): void {
    const connected = this.#self().state === "CONNECTED";
    const uplink = uplinkPath(up);
    const downlinkRtt = down.engine?.transport.currentRoundTripTime;
    this.#emit("network-quality", {
      uplinkNetworkQuality: connected ? (up.quality?.level ?? 0) : 6,
      downlinkNetworkQuality: connected ? (down.quality?.level ?? 0) : 6,
      uplinkRTT: uplink.rtt,
      uplinkLoss: uplink.loss,
      downlinkRTT: downlinkRtt === undefined ? -1 : downlinkRtt * 1000,
      downlinkLoss: down.quality?.loss ?? 0,
    });
  }

  /** Without what is muted or not subscribed to: that stands still on purpose. */
  #sample(up: UplinkStats, down: DownlinkStats): ExceptionSample {
    const microphone = {
      suspended: !this.#host.audio.playing,
      silent: up.microphoneSilent,
      howlingFrequency: up.howlingFrequency,
    };
    return {
      now: performance.now(),
      microphone: this.#local.audioMuted() ? undefined : microphone,
      localVideo: up.video
        .filter(({ track }) => !this.#local.videoMuted(track))
        .map((video) => ({
          ...largestSent(video.layers),
          stream: video.track === 1 ? ("main" as const) : ("auxiliary" as const),
          wantedRate: this.#local.frameRate(video.track),
        })),
      remoteVideo: this.#roster.streams.flatMap((stream) => {
        const track = stream.media.video;
        if (track?.subscribed !== true || track.info.muted) return [];
        const id = { sender: track.sender, track: track.info.number };
        const found = remoteVideo(find(down.engine?.inbound, id), find(down.video, id));
        return found === undefined
          ? []
          : [{ ...found, userId: stream.getUserId(), stream: stream.getType() }];
      }),
    };
  }

  async #tellVolume(): Promise<void> {
    await this.#fetch();
    const remote = this.#roster.streams
      .filter((stream) => stream.hasAudio())
      .map((stream) => ({
        userId: stream.getUserId(),
        audioVolume: toVolume(stream.getAudioLevel()),
        stream,
      }));
    this.#emit("audio-volume", {
      result: [
        { userId: this.#self().userId, audioVolume: toVolume(this.ownAudioLevel) },
        ...remote,
      ],
    });
  }
}

/** TRTC's scale: the level in per cent, linear, rounded down. */
export function toVolume(level: number): number {
  return Math.min(100, Math.floor(100 * level));
}

interface TrackId {
  readonly sender: number;
  readonly track: number;
}

function find<T extends TrackId>(tracks: readonly T[] | undefined, id: TrackId): T | undefined {
  return tracks?.find((track) => track.sender === id.sender && track.track === id.track);
}

/** RTT in milliseconds, −1 if unknown. */
function uplinkPath({ engine, quality }: UplinkStats): { rtt: number; loss: number } {
  const rtt = engine?.transport.currentRoundTripTime;
  return { rtt: rtt === undefined ? -1 : rtt * 1000, loss: quality?.loss ?? 0 };
}

function localVideo(up: UplinkStats, number: number): LocalVideoStats | undefined {
  const encoder = up.video.find((sender) => sender.track === number);
  if (encoder === undefined) return undefined;
  const sent = (up.engine?.outbound ?? []).filter(({ track }) => track === number);
  const layers = encoder.layers.map(({ spatial, ...layer }): LocalVideoLayerStats => {
    return {
      ...layer,
      spatialLayer: spatial,
      ...sentTogether(sent.filter((one) => one.spatial === spatial)),
    };
  });
  return { ...withoutIds(encoder), ...sentTogether(sent), layers };
}

function sentTogether(streams: readonly OutboundStats[]): VideoSentStats {
  const sum = (of: Exclude<keyof OutboundStats, "kind" | "track" | "spatial">): number =>
    streams.reduce((total, stream) => total + stream[of], 0);
  return {
    bytesSent: sum("bytesSent"),
    packetsSent: sum("packetsSent"),
    retransmittedPacketsSent: sum("retransmittedPacketsSent"),
    nackCount: sum("nackCount"),
    pliCount: sum("pliCount"),
  };
}

function remoteAudio(
  track: InboundStats | undefined,
  playout: AudioStats | undefined,
  meanOpinion: number | undefined,
): RemoteAudioStats | undefined {
  if (track === undefined || playout === undefined) return undefined;
  const { packetsReceived, packetsLost, bytesReceived } = track;
  // Below 1 is no opinion: the delay is not known yet.
  return {
    ...withoutIds(playout),
    packetsReceived,
    packetsLost,
    bytesReceived,
    ...(meanOpinion === undefined || meanOpinion < 1 ? {} : { meanOpinion }),
  };
}

function remoteVideo(
  track: InboundStats | undefined,
  receiver: VideoReceiverStats | undefined,
): RemoteVideoStats | undefined {
  if (track === undefined || receiver === undefined) return undefined;
  const decoding = withoutIds(receiver);
  return {
    ...decoding,
    spatialLayer: track.spatial,
    framesDropped: decoding.framesDropped + track.framesDropped,
    bytesReceived: track.bytesReceived,
    packetsReceived: track.packetsReceived,
    packetsLost: track.packetsLost,
    framesReceived: track.framesReceived,
    jitterBufferDelay: track.jitterBufferDelay,
    jitterBufferEmittedCount: track.jitterBufferEmittedCount,
    nackCount: track.nackCount,
    pliCount: track.pliCount,
    // The video trails by as much as the audio leads.
    ...(track.audioLag === undefined ? {} : { audioVideoOffset: -track.audioLag * 1000 }),
  };
}

/** Users know names, not numbers. */
function withoutIds<Stats extends { track: number; sender?: number }>(
  stats: Stats,
): Omit<Stats, "track" | "sender"> {
  const copy: Partial<Stats> = { ...stats };
  delete copy.track;
  delete copy.sender;
  return copy as Omit<Stats, "track" | "sender">;
}
