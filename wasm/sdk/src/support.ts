import type { SystemRequirements } from "./devices.ts";
import { RtcError } from "./errors.ts";

/** Looks at what is there; asks the codecs, opens nothing. */
export function checkSystemRequirements(): Promise<SystemRequirements> {
  throw new RtcError("INVALID_OPERATION", "not built yet");
}

/** Whether `getDisplayMedia` is there. */
export function isScreenShareSupported(): boolean {
  return typeof navigator !== "undefined" && "getDisplayMedia" in (navigator.mediaDevices ?? {});
}
