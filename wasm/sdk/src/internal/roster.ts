/** Who is in the room and what they publish, and which of it we receive. */
import { RtcError } from "../errors.ts";
import type { ClientEvents, DecryptionState } from "../events.ts";
import type { VideoStreamType } from "../options.ts";
import { RemoteStream } from "../remote_stream.ts";
import type { EngineHost } from "./engine_host.ts";
import type { Joined, Notification, Peer, Track } from "./generated/engine.ts";
import { RemoteMedia, ignoreAborted } from "./remote_media.ts";

interface PresentPeer {
  info: Peer;
  readonly tracks: Map<number, Track>;
}

/** What the roster needs of the client around it. */
export interface RosterContext {
  readonly host: EngineHost;
  readonly autoSubscribe: boolean;
  emit<Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]): void;
  /** Who is here, or what they decode, changed. */
  onPeersChanged(): void;
  onError(error: unknown): void;
}

/**
 * Audio and video of one publication arrive as two messages; wait this long so that the stream
 * appears whole.
 */
const SETTLE_MS = 20;
/** The highest number that a layer can have. */
const ALL_LAYERS = 15;

export class Roster {
  readonly #context: RosterContext;
  readonly #peers = new Map<number, PresentPeer>();
  /**
   * Users whose coming the application was told of, and not their going. They outlive their
   * sessions.
   */
  readonly #knownUsers = new Set<string>();
  /** What a new session told before {@link reset} took the room as `Join` found it. */
  #held: Notification[] | undefined;
  /** Keyed by user and type: a stream survives the reconnection of either side. */
  readonly #streams = new Map<string, RemoteStream>();
  readonly #announced = new Set<RemoteStream>();
  readonly #dirty = new Set<RemoteStream>();
  #settling: ReturnType<typeof setTimeout> | undefined;
  /** Subscription changes run one after the other, each from what is then wanted. */
  #queue: Promise<void> = Promise.resolve();
  #closed = false;
  /** What the application wants of users, whether they are here or not, and of all others. */
  readonly #streamTypes = new Map<string, VideoStreamType>();
  #defaultStreamType: "big" | "small" = "big";

  constructor(context: RosterContext) {
    this.#context = context;
  }

  /**
   * A session begins: what it tells waits for {@link reset}, which comes once the downlink is
   * attached too.
   */
  begin(): void {
    this.#held = [];
  }

