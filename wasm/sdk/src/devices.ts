import type { WasmBuild } from "./options.ts";

/** What this browser and page can do. `missing` says in words what stands in the way of a call. */
export interface SystemRequirements {
  /** Whether a call is possible. */
  readonly result: boolean;
  readonly detail: {
    readonly isSecureContext: boolean;
    readonly isCrossOriginIsolated: boolean;
    readonly isWebTransportSupported: boolean;
    readonly isWebSocketSupported: boolean;
    readonly isWebCodecsSupported: boolean;
    readonly isWebAssemblySimdSupported: boolean;
    readonly isWebAssemblyRelaxedSimdSupported: boolean;
    /** The build of the engine that a call here uses; undefined without WebAssembly. */
    readonly wasmBuild: WasmBuild | undefined;
    readonly isAudioWorkletSupported: boolean;
    readonly isMediaDevicesSupported: boolean;
    readonly isScreenShareSupported: boolean;
    readonly isOffscreenCanvasSupported: boolean;
    /** Codecs that can be encoded in real time here, best first. */
    readonly encodeCodecs: readonly string[];
    readonly decodeCodecs: readonly string[];
  };
  /** One English sentence for each thing that is missing; empty if `result`. */
  readonly missing: readonly string[];
  /** Things that work worse than they could, such as a page that is not cross-origin isolated. */
  readonly warnings: readonly string[];
}

/** The cameras; labels are empty until the user allowed one. */
export async function getCameras(): Promise<MediaDeviceInfo[]> {
  return devices("videoinput");
}

/** The microphones; labels are empty until the user allowed one. */
export async function getMicrophones(): Promise<MediaDeviceInfo[]> {
  return devices("audioinput");
}

/** The speakers, where the browser tells. */
export async function getSpeakers(): Promise<MediaDeviceInfo[]> {
  return devices("audiooutput");
}

/**
 * All devices; none where a page may have none: without HTTPS, and on a server that renders the
 * page.
 */
export async function getDevices(): Promise<MediaDeviceInfo[]> {
  return mediaDevices()?.enumerateDevices() ?? [];
}

/** @internal Absent in insecure pages and on servers; there `navigator` may be too. */
export function mediaDevices(): MediaDevices | undefined {
  return typeof navigator === "undefined" ? undefined : navigator.mediaDevices;
}

async function devices(kind: MediaDeviceKind): Promise<MediaDeviceInfo[]> {
  return (await getDevices()).filter((device) => device.kind === kind);
}
