/** From two snapshots of counters to what a person wants to know about the last second. */
import type { ClientStats } from "@smrtc/sdk";

export interface Rates {
  /** Milliseconds. */
  readonly rtt: number | undefined;
  /** Percent, of the worse direction each. */
  readonly lossUp: number | undefined;
  readonly lossDown: number | undefined;
  /** kbit/s. */
  readonly sendKbps: number | undefined;
  readonly receiveKbps: number | undefined;
  readonly sendFps: number | undefined;
  /** The slowest remote video. */
  readonly receiveFps: number | undefined;
  /**
   * Milliseconds from leaving the sender to being shown: half of the round trip, jitter buffer and
   * decoding.
   */
  readonly delay: number | undefined;
}

export function rates(before: ClientStats | undefined, now: ClientStats): Rates {
  const seconds = before ? (now.timestamp - before.timestamp) / 1000 : 0;
  const perSecond = (pick: (stats: ClientStats) => number) =>
    before && seconds > 0 ? Math.max(0, pick(now) - pick(before)) / seconds : undefined;
  const remote = Object.entries(now.remoteVideo);
  const delays = remote.flatMap(([user, video]) => {
    const earlier = before?.remoteVideo[user];
    const emitted = video.jitterBufferEmittedCount - (earlier?.jitterBufferEmittedCount ?? 0);
    const decoded = video.framesDecoded - (earlier?.framesDecoded ?? 0);
    if (emitted <= 0 || decoded <= 0) return [];
    const buffered = (video.jitterBufferDelay - (earlier?.jitterBufferDelay ?? 0)) / emitted;
    const decoding = (video.totalDecodeTime - (earlier?.totalDecodeTime ?? 0)) / decoded;
    return [now.transport.rtt / 2 + 1000 * (buffered + decoding)];
  });
  const kbps = (value: number | undefined) =>
    value === undefined ? undefined : (value * 8) / 1000;
  return {
    rtt: now.transport.rtt,
    lossUp: 100 * now.transport.uplinkLoss,
    lossDown: 100 * now.transport.downlinkLoss,
    sendKbps: kbps(perSecond((stats) => stats.transport.bytesSent)),
    receiveKbps: kbps(perSecond((stats) => stats.transport.bytesReceived)),
    sendFps: now.localVideo?.framesPerSecond,
    receiveFps: remote.length
      ? Math.min(...remote.map(([, video]) => video.framesPerSecond))
      : undefined,
    delay: delays.length ? Math.max(...delays) : undefined,
  };
}
