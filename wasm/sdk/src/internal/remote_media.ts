/**
 * Behind a `RemoteStream`: what the sender publishes, what we receive of it, and where it is shown.
 */
import { RtcError } from "../errors.ts";
import type { DecryptionState } from "../events.ts";
import type { VideoStreamType } from "../options.ts";
import type { EngineHost } from "./engine_host.ts";
import type { Track } from "./generated/engine.ts";

/** A published track of a remote participant. */
export interface RemoteTrack {
  readonly sender: number;
  info: Track;
  /** Whether we asked the gateway for it. */
  subscribed: boolean;
  /** And up to which size, from 0, the smallest. */
  maxSpatialLayer?: number;
}

export class RemoteMedia {
  readonly id: string;
  audio: RemoteTrack | undefined;
  video: RemoteTrack | undefined;
  /** What the application wants; undefined before `subscribe`. */
  wanted: { audio: boolean; video: boolean } | undefined;
  /** Which of the sender's sizes the application wants. */
  streamType: VideoStreamType = "auto";
  decryption: DecryptionState | "waiting" = "waiting";
  audioLevel = 0;
  onChange: () => void = () => undefined;
  onPlayerState: (
    type: "audio" | "video",
    state: "PLAYING" | "PAUSED" | "STOPPED",
    reason: string,
  ) => void = () => undefined;
  readonly #host: EngineHost;
  readonly #targets = new Set<number>();
  #volume = 1;
  #playing = false;
  #playerStates: { audio?: string; video?: string } = {};

  constructor(
    readonly userId: string,
    readonly type: "main" | "auxiliary",
    host: EngineHost,
  ) {
    this.#host = host;
    this.id = `${userId}-${type}`;
  }

  /** Whether a canvas has something to show. */
  get showsVideo(): boolean {
    return (
      this.video?.subscribed === true &&
      !this.video.info.muted &&
      this.decryption !== "cannot-decrypt"
    );
  }

  addCanvas(canvas: OffscreenCanvas): number {
    const id = nextTarget++;
    void this.#host.downlink.call("addCanvas", { id, canvas }, [canvas]).catch(ignoreAborted);
    this.#targets.add(id);
    this.show();
    return id;
  }

  addWritable(writable: WritableStream<VideoFrame>): number {
    const id = nextTarget++;
    void this.#host.downlink.call("addWritable", { id, writable }, [writable]).catch(ignoreAborted);
    this.#targets.add(id);
    this.show();
    return id;
  }

  addTap(port: MessagePort): number {
    const id = nextTarget++;
    void this.#host.downlink.call("addTap", { id, port }, [port]).catch(ignoreAborted);
    this.#targets.add(id);
    this.show();
    return id;
  }

  removeTarget(id: number): void {
    if (!this.#targets.delete(id)) return;
    void this.#host.downlink.call("removeTarget", { id }).catch(ignoreAborted);
  }

  /** Brings the video to its places; called whenever either changes. */
  show(): void {
    const video = this.video;
    if (video?.subscribed === true) {
      void this.#host.downlink
        .call("showTrack", {
          sender: video.sender,
          track: video.info.number,
          targets: [...this.#targets],
        })
        .catch(ignoreAborted);
    }
    this.changed();
  }

  setVolume(volume: number): void {
    this.#volume = volume;
    this.applyVolume();
  }

  /** Audio is heard only between `play` and `stop`. */
  setPlaying(playing: boolean): void {
    this.#playing = playing;
    this.applyVolume();
    this.changed();
  }

  applyVolume(): void {
    const audio = this.audio;
    if (audio?.subscribed !== true) return;
    const volume = this.#playing ? this.#volume : 0;
    void this.#host.downlink
      .call("setVolume", { sender: audio.sender, track: audio.info.number, volume })
      .catch(ignoreAborted);
  }

  setOutput(deviceId: string): Promise<void> {
    return this.#host.audio.setOutput(deviceId);
  }

  mixTrack(): MediaStreamTrack | undefined {
    return this.#host.audio.mixTrack();
  }

  async resumeAudio(): Promise<void> {
    const { audio } = this.#host;
    if (audio.playing || !this.#playing || this.audio === undefined) return;
    // A context that may not start keeps its promise pending, so a while without an answer is the
    // answer.
    await Promise.race([audio.resume(), new Promise((resolve) => setTimeout(resolve, 300))]);
    this.changed();
    if (!audio.playing)
      throw new RtcError(
        "PLAY_NOT_ALLOWED",
        "the browser plays sound only after a click on the page",
      );
  }

  async snapshot(): Promise<Blob | undefined> {
    const video = this.video;
    if (video?.subscribed !== true) return undefined;
    return this.#host.downlink.call("snapshot", { sender: video.sender, track: video.info.number });
  }

  /** Tells the listeners if what is played changed. */
  changed(): void {
    this.onChange();
    const audio =
      this.audio === undefined || !this.#playing
        ? "STOPPED"
        : this.#host.audio.playing && !this.audio.info.muted
          ? "PLAYING"
          : "PAUSED";
    const video =
      this.video === undefined || this.#targets.size === 0
        ? "STOPPED"
        : this.showsVideo
          ? "PLAYING"
          : "PAUSED";
    this.#tell(
      "audio",
      audio,
      this.audio?.info.muted === true
        ? "muted by the sender"
        : this.#host.audio.playing
          ? ""
          : "the browser wants a click first",
    );
    this.#tell(
      "video",
      video,
      this.video?.info.muted === true
        ? "muted by the sender"
        : this.decryption === "cannot-decrypt"
          ? "cannot decrypt"
          : "",
    );
  }

  #tell(type: "audio" | "video", state: "PLAYING" | "PAUSED" | "STOPPED", reason: string): void {
    if ((this.#playerStates[type] ?? "STOPPED") === state) return;
    this.#playerStates = { ...this.#playerStates, [type]: state };
    this.onPlayerState(type, state, reason);
  }
}

let nextTarget = 1;

/** Calls that a `leave` overtook have nobody to report to. */
export function ignoreAborted(thrown: unknown): void {
  if (thrown instanceof RtcError && thrown.codeName === "ABORTED") return;
  throw thrown;
}
