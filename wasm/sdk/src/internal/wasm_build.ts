/** Which of the three Wasm modules this browser gets: found out once, from what it validates. */
import { RtcError } from "../errors.ts";
import type { WasmBuild } from "../options.ts";

/** `\0asm`, version 1: an empty module. */
const MAGIC = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
/** Best first. The scalar module needs nothing beyond Wasm itself. */
const BUILDS: readonly { readonly build: WasmBuild; readonly probe: Uint8Array<ArrayBuffer> }[] = [
  { build: "relaxed-simd", probe: module([65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2]) }, // i8x16.splat, twice; i8x16.relaxed_swizzle
  { build: "simd128", probe: module([65, 0, 253, 15, 253, 98]) }, // i8x16.splat; i8x16.popcnt
  { build: "scalar", probe: MAGIC },
];

let found: readonly WasmBuild[] | undefined;

/** The builds that run here, best first; none without WebAssembly. */
export function runnableBuilds(): readonly WasmBuild[] {
  found ??= probeBuilds();
  return found;
}

/** {@link runnableBuilds} without its memory. */
export function probeBuilds(): WasmBuild[] {
  if (typeof WebAssembly === "undefined") return [];
  return BUILDS.filter(({ probe }) => WebAssembly.validate(probe)).map(({ build }) => build);
}

/** The wanted build, or the best one; `NOT_SUPPORTED` if it does not run here. */
export function chooseBuild(wanted?: WasmBuild): WasmBuild {
  const builds = runnableBuilds();
  const build = wanted ?? builds[0];
  if (build !== undefined && builds.includes(build)) return build;
  throw new RtcError("NOT_SUPPORTED", build === undefined ? "this browser has no WebAssembly" : `this browser does not run the ${build} build of the engine`);
}

/** Where a build lies: in `base`, or beside this module, in words that bundlers understand. */
export function moduleUrl(build: WasmBuild, base: string | URL | undefined): URL {
  if (base !== undefined) return new URL(`smrtc_wasm_${build.replace("-", "_")}.wasm`, base);
  switch (build) {
    case "relaxed-simd":
      return new URL("./smrtc_wasm_relaxed_simd.wasm", import.meta.url);
    case "simd128":
      return new URL("./smrtc_wasm_simd128.wasm", import.meta.url);
    case "scalar":
      return new URL("./smrtc_wasm_scalar.wasm", import.meta.url);
  }
}

/** A module with one function of type `() -> v128` that runs `code`. */
function module(code: readonly number[]): Uint8Array<ArrayBuffer> {
  const body = [0, ...code, 11];
  return new Uint8Array([...MAGIC, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, body.length + 2, 1, body.length, ...body]);
}
