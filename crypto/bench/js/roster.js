// Who takes part: the native peers, and each JavaScript and Wasm peer in each Node.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL("..", import.meta.url));
export const out = fileURLToPath(new URL("../../../.build/crypto-bench", import.meta.url));

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} label
 * @property {"native" | "node"} side
 * @property {"sm4-gcm" | "sm4-ecb" | "sm4-cbc" | "aes-128-gcm"} algorithm
 * @property {string} [node] the Node that it runs in, by its major version
 * @property {string} [module] the Wasm module that it calls
 * @property {string[]} command
 *
 * @typedef {object} NodeRuntime
 * @property {string} name
 * @property {string} version
 * @property {string} program
 */

/** The machine's Node, and a newer one from npm if it is there. */
export function nodeRuntimes() {
  const programs = [process.execPath, `${here}node_modules/node/bin/node`].filter((program) =>
    existsSync(program),
  );
  /** @type {NodeRuntime[]} */
  const runtimes = [];
  for (const program of programs) {
    const version = execFileSync(program, ["-p", "process.versions.node"], {
      encoding: "utf8",
    }).trim();
    const name = `node${parseInt(version)}`;
    if (!runtimes.some((runtime) => runtime.name === name))
      runtimes.push({ name, version, program });
  }
  return runtimes;
}

/** Peers that build.sh could not make, with the reason. */
export function absentPeers() {
  const lines = readFileSync(`${out}/absent`, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => {
    const [peer, reason] = line.split("\t");
    return { peer, reason };
  });
}

/**
 * @param {NodeRuntime[]} runtimes
 * @returns {Entry[]}
 */
export function roster(runtimes) {
  const binary = (name) => `${out}/target/release/peer_${name}`;
  const backends = execFileSync(binary("smrtc"), { encoding: "utf8" }).trim().split("\n");
  /** @type {Entry[]} */
  const native = [
    ...backends.map((backend) => ({
      id: `smrtc-${backend}`,
      label: `smrtc ${backend}`,
      command: [binary("smrtc"), backend],
    })),
    { id: "libgcrypt", label: "libgcrypt", command: [binary("libgcrypt")] },
    { id: "botan", label: "Botan", command: [binary("botan")] },
    { id: "openssl", label: "OpenSSL", command: [binary("openssl")] },
    { id: "rustcrypto", label: "RustCrypto native", command: [binary("rustcrypto")] },
  ].map((entry) => ({ ...entry, side: "native", algorithm: "sm4-gcm" }));
  return [
    ...native.filter(({ command }) => existsSync(command[0])),
    ...runtimes.flatMap(nodePeers),
  ];
}

/**
 * @param {NodeRuntime} runtime
 * @returns {Entry[]}
 */
function nodePeers({ name, version, program }) {
  const module = (file) => `${out}/modules/${file}.wasm`;
  const wasm = (id, label, file, ...more) => ({
    id,
    label,
    args: ["wasm", module(file), ...more],
    module: module(file),
  });
  const builds = { scalar: "scalar", simd128: "simd128", relaxed: "relaxed-simd" };
  /** @type {(Pick<Entry, "id" | "label" | "module"> & { args: string[], algorithm?: Entry["algorithm"] })[]} */
  const peers = [
    ...Object.entries(builds).flatMap(([build, label]) => [
      wasm(`smrtc-wasm-${build}`, `smrtc Wasm ${label}`, `smrtc-${build}`),
      wasm(
        `smrtc-wasm-${build}-copies`,
        `smrtc Wasm ${label}, with JS copies`,
        `smrtc-${build}`,
        "copies",
      ),
    ]),
    wasm("rustcrypto-wasm-simd128", "RustCrypto Wasm simd128", "rustcrypto-simd128"),
    wasm("rustcrypto-wasm-scalar", "RustCrypto Wasm scalar", "rustcrypto-scalar"),
    { id: "sm-crypto-v2", label: "npm sm-crypto-v2", args: ["sm-crypto-v2"] },
    {
      id: "sm-crypto-ecb",
      label: "npm sm-crypto, ECB (no GCM)",
      args: ["sm-crypto", "ecb"],
      algorithm: "sm4-ecb",
    },
    {
      id: "sm-crypto-cbc",
      label: "npm sm-crypto, CBC (no GCM)",
      args: ["sm-crypto", "cbc"],
      algorithm: "sm4-cbc",
    },
    {
      id: "gm-crypto-ecb",
      label: "npm gm-crypto, ECB (no GCM)",
      args: ["gm-crypto", "ecb"],
      algorithm: "sm4-ecb",
    },
    {
      id: "gm-crypto-cbc",
      label: "npm gm-crypto, CBC (no GCM)",
      args: ["gm-crypto", "cbc"],
      algorithm: "sm4-cbc",
    },
    {
      id: "webcrypto",
      label: "WebCrypto AES-128-GCM, each awaited",
      args: ["webcrypto", "1"],
      algorithm: "aes-128-gcm",
    },
    {
      id: "webcrypto-8",
      label: "WebCrypto AES-128-GCM, 8 in flight",
      args: ["webcrypto", "8"],
      algorithm: "aes-128-gcm",
    },
  ];
  // Before V8 11.4 relaxed SIMD wants a flag, which later versions refuse.
  const flags = parseInt(version) < 21 ? ["--experimental-wasm-relaxed-simd"] : [];
  return peers.map(({ id, label, args, algorithm = "sm4-gcm", module: file }) => ({
    id: `${id}@${name}`,
    label: `${label} (${name})`,
    side: "node",
    algorithm,
    node: name,
    module: file,
    command: [program, ...flags, `${here}js/peer.js`, ...args],
  }));
}
