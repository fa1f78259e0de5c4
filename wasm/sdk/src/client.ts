import { Emitter } from "./internal/emitter.ts";
import { RtcError } from "./errors.ts";
import type { ClientEvents, ConnectionState, EncryptionState } from "./events.ts";
import type { LocalStream } from "./local_stream.ts";
import type { ClientOptions } from "./options.ts";
import type { RemoteStream } from "./remote_stream.ts";
import type { ClientStats, LocalAudioStats, LocalVideoStats, RemoteAudioStats, RemoteVideoStats, TransportStats } from "./stats.ts";

/** One participant in one room. Made by {@link createClient}. */
export class Client extends Emitter<ClientEvents> {
  /** @internal */
  constructor(readonly options: ClientOptions) {
    super();
  }

  /**
   * Enters the room that the token names.
   *
   * Rejects with `NOT_SUPPORTED` if the browser lacks something, `JOIN_REFUSED` if the gateway refuses the token,
   * `SIGNAL_CHANNEL_SETUP_FAILED` if it cannot be reached.
   */
  join(): Promise<void> {
    return pending();
  }
  /** Leaves the room and frees everything. The client may join again. */
  leave(): Promise<void> {
    return pending();
  }
  /** Sends a stream: one of camera and microphone and one of a screen at a time. */
  publish(stream: LocalStream): Promise<void> {
    return pending(stream);
  }
  unpublish(stream: LocalStream): Promise<void> {
    return pending(stream);
  }
  /** Asks for a remote stream's media. Both default to true; calling again changes the choice. */
  subscribe(stream: RemoteStream, choice?: { audio?: boolean; video?: boolean }): Promise<void> {
    return pending(stream, choice);
  }
  unsubscribe(stream: RemoteStream): Promise<void> {
    return pending(stream);
  }
  getConnectionState(): ConnectionState {
    return pending();
  }
  /** Our user id, from the token; empty before `join`. */
  getUserId(): string {
    return pending();
  }
  /** The room, from the token; empty before `join`. */
  getRoomId(): string {
    return pending();
  }
  getRemoteStreams(): RemoteStream[] {
    return pending();
  }
  /** Who sends what, and whether it is muted. */
  getRemoteMutedState(): { userId: string; hasAudio: boolean; hasVideo: boolean; audioMuted: boolean; videoMuted: boolean }[] {
    return pending();
  }
  getTransportStats(): Promise<TransportStats> {
    return pending();
  }
  /** By user id; ours. */
  getLocalAudioStats(): Promise<Record<string, LocalAudioStats>> {
    return pending();
  }
  getLocalVideoStats(): Promise<Record<string, LocalVideoStats>> {
    return pending();
  }
  getRemoteAudioStats(): Promise<Record<string, RemoteAudioStats>> {
    return pending();
  }
  getRemoteVideoStats(type?: "main" | "auxiliary"): Promise<Record<string, RemoteVideoStats>> {
    return pending(type);
  }
  /** Everything at once. */
  getStats(): Promise<ClientStats> {
    return pending();
  }
  /** Suite, epoch and key ids. Never key bytes. */
  getEncryptionState(): Promise<EncryptionState> {
    return pending();
  }
  /** Emits `audio-volume` every `intervalMs` milliseconds, default 2,000, at least 100; 0 or less ends it. */
  enableAudioVolumeEvaluation(intervalMs?: number): void {
    return pending(intervalMs);
  }
  /** Changes the processing of our microphone while it runs. */
  setAudioProcessing(options: { echoCancellation?: boolean; noiseSuppression?: boolean; autoGainControl?: boolean }): void {
    return pending(options);
  }
  /** The log of the page and of both workers, oldest line first. */
  getLogs(): Promise<string> {
    return pending();
  }
  /** Saves {@link getLogs} as a file. */
  downloadLogs(fileName?: string): Promise<void> {
    return pending(fileName);
  }
}

function pending(...unused: unknown[]): never {
  throw new RtcError("INVALID_OPERATION", `not built yet (${String(unused.length)})`);
}
