/**
 * What exists between `join` and `leave`: the workers, who else is in the room, what we publish,
 * the statistics. When to connect and when to give up is the client's decision.
 */
import { RtcError, fromPlainError } from "../errors.ts";
import type { PlainError } from "../errors.ts";
import type { ClientEvents, ConnectionState } from "../events.ts";
import type { LocalStream } from "../local_stream.ts";
import type { ClientOptions, VideoCodecName } from "../options.ts";
import { VERSION } from "../version.ts";
import { base64url } from "./base64url.ts";
import type { Joined } from "./generated/engine.ts";
import { needLive } from "./capture.ts";
import { EngineHost } from "./engine_host.ts";
import { GroupView } from "./group_view.ts";
import type { Logger } from "./logger.ts";
import { Publication } from "./publication.ts";
import { Roster } from "./roster.ts";
import { sleep } from "./sleep.ts";
import { StatsMonitor } from "./stats_monitor.ts";
import { resolveGateway } from "./gateway_config.ts";
import type { GatewayAnswer } from "./gateway_config.ts";
import { clocksDiffer, tokenTimes } from "./wall_clock.ts";
import type { DownlinkNotice, UplinkNotice } from "./worker_protocol.ts";

const READY_LANES = 8;
/** Errors of one stream, which end no connection. */
const ONE_STREAMS: ReadonlySet<string> = new Set([
  "REQUEST_REFUSED",
  "NO_COMMON_CODEC",
  "CODEC_FAILED",
]);

/** What the call needs of the client around it. */
export interface CallContext {
  readonly options: ClientOptions;
  readonly log: Logger;
  /** What we encode in real time, and what we decode; best first. */
  readonly encodable: readonly VideoCodecName[];
  readonly decodable: readonly string[];
  /** Identities that people have compared, by user; outlives the call. */
  readonly compared: Map<string, string>;
  self(): { userId: string; state: ConnectionState };
  emit<Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]): void;
  /** A session with the gateway ended by itself. */
  onClosed(error: PlainError): void;
  onError(thrown: unknown): void;
  /** We seal under another key. */
  onKeyChanged(): void;
}

/** What came of connecting. */
export interface Connected {
  readonly joined: Joined;
  readonly transport: "webtransport" | "websocket";
}

export class Call {
  readonly host: EngineHost;
  readonly roster: Roster;
  /** Undefined with an external key. */
  readonly group: GroupView | undefined;
  readonly stats: StatsMonitor;
  readonly #context: CallContext;
  readonly #publications = new Map<LocalStream, Publication>();
  /** Counts connections: what is told of an earlier one concerns nobody. */
  #connection = 0;
  /** Ends the attempt to connect that is under way. */
  #onLost: ((error: RtcError) => void) | undefined;
  /** What was told of our clock, so that it is not told at each reconnection. */
  #clockWords = "";
  #closed = false;

