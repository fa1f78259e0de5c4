/**
 * Whether we are in the room: joining, leaving, and coming back after a loss. Owns the call of the
 * moment.
 */
import { RtcError, fromPlainError, isRetryable } from "../errors.ts";
import type { PlainError } from "../errors.ts";
import type { ClientEvents, ConnectionState } from "../events.ts";
import type { ClientOptions, VideoCodecName } from "../options.ts";
import { checkSystemRequirements } from "../support.ts";
import { Call } from "./call.ts";
import type { Connected } from "./call.ts";
import { mergeLogs } from "./logger.ts";
import type { Logger } from "./logger.ts";
import { Reconnection } from "./reconnection.ts";
import { sleep } from "./sleep.ts";
import type { GatewayAnswer } from "./gateway_config.ts";

/** What a connection needs of the client around it. */
export interface ConnectionContext {
  readonly log: Logger;
  /** The options as they are now. */
  options(): ClientOptions;
  emit<Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]): void;
  /** A call has begun; it is not begun anew when its session comes back. */
  onStarted(call: Call): void;
  /** Keys, or whose they are, changed. */
  onKeyChanged(): void;
}

/** What runs is one generation: from a `join` to the `leave` after it. */
export class Connection {
  readonly #context: ConnectionContext;
  /** From the token; empty before `join`. */
  userId = "";
  /** From the token; empty before `join`. */
  roomId = "";
  /** What the newest session goes over. */
  transport: "webtransport" | "websocket" = "webtransport";
  #state: ConnectionState = "DISCONNECTED";
  #call: Call | undefined;
  /** Changes with each `join` and `leave`; a loop of an earlier one ends. */
  #generation = 0;
  /** The generation that is connected; another one while joining or leaving. */
  #connectedGeneration = -1;
  /** Counts the sessions with the gateway. */
  #sessions = 0;
  /** Who waits for the next state. */
  readonly #waiting = new Set<() => void>();
  #lastLogs = "";
  /** The call that was stopped last, and when nothing of it is left. */
  #stopped: Call | undefined;
  #stopping: Promise<void> = Promise.resolve();
  /** Identities compared, by user; they outlive calls. */
  readonly #compared = new Map<string, string>();

  constructor(context: ConnectionContext) {
    this.#context = context;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get call(): Call | undefined {
    return this.#call;
  }

  /** The call of the moment; `INVALID_OPERATION` if there is none. */
  need(): Call {
    if (this.#call === undefined) throw new RtcError("INVALID_OPERATION", "join first");
    return this.#call;
  }

  /** Names the session of the moment; undefined while there is none. */
  get session(): number | undefined {
    return this.#state === "CONNECTED" ? this.#sessions : undefined;
  }

  /** Whether the session of that name goes on. */
  isStill(session: number | undefined): boolean {
    return session !== undefined && session === this.session;
  }

  /** What is being done for this generation ends without effect. */
  abandon(): void {
    this.#generation++;
  }

  /** The log of the page and of both workers, oldest line first. */
  async logs(): Promise<string> {
    const own = this.#context.log.lines();
    if (this.#call === undefined) return this.#lastLogs === "" ? mergeLogs([own]) : this.#lastLogs;
    const { uplink, downlink } = this.#call.host;
    const [sent, received] = await Promise.all([
      uplink.call("logs", undefined),
      downlink.call("logs", undefined),
    ]);
    return mergeLogs([own, sent, received]);
  }

  async join(): Promise<void> {
    if (this.#state !== "DISCONNECTED")
      throw new RtcError("INVALID_OPERATION", "the client has joined already");
    const generation = ++this.#generation;
    this.#setState("CONNECTING");
    try {
      const support = await checkSystemRequirements();
      if (!support.result) throw new RtcError("NOT_SUPPORTED", support.missing.join(" "));
      for (const warning of support.warnings) this.#context.log.info(warning);
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

  async leave(): Promise<void> {
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

  async #start(
    generation: number,
    encodable: readonly VideoCodecName[],
    decodable: readonly string[],
  ): Promise<void> {
    const call = await Call.start({
      options: this.#context.options(),
      log: this.#context.log,
      encodable,
      decodable,
      compared: this.#compared,
      self: () => ({ userId: this.userId, state: this.#state }),
      emit: (name, event) => this.#context.emit(name, event),
      onClosed: (error) => this.#onClosed(error),
      onError: (thrown) => this.#onError(thrown),
      onKeyChanged: () => this.#context.onKeyChanged(),
    });
    if (generation !== this.#generation) {
      await call.close();
      throw new RtcError("ABORTED", "the client left while joining");
    }
    this.#call = call;
    this.#onConnected(generation, await call.connect());
    this.#context.onStarted(call);
  }

  /** Takes the room as it is. */
  #onConnected(generation: number, { joined, transport }: Connected): void {
    if (generation !== this.#generation)
      throw new RtcError("ABORTED", "the client left while connecting");
    this.userId = joined.userId;
    this.roomId = joined.roomId;
    this.transport = transport;
    this.#connectedGeneration = generation;
    this.#sessions++;
    this.#setState("CONNECTED");
    this.need().roster.reset(joined);
    this.#context.onKeyChanged();
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
        log: (message) => this.#context.log.warn(message),
      },
      error,
      this.#context.options().reconnectTimeout ?? RECONNECT_TIMEOUT_MS,
    );
    const wake = (): void => reconnection.wake();
    addEventListener("online", wake);
    const last = await reconnection.run().finally(() => removeEventListener("online", wake));
    if (ended()) return;
    if (last === undefined) {
      this.#context.log.info(`reconnected after ${Math.round(performance.now() - started)} ms`);
      return;
    }
    await this.#stop();
    if (ended()) return;
    this.#setState("DISCONNECTED");
    if (isRetryable(last)) {
      this.#context.emit(
        "error",
        new RtcError(
          "SIGNAL_CHANNEL_RECONNECTION_FAILED",
          `the connection did not come back: ${last.message}`,
          { cause: last },
        ),
      );
    } else {
      this.#context.emit("client-banned", {
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
    this.#lastLogs = await Promise.race([this.logs().catch(() => ""), sleep(200).then(() => "")]);
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
      this.#context.log.debug(`${error.codeName}: ${error.message}`);
      return;
    }
    this.#context.log.error(`${error.codeName}: ${error.message}`);
    this.#context.emit("error", error);
  }

  #setState(state: ConnectionState): void {
    const prevState = this.#state;
    if (prevState === state) return;
    this.#state = state;
    this.#context.log.info(`${prevState} → ${state}`);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
    this.#context.emit("connection-state-changed", { prevState, state });
  }

  /** Resolves at once unless the connection is being made anew; rejects if it is given up. */
  async connected(signal: AbortSignal): Promise<Call> {
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
    return this.need();
  }
}

/** A gateway that restarts, or a network that is changed, may be away for a minute. */
const RECONNECT_TIMEOUT_MS = 120_000;
