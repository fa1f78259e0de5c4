/** Puts the statistics of both workers together, by user, and emits what is derived from them at intervals. */
import type { ClientEvents, ConnectionState } from "../events.ts";
import type { ClientStats, LocalVideoStats, RemoteAudioStats, RemoteVideoStats } from "../stats.ts";
import type { DownlinkEngineStats, DownlinkTrackStats, UplinkEngineStats } from "./engine_events.ts";
import type { EngineHost } from "./engine_host.ts";
import { rateNetwork } from "./quality.ts";
import type { Roster } from "./roster.ts";
import type { DownlinkStats, UplinkStats, VideoReceiverStats } from "./worker_protocol.ts";

const QUALITY_INTERVAL_MS = 2_000;
type Emit = <Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]) => void;

export class StatsMonitor {
  readonly #host: EngineHost;
  readonly #roster: Roster;
  readonly #emit: Emit;
  readonly #self: () => { userId: string; state: ConnectionState };
  #qualityTimer: ReturnType<typeof setInterval> | undefined;
  #volumeTimer: ReturnType<typeof setInterval> | undefined;
  ownAudioLevel = 0;

  constructor(host: EngineHost, roster: Roster, emit: Emit, self: () => { userId: string; state: ConnectionState }) {
    this.#host = host;
    this.#roster = roster;
    this.#emit = emit;
    this.#self = self;
  }

  start(volumeIntervalMs: number): void {
    this.#qualityTimer = setInterval(() => void this.#tellQuality().catch(() => undefined), QUALITY_INTERVAL_MS);
    this.setVolumeInterval(volumeIntervalMs);
  }

  stop(): void {
    clearInterval(this.#qualityTimer);
    clearInterval(this.#volumeTimer);
  }

  /** Milliseconds; 0 ends it. */
  setVolumeInterval(intervalMs: number): void {
    clearInterval(this.#volumeTimer);
    this.#volumeTimer = intervalMs === 0 ? undefined : setInterval(() => void this.#tellVolume().catch(() => undefined), intervalMs);
  }

  async measure(transport: "webtransport" | "websocket"): Promise<ClientStats> {
    const [up, down] = await this.#fetch();
    const videoOf = (number: number): LocalVideoStats | undefined => localVideo(up, number);
    const byUser = <T>(kind: "main" | "auxiliary", side: "audio" | "video", map: (track: DownlinkTrackStats | undefined, sender: number, number: number) => T | undefined): Record<string, T> => {
      const result: Record<string, T> = {};
      for (const stream of this.#roster.streams) {
        const track = stream.media[side];
        if (stream.getType() !== kind || track?.subscribed !== true) continue;
        const found = down.engine?.tracks.find((candidate) => candidate.sender === track.sender && candidate.track === track.info.number);
        const mapped = map(found, track.sender, track.info.number);
        if (mapped !== undefined) result[stream.getUserId()] = mapped;
      }
      return result;
    };
    const video = (track: DownlinkTrackStats | undefined, sender: number, number: number): RemoteVideoStats | undefined =>
      remoteVideo(track, down.video.find((candidate) => candidate.sender === sender && candidate.track === number));
    const audioTrack = up.engine?.tracks.find((track) => track.track === 0);
    return {
      timestamp: Date.now(),
      transport: {
        transport,
        rtt: up.engine?.rttMs ?? -1,
        uplinkLoss: up.engine?.loss ?? 0,
        downlinkLoss: down.engine?.loss ?? 0,
        availableOutgoingBitrate: up.engine?.targetBitrate ?? 0,
        bytesSent: up.engine?.bytesSent ?? 0,
        bytesReceived: down.engine?.bytesReceived ?? 0,
        packetsSent: up.engine?.packetsSent ?? 0,
        packetsReceived: down.engine?.packetsReceived ?? 0,
        packetsLost: down.engine?.packetsLost ?? 0,
      },
      localAudio:
        audioTrack === undefined
          ? undefined
          : { bytesSent: audioTrack.bytesSent, packetsSent: audioTrack.packetsSent, audioLevel: up.audioLevel, targetBitrate: up.audioTargetBitrate },
      localVideo: videoOf(1),
      localAuxiliary: videoOf(2),
      remoteAudio: byUser("main", "audio", remoteAudio),
      remoteVideo: byUser("main", "video", video),
      remoteAuxiliary: byUser("auxiliary", "video", video),
      encryption: {
        suite: up.suite,
        epoch: up.epoch,
        kid: up.kid,
        mode: "external",
        perSender: (down.engine?.senders ?? []).flatMap(({ sender, ...state }) => {
          const userId = this.#roster.userOf(sender);
          return userId === undefined ? [] : [{ userId, ...state }];
        }),
      },
    };
  }

  async #fetch(): Promise<[UplinkStats, DownlinkStats]> {
    const [up, down] = await Promise.all([this.#host.uplink.call("stats", undefined), this.#host.downlink.call("stats", undefined)]);
    this.ownAudioLevel = up.audioLevel;
    for (const { media } of this.#roster.streams) {
      const { audio } = media;
      const found = down.engine?.tracks.find((track) => track.sender === audio?.sender && track.track === audio.info.number);
      media.audioLevel = found?.audio?.audioLevel ?? 0;
    }
    return [up, down];
  }

  async #tellQuality(): Promise<void> {
    const { state } = this.#self();
    const [up, down] = await this.#fetch();
    const direction = (engine: UplinkEngineStats | DownlinkEngineStats | undefined): { rtt: number; loss: number } => ({ rtt: engine?.rttMs ?? -1, loss: engine?.loss ?? 0 });
    const uplink = direction(up.engine);
    const downlink = direction(down.engine);
    const rate = ({ rtt, loss }: { rtt: number; loss: number }): 0 | 1 | 2 | 3 | 4 | 5 | 6 => (state === "CONNECTED" ? rateNetwork(rtt, loss) : 6);
    this.#emit("network-quality", {
      uplinkNetworkQuality: rate(uplink),
      downlinkNetworkQuality: rate(downlink),
      uplinkRTT: uplink.rtt,
      uplinkLoss: uplink.loss,
      downlinkRTT: downlink.rtt,
      downlinkLoss: downlink.loss,
    });
  }

  async #tellVolume(): Promise<void> {
    await this.#fetch();
    const remote = this.#roster.streams
      .filter((stream) => stream.hasAudio())
      .map((stream) => ({ userId: stream.getUserId(), audioVolume: toVolume(stream.getAudioLevel()), stream }));
    this.#emit("audio-volume", { result: [{ userId: this.#self().userId, audioVolume: toVolume(this.ownAudioLevel) }, ...remote] });
  }
}

