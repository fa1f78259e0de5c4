import { Emitter } from "./internal/emitter.ts";
import { RtcError, fromPlainError, isRetryable } from "./errors.ts";
import type { PlainError } from "./errors.ts";
import type {
  ClientEvents,
  ConnectionState,
  EncryptionState,
  GroupMember,
  SelfTestReport,
} from "./events.ts";
import type { LocalStream } from "./local_stream.ts";
import type { ClientOptions, VideoCodecName, VideoStreamType } from "./options.ts";
import type { RemoteStream } from "./remote_stream.ts";
import type {
  ClientStats,
  LocalAudioStats,
  LocalVideoStats,
  RemoteAudioStats,
  RemoteVideoStats,
  TransportStats,
} from "./stats.ts";
import { Call } from "./internal/call.ts";
import { checkOptions } from "./internal/check_options.ts";
import type { Connected } from "./internal/call.ts";
import { Logger, mergeLogs } from "./internal/logger.ts";
import { Operations } from "./internal/operations.ts";
import { Reconnection } from "./internal/reconnection.ts";
import { sleep } from "./internal/sleep.ts";
import type { GatewayAnswer } from "./internal/transport.ts";
import { checkSystemRequirements } from "./support.ts";

/**
 * What runs one after the other. `begun`: there is a connection, and the gateway may know of it.
 */
type Operation =
  | { readonly kind: "join" | "leave" }
  | { readonly kind: "unpublish"; readonly stream: LocalStream }
  | { readonly kind: "publish"; readonly stream: LocalStream; begun: boolean };

/**
 * One participant in one room. Made by {@link createClient}.
 *
 * `join`, `leave`, `publish` and `unpublish` need not be waited for: they run one after the other,
 * and what was asked for last is what comes of it. `leave` overtakes everything that has not ended,
 * and `unpublish` a `publish` of the same stream that has not begun; what is overtaken rejects with
 * `ABORTED`.
 */
export class Client extends Emitter<ClientEvents> {
  readonly #options: ClientOptions;
  readonly #log: Logger;
  #state: ConnectionState = "DISCONNECTED";
  #call: Call | undefined;
  #userId = "";
  #roomId = "";
  #transport: "webtransport" | "websocket" = "webtransport";
  #volumeIntervalMs = 0;
  /** Changes with each `join` and `leave`; a loop of an earlier one ends. */
  #generation = 0;
  readonly #operations = new Operations<Operation>();
  /** Counts the sessions with the gateway. */
  #sessions = 0;
  /** Who waits for the next state. */
  readonly #waiting = new Set<() => void>();
  /** The generation that is connected; another one while joining or leaving. */
  #connectedGeneration = -1;
  #lastLogs = "";
  /** The call that was stopped last, and when nothing of it is left. */
  #stopped: Call | undefined;
  #stopping: Promise<void> = Promise.resolve();
  /** Identities compared, by user: see {@link setCompared}. */
  readonly #compared = new Map<string, string>();

  /** @internal */
  constructor(options: ClientOptions) {
    super();
    checkOptions(options);
    this.#options = options;
    this.#log = new Logger("page", options.logLevel ?? "info");
  }

  /**
   * Enters the room that the token names.
   *
   * Rejects with `NOT_SUPPORTED` if the browser lacks something, `JOIN_REFUSED` if the gateway refuses the token,
   * `SIGNAL_CHANNEL_SETUP_FAILED` if it cannot be reached, `ABORTED` if `leave` is called
   * meanwhile.
   */
  join(): Promise<void> {
    return this.#operations.run({ kind: "join" }, () => this.#join());
  }

  async #join(): Promise<void> {
    if (this.#state !== "DISCONNECTED")
      throw new RtcError("INVALID_OPERATION", "the client has joined already");
    const generation = ++this.#generation;
    this.#setState("CONNECTING");
    try {
      const support = await checkSystemRequirements();
      if (!support.result) throw new RtcError("NOT_SUPPORTED", support.missing.join(" "));
      for (const warning of support.warnings) this.#log.info(warning);
      if (generation !== this.#generation)
        throw new RtcError("ABORTED", "the client left while joining");
      await this.#start(
        generation,
        support.detail.encodeCodecs as VideoCodecName[],
        support.detail.decodeCodecs,
      );
    } catch (thrown) {
      if (generation === this.#generation) {
        await this.#stop();
        if (generation === this.#generation) this.#setState("DISCONNECTED");
      }
      throw thrown instanceof RtcError
        ? thrown
        : new RtcError("UNKNOWN", `joining failed: ${String(thrown)}`, { cause: thrown });
    }
  }

  /** Leaves the room and frees everything. The client may join again. */
  leave(): Promise<void> {
    this.#generation++;
    this.#operations.overtake(
      ({ kind }) => kind !== "leave",
      new RtcError("ABORTED", "the client left"),
    );
    return this.#operations.run({ kind: "leave" }, () => this.#leave());
  }

