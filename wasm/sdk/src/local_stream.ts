import { Stream } from "./stream.ts";
import { RtcError, fromDeviceError } from "./errors.ts";
import type { PlayOptions, StreamOptions, VideoContentHint, VideoProfile, VideoProfileName } from "./options.ts";
import { findElement, styleMedia } from "./internal/player.ts";
import type { PublicationHooks } from "./internal/publication.ts";
import { VideoChoices } from "./internal/video_choices.ts";

/** Our own microphone and camera, or screen. Made by {@link createStream}. */
export class LocalStream extends Stream {
  readonly #options: StreamOptions;
  readonly #id = `local-${nextId++}`;
  #audio: MediaStreamTrack | undefined;
  #video: MediaStreamTrack | undefined;
  /** Tracks that we opened, and so stop; the application's own are left running. */
  readonly #opened = new Set<MediaStreamTrack>();
  readonly #choices: VideoChoices;
  #element: HTMLVideoElement | undefined;
  #audioMuted = false;
  #videoMuted = false;
  #captureVolume = 1;
  #closed = false;
  /** @internal Set while published. */
  publication: PublicationHooks | undefined;

  /** @internal */
  constructor(options: StreamOptions) {
    super();
    const screen = options.screen === true;
    if (options.audio !== true && options.video !== true && !screen && options.audioSource === undefined && options.videoSource === undefined) {
      throw new RtcError("INVALID_PARAMETER", "a stream needs sound or a picture");
    }
    if (screen && (options.video === true || options.audio === true || options.audioSource !== undefined)) {
      throw new RtcError("INVALID_PARAMETER", "a screen is a stream of its own: share it beside camera and microphone");
    }
    this.#options = options;
    this.#choices = new VideoChoices(screen);
  }

