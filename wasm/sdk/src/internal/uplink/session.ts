/**
 * The uplink's session with the gateway: drives the engine from transport and timer, and drains
 * what it puts out.
 */
import type { UplinkEngine } from "smrtc-wasm";

import { RtcError, toPlainError } from "../../errors.ts";
import { base64url } from "../base64url.ts";
import { Deadline, nowUs } from "../deadline.ts";
import type {
  EncoderEvent,
  Joined,
  MediaKind,
  RequestBody,
  UplinkStats as UplinkEngineStats,
  UplinkEvent,
} from "../generated/engine.ts";
import type { Logger } from "../logger.ts";
import { nextDatagram } from "../outgoing.ts";
import { Handshakes } from "../handshakes.ts";
import { dial } from "../dial.ts";
import type { Transport } from "../transport.ts";
import { describe } from "./group_log.ts";
import { Lanes } from "./lanes.ts";
import type { Reference } from "./references.ts";
import type { ConnectRequest, UplinkCalls, UplinkNotice } from "../worker_protocol.ts";

/** What happens in the engine and concerns others. */
export interface UplinkListener {
  notify(notice: UplinkNotice): void;
  onKeyFrameRequested(track: number, spatial: number): void;
  /** Of one size of a track. */
  onBitrate(track: number, spatial: number, bitrate: number): void;
  /** A message of the engine's for the downlink worker: a secret. */
  onKeyMessage(bytes: Uint8Array<ArrayBuffer>): void;
  /** We are in the room, and known by an identity. */
  onJoined(): void;
}

/** Bounds of the bitrate of one size in which a track is sent, in bit/s. */
export interface LayerBounds {
  readonly minBitrate: number;
  readonly maxBitrate: number;
}

interface Waiting {
  resolve(joined: Joined | undefined): void;
  reject(error: RtcError): void;
}

const LOOK_AT_LOSS_MS = 1_000;
/** Three frames' time at 30 a second. */
const QUEUE_LIMIT_US = 100_000;