  /**
   * Takes the room as `Join` found it, the first time and after each reconnection, and then what
   * has happened since.
   */
  reset(joined: Joined): void {
    for (const [id, { info }] of [...this.#peers]) {
      if (!joined.peers.some(({ userId }) => userId === info.userId))
        this.#leave(id, "disconnected");
    }
    for (const stream of this.#streams.values()) {
      stream.media.audio = undefined;
      stream.media.video = undefined;
      this.#dirty.add(stream);
    }
    for (const peer of joined.peers) this.#join(peer, !this.#knownUsers.has(peer.userId));
    this.#context.onPeersChanged();
    this.#settle();
    const held = this.#held;
    this.#held = undefined;
    for (const notification of held ?? []) this.handle(notification);
  }

  handle(notification: Notification): void {
    if (this.#held !== undefined) {
      this.#held.push(notification);
      return;
    }
    switch (notification.kind) {
      case "peer-joined":
        this.#join(notification, true);
        this.#context.onPeersChanged();
        return;
      case "peer-left":
        this.#leave(notification.participantId, notification.reason);
        this.#context.onPeersChanged();
        return;
      case "track-published":
      case "track-updated":
        this.#setTrack(notification.participantId, notification.track);
        return;
      case "track-unpublished":
        this.#removeTrack(notification.participantId, notification.number);
        return;
      // The session ends by itself: nobody leaves the room for that.
      case "closing":
    }
  }

  get streams(): RemoteStream[] {
    return [...this.#announced];
  }

  peerCodecs(): readonly (readonly string[])[] {
    // An empty list is a client that does not say: it does not narrow the choice.
    return [...this.#peers.values()]
      .map((peer) => peer.info.decodeCodecs)
      .filter((codecs) => codecs.length > 0);
  }

  userOf(sender: number): string | undefined {
    return this.#peers.get(sender)?.info.userId;
  }

  mutedState(): {
    userId: string;
    hasAudio: boolean;
    hasVideo: boolean;
    audioMuted: boolean;
    videoMuted: boolean;
  }[] {
    return [...this.#peers.values()].map(({ info, tracks }) => {
      const audio = [...tracks.values()].find((track) => track.kind === "audio");
      const video = [...tracks.values()].find((track) => track.kind === "video");
      return {
        userId: info.userId,
        hasAudio: audio !== undefined,
        hasVideo: video !== undefined,
        audioMuted: audio?.muted ?? true,
        videoMuted: video?.muted ?? true,
      };
    });
  }

  setDecryption(sender: number, state: DecryptionState, reason: string): void {
    const userId = this.userOf(sender);
    if (userId === undefined) return;
    for (const stream of this.#streams.values()) {
      if (stream.getUserId() !== userId) continue;
      stream.media.decryption = state;
      stream.media.changed();
    }
    this.#context.emit("decryption-state-changed", { userId, state, reason });
  }

  async subscribe(
    stream: RemoteStream,
    choice: { audio?: boolean; video?: boolean },
  ): Promise<void> {
    if (this.#streams.get(key(stream.getUserId(), stream.getType())) !== stream) {
      throw new RtcError("INVALID_PARAMETER", "the stream is not in this room, or no longer");
    }
    const first = stream.media.wanted === undefined;
    stream.media.wanted = { audio: choice.audio ?? true, video: choice.video ?? true };
    await this.#sync(stream);
    if (first) this.#context.emit("stream-subscribed", { stream });
  }

  async unsubscribe(stream: RemoteStream): Promise<void> {
    stream.media.wanted = undefined;
    await this.#sync(stream);
  }

  /** Receives this user's camera in another size from now on. */
  async setStreamType(userId: string, type: VideoStreamType): Promise<void> {
    if (!["big", "small", "auto"].includes(type))
      throw new RtcError("INVALID_PARAMETER", "the stream type is `big`, `small` or `auto`");
    if (type === "auto") this.#streamTypes.delete(userId);
    else this.#streamTypes.set(userId, type);
    const stream = this.#streams.get(key(userId, "main"));
    if (stream === undefined) return;
    stream.media.streamType = type;
    await this.#sync(stream);
  }

  /** The same for all of whom nothing else was said, and who are yet to come. */
  async setDefaultStreamType(type: "big" | "small"): Promise<void> {
    if (!["big", "small"].includes(type))
      throw new RtcError("INVALID_PARAMETER", "the default stream type is `big` or `small`");
    this.#defaultStreamType = type;
    await Promise.all([...this.#streams.values()].map((stream) => this.#sync(stream)));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#settling);
    for (const stream of this.#streams.values()) stream.dispose();
    this.#streams.clear();
    this.#announced.clear();
    this.#peers.clear();
  }

  #join(info: Peer, tell: boolean): void {
    // The same user came again before the gateway told of the old session's end.
    for (const [id, peer] of this.#peers)
      if (peer.info.userId === info.userId) this.#peers.delete(id);
    this.#peers.set(info.participantId, { info, tracks: new Map() });
    this.#knownUsers.add(info.userId);
    if (tell) this.#context.emit("peer-join", { userId: info.userId });
    for (const track of info.tracks) this.#setTrack(info.participantId, track);
  }

  #leave(participantId: number, reason: "left" | "disconnected" | "replaced"): void {
    const peer = this.#peers.get(participantId);
    if (peer === undefined) return;
    this.#peers.delete(participantId);
    const { userId } = peer.info;
    this.#knownUsers.delete(userId);
    for (const [streamKey, stream] of this.#streams) {
      if (stream.getUserId() === userId) this.#remove(streamKey, stream);
    }
    this.#context.host.downlink
      .call("removeSender", { sender: participantId })
      .catch((thrown: unknown) => this.#context.onError(thrown));
    this.#context.emit("peer-leave", { userId, reason });
  }

  #setTrack(participantId: number, info: Track): void {
    const peer = this.#peers.get(participantId);
    if (peer === undefined) return;
    const earlier = peer.tracks.get(info.number);
    peer.tracks.set(info.number, info);
    const stream = this.#stream(peer.info.userId, info.stream);
    const { media } = stream;
    const side = info.kind === "audio" ? "audio" : "video";
    const current = media[side];
    if (current?.sender === participantId && current.info.number === info.number) {
      const codecChanged = current.info.codec !== info.codec;
      current.info = info;
      // Another codec needs another decoder.
      if (codecChanged && current.subscribed) void this.#addTrack(media, side);
      if (side === "video" && earlier?.muted !== info.muted) {
        void this.#context.host.downlink
          .call("pauseTrack", { sender: participantId, track: info.number, paused: info.muted })
          .catch(ignoreAborted);
      }
    } else {
      media[side] = { sender: participantId, info, subscribed: false };
      this.#dirty.add(stream);
      this.#settle();
    }
    if (info.kind !== "screen" && (earlier?.muted ?? false) !== info.muted) {
      this.#context.emit(info.muted ? `mute-${side}` : `unmute-${side}`, {
        userId: peer.info.userId,
      });
    }
    media.changed();
  }

  #removeTrack(participantId: number, number: number): void {
    const peer = this.#peers.get(participantId);
    const info = peer?.tracks.get(number);
    if (peer === undefined || info === undefined) return;
    peer.tracks.delete(number);
    const streamKey = key(peer.info.userId, info.stream);
    const stream = this.#streams.get(streamKey);
    if (stream === undefined) return;
    const side = info.kind === "audio" ? "audio" : "video";
    stream.media[side] = undefined;
    this.#context.host.downlink
      .call("removeTrack", { sender: participantId, track: number })
      .catch((thrown: unknown) => this.#context.onError(thrown));
    stream.media.changed();
    this.#dirty.add(stream);
    this.#settle();
  }

  #stream(userId: string, type: "main" | "auxiliary"): RemoteStream {
    const streamKey = key(userId, type);
    const existing = this.#streams.get(streamKey);
    if (existing !== undefined) return existing;
    const media = new RemoteMedia(userId, type, this.#context.host);
    if (type === "main") media.streamType = this.#streamTypes.get(userId) ?? "auto";
    const stream = new RemoteStream(media);
    this.#streams.set(streamKey, stream);
    return stream;
  }

  #remove(streamKey: string, stream: RemoteStream): void {
    this.#streams.delete(streamKey);
    this.#dirty.delete(stream);
    stream.dispose();
    if (this.#announced.delete(stream)) this.#context.emit("stream-removed", { stream });
  }

  #settle(): void {
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined;
      const dirty = [...this.#dirty];
      this.#dirty.clear();
      for (const stream of dirty) this.#announce(stream);
    }, SETTLE_MS);
  }

