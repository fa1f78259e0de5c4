// Peer: the npm package sm-crypto-v2, the only one with SM4-GCM.
import { createRequire } from "node:module";
import { sm4 } from "sm-crypto-v2";
import { nonce } from "../timing.js";

/** @returns {import("../peer.js").Peer} */
export function create() {
  /** @type {Uint8Array} */
  let key = new Uint8Array(16);
  /** @returns {import("../peer.js").Sealed} */
  const seal = (iv, aad, text) => {
    const { output, tag } = sm4.encrypt(text, key, {
      mode: "gcm",
      iv,
      associatedData: aad,
      output: "array",
      outputTag: true,
      padding: "none",
    });
    return { text: output, tag };
  };
  /** @type {import("../peer.js").Peer["open"]} */
  const open = (iv, aad, { text, tag }) => {
    try {
      return sm4.decrypt(text, key, {
        mode: "gcm",
        iv,
        associatedData: aad,
        tag,
        output: "array",
        padding: "none",
      });
    } catch {
      return undefined;
    }
  };
  const NONE = new Uint8Array(0);
  return {
    version: `sm-crypto-v2 ${createRequire(import.meta.url)("sm-crypto-v2/package.json").version}`,
    setKey: (bytes) => void (key = bytes),
    seal,
    open,
    works: {
      seal: (bytes) => {
        const text = new Uint8Array(bytes).fill(1);
        return (from, to) => {
          for (let number = from; number < to; number++) seal(nonce(number), NONE, text);
        };
      },
      open: (bytes) => {
        const sealed = seal(nonce(0), NONE, new Uint8Array(bytes).fill(1));
        return (from, to) => {
          for (let number = from; number < to; number++) {
            if (!open(nonce(0), NONE, sealed)) throw new Error("does not open");
          }
        };
      },
    },
  };
}
