import { Stream } from "./stream.ts";
import { RtcError } from "./errors.ts";
import type { DecryptionState } from "./events.ts";
import type { PlayOptions } from "./options.ts";

/** What another user sends. Arrives with `stream-added`. */
export class RemoteStream extends Stream {
  /** `main` is microphone and camera, `auxiliary` a shared screen. */
  getType(): "main" | "auxiliary" {
    return pending();
  }
  /** Whether its frames can be opened. */
  getDecryptionState(): DecryptionState | "waiting" {
    return pending();
  }
  /** Whether the sender muted itself. */
  isAudioMuted(): boolean {
    return pending();
  }
  isVideoMuted(): boolean {
    return pending();
  }
  /** 0 to 100 and, to amplify, up to 200. Applies to this stream alone. */
  setAudioVolume(volume: number): void {
    return pending(volume);
  }
  /** Plays all sound of the page's client through this speaker; one mix leaves through one device. */
  setAudioOutput(deviceId: string): Promise<void> {
    return pending(deviceId);
  }
  /**
   * Calls back with every picture at the time it is shown, whether it is played or not. Close each `VideoFrame`
   * soon, or decoding stops. Returns a function that ends it.
   */
  onVideoFrame(callback: (frame: VideoFrame) => void): () => void {
    return pending(callback);
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
  /** What is being played, as a track. One context mixes everybody, so this is the mix of all remote users. */
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