  /**
   * Opens the devices, or takes the tracks given.
   *
   * Rejects with `DEVICE_NOT_FOUND`, `DEVICE_NOT_ALLOWED` or `DEVICE_NOT_READABLE`.
   */
  async initialize(): Promise<void> {
    if (this.#closed) throw new RtcError("INVALID_OPERATION", "the stream is closed");
    if (this.#audio !== undefined || this.#video !== undefined) return;
    const { audioSource, videoSource, audio, video, screen } = this.#options;
    if (screen === true && videoSource === undefined) {
      this.#setVideo(await this.#openScreen(), true);
      return;
    }
    const wantAudio = audio === true && audioSource === undefined;
    const wantVideo = video === true && videoSource === undefined;
    if (wantAudio || wantVideo) {
      const stream = await openDevices(wantAudio ? this.#audioConstraints(this.#options.microphoneId) : false, wantVideo ? this.#videoConstraints(this.#options.cameraId) : false);
      for (const track of stream.getTracks()) {
        if (track.kind === "audio") this.#setAudio(track, true);
        else this.#setVideo(track, true);
      }
    }
    if (audioSource !== undefined) this.#setAudio(audioSource, false);
    if (videoSource !== undefined) this.#setVideo(videoSource, false);
  }

  /** Stops the tracks that the SDK opened. The stream cannot be used again; unpublish it first. */
  close(): void {
    this.#closed = true;
    this.stop();
    for (const track of this.#opened) track.stop();
    this.#opened.clear();
    this.#audio = undefined;
    this.#video = undefined;
  }

  /** Sends no sound; true if there is some to mute. Others see `mute-audio`. */
  muteAudio(): boolean {
    return this.#muteAudio(true);
  }

  unmuteAudio(): boolean {
    return this.#muteAudio(false);
  }

  /** Sends no picture, but keeps the camera; true if there is one. Others see `mute-video`. */
  muteVideo(): boolean {
    return this.#muteVideo(true);
  }

  unmuteVideo(): boolean {
    return this.#muteVideo(false);
  }

  isAudioMuted(): boolean {
    return this.#audioMuted;
  }

  isVideoMuted(): boolean {
    return this.#videoMuted;
  }

  /** Takes another microphone or camera without a new publication. */
  async switchDevice(type: "audio" | "video", deviceId: string): Promise<void> {
    const stream = await openDevices(
      type === "audio" ? this.#audioConstraints(deviceId) : false,
      type === "video" ? this.#videoConstraints(deviceId) : false,
    );
    const track = stream.getTracks()[0];
    if (track === undefined) throw new RtcError("DEVICE_NOT_FOUND", "the device gave no track");
    this.#opened.add(track);
    await this.replaceTrack(track);
  }

  /** Adds sound or a picture, while published too. */
  async addTrack(track: MediaStreamTrack): Promise<void> {
    if ((track.kind === "audio" ? this.#audio : this.#video) !== undefined) {
      throw new RtcError("INVALID_OPERATION", `the stream has ${track.kind} already; use replaceTrack`);
    }
    if (track.kind === "audio") this.#setAudio(track, false);
    else this.#setVideo(track, false);
    await this.publication?.tracksChanged();
  }

  async removeTrack(track: MediaStreamTrack): Promise<void> {
    if (this.#audio === track) this.#audio = undefined;
    else if (this.#video === track) this.#video = undefined;
    else throw new RtcError("INVALID_PARAMETER", "the track is not of this stream");
    this.#release(track);
    this.#refreshElement();
    await this.publication?.tracksChanged();
  }

  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    const earlier = track.kind === "audio" ? this.#audio : this.#video;
    const opened = this.#opened.has(track);
    if (track.kind === "audio") this.#setAudio(track, opened);
    else this.#setVideo(track, opened);
    await this.publication?.tracksChanged();
    if (earlier !== undefined && earlier !== track) this.#release(earlier);
  }

  /** Before `initialize`, or while running as far as the camera can. */
  async setVideoProfile(profile: VideoProfileName | VideoProfile): Promise<void> {
    this.#choices.setCameraProfile(profile);
    if (this.isScreen() || this.#video === undefined) return;
    await this.#video.applyConstraints(this.#videoConstraints(undefined)).catch(() => undefined);
    await this.publication?.profileChanged();
  }

  /**
   * Kept apart from the camera's profile; default 1080p, 15 pictures a second, 2,000 kbit/s. Where the path bears less than the bitrate,
   * a screen stays as sharp as it is and has fewer pictures a second, down to 5; see {@link setVideoContentHint}.
   */
  setScreenProfile(profile: VideoProfileName | VideoProfile): void {
    this.#choices.setScreenProfile(profile);
    void this.publication?.profileChanged();
  }

  /**
   * Says what is in the picture, before it is published or while it is. Default for a screen `detail`: few pictures, but sharp ones. A film on
   * it wants `motion`. For a camera, and a track of your own, the default is what the track's own `contentHint` says.
   */
  async setVideoContentHint(hint: VideoContentHint): Promise<void> {
    this.#choices.setHint(hint);
    this.#hintTrack();
    await this.publication?.profileChanged();
  }

  /**
   * Sends a small stream beside the big one, each from an encoder of its own, so that those who show us small, or whose path bears no more,
   * do not need the big one: see {@link Client.setRemoteVideoStreamType}. Best before `publish`; called while published, everybody has the
   * small stream for the first seconds. Where our own path has no room for both only the small one is sent.
   *
   * Rejects with `INVALID_OPERATION` for a screen, with `INVALID_PARAMETER` if the small stream would not be smaller than the big one.
   */
  async enableSmallStream(): Promise<void> {
    this.#choices.enableSmall();
    await this.publication?.profileChanged();
  }

  /** Sends one stream again, the big one. While published, pictures may stand still for a second. */
  async disableSmallStream(): Promise<void> {
    this.#choices.disableSmall();
    await this.publication?.profileChanged();
  }

  /**
   * Size and rate of the small stream, before it is enabled or while it is; default 320×180, 15 pictures a second, 150 kbit/s. The picture keeps
   * the camera's shape and fits into the size. 16 to 1,920 × 16 to 1,080 pixels, 1 to 60 a second, 30 to 4,000 kbit/s.
   *
   * Rejects with `INVALID_PARAMETER`, saying which number it is, or if the small stream is enabled and would not be smaller than the big one.
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
    return this.#choices.contentHint(this.#video?.contentHint);
  }

  /** 0 to 100; 100 is as captured. */
  setAudioCaptureVolume(volume: number): void {
    if (!(volume >= 0 && volume <= 100)) throw new RtcError("INVALID_PARAMETER", "the volume is from 0 to 100");
    this.#captureVolume = volume / 100;
    this.publication?.captureVolumeChanged(this.#captureVolume);
  }

  /** @internal */
  get captureVolume(): number {
    return this.#captureVolume;
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
    return this.#audio !== undefined;
  }

  override hasVideo(): boolean {
    return this.#video !== undefined;
  }

  /** Shows our own picture; never plays our own sound. */
  override async play(element: HTMLElement | string, options: PlayOptions = {}): Promise<void> {
    const parent = findElement(element);
    this.stop();
    const video = document.createElement("video");
    video.muted = true;
    video.autoplay = true;
    video.playsInline = true;
    styleMedia(video, { objectFit: this.isScreen() ? "contain" : "cover", ...options }, this.#options.mirror ?? !this.isScreen());
    parent.append(video);
    this.#element = video;
    this.#refreshElement();
    await this.resume();
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
    // Without a picture there is nothing to play: `play` of an empty element would wait for ever.
    if (this.#element === undefined || this.#element.srcObject === null) return;
    // Muted playback needs no gesture; an abort means that another source took over.
    await this.#element.play().catch(() => undefined);
  }

  /** 0 to 1 after processing, as measured last; 0 unless published. */
  override getAudioLevel(): number {
    return this.publication?.audioLevel() ?? 0;
  }

  override getAudioTrack(): MediaStreamTrack | undefined {
    return this.#audio;
  }

  override getVideoTrack(): MediaStreamTrack | undefined {
    return this.#video;
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

  #muteAudio(muted: boolean): boolean {
    if (this.#audio === undefined || this.#audioMuted === muted) return false;
    this.#audioMuted = muted;
    this.#audio.enabled = !muted;
    this.publication?.muteChanged();
    return true;
  }

  #muteVideo(muted: boolean): boolean {
    if (this.#video === undefined || this.#videoMuted === muted) return false;
    this.#videoMuted = muted;
    this.#video.enabled = !muted;
    this.publication?.muteChanged();
    return true;
  }

  #setAudio(track: MediaStreamTrack, opened: boolean): void {
    this.#audio = track;
    track.enabled = !this.#audioMuted;
    if (opened) this.#own(track, "audio");
  }

  #setVideo(track: MediaStreamTrack, opened: boolean): void {
    this.#video = track;
    track.enabled = !this.#videoMuted;
    if (opened) this.#own(track, "video");
    this.#hintTrack();
    this.#refreshElement();
  }

  /** The capturer follows the hint as well. A track of the application's keeps what the application gave it. */
  #hintTrack(): void {
    if (this.#video !== undefined && this.#opened.has(this.#video)) this.#video.contentHint = this.contentHint;
  }

  #own(track: MediaStreamTrack, type: "audio" | "video"): void {
    this.#opened.add(track);
    track.addEventListener("ended", () => void this.#onEnded(track, type));
  }

  /** The device is gone, or the user ended the sharing. */
  async #onEnded(track: MediaStreamTrack, type: "audio" | "video"): Promise<void> {
    if (this.#closed || (type === "audio" ? this.#audio : this.#video) !== track) return;
    if (this.isScreen()) {
      this.emit("screen-sharing-stopped", undefined);
      return;
    }
    try {
      await this.switchDevice(type, "");
      this.emit("device-auto-recovered", { type });
    } catch (thrown) {
      this.emit("error", fromDeviceError(thrown, type === "audio" ? "microphone" : "camera"));
    }
  }

  #release(track: MediaStreamTrack): void {
    if (this.#opened.delete(track)) track.stop();
  }

  #refreshElement(): void {
    if (this.#element === undefined) return;
    this.#element.srcObject = this.#video === undefined ? null : new MediaStream([this.#video]);
    void this.resume();
  }

  async #openScreen(): Promise<MediaStreamTrack> {
    const { width, height, frameRate } = this.#choices.screenProfile;
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { width: { max: width }, height: { max: height }, frameRate } });
      const track = stream.getVideoTracks()[0];
      if (track === undefined) throw new RtcError("DEVICE_NOT_FOUND", "the screen gave no picture");
      return track;
    } catch (thrown) {
      throw fromDeviceError(thrown, "screen");
    }
  }

  /** The browser's own processing is off: ours has the exact far end as its reference, and two in a row harm speech. */
  #audioConstraints(deviceId: string | undefined): MediaTrackConstraints {
    return { ...exactDevice(deviceId), echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1, sampleRate: 48_000 };
  }

  #videoConstraints(deviceId: string | undefined): MediaTrackConstraints {
    const { width, height, frameRate } = this.#choices.cameraProfile;
    const { facingMode } = this.#options;
    return { ...exactDevice(deviceId), width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: frameRate }, ...(facingMode === undefined ? {} : { facingMode }) };
  }
}

let nextId = 1;

function exactDevice(deviceId: string | undefined): MediaTrackConstraints {
  return deviceId === undefined || deviceId === "" ? {} : { deviceId: { exact: deviceId } };
}

async function openDevices(audio: MediaTrackConstraints | false, video: MediaTrackConstraints | false): Promise<MediaStream> {
  if (navigator.mediaDevices === undefined) throw new RtcError("NOT_SUPPORTED", "the page is not a secure context: cameras and microphones need HTTPS");
  try {
    return await navigator.mediaDevices.getUserMedia({ audio, video });
  } catch (thrown) {
    throw fromDeviceError(thrown, audio === false ? "camera" : video === false ? "microphone" : "camera or microphone");
  }
}
