/**
 * What a local stream's frames are to be sent as: profiles, the small stream beside the big one,
 * the kind of content.
 */
import { RtcError } from "../errors.ts";
import { VIDEO_PROFILES } from "../options.ts";
import type { VideoContentHint, VideoProfile, VideoProfileName } from "../options.ts";

/** As large as a tile among many; what it takes is a small part of any other profile. */
export const DEFAULT_SMALL_PROFILE: VideoProfile = {
  width: 320,
  height: 180,
  frameRate: 15,
  bitrate: 150,
};
/** Sharp rather than fluent: few frames, so that each has many bits. */
export const DEFAULT_SCREEN_PROFILE: VideoProfile = {
  width: 1920,
  height: 1080,
  frameRate: 15,
  bitrate: 2_000,
};

/** Least and greatest value of each number in the profile of a small stream. */
const SMALL_BOUNDS = {
  width: [16, 1920],
  height: [16, 1080],
  frameRate: [1, 60],
  bitrate: [30, 4_000],
} as const;
const UNITS = {
  width: "pixels",
  height: "pixels",
  frameRate: "pictures a second",
  bitrate: "kbit/s",
} as const;

export class VideoChoices {
  #camera: VideoProfile = VIDEO_PROFILES["360p"];
  #screen: VideoProfile = DEFAULT_SCREEN_PROFILE;
  #small: VideoProfile = DEFAULT_SMALL_PROFILE;
  #smallEnabled = false;
  #hint: VideoContentHint | undefined;

  constructor(readonly isScreen: boolean) {}

  /** Of the big stream, or the only one. */
  get profile(): VideoProfile {
    return this.isScreen ? this.#screen : this.#camera;
  }

  get cameraProfile(): VideoProfile {
    return this.#camera;
  }

  get screenProfile(): VideoProfile {
    return this.#screen;
  }

  /** Undefined if there is only one stream. */
  get small(): VideoProfile | undefined {
    return this.#smallEnabled ? this.#small : undefined;
  }

  /** What was chosen, what the track says of itself, what suits a screen; in this order. */
  contentHint(ofTrack: string | undefined): VideoContentHint | "" {
    if (this.#hint !== undefined) return this.#hint;
    if (ofTrack === "motion" || ofTrack === "detail" || ofTrack === "text") return ofTrack;
    return this.isScreen ? "detail" : "";
  }

  setHint(hint: VideoContentHint): void {
    if (!["motion", "detail", "text"].includes(hint))
      throw new RtcError("INVALID_PARAMETER", "the content hint is `motion`, `detail` or `text`");
    this.#hint = hint;
  }

  setCameraProfile(profile: VideoProfileName | VideoProfile): void {
    const resolved = resolveProfile(profile);
    if (this.#smallEnabled) checkSmaller(this.#small, resolved);
    this.#camera = resolved;
  }

  setScreenProfile(profile: VideoProfileName | VideoProfile): void {
    this.#screen = resolveProfile(profile);
  }

  setSmallProfile(profile: VideoProfileName | VideoProfile): void {
    const resolved = resolveProfile(profile);
    for (const name of ["width", "height", "frameRate", "bitrate"] as const) {
      const value = resolved[name];
      const [least, greatest] = SMALL_BOUNDS[name];
      const whole = name === "frameRate" || name === "bitrate" || Number.isInteger(value);
      if (!(whole && value >= least && value <= greatest)) {
        throw new RtcError(
          "INVALID_PARAMETER",
          `\`${name}\` of the small stream is from ${least} to ${greatest} ${UNITS[name]}, not ${String(value)}`,
        );
      }
    }
    if (this.#smallEnabled) checkSmaller(resolved, this.#camera);
    this.#small = resolved;
  }

  enableSmall(): void {
    if (this.isScreen)
      throw new RtcError(
        "INVALID_OPERATION",
        "a screen is sent in one size: small text is of use to nobody",
      );
    checkSmaller(this.#small, this.#camera);
    this.#smallEnabled = true;
  }

  disableSmall(): void {
    this.#smallEnabled = false;
  }
}

/** Two streams of the same size or rate would be one too many. */
function checkSmaller(small: VideoProfile, big: VideoProfile): void {
  if (small.width * small.height < big.width * big.height && small.bitrate < big.bitrate) return;
  const words = ({ width, height, bitrate }: VideoProfile): string =>
    `${width}×${height} at ${bitrate} kbit/s`;
  throw new RtcError(
    "INVALID_PARAMETER",
    `the small stream (${words(small)}) must have fewer pixels and a lower bitrate than the big one (${words(big)})`,
  );
}

function resolveProfile(profile: VideoProfileName | VideoProfile): VideoProfile {
  const resolved = typeof profile === "string" ? VIDEO_PROFILES[profile] : profile;
  // A page in JavaScript may name any profile.
  const { width, height, frameRate, bitrate } = resolved ?? {};
  const all = [width, height, frameRate, bitrate] as number[];
  if (!all.every((value) => value > 0 && Number.isFinite(value))) {
    throw new RtcError("INVALID_PARAMETER", "no such video profile");
  }
  return { ...resolved };
}