  async #leave(): Promise<void> {
    const call = this.#call;
    if (call !== undefined && this.#state === "CONNECTED") {
      await Promise.race([
        call.host.uplink.call("disconnect", { leave: true }).catch(() => undefined),
        sleep(200),
      ]);
      // Leave is on its way; give the browser a moment to send it before the worker is gone.
      await sleep(60);
    }
    await this.#stop();
    this.#setState("DISCONNECTED");
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
        const call = await this.#connected(signal);
        // Overtaken since: nobody would know of what is published now.
        signal.throwIfAborted();
        const session = this.#sessions;
        operation.begun = true;
        try {
          await call.publish(stream);
          return;
        } catch (thrown) {
          if (signal.aborted || (session === this.#sessions && this.#state === "CONNECTED"))
            throw thrown;
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
      const published = this.#call?.isPublished(stream) === true;
      if (overtook && !published) return;
      const session = this.#state === "CONNECTED" ? this.#sessions : undefined;
      try {
        await this.#need().unpublish(stream);
      } catch (thrown) {
        // Where a session ended, what was published in it did too.
        if (!published || (session === this.#sessions && this.#state === "CONNECTED")) throw thrown;
      }
    });
  }

  /** Asks for a remote stream's media. Both default to true; calling again changes the choice. */
  subscribe(
    stream: RemoteStream,
    choice: { audio?: boolean; video?: boolean } = {},
  ): Promise<void> {
    return this.#need().roster.subscribe(stream, choice);
  }

  unsubscribe(stream: RemoteStream): Promise<void> {
    return this.#need().roster.unsubscribe(stream);
  }

  /**
   * Chooses which of a user's two streams to receive, now and when the user comes again, until `leave`; see {@link VideoStreamType}. Resolves when
   * the gateway knows. The picture goes on as it was until the other one begins with a whole picture, mostly within a round trip; up to the
   * big one it may take some seconds, where the gateway first has to find out that our path bears it. Who sends one stream alone is
   * received as ever.
   *
   * Rejects with `INVALID_PARAMETER` for another word, `INVALID_OPERATION` before `join`.
   */
  async setRemoteVideoStreamType(
    user: string | RemoteStream,
    type: VideoStreamType,
  ): Promise<void> {
    await this.#need().roster.setStreamType(
      typeof user === "string" ? user : user.getUserId(),
      type,
    );
  }

  /** The same for everybody of whom {@link setRemoteVideoStreamType} said nothing else. `big` unless it was called; until `leave`. */
  async setRemoteDefaultVideoStreamType(type: "big" | "small"): Promise<void> {
    await this.#need().roster.setDefaultStreamType(type);
  }

  getConnectionState(): ConnectionState {
    return this.#state;
  }

  /** Our user id, from the token; empty before `join`. */
  getUserId(): string {
    return this.#userId;
  }

  /** The room, from the token; empty before `join`. */
  getRoomId(): string {
    return this.#roomId;
  }

  getRemoteStreams(): RemoteStream[] {
    return this.#call?.roster.streams ?? [];
  }

  /** Who sends what, and whether it is muted. */
  getRemoteMutedState(): {
    userId: string;
    hasAudio: boolean;
    hasVideo: boolean;
    audioMuted: boolean;
    videoMuted: boolean;
  }[] {
    return this.#call?.roster.mutedState() ?? [];
  }

  async getTransportStats(): Promise<TransportStats> {
    return (await this.getStats()).transport;
  }

  /** By user id: ours alone. */
  async getLocalAudioStats(): Promise<Record<string, LocalAudioStats>> {
    const { localAudio } = await this.getStats();
    return localAudio === undefined ? {} : { [this.#userId]: localAudio };
  }

  /** By user id: ours alone, of the camera. */
  async getLocalVideoStats(): Promise<Record<string, LocalVideoStats>> {
    const { localVideo } = await this.getStats();
    return localVideo === undefined ? {} : { [this.#userId]: localVideo };
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
    const { stats } = this.#need();
    return stats.measure(this.#transport);
  }

  /** Suite, key source, epoch, key ids and, with group keys, who is in the group and the code to compare. Never key bytes. */
  async getEncryptionState(): Promise<EncryptionState> {
    return (await this.getStats()).encryption;
  }

  /**
   * Everybody in the group, ourselves included: they, and nobody else, hold the keys. Empty with an external key, where nobody
   * knows who holds it, and before the group's first epoch.
   */
  getGroupMembers(): GroupMember[] {
    return this.#call?.group?.members ?? [];
  }

  /** Six groups of five digits that all members of the group see alike, to compare by voice; empty if there is no group. */
  getVerificationCode(): string {
    return this.#call?.group?.verificationCode ?? "";
  }

  /**
   * Says that you compared code or fingerprint with this user. It holds for the identity that the user has now, in this client; another
   * key under the same name has to be compared again.
   */
  setCompared(userId: string, compared = true): void {
    const { group } = this.#need();
    if (group === undefined)
      throw new RtcError(
        "INVALID_OPERATION",
        "with an external key there are no identities to compare",
      );
    group.setCompared(userId, compared);
  }

  /** Asks the group for new keys; the others follow. Nothing happens with an external key. */
  async rotateKeys(): Promise<void> {
    await this.#need().host.uplink.call("rotateKeys", undefined);
  }

  /**
   * Runs the known-answer tests of all algorithms in both workers, in some 100 ms of each. With `{ run: false }` it only tells how
   * they stand: each runs by itself before its algorithm is first used.
   */
  async selfTest({ run = true }: { readonly run?: boolean } = {}): Promise<SelfTestReport> {
    const { host } = this.#need();
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

  /** Emits `audio-volume` every `intervalMs` milliseconds, default 2,000, at least 100; 0 or less ends it. */
  enableAudioVolumeEvaluation(intervalMs = 2_000): void {
    this.#volumeIntervalMs = intervalMs <= 0 ? 0 : Math.max(100, intervalMs);
    this.#call?.stats.setVolumeInterval(this.#volumeIntervalMs);
  }

  /** Changes the processing of our microphone while it runs. */
  async setAudioProcessing(options: {
    echoCancellation?: boolean;
    noiseSuppression?: boolean;
    autoGainControl?: boolean;
  }): Promise<void> {
    const before = this.#processing;
    this.#processing = { ...before, ...options };
    await this.#call?.host.uplink.call("setProcessing", this.#processing);
  }

  /** The log of the page and of both workers, oldest line first. */
  async getLogs(): Promise<string> {
    const call = this.#call;
    if (call === undefined)
      return this.#lastLogs === "" ? mergeLogs([this.#log.lines()]) : this.#lastLogs;
    const logs = await Promise.all([
      call.host.uplink.call("logs", undefined),
      call.host.downlink.call("logs", undefined),
    ]);
    return mergeLogs([this.#log.lines(), ...logs]);
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

  get #processing(): {
    echoCancellation: boolean;
    noiseSuppression: boolean;
    autoGainControl: boolean;
  } {
    return (
      this.#processingNow ?? {
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
        ...this.#options.audioProcessing,
      }
    );
  }

  set #processing(options: {
    echoCancellation: boolean;
    noiseSuppression: boolean;
    autoGainControl: boolean;
  }) {
    this.#processingNow = options;
  }

  #processingNow:
    { echoCancellation: boolean; noiseSuppression: boolean; autoGainControl: boolean } | undefined;

  async #start(
    generation: number,
    encodable: readonly VideoCodecName[],
    decodable: readonly string[],
  ): Promise<void> {
    const call = await Call.start({
      options: { ...this.#options, audioProcessing: this.#processing },
      log: this.#log,
      encodable,
      decodable,
      compared: this.#compared,
      self: () => ({ userId: this.#userId, state: this.#state }),
      emit: (name, event) => this.emit(name, event),
      onClosed: (error) => this.#onClosed(error),
      onError: (thrown) => this.#onError(thrown),
      onKeyChanged: () => this.#tellEncryption(),
    });
    if (generation !== this.#generation) {
      await call.close();
      throw new RtcError("ABORTED", "the client left while joining");
    }
    this.#call = call;
    this.#onConnected(generation, await call.connect());
    call.stats.start(this.#volumeIntervalMs);
  }

  /** Takes the room as it is. */
  #onConnected(generation: number, { joined, transport }: Connected): void {
    if (generation !== this.#generation)
      throw new RtcError("ABORTED", "the client left while connecting");
    this.#userId = joined.userId;
    this.#roomId = joined.roomId;
    this.#transport = transport;
    this.#connectedGeneration = generation;
    this.#sessions++;
    this.#setState("CONNECTED");
    this.#need().roster.reset(joined);
    this.#tellEncryption();
  }

  #tellEncryption(): void {
    if (this.#call === undefined) return;
    void this.getEncryptionState().then(
      (state) => this.emit("encryption-changed", state),
      () => undefined,
    );
  }

  async #reconnect(error: RtcError): Promise<void> {
    const generation = this.#generation;
    const call = this.#call;
    if (call === undefined || this.#state !== "CONNECTED") return;
    this.#setState("RECONNECTING");
    const started = performance.now();
    const ended = (): boolean => generation !== this.#generation;
    const reconnection = new Reconnection<GatewayAnswer>(
      {
        probe: (signal) => call.locate(signal),
        attempt: async (answer, timeoutMs) => {
          try {
            await call.reconnect(answer, timeoutMs, (connected) =>
              this.#onConnected(generation, connected),
            );
          } catch (thrown) {
            if (!ended() && this.#getState() === "CONNECTED") this.#setState("RECONNECTING");
            throw thrown;
          }
        },
        ended,
        log: (message) => this.#log.warn(message),
      },
      error,
      this.#options.reconnectTimeout ?? RECONNECT_TIMEOUT_MS,
    );
    const wake = (): void => reconnection.wake();
    addEventListener("online", wake);
    const last = await reconnection.run().finally(() => removeEventListener("online", wake));
    if (ended()) return;
    if (last === undefined) {
      this.#log.info(`reconnected after ${Math.round(performance.now() - started)} ms`);
      return;
    }
    await this.#stop();
    if (ended()) return;
    this.#setState("DISCONNECTED");
    if (isRetryable(last)) {
      this.emit(
        "error",
        new RtcError(
          "SIGNAL_CHANNEL_RECONNECTION_FAILED",
          `the connection did not come back: ${last.message}`,
          { cause: last },
        ),
      );
    } else {
      this.emit("client-banned", {
        reason: last.closeCode === 4409 ? "kick" : "banned",
        message: last.message,
      });
    }
  }

  /** Keeps the type checker from believing that the state cannot have changed in between. */
  #getState(): ConnectionState {
    return this.#state;
  }

  /** Resolves when nothing of the call is left, though another one began to stop it. */
  async #stop(): Promise<void> {
    const call = this.#call;
    if (call !== undefined && call !== this.#stopped) {
      this.#stopped = call;
      this.#stopping = this.#free(call);
    }
    await this.#stopping;
  }

  async #free(call: Call): Promise<void> {
    this.#lastLogs = await Promise.race([
      this.getLogs().catch(() => ""),
      sleep(200).then(() => ""),
    ]);
    if (this.#call === call) this.#call = undefined;
    await call.close();
  }

  #onClosed(error: PlainError): void {
    // The gateway ends the downlink of whoever leaves.
    if (this.#generation !== this.#connectedGeneration) return;
    void this.#reconnect(fromPlainError(error));
  }

  #onError(thrown: unknown): void {
    const error =
      thrown instanceof RtcError
        ? thrown
        : new RtcError("UNKNOWN", String(thrown), { cause: thrown });
    // What fails because the session is gone comes again by itself once it is back.
    if (error.codeName === "ABORTED" || this.#state !== "CONNECTED") {
      this.#log.debug(`${error.codeName}: ${error.message}`);
      return;
    }
    this.#log.error(`${error.codeName}: ${error.message}`);
    this.emit("error", error);
  }

  #setState(state: ConnectionState): void {
    const prevState = this.#state;
    if (prevState === state) return;
    this.#state = state;
    this.#log.info(`${prevState} → ${state}`);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
    this.emit("connection-state-changed", { prevState, state });
  }

  /** Resolves at once unless the connection is being made anew; rejects if it is given up. */
  async #connected(signal: AbortSignal): Promise<Call> {
    while (this.#getState() === "RECONNECTING" && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        signal.addEventListener("abort", () => resolve());
      });
      if (this.#getState() === "DISCONNECTED") {
        throw new RtcError(
          "SIGNAL_CHANNEL_RECONNECTION_FAILED",
          "the connection did not come back",
        );
      }
    }
    signal.throwIfAborted();
    return this.#need();
  }

  #need(): Call {
    if (this.#call === undefined) throw new RtcError("INVALID_OPERATION", "join first");
    return this.#call;
  }
}

/** A gateway that restarts, or a network that is changed, may be away for a minute. */
const RECONNECT_TIMEOUT_MS = 120_000;
