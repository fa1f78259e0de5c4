/**
 * The downlink's session with the gateway: drives the engine from transport, timer and playout, and
 * drains it.
 */
import type { DownlinkEngine } from "smrtc-wasm";
import { RtcError, toPlainError } from "../../errors.ts";
import { Deadline, nowUs } from "../deadline.ts";
import type { DownlinkStats as DownlinkEngineStats, DownlinkEvent } from "../generated/engine.ts";
import type { Logger } from "../logger.ts";
import { nextDatagram } from "../outgoing.ts";
import { dial } from "../dial.ts";
import type { Transport } from "../transport.ts";
import type { DownlinkCalls, DownlinkNotice } from "../worker_protocol.ts";
import type { VideoReceiver } from "./video_receiver.ts";

export class DownlinkSession {
  readonly #engine: DownlinkEngine;
  readonly #memory: WebAssembly.Memory;
  readonly #log: Logger;
  readonly #notify: (notice: DownlinkNotice) => void;
  readonly #receiver: (sender: number, track: number) => VideoReceiver | undefined;
  readonly #deadline = new Deadline(() => {
    this.#engine.timeout(nowUs());
    this.drain();
  });
  #transport: Transport | undefined;
  #dialling = new AbortController();
  #generation = 0;

  constructor(
    engine: DownlinkEngine,
    memory: WebAssembly.Memory,
    log: Logger,
    notify: (notice: DownlinkNotice) => void,
    receiver: (sender: number, track: number) => VideoReceiver | undefined,
  ) {
    this.#engine = engine;
    this.#memory = memory;
    this.#log = log;
    this.#notify = notify;
    this.#receiver = receiver;
  }

  async connect(
    request: DownlinkCalls["connect"]["argument"],
  ): Promise<DownlinkCalls["connect"]["result"]> {
    this.disconnect();
    const generation = ++this.#generation;
    const transport = await dial(
      {
        address: request.address,
        query: `attach=${request.ticket}`,
        control: false,
        choice: request.transport,
        log: (level, message) => this.#log[level](message),
        signal: (this.#dialling = new AbortController()).signal,
      },
      {
        onControl: () => undefined,
        onDatagram: (bytes) => {
          if (generation !== this.#generation) return;
          this.#engine.datagram(nowUs(), bytes);
          this.drain();
        },
        nextDatagram: () =>
          generation === this.#generation ? nextDatagram(this.#engine, this.#memory) : undefined,
        onClosed: (error) => {
          if (generation === this.#generation) this.#onClosed(error, request.connection);
        },
      },
    );
    if (generation !== this.#generation) {
      transport.close(4000, "not needed");
      throw new RtcError("ABORTED", "another connection took this one's place");
    }
    this.#engine.openSession();
    this.#transport = transport;
    this.#log.info(`attached over ${transport.kind}`);
    this.drain();
    return { transport: transport.kind };
  }

  disconnect(): void {
    this.#generation++;
    this.#dialling.abort();
    this.#deadline.cancel();
    this.#transport?.close(4000, "left");
    this.#transport = undefined;
  }

  stats(): DownlinkEngineStats | undefined {
    return this.#transport === undefined ? undefined : this.#engine.stats(nowUs());
  }

  /** Sends, decodes and tells what the engine has ready, then sleeps until its next deadline. */
  drain(): void {
    const engine = this.#engine;
    const transport = this.#transport;
    transport?.flushDatagrams();
    for (let video = engine.pollVideo(); video !== undefined; video = engine.pollVideo()) {
      const data = new Uint8Array(this.#memory.buffer, video.ptr, video.len);
      this.#receiver(video.sender, video.track)?.decode(
        data,
        video.key,
        video.mediaTimeUs,
        video.renderAtUs,
      );
      video.free();
    }
    for (let event = engine.pollEvent(); event !== undefined; event = engine.pollEvent())
      this.#onEvent(event);
    if (transport !== undefined) this.#deadline.arm(engine.nextTimeout());
  }

  #onEvent(event: DownlinkEvent): void {
    switch (event.kind) {
      case "decryption":
        this.#log.info(`sender ${event.sender}: ${event.state} ${event.reason}`);
        this.#notify({ ...event, state: event.state === "ok" ? "ok" : "cannot-decrypt" });
        return;
      case "log":
        this.#log.log(event.level, event.message);
    }
  }

  #onClosed(error: RtcError, connection: number): void {
    this.#log.warn(`session lost: ${error.message}`);
    this.disconnect();
    this.#notify({ kind: "closed", connection, error: toPlainError(error) });
  }
}
