import { Emitter } from "./internal/emitter.ts";
import { RtcError } from "./errors.ts";
import type {
  ClientEvents,
  ConnectionState,
  EncryptionState,
  GroupMember,
  SelfTestReport,
} from "./events.ts";
import type { LocalStream } from "./local_stream.ts";
import type { ClientOptions, VideoStreamType } from "./options.ts";
import type { RemoteStream } from "./remote_stream.ts";
import type {
  ClientStats,
  LocalAudioStats,
  LocalVideoStats,
  RemoteAudioStats,
  RemoteVideoStats,
  TransportStats,
} from "./stats.ts";
import { checkOptions } from "./internal/check_options.ts";
import { Connection } from "./internal/connection.ts";
import { Logger } from "./internal/logger.ts";
import { Operations } from "./internal/operations.ts";

/**
 * What runs one after the other. `begun`: there is a connection, and the gateway may know of it.
 */
type Operation =
  | { readonly kind: "join" | "leave" }
  | { readonly kind: "unpublish"; readonly stream: LocalStream }
  | { readonly kind: "publish"; readonly stream: LocalStream; begun: boolean };

type AudioProcessing = Required<NonNullable<ClientOptions["audioProcessing"]>>;

/**
 * One participant in one room. Made by {@link createClient}.
 *
 * `join`, `leave`, `publish` and `unpublish` need not be waited for: they run one after the other,
 * and what was asked for last is what comes of it. `leave` overtakes everything that has not ended,
 * and `unpublish` a `publish` of the same stream that has not begun; what is overtaken rejects with
 * `ABORTED`.
 */
export class Client extends Emitter<ClientEvents> {
  readonly #connection: Connection;
  readonly #log: Logger;
  readonly #operations = new Operations<Operation>();
  #volumeIntervalMs = 0;
  #processing: AudioProcessing;

  /** @internal */
  constructor(options: ClientOptions) {
    super();
    checkOptions(options);
    this.#log = new Logger("page", options.logLevel ?? "info");
    this.#processing = {
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
      ...options.audioProcessing,
    };
    this.#connection = new Connection({
      options: () => ({ ...options, audioProcessing: this.#processing }),
      log: this.#log,
      emit: (name, event) => this.emit(name, event),
      onStarted: (call) => call.stats.start(this.#volumeIntervalMs),
      onKeyChanged: () => this.#tellEncryption(),
    });
  }

  /**
   * Enters the room that the token names.
   *
   * Rejects with `NOT_SUPPORTED` if the browser lacks something, `JOIN_REFUSED` if the gateway
   * refuses the token, `SIGNAL_CHANNEL_SETUP_FAILED` if it cannot be reached, `ABORTED` if `leave`
   * is called meanwhile.
   */
  join(): Promise<void> {
    return this.#operations.run({ kind: "join" }, () => this.#connection.join());
  }

