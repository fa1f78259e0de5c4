/** Opens cameras, microphones and screens. */
import { RtcError, fromDeviceError } from "../errors.ts";
import type { VideoProfile } from "../options.ts";

/** A device that another program, or we ourselves, have open. */
export function isInUse(thrown: unknown): boolean {
  return thrown instanceof RtcError && thrown.codeName === "DEVICE_NOT_READABLE";
}

/**
 * The browser's own processing is off: ours has the exact far end as its reference, and two in a
 * row harm speech.
 */
export function microphone(deviceId: string | undefined): MediaTrackConstraints {
  const processing = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  return { ...exactDevice(deviceId), ...processing, channelCount: 1, sampleRate: 48_000 };
}

export function camera(
  deviceId: string | undefined,
  { width, height, frameRate }: VideoProfile,
  facingMode: "user" | "environment" | undefined,
): MediaTrackConstraints {
  return {
    ...exactDevice(deviceId),
    width: { ideal: width },
    height: { ideal: height },
    frameRate: { ideal: frameRate },
    ...(facingMode === undefined ? {} : { facingMode }),
  };
}

function exactDevice(deviceId: string | undefined): MediaTrackConstraints {
  return deviceId === undefined || deviceId === "" ? {} : { deviceId: { exact: deviceId } };
}

/**
 * The tracks of these devices. If the signal says meanwhile that nobody wants them any more they
 * are stopped: a device that nobody waits for must not stay on.
 */
export async function openDevices(
  signal: AbortSignal,
  audio: MediaTrackConstraints | false,
  video: MediaTrackConstraints | false,
): Promise<MediaStreamTrack[]> {
  if (navigator.mediaDevices === undefined) {
    throw new RtcError(
      "NOT_SUPPORTED",
      "the page is not a secure context: cameras and microphones need HTTPS",
    );
  }
  try {
    return tracksOf(signal, await navigator.mediaDevices.getUserMedia({ audio, video }));
  } catch (thrown) {
    const both = audio !== false && video !== false;
    throw fromDeviceError(
      thrown,
      both ? "camera or microphone" : audio === false ? "camera" : "microphone",
    );
  }
}

/** The same of a screen. */
export async function openScreen(
  signal: AbortSignal,
  profile: VideoProfile,
): Promise<MediaStreamTrack[]> {
  const { width, height, frameRate } = profile;
  const video = { width: { max: width }, height: { max: height }, frameRate };
  try {
    const tracks = tracksOf(signal, await navigator.mediaDevices.getDisplayMedia({ video }));
    if (tracks.length === 0) throw new RtcError("DEVICE_NOT_FOUND", "the screen gave no picture");
    return tracks;
  } catch (thrown) {
    throw fromDeviceError(thrown, "screen");
  }
}

function tracksOf(signal: AbortSignal, stream: MediaStream): MediaStreamTrack[] {
  const tracks = stream.getTracks();
  if (!signal.aborted) return tracks;
  for (const track of tracks) track.stop();
  throw new RtcError("ABORTED", "the stream was closed");
}

/** Refuses a track that gives nothing any more. */
export function needLive(track: MediaStreamTrack | undefined): void {
  if (track?.readyState !== "ended") return;
  throw new RtcError(
    "INVALID_OPERATION",
    `the ${track.kind} track has ended; give the stream another one`,
  );
}
