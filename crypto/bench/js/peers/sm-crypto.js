// Peer: the npm package sm-crypto, which has SM4 in ECB and CBC only. `sm-crypto ecb|cbc`
import { createRequire } from "node:module";
import { unauthenticated } from "./unauthenticated.js";

const require = createRequire(import.meta.url);
const { sm4 } = require("sm-crypto");

/** @param {string} mode */
export function create(mode) {
  const options = (iv) => ({
    mode: mode === "cbc" ? "cbc" : undefined,
    iv,
    padding: "none",
    output: "array",
  });
  return unauthenticated(`sm-crypto ${require("sm-crypto/package.json").version}`, {
    prepareKey: (key) => Array.from(key),
    encrypt: (key, iv, text) => sm4.encrypt(text, key, options(iv)),
    decrypt: (key, iv, text) => sm4.decrypt(text, key, options(iv)),
  });
}