  private constructor(host: EngineHost, context: CallContext) {
    this.host = host;
    this.#context = context;
    const emit: CallContext["emit"] = (name, event) => context.emit(name, event);
    this.roster = new Roster({
      host,
      autoSubscribe: context.options.autoSubscribe ?? true,
      emit,
      onPeersChanged: () => this.#onPeersChanged(),
      onError: (thrown) => context.onError(thrown),
    });
    const published = (track: number): LocalStream | undefined => {
      for (const [stream, { videoTrackNumber }] of this.#publications)
        if (videoTrackNumber === track) return stream;
      return undefined;
    };
    const local = {
      audioMuted: () => ![...this.#publications.keys()].some((stream) => stream.givesAudio),
      videoMuted: (track: number) => published(track)?.tracks.isOff("video") ?? true,
      frameRate: (track: number) => published(track)?.profile.frameRate ?? 0,
    };
    const { encryption } = context.options;
    if (encryption?.key === undefined)
      this.group = new GroupView(
        encryption?.groupSuite ?? "SM2_SM4_GCM_SM3",
        context.compared,
        emit,
      );
    this.stats = new StatsMonitor(host, this.roster, this.group, local, emit, () => context.self());
    host.audio.onStateChange = () => {
      for (const stream of this.roster.streams) stream.media.changed();
    };
  }

  /** Starts the workers; connects nothing. */
  static async start(context: CallContext): Promise<Call> {
    // Notices before the call exists concern nobody.
    const started: { call?: Call } = {};
    const host = await EngineHost.start(context.options, context.log, {
      onUplink: (notice) => started.call?.onUplink(notice),
      onDownlink: (notice) => started.call?.onDownlink(notice),
    });
    started.call = new Call(host, context);
    return started.call;
  }

  /** Asks the gateway where to dial, which also shows whether it answers. */
  locate(signal?: AbortSignal): Promise<GatewayAnswer> {
    return resolveGateway(this.#context.options.gateway, signal);
  }

  /** Connects for the first time. */
  async connect(): Promise<Connected> {
    const answer = await this.locate();
    return this.#whileNotLost(() => this.#open(answer));
  }

  /**
   * Connects anew, within a time, and publishes again what was published. What came of the attempt
   * is closed if it fails.
   */
  reconnect(
    answer: GatewayAnswer,
    timeoutMs: number,
    onConnected: (connected: Connected) => void,
  ): Promise<void> {
    return this.#whileNotLost(async () => {
      const late = sleep(timeoutMs).then(() =>
        Promise.reject(
          new RtcError(
            "SIGNAL_CHANNEL_SETUP_FAILED",
            `the sessions were not open after ${timeoutMs} ms`,
          ),
        ),
      );
      onConnected(await Promise.race([this.#open(answer), late]));
      const connection = this.#connection;
      // Not those that are published only now: they go to this session anyhow.
      for (const publication of [...this.#publications.values()]) {
        this.#assertNewest(connection);
        try {
          await publication.publish();
        } catch (thrown) {
          this.#assertNewest(connection);
          // The connection is good; what the room or the codecs refuse concerns this stream alone.
          if (!(thrown instanceof RtcError && ONE_STREAMS.has(thrown.codeName))) throw thrown;
          this.#context.onError(thrown);
        }
      }
    });
  }

  /**
   * Opens both sessions. The room comes with the answer; the roster takes it when the client says
   * so.
   */
  async #open({ address, clocks }: GatewayAnswer): Promise<Connected> {
    if (this.#closed) throw new RtcError("ABORTED", "the client left while connecting");
    const { token, transport = "auto", readyLanes = READY_LANES } = this.#context.options;
    const connection = ++this.#connection;
    this.#checkClock(clocks);
    const tokenText = typeof token === "string" ? token : await token();
    this.#assertNewest(connection);
    const { decodable: decodeCodecs } = this.#context;
    this.roster.begin();
    const up = await this.host.uplink
      .call("connect", {
        connection,
        address,
        token: tokenText,
        transport,
        readyLanes,
        sdkVersion: VERSION,
        decodeCodecs,
      })
      .catch((thrown: unknown) => {
        throw explainToken(thrown, tokenText, clocks);
      });
    this.#assertNewest(connection);
    await this.host.downlink.call("connect", {
      connection,
      address,
      ticket: base64url(up.joined.attachTicket),
      transport,
    });
    return { joined: up.joined, transport: up.transport };
  }

  #assertNewest(connection: number): void {
    if (connection !== this.#connection) throw new RtcError("ABORTED", "the attempt was given up");
  }

  /** Carries out an attempt to connect, which fails as soon as one of its sessions is lost. */
  async #whileNotLost<T>(attempt: () => Promise<T>): Promise<T> {
    const lost = new Promise<never>((_, reject) => (this.#onLost = reject));
    try {
      return await Promise.race([attempt(), lost]);
    } catch (thrown) {
      this.#connection++;
      // Nobody waits for the answers: a worker may be busy, and does this before it connects again.
      this.host.uplink.call("disconnect", { leave: false }).catch(() => undefined);
      this.host.downlink.call("disconnect", undefined).catch(() => undefined);
      throw thrown;
    } finally {
      this.#onLost = undefined;
    }
  }

  #onSessionClosed({ connection, error }: { connection: number; error: PlainError }): void {
    if (connection !== this.#connection) return;
    if (this.#onLost === undefined) this.#context.onClosed(error);
    else this.#onLost(fromPlainError(error));
  }

  /**
   * Keys and certificates have lifetimes, so that with a wrong clock we refuse others, or they us.
   */
  #checkClock(clocks: GatewayAnswer["clocks"]): void {
    const difference = clocks === undefined ? undefined : clocksDiffer(clocks.ours, clocks.gateway);
    const words = difference?.words ?? "";
    if (words === this.#clockWords) return;
    this.#clockWords = words;
    if (difference === undefined) return;
    this.#context.log.warn(words);
    if (this.group !== undefined)
      this.#context.emit("group-warning", {
        kind: "clock-off",
        aheadMs: difference.aheadMs,
        reason: words,
      });
  }

  async publish(stream: LocalStream): Promise<void> {
    if (!stream.hasAudio() && !stream.hasVideo())
      throw new RtcError("INVALID_OPERATION", "initialize the stream before publishing it");
    needLive(stream.getAudioTrack());
    needLive(stream.getVideoTrack());
    if (stream.publication !== undefined)
      throw new RtcError("INVALID_OPERATION", "the stream is published already");
    for (const [other, publication] of this.#publications) {
      if (other.tracks.closed) {
        this.#publications.delete(other);
        await publication.unpublish().catch(() => undefined);
      } else if (other.isScreen() === stream.isScreen()) {
        throw new RtcError(
          "INVALID_OPERATION",
          `another ${stream.isScreen() ? "screen" : "stream"} is published; unpublish it first`,
        );
      }
    }
    const { options, log, encodable } = this.#context;
    const publication = new Publication(stream, {
      host: this.host,
      log,
      userId: this.#context.self().userId,
      session: () => (this.#context.self().state === "CONNECTED" ? this.#connection : undefined),
      encodable,
      preferredCodecs: options.videoCodecs,
      peerCodecs: () => this.roster.peerCodecs(),
      audioLevel: () => this.stats.ownAudioLevel,
      onError: (thrown) => this.#context.onError(thrown),
    });
    this.#publications.set(stream, publication);
    stream.publication = publication;
    try {
      await publication.publish();
    } catch (thrown) {
      this.#publications.delete(stream);
      await publication.unpublish().catch(() => undefined);
      throw thrown;
    }
  }

  isPublished(stream: LocalStream): boolean {
    return this.#publications.has(stream);
  }

  async unpublish(stream: LocalStream): Promise<void> {
    const publication = this.#publications.get(stream);
    if (publication === undefined)
      throw new RtcError("INVALID_OPERATION", "the stream is not published");
    this.#publications.delete(stream);
    await publication.unpublish();
  }

  /** Frees everything. */
  async close(): Promise<void> {
    this.#closed = true;
    this.stats.stop();
    for (const publication of this.#publications.values()) publication.dispose();
    this.roster.close();
    await this.host.close();
  }

  private onUplink(notice: UplinkNotice): void {
    if (this.#closed) return;
    switch (notice.kind) {
      case "notification":
        this.roster.handle(notice.notification);
        return;
      case "closed":
        this.#onSessionClosed(notice);
        return;
      case "video-size":
        for (const publication of this.#publications.values()) {
          if (publication.videoTrackNumber === notice.track)
            publication.onVideoSize(notice.width, notice.height, notice.codec);
        }
        return;
      case "source-ended":
        for (const publication of this.#publications.values()) {
          if (publication.videoTrackNumber === notice.track) publication.onSourceEnded();
        }
        return;
      case "group":
        this.group?.handle(notice.event);
        if (notice.event.kind === "epoch") this.#context.onKeyChanged();
        return;
      case "error":
        this.#context.onError(fromPlainError(notice.error));
    }
  }

  private onDownlink(notice: DownlinkNotice): void {
    if (this.#closed) return;
    switch (notice.kind) {
      case "closed":
        this.#onSessionClosed(notice);
        return;
      case "decryption":
        this.roster.setDecryption(notice.sender, notice.state, notice.reason);
        return;
      case "first-frame":
        this.#context.log.info(
          `first picture of ${this.roster.userOf(notice.sender) ?? "?"}: ${notice.width}x${notice.height}`,
        );
        return;
      case "error":
        this.#context.onError(fromPlainError(notice.error));
    }
  }

  #onPeersChanged(): void {
    for (const publication of this.#publications.values())
      publication.peersChanged().catch((thrown: unknown) => this.#context.onError(thrown));
  }
}

/** A token that the gateway refuses for its times: by how much, and whose clocks that concerns. */
function explainToken(thrown: unknown, token: string, clocks: GatewayAnswer["clocks"]): unknown {
  if (!(thrown instanceof RtcError) || thrown.closeCode !== TOKEN_NOT_NOW || clocks === undefined)
    return thrown;
  const words = tokenTimes(token, clocks.gateway);
  return words === undefined
    ? thrown
    : new RtcError(thrown.codeName, `${thrown.message}; ${words}`, {
        cause: thrown,
        closeCode: TOKEN_NOT_NOW,
      });
}

/** The token has expired or is not valid yet (`engine/WIRE.md`). */
const TOKEN_NOT_NOW = 4402;