/** −60 dB is silence and 0 dB full scale; 0 to 100 in between, linear in decibels. */
export function toVolume(level: number): number {
  if (level <= 0.001) return 0;
  return Math.min(100, Math.round(100 + (20 * Math.log10(level) * 100) / 60));
}

function localVideo(up: UplinkStats, number: number): LocalVideoStats | undefined {
  const encoder = up.video.find((sender) => sender.track === number);
  if (encoder === undefined) return undefined;
  const sent = up.engine?.tracks.find((track) => track.track === number);
  return {
    ...withoutIds(encoder),
    bytesSent: sent?.bytesSent ?? 0,
    packetsSent: sent?.packetsSent ?? 0,
    retransmittedPacketsSent: sent?.retransmittedPacketsSent ?? 0,
    nackCount: sent?.nackCount ?? 0,
    pliCount: sent?.pliCount ?? 0,
  };
}

function remoteAudio(track: DownlinkTrackStats | undefined): RemoteAudioStats | undefined {
  if (track?.audio === undefined) return undefined;
  const { packetsReceived, packetsLost, bytesReceived, audio } = track;
  return { packetsReceived, packetsLost, bytesReceived, ...audio };
}

function remoteVideo(track: DownlinkTrackStats | undefined, receiver: VideoReceiverStats | undefined): RemoteVideoStats | undefined {
  if (track === undefined || receiver === undefined) return undefined;
  const decoding = withoutIds(receiver);
  return {
    ...decoding,
    framesDropped: decoding.framesDropped + track.framesDropped,
    bytesReceived: track.bytesReceived,
    packetsReceived: track.packetsReceived,
    packetsLost: track.packetsLost,
    framesReceived: track.framesReceived,
    jitterBufferDelay: track.jitterBufferDelay,
    jitterBufferEmittedCount: track.jitterBufferEmittedCount,
    nackCount: track.nackCount,
    pliCount: track.pliCount,
    ...(track.audioVideoOffsetMs === undefined ? {} : { audioVideoOffset: track.audioVideoOffsetMs }),
  };
}

/** Users know names, not numbers. */
function withoutIds<Stats extends { track: number; sender?: number }>(stats: Stats): Omit<Stats, "track" | "sender"> {
  const copy: Partial<Stats> = { ...stats };
  delete copy.track;
  delete copy.sender;
  return copy as Omit<Stats, "track" | "sender">;
}
