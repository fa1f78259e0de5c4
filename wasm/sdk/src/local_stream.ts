import { Stream } from "./stream.ts";
import { RtcError } from "./errors.ts";
import type {
  PlayOptions,
  StreamOptions,
  VideoContentHint,
  VideoProfile,
  VideoProfileName,
} from "./options.ts";
import { camera, microphone, openDevices, openScreen } from "./internal/capture.ts";
import { LocalTracks } from "./internal/local_tracks.ts";
import { findElement, styleMedia } from "./internal/player.ts";
import type { PublicationHooks } from "./internal/publication.ts";
import { VideoChoices } from "./internal/video_choices.ts";

/** Our own microphone and camera, or screen. Made by {@link createStream}. */
export class LocalStream extends Stream {
  readonly #options: StreamOptions;
  readonly #id = `local-${nextId++}`;
  readonly #tracks: LocalTracks;
  readonly #choices: VideoChoices;
  #element: HTMLVideoElement | undefined;
  #captureVolume = 1;
  /** @internal Set while published. */
  publication: PublicationHooks | undefined;

  /** @internal */
  constructor(options: StreamOptions) {
    super();
    const screen = options.screen === true;
    if (
      options.audio !== true &&
      options.video !== true &&
      !screen &&
      options.audioSource === undefined &&
      options.videoSource === undefined
    ) {
      throw new RtcError("INVALID_PARAMETER", "a stream needs sound or a picture");
    }
    if (
      screen &&
      (options.video === true || options.audio === true || options.audioSource !== undefined)
    ) {
      throw new RtcError(
        "INVALID_PARAMETER",
        "a screen is a stream of its own: share it beside camera and microphone",
      );
    }
    this.#options = options;
    this.#choices = new VideoChoices(screen);
    this.#tracks = new LocalTracks({
      isScreen: screen,
      constraints: (kind, deviceId) => this.#constraints(kind, deviceId),
      onVideoFrame: () => {
        this.#hintTrack();
        this.#refreshElement();
      },
      publish: async () => this.publication?.tracksChanged(),
      onMuteChanged: () => this.publication?.muteChanged(),
      onScreenStopped: () => this.emit("screen-sharing-stopped", undefined),
      onRecovered: (type) => this.emit("device-auto-recovered", { type }),
      onEnded: (type) => this.#onEnded(type),
      onError: (error) => this.emit("error", error),
    });
  }

  /**
   * Opens the devices, or takes the tracks given.
   *
   * Rejects with `DEVICE_NOT_FOUND`, `DEVICE_NOT_ALLOWED` or `DEVICE_NOT_READABLE`, with
   * `INVALID_OPERATION` if a track given has ended, and with `ABORTED` if the stream is closed
   * meanwhile.
   */
  initialize(): Promise<void> {
    const { audioSource, videoSource, audio, video, screen, microphoneId, cameraId } =
      this.#options;
    const own = [audioSource, videoSource].filter((track) => track !== undefined);
    return this.#tracks.initialize(own, async (signal) => {
      if (screen === true) {
        return videoSource === undefined ? openScreen(signal, this.#choices.screenProfile) : [];
      }
      const wantAudio = audio === true && audioSource === undefined;
      const wantVideo = video === true && videoSource === undefined;
      if (!wantAudio && !wantVideo) return [];
      return openDevices(
        signal,
        wantAudio && this.#constraints("audio", microphoneId),
        wantVideo && this.#constraints("video", cameraId),
      );
    });
  }

  /**
   * Stops the tracks that the SDK opened, and those that it is about to open: what waits for a
   * device rejects with `ABORTED`. The stream cannot be used again; unpublish it first.
   */
  close(): void {
    this.stop();
    this.#tracks.close();
    // What has no tracks sends nothing.
    void this.publication?.tracksChanged().catch(() => undefined);
  }

  /** Sends no audio; true if there is some to mute. Others see `mute-audio`. */
  muteAudio(): boolean {
    return this.#tracks.mute("audio", true);
  }

  unmuteAudio(): boolean {
    return this.#tracks.mute("audio", false);
  }

  /** Sends no video, but keeps the camera; true if there is one. Others see `mute-video`. */
  muteVideo(): boolean {
    return this.#tracks.mute("video", true);
  }

  unmuteVideo(): boolean {
    return this.#tracks.mute("video", false);
  }

  isAudioMuted(): boolean {
    return this.#tracks.isMuted("audio");
  }

  isVideoMuted(): boolean {
    return this.#tracks.isMuted("video");
  }

  /**
   * Takes another microphone or camera without a new publication. Where only one may be open at a
   * time ours is closed first, and opened again if the other one cannot be.
   */
  switchDevice(type: "audio" | "video", deviceId: string): Promise<void> {
    return this.#tracks.switch(type, deviceId);
  }

  /** Adds audio or video, while published too. */
  addTrack(track: MediaStreamTrack): Promise<void> {
    return this.#tracks.add(track);
  }

  removeTrack(track: MediaStreamTrack): Promise<void> {
    return this.#tracks.remove(track);
  }

  /**
   * Takes this track instead of the one of its kind, while published too; the way to go on after
   * `track-ended`.
   */
  replaceTrack(track: MediaStreamTrack): Promise<void> {
    return this.#tracks.replace(track);
  }

  /** Before `initialize`, or while running as far as the camera can. */
  async setVideoProfile(profile: VideoProfileName | VideoProfile): Promise<void> {
    this.#choices.setCameraProfile(profile);
    const { video } = this.#tracks;
    if (this.isScreen() || video === undefined) return;
    await video.applyConstraints(this.#constraints("video", undefined)).catch(() => undefined);
    await this.publication?.profileChanged();
  }

  /**
   * Kept apart from the camera's profile; default 1080p, 15 frames a second, 2,000 kbit/s. Where
   * the path bears less than the bitrate, a screen stays as sharp as it is and has fewer frames a
   * second, down to 5; see {@link setVideoContentHint}.
   */
  setScreenProfile(profile: VideoProfileName | VideoProfile): void {
    this.#choices.setScreenProfile(profile);
    this.publication?.profileChanged().catch((thrown: unknown) => {
      // A call that ends takes the change with it.
      if (thrown instanceof RtcError && thrown.codeName !== "ABORTED") this.emit("error", thrown);
    });
  }

  /**
   * Says what is in the video, before it is published or while it is. Default for a screen
   * `detail`: few frames, but sharp ones. A film on it wants `motion`. For a camera, and a track
   * of your own, the default is what the track's own `contentHint` says.
   */
  async setVideoContentHint(hint: VideoContentHint): Promise<void> {
    this.#choices.setHint(hint);
    this.#hintTrack();
    await this.publication?.profileChanged();
  }

  /**
   * Sends a small stream beside the big one, each from an encoder of its own, so that those who
   * show us small, or whose path bears no more, do not need the big one: see {@link
   * Client.setRemoteVideoStreamType}. Best before `publish`; called while published, everybody has
   * the small stream for the first seconds. Where our own path has no room for both only the small
   * one is sent.
   *
   * Rejects with `INVALID_OPERATION` for a screen, with `INVALID_PARAMETER` if the small stream
   * would not be smaller than the big one.
   */
  async enableSmallStream(): Promise<void> {
    this.#choices.enableSmall();
    await this.publication?.profileChanged();
  }

  /**
   * Sends one stream again, the big one. While published, frames may stand still for a second.
   */
  async disableSmallStream(): Promise<void> {
    this.#choices.disableSmall();
    await this.publication?.profileChanged();
  }

  /**
   * Size and rate of the small stream, before it is enabled or while it is; default 320×180, 15
   * frames a second, 150 kbit/s. The video keeps the camera's shape and fits into the size. 16
   * to 1,920 × 16 to 1,080 pixels, 1 to 60 a second, 30 to 4,000 kbit/s.
   *
   * Rejects with `INVALID_PARAMETER`, saying which number it is, or if the small stream is enabled
   * and would not be smaller than the big one.
   */
  async setSmallStreamProfile(profile: VideoProfileName | VideoProfile): Promise<void> {
    this.#choices.setSmallProfile(profile);
    if (this.#choices.small !== undefined) await this.publication?.profileChanged();
  }

  /** @internal */
  get profile(): VideoProfile {
    return this.#choices.profile;
  }

  /** @internal Undefined if there is one stream. */
  get smallProfile(): VideoProfile | undefined {
    return this.#choices.small;
  }

  /** @internal */
  get contentHint(): VideoContentHint | "" {
    return this.#choices.contentHint(this.#tracks.video?.contentHint);
  }

  /** 0 to 100; 100 is as captured. */
  setAudioCaptureVolume(volume: number): void {
    if (!(volume >= 0 && volume <= 100))
      throw new RtcError("INVALID_PARAMETER", "the volume is from 0 to 100");
    this.#captureVolume = volume / 100;
    this.publication?.captureVolumeChanged(this.#captureVolume);
  }

  /** @internal */
  get captureVolume(): number {
    return this.#captureVolume;
  }

  /** @internal Whether audio is to be expected: neither we nor the application turned it off. */
  get givesAudio(): boolean {
    return (
      this.#tracks.audio?.enabled === true &&
      !this.#tracks.isOff("audio") &&
      this.#captureVolume > 0
    );
  }

  /** @internal */
  get tracks(): LocalTracks {
    return this.#tracks;
  }

  /** Whether this is a screen rather than a camera. */
  isScreen(): boolean {
    return this.#options.screen === true;
  }

  override getId(): string {
    return this.#id;
  }

  override getUserId(): string {
    return this.publication?.userId ?? "";
  }

  override hasAudio(): boolean {
    return this.#tracks.audio !== undefined;
  }

  override hasVideo(): boolean {
    return this.#tracks.video !== undefined;
  }

  /** Shows our own video; never plays our own audio. */
  override async play(element: HTMLElement | string, options: PlayOptions = {}): Promise<void> {
    const parent = findElement(element);
    this.stop();
    const video = document.createElement("video");
    video.muted = true;
    video.autoplay = true;
    video.playsInline = true;
    styleMedia(
      video,
      { objectFit: this.isScreen() ? "contain" : "cover", ...options },
      this.#options.mirror ?? !this.isScreen(),
    );
    parent.append(video);
    this.#element = video;
    this.#refreshElement();
    await this.resume();
    if (this.#element === video)
      this.emit("player-state-changed", { type: "video", state: "PLAYING", reason: "" });
  }

  override stop(): void {
    if (this.#element === undefined) return;
    this.#element.srcObject = null;
    this.#element.remove();
    this.#element = undefined;
    this.emit("player-state-changed", { type: "video", state: "STOPPED", reason: "" });
  }

  override async resume(): Promise<void> {
    // Without video there is nothing to play: `play` of an empty element would wait for ever.
    if (this.#element === undefined || this.#element.srcObject === null) return;
    // Muted playback needs no gesture; an abort means that another source took over.
    await this.#element.play().catch(() => undefined);
  }

  /** 0 to 1 after processing, as measured last; 0 unless published. */
  override getAudioLevel(): number {
    return this.publication?.audioLevel() ?? 0;
  }

  override getAudioTrack(): MediaStreamTrack | undefined {
    return this.#tracks.audio;
  }

  override getVideoTrack(): MediaStreamTrack | undefined {
    return this.#tracks.video;
  }

  override getVideoFrame(): Promise<string | undefined> {
    const video = this.#element;
    if (video === undefined || video.videoWidth === 0) return Promise.resolve(undefined);
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    return Promise.resolve(canvas.toDataURL("image/png"));
  }

  /**
   * The capturer follows the hint as well. A track of the application's keeps what the application
   * gave it.
   */
  #hintTrack(): void {
    const { video } = this.#tracks;
    if (video !== undefined && this.#tracks.isOpened(video)) video.contentHint = this.contentHint;
  }

  #onEnded(type: "audio" | "video"): void {
    if (type === "video" && this.#element !== undefined) {
      this.emit("player-state-changed", { type, state: "STOPPED", reason: "ended" });
    }
    this.emit("track-ended", { type });
  }

  #refreshElement(): void {
    if (this.#element === undefined) return;
    const { video } = this.#tracks;
    this.#element.srcObject = video === undefined ? null : new MediaStream([video]);
    void this.resume();
  }

  #constraints(kind: "audio" | "video", deviceId: string | undefined): MediaTrackConstraints {
    if (kind === "audio") return microphone(deviceId);
    return camera(deviceId, this.#choices.cameraProfile, this.#options.facingMode);
  }
}

let nextId = 1;
