// Peer: the npm package gm-crypto, which has SM4 in ECB and CBC only. `gm-crypto ecb|cbc`
//
// Keys and initialisation vectors are hexadecimal there; it pads always, so that it does a block
// more.
import { createRequire } from "node:module";
import { unauthenticated } from "./unauthenticated.js";

const require = createRequire(import.meta.url);
const { SM4 } = require("gm-crypto");

/** @param {string} mode */
export function create(mode) {
  const hex = (bytes) => Buffer.from(bytes).toString("hex");
  const options = (iv) =>
    mode === "cbc" ? { mode: SM4.constants.CBC, iv: hex(iv) } : { mode: SM4.constants.ECB };
  return unauthenticated(`gm-crypto ${require("gm-crypto/package.json").version}`, {
    prepareKey: hex,
    // Without a named encoding it takes and gives bytes.
    encrypt: (key, iv, text) => new Uint8Array(SM4.encrypt(Buffer.from(text), key, options(iv))),
    decrypt: (key, iv, text) => new Uint8Array(SM4.decrypt(Buffer.from(text), key, options(iv))),
  });
}
