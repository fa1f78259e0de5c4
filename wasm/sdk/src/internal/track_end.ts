/** Tells that a track of ours has ended. */

/** Watches one track. */
export interface TrackWatch {
  /** Looks now rather than soon: somebody heard that nothing comes any more. */
  look(): void;
  stop(): void;
}

/** A page that stops a track raises no event, so we look. */
const LOOK_INTERVAL_MS = 500;
/** Where there is an event after all, it comes within so much of the end. */
const EVENT_MS = 200;

/**
 * Calls `onEnd` once. `stopped` if the page stopped the track itself; else the device is gone, or
 * the user ended the sharing.
 */
export function watchTrack(track: MediaStreamTrack, onEnd: (stopped: boolean) => void): TrackWatch {
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const end = (stopped: boolean): void => {
    stop();
    onEnd(stopped);
  };
  const onEvent = (): void => end(false);
  const look = (): void => {
    if (track.readyState === "ended") waiting ??= setTimeout(() => end(true), EVENT_MS);
  };
  const timer = setInterval(look, LOOK_INTERVAL_MS);
  const stop = (): void => {
    clearInterval(timer);
    clearTimeout(waiting);
    track.removeEventListener("ended", onEvent);
  };
  track.addEventListener("ended", onEvent);
  return { look, stop };
}