  #announce(stream: RemoteStream): void {
    if (!stream.hasAudio() && !stream.hasVideo()) {
      this.#remove(key(stream.getUserId(), stream.getType()), stream);
      return;
    }
    if (this.#announced.has(stream)) {
      this.#context.emit("stream-updated", { stream });
      this.#sync(stream).catch((thrown: unknown) => this.#context.onError(thrown));
      return;
    }
    this.#announced.add(stream);
    this.#context.emit("stream-added", { stream });
    if (this.#context.autoSubscribe && stream.media.wanted === undefined) {
      this.subscribe(stream, {}).catch((thrown: unknown) => this.#context.onError(thrown));
    }
  }

  #sync(stream: RemoteStream): Promise<void> {
    const result = this.#queue
      .then(() =>
        Promise.all([this.#syncSide(stream.media, "audio"), this.#syncSide(stream.media, "video")]),
      )
      .then(() => undefined);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #syncSide(media: RemoteMedia, side: "audio" | "video"): Promise<void> {
    const track = media[side];
    if (track === undefined || this.#closed) return;
    const { host } = this.#context;
    const address = { participantId: track.sender, track: track.info.number };
    const wanted = media.wanted?.[side] ?? false;
    const maxSpatialLayer = side === "audio" ? ALL_LAYERS : this.#maxSpatialLayer(media);
    if (wanted === track.subscribed && (!wanted || maxSpatialLayer === track.maxSpatialLayer))
      return;
    const first = !track.subscribed;
    track.subscribed = wanted;
    if (wanted) {
      if (first) {
        // First make room for it, then ask for it.
        await this.#addTrack(media, side);
        if (side === "video") media.show();
        else media.applyVolume();
      }
      try {
        await host.uplink.call("request", {
          kind: "subscribe",
          ...address,
          maxSpatialLayer,
          maxTemporalLayer: ALL_LAYERS,
        });
        track.maxSpatialLayer = maxSpatialLayer;
      } catch (thrown) {
        // What was received before goes on.
        if (first) track.subscribed = false;
        // It may have ended while we asked.
        if (media[side] === track) throw thrown;
      }
    } else {
      await host.uplink.call("request", { kind: "unsubscribe", ...address });
      await host.downlink.call("removeTrack", { sender: track.sender, track: track.info.number });
    }
    media.changed();
  }

  /**
   * The highest layer that we want the gateway to send; which it sends is its decision, by our
   * path. A screen has one size.
   */
  #maxSpatialLayer({ type, streamType }: RemoteMedia): number {
    const chosen = streamType === "auto" ? this.#defaultStreamType : streamType;
    return type === "main" && chosen === "small" ? 0 : ALL_LAYERS;
  }

  async #addTrack(media: RemoteMedia, side: "audio" | "video"): Promise<void> {
    const track = media[side];
    if (track === undefined) return;
    const { number, kind, codec } = track.info;
    await this.#context.host.downlink.call("addTrack", {
      sender: track.sender,
      track: number,
      kind,
      codec,
    });
  }
}

function key(userId: string, type: "main" | "auxiliary"): string {
  return `${type}:${userId}`;
}
