/**
 * The page's end of audio: one `AudioContext` with one worklet, microphone in, playout out. Only
 * set up here; samples go between the worklet and the workers and never touch the main thread.
 */
import { RtcError } from "../errors.ts";
import { ringBytes } from "./audio_ring.ts";
import type { Logger } from "./logger.ts";
import type { AudioLink, WorkletOptions } from "./worker_protocol.ts";

/**
 * Samples; 170 ms for capture, so that a stalled worker loses nothing at first; 340 ms for playout.
 */
const CAPTURE_CAPACITY = 8_192;
const PLAYOUT_CAPACITY = 16_384;

export class AudioEngine {
  readonly context: AudioContext;
  /** For the uplink worker. */
  readonly captureLink: AudioLink;
  /** For the downlink worker. */
  readonly playoutLink: AudioLink;
  readonly #log: Logger;
  readonly #workletOptions: WorkletOptions;
  #node: AudioWorkletNode | undefined;
  #gain: GainNode | undefined;
  #microphone: MediaStreamAudioSourceNode | undefined;
  #microphoneTrack: MediaStreamTrack | undefined;
  #captureVolume = 1;
  #mix: MediaStreamAudioDestinationNode | undefined;
  #onStateChange: () => void = () => undefined;
  readonly #resumeOnGesture = (): void => void this.resume().catch(() => undefined);

  constructor(log: Logger) {
    this.#log = log;
    this.context = new AudioContext({ sampleRate: 48_000, latencyHint: "interactive" });
    if (
      globalThis.crossOriginIsolated &&
      typeof SharedArrayBuffer !== "undefined" &&
      "waitAsync" in Atomics
    ) {
      this.captureLink = {
        kind: "shared",
        ring: new SharedArrayBuffer(ringBytes(CAPTURE_CAPACITY, 2)),
      };
      this.playoutLink = {
        kind: "shared",
        ring: new SharedArrayBuffer(ringBytes(PLAYOUT_CAPACITY, 1)),
      };
      this.#workletOptions = { capture: this.captureLink, playout: this.playoutLink };
    } else {
      const capture = new MessageChannel();
      const playout = new MessageChannel();
      this.captureLink = { kind: "port", port: capture.port1 };
      this.playoutLink = { kind: "port", port: playout.port1 };
      this.#workletOptions = {
        capture: { kind: "port", port: capture.port2 },
        playout: { kind: "port", port: playout.port2 },
      };
    }
    this.context.addEventListener("statechange", () => {
      this.#log.info(`audio context is ${this.context.state}`);
      this.#onStateChange();
      this.#watchGestures();
    });
    this.#watchGestures();
  }

  /** Loads the worklet and starts playing. */
  async start(workletUrl: URL): Promise<void> {
    try {
      await this.context.audioWorklet.addModule(workletUrl);
    } catch (thrown) {
      throw new RtcError(
        "NOT_SUPPORTED",
        `the audio worklet could not be loaded from ${workletUrl.href.slice(0, 200)}: it must be served there, and the page's policy (script-src) must allow it`,
        { cause: thrown },
      );
    }
    const ports = [this.#workletOptions.capture, this.#workletOptions.playout].flatMap((link) =>
      link.kind === "port" ? [link.port] : [],
    );
    const node = this.#createNode(ports);
    this.#node = node;
    node.connect(this.context.destination);
    this.#gain = new GainNode(this.context, { gain: this.#captureVolume });
    this.#gain.connect(node);
    if (this.#microphoneTrack !== undefined) this.setMicrophone(this.#microphoneTrack);
    // Resolves only once the browser lets audio out; the call goes on meanwhile.
    void this.resume().catch(() => undefined);
  }

  /**
   * `processorOptions` is cloned, not transferred, so message ports go through the node's own port.
   */
  #createNode(ports: MessagePort[]): AudioWorkletNode {
    const options = {
      numberOfInputs: 1,
      numberOfOutputs: 1,
      outputChannelCount: [2],
      channelCount: 2,
      channelCountMode: "max" as const,
    };
    if (ports.length === 0)
      return new AudioWorkletNode(this.context, "smrtc-audio", {
        ...options,
        processorOptions: this.#workletOptions,
      });
    const node = new AudioWorkletNode(this.context, "smrtc-audio", options);
    node.port.postMessage(this.#workletOptions, ports);
    return node;
  }

  set onStateChange(listener: () => void) {
    this.#onStateChange = listener;
  }

  get playing(): boolean {
    return this.context.state === "running";
  }

  /** Captures from this track, or from none. */
  setMicrophone(track: MediaStreamTrack | undefined): void {
    this.#microphoneTrack = track;
    if (this.#gain === undefined) return;
    this.#microphone?.disconnect();
    this.#microphone = undefined;
    if (track === undefined || track.readyState === "ended") return;
    this.#microphone = new MediaStreamAudioSourceNode(this.context, {
      mediaStream: new MediaStream([track]),
    });
    this.#microphone.connect(this.#gain);
    // Browsers let audio in and out without a gesture once a microphone is open.
    void this.resume().catch(() => undefined);
  }

  /** 1 is as captured. */
  setCaptureVolume(volume: number): void {
    this.#captureVolume = volume;
    if (this.#gain !== undefined) this.#gain.gain.value = volume;
  }

  /** Everything that is played, as a track. */
  mixTrack(): MediaStreamTrack | undefined {
    if (this.#node === undefined) return undefined;
    if (this.#mix === undefined) {
      this.#mix = new MediaStreamAudioDestinationNode(this.context);
      this.#node.connect(this.#mix);
    }
    return this.#mix.stream.getAudioTracks()[0];
  }

  async setOutput(deviceId: string): Promise<void> {
    if (!hasSetSinkId(this.context))
      throw new RtcError("NOT_SUPPORTED", "this browser does not let a page choose the speaker");
    try {
      await this.context.setSinkId(deviceId);
    } catch (thrown) {
      throw new RtcError("DEVICE_NOT_FOUND", "this speaker cannot be used", { cause: thrown });
    }
  }

  async resume(): Promise<void> {
    if (this.context.state !== "running") await this.context.resume();
  }

  async close(): Promise<void> {
    this.#unwatchGestures();
    this.#onStateChange = () => undefined;
    this.#node?.port.postMessage("end");
    this.#node?.disconnect();
    this.#microphone?.disconnect();
    if (this.context.state !== "closed") await this.context.close();
  }

  #watchGestures(): void {
    this.#unwatchGestures();
    if (this.context.state === "running" || this.context.state === "closed") return;
    for (const name of GESTURES)
      globalThis.addEventListener(name, this.#resumeOnGesture, { capture: true, passive: true });
  }

  #unwatchGestures(): void {
    for (const name of GESTURES)
      globalThis.removeEventListener(name, this.#resumeOnGesture, { capture: true });
  }
}

const GESTURES = ["pointerdown", "keydown", "touchend"];

/** Newer than the DOM library's types. */
function hasSetSinkId(
  context: AudioContext,
): context is AudioContext & { setSinkId(deviceId: string): Promise<void> } {
  return "setSinkId" in context;
}
