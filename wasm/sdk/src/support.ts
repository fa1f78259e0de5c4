import { mediaDevices } from "./devices.ts";
import type { SystemRequirements } from "./devices.ts";
import { decodableCodecs, encodableCodecs } from "./internal/codec.ts";
import { runnableBuilds } from "./internal/wasm_build.ts";

/**
 * Looks at what is there; asks the codecs, opens nothing. Outside of a page, as on a server that
 * renders it, nothing is there.
 */
export async function checkSystemRequirements(): Promise<SystemRequirements> {
  const scope = globalThis as unknown as Record<string, unknown>;
  const has = (name: string): boolean => name in scope && scope[name] !== undefined;
  const [encodeCodecs, decodeCodecs] = await Promise.all([encodableCodecs(), decodableCodecs()]);
  const builds = runnableBuilds();
  const detail = {
    isSecureContext: scope.isSecureContext === true,
    isCrossOriginIsolated: scope.crossOriginIsolated === true,
    isWebTransportSupported: has("WebTransport"),
    isWebSocketSupported: has("WebSocket"),
    isWebCodecsSupported: has("VideoEncoder") && has("VideoDecoder"),
    isWebAssemblySimdSupported: builds.includes("simd128"),
    isWebAssemblyRelaxedSimdSupported: builds.includes("relaxed-simd"),
    wasmBuild: builds[0],
    isAudioWorkletSupported: has("AudioWorkletNode"),
    isMediaDevicesSupported: mediaDevices() !== undefined,
    isScreenShareSupported: isScreenShareSupported(),
    isOffscreenCanvasSupported:
      has("OffscreenCanvas") &&
      has("HTMLCanvasElement") &&
      "transferControlToOffscreen" in HTMLCanvasElement.prototype,
    encodeCodecs,
    decodeCodecs,
  };
  const missing: string[] = [];
  if (!detail.isSecureContext)
    missing.push("The page is not a secure context: serve it over HTTPS, or from localhost.");
  if (!detail.isWebTransportSupported && !detail.isWebSocketSupported)
    missing.push("This browser has neither WebTransport nor WebSocket.");
  if (detail.isSecureContext && !detail.isWebCodecsSupported)
    missing.push("This browser has no WebCodecs: it cannot encode or decode video for the page.");
  if (detail.isWebCodecsSupported && decodeCodecs.length === 0)
    missing.push("This browser decodes none of VP8, H.264, VP9 and AV1.");
  if (detail.wasmBuild === undefined) missing.push("This browser has no WebAssembly.");
  if (detail.isSecureContext && !detail.isAudioWorkletSupported)
    missing.push("This browser has no AudioWorklet.");
  if (!detail.isOffscreenCanvasSupported) missing.push("This browser has no OffscreenCanvas.");
  const warnings: string[] = [];
  if (!detail.isWebTransportSupported)
    warnings.push("No WebTransport: media goes over WebSocket, which suffers more from loss.");
  if (!detail.isCrossOriginIsolated)
    warnings.push(
      "The page is not cross-origin isolated: sound is passed by messages instead of shared memory.",
    );
  if (detail.wasmBuild === "scalar")
    warnings.push("No WebAssembly SIMD: sealing and sound take more of the processor.");
  if (!detail.isMediaDevicesSupported)
    warnings.push("The page may not use cameras and microphones.");
  if (detail.isWebCodecsSupported && encodeCodecs.length === 0)
    warnings.push("This browser encodes no video in real time: others will hear, but not see.");
  return { result: missing.length === 0, detail, missing, warnings };
}

/** Whether `getDisplayMedia` is there. */
export function isScreenShareSupported(): boolean {
  return "getDisplayMedia" in (mediaDevices() ?? {});
}
