// Peer: AES-128-GCM of the engine's WebCrypto, the nearest thing that a page has built in.
// `webcrypto IN_FLIGHT`
//
// Each call goes to another thread and back, so the time of a call is not the time of the cipher.
// With 1 in flight a message waits for the one before, as frames of a call do; with more, the
// threads overlap.
import { nonce } from "../timing.js";

/** @param {string} inFlight */
export function create(inFlight) {
  const width = Number(inFlight);
  /** @type {CryptoKey} */
  let key;
  const algorithm = (iv, aad) => ({
    name: "AES-GCM",
    iv,
    ...(aad.length ? { additionalData: aad } : {}),
  });
  const NONE = new Uint8Array(0);
  /** Makes the calls of `from` to `to`, `width` at a time. */
  const repeat = async (from, to, call) => {
    let number = from;
    const lane = async () => {
      while (number < to) await call(number++);
    };
    await (width === 1 ? lane() : Promise.all(Array.from({ length: width }, lane)));
  };
  return {
    version: `WebCrypto AES-128-GCM of Node ${process.versions.node}`,
    setKey: async (bytes) => {
      key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
    },
    seal: async (iv, aad, text) => {
      const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm(iv, aad), key, text));
      return { text: sealed.subarray(0, text.length), tag: sealed.subarray(text.length) };
    },
    open: async (iv, aad, { text, tag }) => {
      try {
        return new Uint8Array(
          await crypto.subtle.decrypt(algorithm(iv, aad), key, Buffer.concat([text, tag])),
        );
      } catch {
        return undefined;
      }
    },
    works: {
      seal: (bytes) => {
        const text = new Uint8Array(bytes).fill(1);
        return (from, to) =>
          repeat(from, to, (number) =>
            crypto.subtle.encrypt(algorithm(nonce(number), NONE), key, text),
          );
      },
      open: async (bytes) => {
        const sealed = await crypto.subtle.encrypt(
          algorithm(nonce(0), NONE),
          key,
          new Uint8Array(bytes).fill(1),
        );
        return (from, to) =>
          repeat(from, to, () => crypto.subtle.decrypt(algorithm(nonce(0), NONE), key, sealed));
      },
    },
  };
}
