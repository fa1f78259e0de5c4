import { Emitter } from "./internal/emitter.ts";
import type { StreamEvents } from "./events.ts";
import type { PlayOptions } from "./options.ts";

/** What local and remote streams have in common. */
export abstract class Stream extends Emitter<StreamEvents> {
  /** Unique in this page. */
  abstract getId(): string;
  /** The user it comes from; empty for a local stream before it is published. */
  abstract getUserId(): string;
  abstract hasAudio(): boolean;
  abstract hasVideo(): boolean;
  /**
   * Shows the video inside `element` (or the element with that id) and, for remote streams, plays
   * the audio.
   *
   * Rejects with `PLAY_NOT_ALLOWED` if the browser wants a click before it plays audio; the video
   * shows anyway, and `resume` from a click handler starts the audio.
   */
  abstract play(element: HTMLElement | string, options?: PlayOptions): Promise<void>;
  /** Undoes `play`. Media keeps flowing; see `Client.unsubscribe` to stop that. */
  abstract stop(): void;
  /** Starts what the autoplay policy held back. Call it from a click handler. */
  abstract resume(): Promise<void>;
  /** 0 to 1. */
  abstract getAudioLevel(): number;
  abstract getAudioTrack(): MediaStreamTrack | undefined;
  abstract getVideoTrack(): MediaStreamTrack | undefined;
  /** The frame shown last as a PNG data URL, or undefined before the first. */
  abstract getVideoFrame(): Promise<string | undefined>;
}
