/**
 * Starts and stops what runs outside of the main thread: both workers, the Wasm module, the audio
 * worklet.
 */
import { RtcError } from "../errors.ts";
import type { ClientOptions, EncryptionOptions, WasmBuild } from "../options.ts";
import { notStarted, startWorker } from "./assets.ts";
import { AudioEngine } from "./audio_engine.ts";
import { Logger } from "./logger.ts";
import { Caller } from "./rpc.ts";
import { sleep } from "./sleep.ts";
import { chooseBuilds, loadModule } from "./wasm_build.ts";
import type {
  DownlinkCalls,
  DownlinkNotice,
  KeySource,
  UplinkCalls,
  UplinkNotice,
} from "./worker_protocol.ts";

/** Who hears the workers. */
export interface NoticeListener {
  onUplink(notice: UplinkNotice): void;
  onDownlink(notice: DownlinkNotice): void;
}

export class EngineHost {
  readonly uplink: Caller<UplinkCalls, UplinkNotice>;
  readonly downlink: Caller<DownlinkCalls, DownlinkNotice>;
  readonly audio: AudioEngine;
  #wasmBuild: WasmBuild | undefined;
  readonly #workers: readonly Worker[];

  private constructor(
    uplink: Caller<UplinkCalls, UplinkNotice>,
    downlink: Caller<DownlinkCalls, DownlinkNotice>,
    audio: AudioEngine,
    workers: readonly Worker[],
  ) {
    this.uplink = uplink;
    this.downlink = downlink;
    this.audio = audio;
    this.#workers = workers;
  }

