import { Stream } from "./stream.ts";
import { RtcError } from "./errors.ts";
import type { PlayOptions, StreamOptions, VideoProfile, VideoProfileName } from "./options.ts";

/** Our own microphone and camera, or screen. Made by {@link createStream}. */
export class LocalStream extends Stream {
  /** @internal */
  constructor(readonly options: StreamOptions) {
    super();
  }

  /**
   * Opens the devices, or takes the tracks given.
   *
   * Rejects with `DEVICE_NOT_FOUND`, `DEVICE_NOT_ALLOWED` or `DEVICE_NOT_READABLE`.
   */
  initialize(): Promise<void> {
    return pending();
  }
  /** Stops the tracks that the SDK opened. The stream cannot be used again. */
  close(): void {
    return pending();
  }
  /** Sends silence; true if there is sound to mute. Others see `mute-audio`. */
  muteAudio(): boolean {
    return pending();
  }
  unmuteAudio(): boolean {
    return pending();
  }
  /** Stops sending the picture and lets go of nothing; true if there is one. Others see `mute-video`. */
  muteVideo(): boolean {
    return pending();
  }
  unmuteVideo(): boolean {
    return pending();
  }
  /** Takes another microphone or camera without a new publication. */
  switchDevice(type: "audio" | "video", deviceId: string): Promise<void> {
    return pending(type, deviceId);
  }
  /** Adds sound or a picture, while published too. */
  addTrack(track: MediaStreamTrack): Promise<void> {
    return pending(track);
  }
  removeTrack(track: MediaStreamTrack): Promise<void> {
    return pending(track);
  }
  replaceTrack(track: MediaStreamTrack): Promise<void> {
    return pending(track);
  }
  /** Before `initialize`, or while running as far as the camera can. */
  setVideoProfile(profile: VideoProfileName | VideoProfile): Promise<void> {
    return pending(profile);
  }
  /** Kept apart from the camera's profile. */
  setScreenProfile(profile: VideoProfileName | VideoProfile): void {
    return pending(profile);
  }
  /** 0 to 100; 100 is as captured. */
  setAudioCaptureVolume(volume: number): void {
    return pending(volume);
  }
  /** Whether this is a screen rather than a camera. */
  isScreen(): boolean {
    return this.options.screen === true;
  }
  override getId(): string {
    return pending();
  }
  override getUserId(): string {
    return pending();
  }
  override hasAudio(): boolean {
    return pending();
  }
  override hasVideo(): boolean {
    return pending();
  }
  override play(element: HTMLElement | string, options?: PlayOptions): Promise<void> {
    return pending(element, options);
  }
  override stop(): void {
    return pending();
  }
  override resume(): Promise<void> {
    return pending();
  }
  override getAudioLevel(): number {
    return pending();
  }
  override getAudioTrack(): MediaStreamTrack | undefined {
    return pending();
  }
  override getVideoTrack(): MediaStreamTrack | undefined {
    return pending();
  }
  override getVideoFrame(): Promise<string | undefined> {
    return pending();
  }
}

function pending(...unused: unknown[]): never {
  throw new RtcError("INVALID_OPERATION", `not built yet (${String(unused.length)})`);
}
