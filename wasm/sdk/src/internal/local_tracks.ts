/**
 * The tracks of a local stream: which devices are open, what takes whose place, and what happens
 * when one ends.
 */
import { RtcError, fromDeviceError } from "../errors.ts";
import { isInUse, needLive, openDevices } from "./capture.ts";
import { Operations } from "./operations.ts";
import { watchTrack } from "./track_end.ts";
import type { TrackWatch } from "./track_end.ts";

export type TrackKind = "audio" | "video";

/** What the tracks need of the stream around them. */
export interface TracksContext {
  /** How to ask for this device, or for any. */
  constraints(kind: TrackKind, deviceId: string | undefined): MediaTrackConstraints;
  readonly isScreen: boolean;
  /** A frame took the place of another one, or of none. */
  onVideoFrame(): void;
  /** Brings what is published into line; resolves at once if nothing is. */
  publish(): Promise<void>;
  /** Others get something that they did not get before, or no longer get it. */
  onMuteChanged(): void;
  onScreenStopped(): void;
  onRecovered(kind: TrackKind): void;
  onEnded(kind: TrackKind): void;
  onError(error: RtcError): void;
}

export class LocalTracks {
  readonly #context: TracksContext;
  readonly #tracks: Record<TrackKind, MediaStreamTrack | undefined> = {
    audio: undefined,
    video: undefined,
  };
  readonly #muted = { audio: false, video: false };
  /** Tracks that we opened, and so stop; the application's own are left running. */
  readonly #opened = new Set<MediaStreamTrack>();
  readonly #watches: Record<TrackKind, TrackWatch | undefined> = {
    audio: undefined,
    video: undefined,
  };
  readonly #changes = new Operations<undefined>();
  #closed = false;

  constructor(context: TracksContext) {
    this.#context = context;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get audio(): MediaStreamTrack | undefined {
    return this.#tracks.audio;
  }

  get video(): MediaStreamTrack | undefined {
    return this.#tracks.video;
  }

  isOpened(track: MediaStreamTrack): boolean {
    return this.#opened.has(track);
  }

  isMuted(kind: TrackKind): boolean {
    return this.#muted[kind];
  }

  /** Whether others get nothing: it is muted, or has ended. */
  isOff(kind: TrackKind): boolean {
    return this.#muted[kind] || this.#tracks[kind]?.readyState === "ended";
  }

  /** True if that changed something. */
  mute(kind: TrackKind, muted: boolean): boolean {
    const track = this.#tracks[kind];
    if (track === undefined || this.#muted[kind] === muted) return false;
    this.#muted[kind] = muted;
    track.enabled = !muted;
    this.#context.onMuteChanged();
    return true;
  }

  /** The first tracks. `opens` gives those that are ours to stop. */
  initialize(
    own: readonly MediaStreamTrack[],
    opens: (signal: AbortSignal) => Promise<readonly MediaStreamTrack[]>,
  ): Promise<void> {
    return this.#change(async (signal) => {
      if (this.audio !== undefined || this.video !== undefined) return;
      for (const track of own) needLive(track);
      for (const track of notAborted(signal, await opens(signal))) this.#set(track, true);
      for (const track of own) this.#set(track, false);
    });
  }

  add(track: MediaStreamTrack): Promise<void> {
    return this.#change(async () => {
      const kind = kindOf(track);
      if (this.#tracks[kind] !== undefined) {
        throw new RtcError("INVALID_OPERATION", `the stream has ${kind} already; use replaceTrack`);
      }
      needLive(track);
      await this.#replace(track, false);
    });
  }

  remove(track: MediaStreamTrack): Promise<void> {
    return this.#change(async () => {
      const kind = kindOf(track);
      if (this.#tracks[kind] !== track) {
        throw new RtcError("INVALID_PARAMETER", "the track is not of this stream");
      }
      this.#unset(kind);
      this.#release(track);
      await this.#context.publish();
    });
  }

  replace(track: MediaStreamTrack): Promise<void> {
    return this.#change(async () => {
      needLive(track);
      await this.#replace(track, this.#opened.has(track));
    });
  }

  switch(kind: TrackKind, deviceId: string): Promise<void> {
    return this.#change((signal) => this.#switch(signal, kind, deviceId));
  }

  /** A source gave its last frame: perhaps its track has ended. */
  look(): void {
    for (const watch of Object.values(this.#watches)) watch?.look();
  }

  /** Stops what we opened, and what we are about to open. */
  close(): void {
    this.#closed = true;
    this.#changes.overtake(() => true, new RtcError("ABORTED", "the stream was closed"));
    for (const track of this.#opened) track.stop();
    this.#opened.clear();
    for (const kind of ["audio", "video"] as const) this.#unset(kind);
  }

  /** One after the other, in the order in which they were asked for. */
  #change(change: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (this.#closed)
      return Promise.reject(new RtcError("INVALID_OPERATION", "the stream is closed"));
    return this.#changes.run(undefined, change);
  }

  #set(track: MediaStreamTrack, opened: boolean): void {
    const kind = kindOf(track);
    if (opened) this.#opened.add(track);
    this.#tracks[kind] = track;
    track.enabled = !this.#muted[kind];
    this.#watches[kind]?.stop();
    // The end of one that comes back after a failure was told before.
    this.#watches[kind] =
      track.readyState === "ended"
        ? undefined
        : watchTrack(track, (stopped) => void this.#onEnded(track, stopped));
    if (kind === "video") this.#context.onVideoFrame();
  }

  #unset(kind: TrackKind): void {
    this.#watches[kind]?.stop();
    this.#tracks[kind] = undefined;
    if (kind === "video") this.#context.onVideoFrame();
  }

  async #replace(track: MediaStreamTrack, opened: boolean): Promise<void> {
    const kind = kindOf(track);
    const earlier = this.#tracks[kind];
    const earlierOpened = earlier !== undefined && this.#opened.has(earlier);
    this.#set(track, opened);
    try {
      await this.#context.publish();
    } catch (thrown) {
      // Unless the stream was closed meanwhile, it is again as it was.
      if (this.#tracks[kind] === track && earlier !== track) {
        if (earlier === undefined) this.#unset(kind);
        else this.#set(earlier, earlierOpened);
        this.#release(track);
      }
      throw thrown;
    }
    if (earlier !== undefined && earlier !== track) this.#release(earlier);
  }

  async #switch(signal: AbortSignal, kind: TrackKind, deviceId: string): Promise<void> {
    try {
      await this.#exchange(signal, kind, deviceId);
    } catch (thrown) {
      const earlier = this.#tracks[kind];
      const ours = earlier?.readyState === "live" && this.#opened.has(earlier);
      if (!isInUse(thrown) || signal.aborted || !ours) throw thrown;
      await this.#switchAlone(signal, earlier, deviceId);
    }
  }

  /**
   * Where one device may be open at a time: ours is closed for the other one, and comes back if
   * that does not open.
   */
  async #switchAlone(
    signal: AbortSignal,
    earlier: MediaStreamTrack,
    deviceId: string,
  ): Promise<void> {
    const kind = kindOf(earlier);
    const { deviceId: before } = earlier.getSettings();
    this.#watches[kind]?.stop();
    earlier.stop();
    try {
      await this.#exchange(signal, kind, deviceId);
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      await this.#exchange(signal, kind, before).catch(() => this.#tellEnd(earlier));
      throw thrown;
    }
  }

  async #exchange(
    signal: AbortSignal,
    kind: TrackKind,
    deviceId: string | undefined,
  ): Promise<void> {
    const track = await this.#open(signal, kind, deviceId);
    notAborted(signal, [track]);
    await this.#replace(track, true);
  }

  async #open(
    signal: AbortSignal,
    kind: TrackKind,
    deviceId: string | undefined,
  ): Promise<MediaStreamTrack> {
    const wanted = this.#context.constraints(kind, deviceId);
    const audio = kind === "audio" && wanted;
    const video = kind === "video" && wanted;
    const [track] = await openDevices(signal, audio, video);
    if (track === undefined) throw new RtcError("DEVICE_NOT_FOUND", "the device gave no track");
    return track;
  }

  /** The device is gone, the user ended the sharing, or the page stopped the track. */
  async #onEnded(track: MediaStreamTrack, stopped: boolean): Promise<void> {
    const kind = kindOf(track);
    const { isScreen } = this.#context;
    // Others are told that nothing comes, rather than shown the last frame.
    this.#context.onMuteChanged();
    if (isScreen && !stopped) this.#context.onScreenStopped();
    if (!isScreen && !stopped && this.#opened.has(track)) {
      let recovered = false;
      try {
        await this.#change(async (signal) => {
          if (this.#tracks[kind] !== track) return;
          await this.#switch(signal, kind, "");
          recovered = true;
        });
        if (recovered && !this.#closed) this.#context.onRecovered(kind);
        return;
      } catch (thrown) {
        if (this.#tracks[kind] !== track) return;
        this.#context.onError(fromDeviceError(thrown, kind === "audio" ? "microphone" : "camera"));
      }
    }
    this.#tellEnd(track);
  }

  #tellEnd(track: MediaStreamTrack): void {
    const kind = kindOf(track);
    if (this.#tracks[kind] !== track) return;
    this.#context.onMuteChanged();
    this.#context.onEnded(kind);
  }

  #release(track: MediaStreamTrack): void {
    if (this.#opened.delete(track)) track.stop();
  }
}

/**
 * The tracks, unless nobody wants them any more: those that were opened for nothing are stopped.
 */
function notAborted(
  signal: AbortSignal,
  opened: readonly MediaStreamTrack[],
): readonly MediaStreamTrack[] {
  if (signal.aborted) for (const track of opened) track.stop();
  signal.throwIfAborted();
  return opened;
}

function kindOf(track: MediaStreamTrack): TrackKind {
  return track.kind === "audio" ? "audio" : "video";
}
