import { Stream } from "./stream.ts";
import { RtcError } from "./errors.ts";
import type { DecryptionState } from "./events.ts";
import type { PlayOptions } from "./options.ts";
import { findElement, styleMedia } from "./internal/player.ts";
import type { RemoteMedia } from "./internal/remote_media.ts";

/** What another user sends. Arrives with `stream-added`. */
export class RemoteStream extends Stream {
  readonly #media: RemoteMedia;
  readonly #taps = new Set<() => void>();
  #player: { element: HTMLElement; end: () => void } | undefined;
  #generator: { track: MediaStreamTrack; end: () => void } | undefined;

  /** @internal */
  constructor(media: RemoteMedia) {
    super();
    this.#media = media;
    media.onChange = () => {
      if (this.#player !== undefined)
        this.#player.element.style.visibility = media.showsVideo ? "visible" : "hidden";
    };
    media.onPlayerState = (type, state, reason) =>
      this.emit("player-state-changed", { type, state, reason });
  }

  /** @internal */
  get media(): RemoteMedia {
    return this.#media;
  }

  /** `main` is microphone and camera, `auxiliary` a shared screen. */
  getType(): "main" | "auxiliary" {
    return this.#media.type;
  }

  override getId(): string {
    return this.#media.id;
  }

  override getUserId(): string {
    return this.#media.userId;
  }

  override hasAudio(): boolean {
    return this.#media.audio !== undefined;
  }

  override hasVideo(): boolean {
    return this.#media.video !== undefined;
  }

  /** Whether the sender muted its microphone. */
  isAudioMuted(): boolean {
    return this.#media.audio?.info.muted ?? false;
  }

  /** Whether the sender muted its camera. */
  isVideoMuted(): boolean {
    return this.#media.video?.info.muted ?? false;
  }

  /** Whether its frames can be opened. */
  getDecryptionState(): DecryptionState | "waiting" {
    return this.#media.decryption;
  }

  override async play(element: HTMLElement | string, options: PlayOptions = {}): Promise<void> {
    const parent = findElement(element);
    this.#removePlayer();
    const player =
      typeof MediaStreamTrackGenerator === "undefined" ? this.#canvasPlayer() : this.#videoPlayer();
    const { element: media } = player;
    media.dataset.smrtcUser = this.getUserId();
    styleMedia(
      media,
      { objectFit: this.getType() === "auxiliary" ? "contain" : "cover", ...options },
      false,
    );
    media.style.visibility = this.#media.showsVideo ? "visible" : "hidden";
    parent.append(media);
    this.#player = player;
    this.#media.setPlaying(options.muted !== true);
    await this.resume();
  }

  override stop(): void {
    this.#removePlayer();
    this.#media.setPlaying(false);
  }

  override async resume(): Promise<void> {
    await this.#media.resumeAudio();
  }

  /** 0 to 1, as in TRTC, and, to amplify, up to 2. Applies to this stream alone. */
  setAudioVolume(volume: number): void {
    if (!(volume >= 0 && volume <= MAX_VOLUME))
      throw new RtcError("INVALID_PARAMETER", "the volume is from 0 to 1, or to 2 to amplify");
    this.#media.setVolume(volume);
  }

  /** Plays all audio of the client through this speaker: one mix leaves through one device. */
  setAudioOutput(deviceId: string): Promise<void> {
    return this.#media.setOutput(deviceId);
  }

  /**
   * Calls back with every frame at the time it is shown, whether it is played or not. Close each
   * `VideoFrame` soon, or decoding stops. Returns a function that ends it.
   */
  onVideoFrame(callback: (frame: VideoFrame) => void): () => void {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }: MessageEvent<VideoFrame>) => callback(data);
    const target = this.#media.addTap(port2);
    const end = (): void => {
      if (!this.#taps.delete(end)) return;
      port1.onmessage = ({ data }: MessageEvent<VideoFrame>) => data.close();
      this.#media.removeTarget(target);
    };
    this.#taps.add(end);
    return end;
  }

  /**
   * 0 to 1, as measured last; measured as often as `audio-volume` is emitted, otherwise every two
   * seconds.
   */
  override getAudioLevel(): number {
    return this.#media.audioLevel;
  }

  /**
   * What is being played, as a track. One context mixes everybody, so this is the mix of all remote
   * users.
   */
  override getAudioTrack(): MediaStreamTrack | undefined {
    return this.hasAudio() ? this.#media.mixTrack() : undefined;
  }

  /** The video as a track, where the browser can make one (`MediaStreamTrackGenerator`). */
  override getVideoTrack(): MediaStreamTrack | undefined {
    if (this.#generator !== undefined) return this.#generator.track;
    if (!this.hasVideo() || typeof MediaStreamTrackGenerator === "undefined") return undefined;
    this.#generator = this.#generate();
    return this.#generator.track;
  }

  override async getVideoFrame(): Promise<string | undefined> {
    const blob = await this.#media.snapshot();
    return blob === undefined ? undefined : dataUrl(blob);
  }

  /** @internal Ends everything that hangs on the stream. */
  dispose(): void {
    this.stop();
    for (const end of [...this.#taps]) end();
    this.#generator?.end();
    this.#generator = undefined;
  }

  /**
   * Shows frames by a video element. It takes the decoder's frames as they are; a canvas without
   * a GPU converts each one and keeps some hundred MiB of them. The page only passes handles on:
   * media still flows from worker to compositor.
   */
  #videoPlayer(): { element: HTMLElement; end: () => void } {
    const { track, end } = this.#generate();
    const element = document.createElement("video");
    element.muted = true;
    element.autoplay = true;
    element.playsInline = true;
    element.srcObject = new MediaStream([track]);
    return { element, end };
  }

  /** Shows frames on a canvas that the downlink worker draws. */
  #canvasPlayer(): { element: HTMLElement; end: () => void } {
    const element = document.createElement("canvas");
    const target = this.#media.addCanvas(element.transferControlToOffscreen());
    return { element, end: () => this.#media.removeTarget(target) };
  }

  /**
   * A track of the frames, which the downlink worker feeds: the main thread never touches one.
   */
  #generate(): { track: MediaStreamTrack; end: () => void } {
    const track = new MediaStreamTrackGenerator({ kind: "video" });
    const target = this.#media.addWritable(track.writable);
    return {
      track,
      end: () => {
        this.#media.removeTarget(target);
        track.stop();
      },
    };
  }

  #removePlayer(): void {
    this.#player?.end();
    this.#player?.element.remove();
    this.#player = undefined;
  }
}

/** Twice as loud as it came, +6 dB. */
const MAX_VOLUME = 2;

/** Absent from the DOM library's types. */
declare class MediaStreamTrackGenerator extends MediaStreamTrack {
  constructor(options: { kind: "video" });
  readonly writable: WritableStream<VideoFrame>;
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () =>
      reject(new RtcError("UNKNOWN", "the picture could not be read", { cause: reader.error }));
    reader.readAsDataURL(blob);
  });
}
