// The builds of the module, and which of them this engine runs.

/** The best first. */
export const BUILDS = ["relaxed_simd", "simd128", "scalar"];

// A module that uses one instruction of the extension: `i8x16.relaxed_swizzle`, `i8x16.popcnt`.
const PROBES = {
  relaxed_simd: [
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128,
    2, 11,
  ],
  simd128: [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
  scalar: [0, 97, 115, 109, 1, 0, 0, 0],
};

/** Whether this engine runs that build. */
export function runs(build) {
  return WebAssembly.validate(new Uint8Array(PROBES[build]));
}

/** The path of a build's module, relative to this file. */
export function modulePath(build) {
  return `dist/smrtc_vectors_${build}.wasm`;
}