  /** The build that runs in the workers. */
  get wasmBuild(): WasmBuild {
    if (this.#wasmBuild === undefined)
      throw new RtcError("INVALID_OPERATION", "the engine is not loaded");
    return this.#wasmBuild;
  }

  static async start(
    options: ClientOptions,
    log: Logger,
    listener: NoticeListener,
  ): Promise<EngineHost> {
    const base = options.assetBase;
    // Compiled once, run in both workers.
    const loading = loadModule(chooseBuilds(options.wasmBuild), base);
    // Reported where it is awaited, unless something else fails before.
    loading.catch(() => undefined);
    const uplinkWorker = startWorker(
      UPLINK,
      "smrtc-uplink",
      base,
      () =>
        new Worker(new URL("./uplink_worker.js", import.meta.url), {
          type: "module",
          name: "smrtc-uplink",
        }),
    );
    const downlinkWorker = startWorker(
      DOWNLINK,
      "smrtc-downlink",
      base,
      () =>
        new Worker(new URL("./downlink_worker.js", import.meta.url), {
          type: "module",
          name: "smrtc-downlink",
        }),
    );
    const uplink = new Caller<UplinkCalls, UplinkNotice>(uplinkWorker, (notice) =>
      listener.onUplink(notice),
    );
    const downlink = new Caller<DownlinkCalls, DownlinkNotice>(downlinkWorker, (notice) =>
      listener.onDownlink(notice),
    );
    const audio = new AudioEngine(log);
    const host = new EngineHost(uplink, downlink, audio, [uplinkWorker, downlinkWorker]);
    const broken = new Promise<never>((_, reject) => {
      const refuse =
        (file: string) =>
        (event: ErrorEvent): void =>
          reject(notStarted(file, base, event.message ?? "its script could not be loaded"));
      uplinkWorker.onerror = refuse(UPLINK);
      downlinkWorker.onerror = refuse(DOWNLINK);
    });
    broken.catch(() => undefined);
    try {
      const { build, module } = await loading;
      host.#wasmBuild = build;
      await Promise.race([host.#init(options, module), broken]);
      log.info(`engine build ${build}`);
      // Vite puts small files into the page as `data:` unless it is told not to, and a strict
      // policy refuses to run them.
      await audio.start(
        base === undefined
          ? new URL("./audio_worklet.js?no-inline", import.meta.url)
          : new URL("audio_worklet.js", base),
      );
    } catch (thrown) {
      await host.close();
      throw thrown;
    }
    return host;
  }

  async #init(options: ClientOptions, module: WebAssembly.Module): Promise<void> {
    const keyChannel = new MessageChannel();
    const { captureLink, playoutLink } = this.audio;
    const { suite = "SM4_GCM_SM3" } = options.encryption ?? {};
    const keys = await this.#keySource(options, module);
    const processing = options.audioProcessing ?? {};
    const logLevel = options.logLevel ?? "info";
    await Promise.all([
      this.uplink.call(
        "init",
        {
          module,
          suite,
          keys,
          keyPort: keyChannel.port1,
          audio: captureLink,
          processing: {
            echoCancellation: processing.echoCancellation ?? true,
            noiseSuppression: processing.noiseSuppression ?? true,
            autoGainControl: processing.autoGainControl ?? true,
          },
          logLevel,
        },
        [
          ...secretsOf(keys),
          keyChannel.port1,
          ...(captureLink.kind === "port" ? [captureLink.port] : []),
        ],
      ),
      this.downlink.call(
        "init",
        {
          module,
          keyPort: keyChannel.port2,
          audio: playoutLink,
          minPlayoutDelayMs: options.playoutDelay?.min ?? 0,
          maxPlayoutDelayMs: options.playoutDelay?.max ?? 500,
          logLevel,
        },
        [keyChannel.port2, ...(playoutLink.kind === "port" ? [playoutLink.port] : [])],
      ),
    ]);
  }

  async #keySource(options: ClientOptions, module: WebAssembly.Module): Promise<KeySource> {
    const { encryption = {} } = options;
    const keys = keySource(encryption);
    const issuer = encryption.key === undefined ? encryption.certificates?.issuer : undefined;
    if (issuer === undefined || keys.kind !== "mls" || keys.certificates === undefined) return keys;
    const token = typeof options.token === "string" ? options.token : await options.token();
    const { suite, identity } = keys;
    const request = await this.uplink.call(
      "enrol",
      { module, suite, identity, token },
      secretsOf(keys),
    );
    const chain =
      issuer === "gateway"
        ? await this.uplink.call("certify", { gateway: options.gateway, token, request })
        : await issuer(request);
    // The worker has the key already.
    return {
      ...keys,
      identity: keys.identity instanceof Uint8Array ? "new" : keys.identity,
      certificates: { ...keys.certificates, chain },
    };
  }

  /** Ends the workers with all keys they hold, which they wipe first. */
  async close(): Promise<void> {
    const wiped = Promise.all([
      this.uplink.call("close", undefined),
      this.downlink.call("close", undefined),
    ]);
    // A worker that does not answer is not waited for: its memory goes with it.
    await Promise.race([wiped.catch(() => undefined), sleep(WIPE_MS)]);
    const aborted = new RtcError("ABORTED", "the client left");
    this.uplink.close(aborted);
    this.downlink.close(aborted);
    for (const worker of this.#workers) worker.terminate();
    await this.audio.close();
  }
}

/** A copy of what is secret, to be transferred: the application's own is not taken from it. */
function keySource(options: EncryptionOptions): KeySource {
  if (options.key !== undefined) return { kind: "external", key: new Uint8Array(options.key) };
  const {
    groupSuite = "SM2_SM4_GCM_SM3",
    admit = "everyone",
    identity = "new",
    certificates,
  } = options;
  return {
    kind: "mls",
    suite: groupSuite,
    users: admit === "everyone" ? undefined : [...admit],
    certificates:
      certificates === undefined
        ? undefined
        : {
            authorities: certificates.authorities,
            revocationLists: certificates.revocationLists ?? [],
            admitsBasic: certificates.admitsUncertified ?? false,
            chain: certificates.chain ?? [],
          },
    identity: identity instanceof Uint8Array ? new Uint8Array(identity) : identity,
  };
}

function secretsOf(keys: KeySource): Transferable[] {
  if (keys.kind === "external") return [keys.key.buffer];
  return keys.identity instanceof Uint8Array ? [keys.identity.buffer] : [];
}

const UPLINK = "uplink_worker.js";
const DOWNLINK = "downlink_worker.js";

/** How long a worker may take to wipe its keys. */
const WIPE_MS = 500;