export class UplinkSession {
  readonly #engine: UplinkEngine;
  readonly #memory: WebAssembly.Memory;
  readonly #log: Logger;
  readonly #listener: UplinkListener;
  readonly #deadline = new Deadline(() => {
    this.#engine.timeout(nowUs());
    this.drain();
  });
  readonly #tracks = new Map<number, { kind: MediaKind; layers: readonly LayerBounds[] }>();
  readonly #waiting = new Map<number, Waiting>();
  #transport: Transport | undefined;
  #lanes: Lanes | undefined;
  #laneTransports: readonly Transport[] = [];
  #lookTimer: ReturnType<typeof setInterval> | undefined;
  readonly #handshakes = new Handshakes();
  #dialling = new AbortController();
  #joined = false;
  /** Counts connections, so that a late answer of an earlier one is recognised. */
  #generation = 0;
  audioBitrate = 0;

  constructor(
    engine: UplinkEngine,
    memory: WebAssembly.Memory,
    log: Logger,
    listener: UplinkListener,
  ) {
    this.#engine = engine;
    this.#memory = memory;
    this.#log = log;
    this.#listener = listener;
  }

  async connect(request: ConnectRequest): Promise<UplinkCalls["connect"]["result"]> {
    this.disconnect(false);
    const generation = ++this.#generation;
    const started = performance.now();
    const transport = await dial(
      {
        address: request.address,
        query: `token=${encodeURIComponent(request.token)}`,
        control: true,
        choice: request.transport,
        log: (level, message) => this.#log[level](message),
        signal: (this.#dialling = new AbortController()).signal,
        handshakes: this.#handshakes,
      },
      {
        onControl: (bytes) => {
          if (generation !== this.#generation) return;
          this.#engine.control(nowUs(), bytes);
          this.drain();
        },
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
    this.#transport = transport;
    this.#engine.openSession(nowUs());
    const joined = await this.#send(
      this.#engine.join(nowUs(), request.sdkVersion, [...request.decodeCodecs]),
    );
    if (joined === undefined)
      throw new RtcError("UNKNOWN", "the gateway answered Join with something else");
    this.#joined = true;
    this.#listener.onJoined();
    for (const track of this.#tracks.keys()) this.#tellTrack(track);
    this.drain();
    if (transport.kind === "webtransport") this.#watchLoss(request, base64url(joined.attachTicket));
    this.#log.info(
      `joined as ${joined.participantId} over ${transport.kind} in ${Math.round(performance.now() - started)} ms, key ${this.#engine.kid()}`,
    );
    return {
      joined,
      transport: transport.kind,
      kid: this.#engine.kid(),
      epoch: this.#engine.epoch(),
    };
  }

  #watchLoss({ address, readyLanes }: ConnectRequest, ticket: string): void {
    const generation = this.#generation;
    const lanes = new Lanes(
      {
        dial: (onClosed) => this.#dialLane(address, ticket, generation, onClosed),
        onChange: (open) => {
          if (generation !== this.#generation) return;
          this.#laneTransports = open;
          for (const transport of [this.#transport, ...open]) transport?.share(open.length > 0);
          this.drain();
        },
      },
      readyLanes,
      this.#handshakes,
      this.#log,
    );
    this.#lanes = lanes;
    this.#lookTimer = setInterval(() => {
      const stats = this.stats();
      // Who publishes nothing needs none.
      if (stats === undefined || stats.outbound.length === 0) return;
      const { packetsSent, packetsReceived } = stats.transport;
      const { randomLoss } = stats.path;
      lanes.adapt({
        fractionLost: stats.outbound[0]?.fractionLost ?? 0,
        randomLoss,
        packetsSent,
        packetsReceived,
      });
    }, LOOK_AT_LOSS_MS);
  }

  async #dialLane(
    address: ConnectRequest["address"],
    ticket: string,
    generation: number,
    onClosed: (lane: Transport) => void,
  ): Promise<Transport> {
    const lane: Transport = await dial(
      {
        address,
        query: `attach=${ticket}&lane=1`,
        control: false,
        choice: "webtransport",
        log: (_level, message) => this.#log.debug(`lane: ${message}`),
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
        onClosed: () => onClosed(lane),
      },
    );
    return lane;
  }

  #closeLanes(): void {
    clearInterval(this.#lookTimer);
    this.#lanes?.close();
    this.#lanes = undefined;
    this.#laneTransports = [];
  }

  async request(body: RequestBody): Promise<void> {
    if (!this.#joined) throw new RtcError("INVALID_OPERATION", "not joined");
    await this.#send(this.#engine.request(nowUs(), body));
  }

  disconnect(leave: boolean): void {
    if (leave && this.#joined) {
      this.#engine.request(nowUs(), { kind: "leave" });
      this.drain();
    }
    this.#generation++;
    this.#dialling.abort();
    this.#closeLanes();
    this.#deadline.cancel();
    const transport = this.#transport;
    this.#transport = undefined;
    this.#joined = false;
    // Leave goes out on the stream before the session is closed behind it.
    if (transport !== undefined) setTimeout(() => transport.close(4000, "left"), leave ? 30 : 0);
    this.#reject(new RtcError("ABORTED", "the session was closed"));
  }

  /**
   * Adds a track, or changes in which sizes it is sent, the smallest first. Audio and most frames
   * have one.
   */
  addTrack(track: number, kind: MediaKind, layers: readonly LayerBounds[]): void {
    this.#tracks.set(track, { kind, layers });
    if (!this.#joined) return;
    this.#tellTrack(track);
    this.drain();
  }

  #tellTrack(track: number): void {
    const known = this.#tracks.get(track);
    if (known === undefined) return;
    const { kind, layers } = known;
    this.#engine.addTrack(
      track,
      kind,
      layers.reduce((sum, { maxBitrate }) => sum + maxBitrate, 0),
    );
    if (kind === "audio") return;
    // One size is no layer: the engine has nothing to divide.
    const several = layers.length > 1 ? layers : [];
    this.#engine.setLayers(
      track,
      Float64Array.from(several.flatMap(({ minBitrate, maxBitrate }) => [minBitrate, maxBitrate])),
    );
  }

  /**
   * Whether a frame captured now is worth encoding in this size: asked once for each. Without a
   * session all are, to keep the encoder warm.
   */
  wantsVideoFrame(track: number, spatial: number): boolean {
    if (!this.#joined) return true;
    if (this.#engine.queueDelay() > QUEUE_LIMIT_US) return false;
    const several = (this.#tracks.get(track)?.layers.length ?? 0) > 1;
    return several
      ? this.#engine.wantsLayerFrame(nowUs(), track, spatial)
      : this.#engine.wantsFrame(nowUs(), track);
  }

  removeTrack(track: number): void {
    this.#tracks.delete(track);
    if (!this.#joined) return;
    this.#engine.removeTrack(track);
    this.drain();
  }

  /**
   * The chunk's bytes are copied once, from the encoder's memory into Wasm, and sealed where they
   * are put.
   */
  sendVideo(
    chunk: EncodedVideoChunk,
    { temporal, discardable, distance }: Reference,
    track: number,
    spatial: number,
  ): boolean {
    if (!this.#joined) return false;
    const address = this.#engine.videoBuffer(chunk.byteLength);
    chunk.copyTo(new Uint8Array(this.#memory.buffer, address, chunk.byteLength));
    const sent = this.#engine.sealVideo(
      nowUs(),
      track,
      spatial,
      chunk.type === "key",
      discardable,
      temporal,
      distance,
      chunk.timestamp,
    );
    this.drain();
    return sent;
  }

  stats(): UplinkEngineStats | undefined {
    return this.#joined ? this.#engine.stats(nowUs()) : undefined;
  }

  /** Sends and tells what the engine has to send and tell, then sleeps until its next deadline. */
  drain(): void {
    const engine = this.#engine;
    const transport = this.#transport;
    for (let length = engine.nextKeyMessage(); length > 0; length = engine.nextKeyMessage()) {
      this.#listener.onKeyMessage(
        new Uint8Array(this.#memory.buffer, engine.keyMessageAddress(), length).slice(),
      );
    }
    for (let bytes = engine.pollControl(); bytes !== undefined; bytes = engine.pollControl())
      transport?.sendControl(bytes);
    transport?.flushDatagrams();
    for (const lane of this.#laneTransports) lane.flushDatagrams();
    for (let event = engine.pollEvent(); event !== undefined; event = engine.pollEvent())
      this.#onEvent(event);
    if (transport !== undefined) this.#deadline.arm(engine.nextTimeout());
  }

  #send(requestId: number): Promise<Joined | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(requestId, { resolve, reject });
      this.drain();
    });
  }

  #onEvent(event: UplinkEvent): void {
    switch (event.kind) {
      case "joined":
        this.#settle(event.requestId)?.resolve(event.joined);
        return;
      case "done":
        this.#settle(event.requestId)?.resolve(undefined);
        return;
      case "refused":
        this.#settle(event.requestId)?.reject(
          new RtcError("REQUEST_REFUSED", `${event.code}: ${event.message}`),
        );
        return;
      case "request-timed-out":
        this.#settle(event.requestId)?.reject(
          new RtcError("REQUEST_TIMED_OUT", "the gateway did not answer in time"),
        );
        return;
      case "encoder":
        this.#onEncoderEvent(event.event);
        return;
      case "seal-failed":
        this.#listener.notify({
          kind: "error",
          error: { codeName: "ENCRYPTION_FAILED", message: `sealing failed: ${event.reason}` },
        });
        return;
      case "group":
        this.#log.debug(`group: ${describe(event.event)}`);
        this.#listener.notify({ kind: "group", event: event.event });
        return;
      case "log":
        this.#log.log(event.level, event.message);
        return;
      case "notification":
        this.#listener.notify(event);
    }
  }

  #onEncoderEvent(event: EncoderEvent): void {
    switch (event.kind) {
      case "target-bitrate":
        this.audioBitrate = event.audio;
        for (const { track, spatial, bitrate } of event.layers)
          this.#listener.onBitrate(track, spatial, bitrate);
        return;
      case "key-frame-requested":
        this.#listener.onKeyFrameRequested(event.track, event.spatial);
    }
  }

  #settle(requestId: number): Waiting | undefined {
    const waiting = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    return waiting;
  }

  #onClosed(error: RtcError, connection: number): void {
    this.#log.warn(`session lost: ${error.message}`);
    const wasJoined = this.#joined;
    this.#generation++;
    this.#closeLanes();
    this.#transport = undefined;
    this.#joined = false;
    this.#deadline.cancel();
    this.#reject(error);
    if (wasJoined)
      this.#listener.notify({ kind: "closed", connection, error: toPlainError(error) });
  }

  #reject(error: RtcError): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}
