// What the project set out to reach, as ratios of speed within one round, and times.

/**
 * @typedef {object} RatioGoal
 * @property {string} says
 * @property {string} ours
 * @property {string[]} against the fastest of them counts
 * @property {number} bytes
 * @property {number} atLeast
 *
 * @typedef {object} TimeGoal
 * @property {string} says
 * @property {string} ours
 * @property {string} what
 * @property {number} belowMicroseconds
 */

/**
 * @param {string[]} nodes
 * @returns {RatioGoal[]}
 */
export function ratioGoals(nodes) {
  const [gfni, avx2] = ["smrtc-x86_avx512_gfni", "smrtc-x86_avx2"];
  return [
    ...nodes.flatMap((node) => {
      const ours = `smrtc-wasm-simd128@${node}`;
      const rustcrypto = [`rustcrypto-wasm-simd128@${node}`, `rustcrypto-wasm-scalar@${node}`];
      const goal = (says, against, bytes, atLeast) => ({
        says: `Wasm simd128 / ${says}, ${node}`,
        ours,
        against,
        bytes,
        atLeast,
      });
      return [
        goal("RustCrypto in Wasm", rustcrypto, 16_384, 9),
        goal("RustCrypto in Wasm", rustcrypto, 1200, 8),
        goal("npm sm-crypto-v2 (best with GCM)", [`sm-crypto-v2@${node}`], 16_384, 16),
        goal(
          "npm gm-crypto (ECB or CBC)",
          [`gm-crypto-ecb@${node}`, `gm-crypto-cbc@${node}`],
          16_384,
          40,
        ),
        goal("WebCrypto AES-GCM with its call", [`webcrypto@${node}`], 1200, 6),
      ];
    }),
    {
      says: "native AVX-512/GFNI / libgcrypt",
      ours: gfni,
      against: ["libgcrypt"],
      bytes: 16_384,
      atLeast: 4.5,
    },
    {
      says: "native AVX-512/GFNI / libgcrypt",
      ours: gfni,
      against: ["libgcrypt"],
      bytes: 1200,
      atLeast: 3.5,
    },
    ...[160, 1200, 16_384, 1 << 20].map((bytes) => ({
      says: "native AVX2 / libgcrypt",
      ours: avx2,
      against: ["libgcrypt"],
      bytes,
      atLeast: 1,
    })),
  ];
}

/**
 * @param {string[]} nodes
 * @returns {TimeGoal[]}
 */
export function timeGoals(nodes) {
  const builds = ["scalar", "simd128", "relaxed"];
  return nodes.flatMap((node) =>
    builds.map((build) => ({
      says: `key set-up, Wasm ${build}, ${node}`,
      ours: `smrtc-wasm-${build}@${node}`,
      what: "setKey",
      belowMicroseconds: 10,
    })),
  );
}