  /** Leaves the room and frees everything. The client may join again. */
  leave(): Promise<void> {
    this.#connection.abandon();
    this.#operations.overtake(
      ({ kind }) => kind !== "leave",
      new RtcError("ABORTED", "the client left"),
    );
    return this.#operations.run({ kind: "leave" }, () => this.#connection.leave());
  }

  /**
   * Sends a stream: one of camera and microphone and one of a screen at a time. While the
   * connection is lost it waits for the next one.
   *
   * Rejects with `INVALID_OPERATION` before `join`, if the stream has no tracks, or one that has
   * ended, with `REQUEST_REFUSED` if the gateway does not want it, with
   * `SIGNAL_CHANNEL_RECONNECTION_FAILED` if the connection does not come back. Nothing is sent
   * then.
   */
  publish(stream: LocalStream): Promise<void> {
    const operation = { kind: "publish" as const, stream, begun: false };
    return this.#operations.run(operation, async (signal) => {
      for (;;) {
        const call = await this.#connection.connected(signal);
        // Overtaken since: nobody would know of what is published now.
        signal.throwIfAborted();
        const session = this.#connection.session;
        operation.begun = true;
        try {
          await call.publish(stream);
          return;
        } catch (thrown) {
          if (signal.aborted || this.#connection.isStill(session)) throw thrown;
          // Undone, since the session ended under it; the next one has not heard of it.
          operation.begun = false;
        }
      }
    });
  }

  /** Sends it no longer. Rejects with `INVALID_OPERATION` if the stream is not published. */
  unpublish(stream: LocalStream): Promise<void> {
    const overtook = this.#operations.overtake(
      (earlier) => earlier.kind === "publish" && earlier.stream === stream && !earlier.begun,
      new RtcError("ABORTED", "the stream was unpublished"),
    );
    return this.#operations.run({ kind: "unpublish", stream }, async () => {
      const published = this.#connection.call?.isPublished(stream) === true;
      if (overtook && !published) return;
      const session = this.#connection.session;
      try {
        await this.#connection.need().unpublish(stream);
      } catch (thrown) {
        // Where a session ended, what was published in it did too.
        if (!published || this.#connection.isStill(session)) throw thrown;
      }
    });
  }

  /** Asks for a remote stream's media. Both default to true; calling again changes the choice. */
  subscribe(
    stream: RemoteStream,
    choice: { audio?: boolean; video?: boolean } = {},
  ): Promise<void> {
    return this.#connection.need().roster.subscribe(stream, choice);
  }

  unsubscribe(stream: RemoteStream): Promise<void> {
    return this.#connection.need().roster.unsubscribe(stream);
  }

  /**
   * Chooses which of a user's two streams to receive, now and when the user comes again, until
   * `leave`; see {@link VideoStreamType}. Resolves when the gateway knows. The video goes on as
   * it was until the other one begins with a whole frame, mostly within a round trip; up to the
   * big one it may take some seconds, where the gateway first has to find out that our path bears
   * it. Who sends one stream alone is received as ever.
   *
   * Rejects with `INVALID_PARAMETER` for another word, `INVALID_OPERATION` before `join`.
   */
  async setRemoteVideoStreamType(
    user: string | RemoteStream,
    type: VideoStreamType,
  ): Promise<void> {
    await this.#connection
      .need()
      .roster.setStreamType(typeof user === "string" ? user : user.getUserId(), type);
  }

  /**
   * The same for everybody of whom {@link setRemoteVideoStreamType} said nothing else. `big` unless
   * it was called; until `leave`.
   */
  async setRemoteDefaultVideoStreamType(type: "big" | "small"): Promise<void> {
    await this.#connection.need().roster.setDefaultStreamType(type);
  }

  getConnectionState(): ConnectionState {
    return this.#connection.state;
  }

  /** Our user id, from the token; empty before `join`. */
  getUserId(): string {
    return this.#connection.userId;
  }

  /** The room, from the token; empty before `join`. */
  getRoomId(): string {
    return this.#connection.roomId;
  }

  getRemoteStreams(): RemoteStream[] {
    return this.#connection.call?.roster.streams ?? [];
  }

  /** Who sends what, and whether it is muted. */
  getRemoteMutedState(): {
    userId: string;
    hasAudio: boolean;
    hasVideo: boolean;
    audioMuted: boolean;
    videoMuted: boolean;
  }[] {
    return this.#connection.call?.roster.mutedState() ?? [];
  }

  async getTransportStats(): Promise<TransportStats> {
    return (await this.getStats()).transport;
  }

  /** By user id: ours alone. */
  async getLocalAudioStats(): Promise<Record<string, LocalAudioStats>> {
    const { localAudio } = await this.getStats();
    return localAudio === undefined ? {} : { [this.#connection.userId]: localAudio };
  }

  /** By user id: ours alone, of the camera. */
  async getLocalVideoStats(): Promise<Record<string, LocalVideoStats>> {
    const { localVideo } = await this.getStats();
    return localVideo === undefined ? {} : { [this.#connection.userId]: localVideo };
  }

  async getRemoteAudioStats(): Promise<Record<string, RemoteAudioStats>> {
    return (await this.getStats()).remoteAudio;
  }

  async getRemoteVideoStats(
    type: "main" | "auxiliary" = "main",
  ): Promise<Record<string, RemoteVideoStats>> {
    const stats = await this.getStats();
    return type === "main" ? stats.remoteVideo : stats.remoteAuxiliary;
  }

  /** Everything at once. */
  getStats(): Promise<ClientStats> {
    const { stats } = this.#connection.need();
    return stats.measure(this.#connection.transport);
  }

  /**
   * Suite, key source, epoch, key ids and, with group keys, who is in the group and the code to
   * compare. Never key bytes.
   */
  async getEncryptionState(): Promise<EncryptionState> {
    return (await this.getStats()).encryption;
  }

  /**
   * Everybody in the group, ourselves included: they, and nobody else, hold the keys. Empty with an
   * external key, where nobody knows who holds it, and before the group's first epoch.
   */
  getGroupMembers(): GroupMember[] {
    return this.#connection.call?.group?.members ?? [];
  }

  /**
   * Six groups of five digits that all members of the group see alike, to compare by voice; empty
   * if there is no group.
   */
  getVerificationCode(): string {
    return this.#connection.call?.group?.verificationCode ?? "";
  }

  /**
   * Says that you compared code or fingerprint with this user. It holds for the identity that the
   * user has now, in this client; another key under the same name has to be compared again.
   */
  setCompared(userId: string, compared = true): void {
    const { group } = this.#connection.need();
    if (group === undefined)
      throw new RtcError(
        "INVALID_OPERATION",
        "with an external key there are no identities to compare",
      );
    group.setCompared(userId, compared);
  }

  /** Asks the group for new keys; the others follow. Nothing happens with an external key. */
  async rotateKeys(): Promise<void> {
    await this.#connection.need().host.uplink.call("rotateKeys", undefined);
  }

  /**
   * Runs the known-answer tests of all algorithms in both workers, in some 100 ms of each. With `{
   * run: false }` it only tells how they stand: each runs by itself before its algorithm is first
   * used.
   */
  async selfTest({ run = true }: { readonly run?: boolean } = {}): Promise<SelfTestReport> {
    const { host } = this.#connection.need();
    const [uplink, downlink] = await Promise.all([
      host.uplink.call("selfTest", { run }),
      host.downlink.call("selfTest", { run }),
    ]);
    const both = [uplink.status, downlink.status];
    return {
      status: both.includes("failed")
        ? "failed"
        : both.includes("untested")
          ? "untested"
          : "passed",
      uplink,
      downlink,
    };
  }

  /**
   * Emits `audio-volume` every `intervalMs` milliseconds, default 2,000, at least 100; 0 or less
   * ends it.
   */
  enableAudioVolumeEvaluation(intervalMs = 2_000): void {
    this.#volumeIntervalMs = intervalMs <= 0 ? 0 : Math.max(100, intervalMs);
    this.#connection.call?.stats.setVolumeInterval(this.#volumeIntervalMs);
  }

  /** Changes the processing of our microphone while it runs. */
  async setAudioProcessing(options: {
    echoCancellation?: boolean;
    noiseSuppression?: boolean;
    autoGainControl?: boolean;
  }): Promise<void> {
    this.#processing = { ...this.#processing, ...options };
    await this.#connection.call?.host.uplink.call("setProcessing", this.#processing);
  }

  /** The log of the page and of both workers, oldest line first. */
  getLogs(): Promise<string> {
    return this.#connection.logs();
  }

  /** Saves {@link getLogs} as a file. */
  async downloadLogs(
    fileName = `smrtc-${new Date().toISOString().replaceAll(":", "-")}.log`,
  ): Promise<void> {
    const url = URL.createObjectURL(new Blob([await this.getLogs()], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = fileName;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  #tellEncryption(): void {
    if (this.#connection.call === undefined) return;
    void this.getEncryptionState().then(
      (state) => this.emit("encryption-changed", state),
      () => undefined,
    );
  }
}
