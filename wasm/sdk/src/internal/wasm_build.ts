/**
 * Which of the three Wasm modules this browser gets: the best that it validates and that the
 * server has.
 */
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

/**
 * The builds to try, best first: all that run here, or the wanted one alone.
 *
 * Throws `NOT_SUPPORTED` if the wanted build does not run here, or none does.
 */
export function chooseBuilds(wanted?: WasmBuild): readonly WasmBuild[] {
  const builds = runnableBuilds();
  if (wanted === undefined && builds.length > 0) return builds;
  if (wanted !== undefined && builds.includes(wanted)) return [wanted];
  throw new RtcError(
    "NOT_SUPPORTED",
    wanted === undefined || builds.length === 0
      ? "this browser has no WebAssembly"
      : `this browser does not run the ${wanted} build of the engine`,
  );
}

/** A compiled module, and which of the builds it is. */
export interface LoadedModule {
  readonly build: WasmBuild;
  readonly module: WebAssembly.Module;
}

/**
 * Fetches and compiles the first of `builds` that the server has.
 *
 * A server may have fewer builds than three: a local demo makes one, and whoever copies the files
 * may leave some out. Any of them serves each browser that runs it, so a build that is not there
 * is passed over. Throws `NOT_SUPPORTED` for every other failure, and if no build is there.
 */
export async function loadModule(
  builds: readonly WasmBuild[],
  base: string | URL | undefined,
): Promise<LoadedModule> {
  let url: URL | undefined;
  let answer = "";
  try {
    for (const build of builds) {
      url = moduleUrl(build, base);
      const response = await fetch(url);
      // Servers of single-page applications send their page for every file they do not have.
      const isPage = response.ok && contentType(response).startsWith("text/html");
      if (response.ok && !isPage) return { build, module: await compile(response) };
      answer = isPage ? "a page, not a module" : `HTTP ${String(response.status)}`;
      if (!isPage && !NOT_THERE.includes(response.status)) break;
    }
    throw new Error(answer);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new RtcError(
      "NOT_SUPPORTED",
      `the engine could not be loaded from ${url?.pathname ?? "nowhere"}: ${reason}`,
      { cause: thrown },
    );
  }
}

/** How servers say that a file is not there; stores of objects say 403 where they list nothing. */
const NOT_THERE: readonly number[] = [403, 404, 410];

/** Servers that do not know the file's type get the slower way. */
async function compile(response: Response): Promise<WebAssembly.Module> {
  if (contentType(response).startsWith("application/wasm"))
    return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}

const contentType = (response: Response): string => response.headers.get("content-type") ?? "";

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
  return new Uint8Array([
    ...MAGIC,
    1,
    5,
    1,
    96,
    0,
    1,
    123,
    3,
    2,
    1,
    0,
    10,
    body.length + 2,
    1,
    body.length,
    ...body,
  ]);
}
