// A peer made of a cipher mode without a tag: "seal" is to encrypt, "open" is to decrypt. It does
// half of what GCM does.

/**
 * @template Key
 * @param {string} version
 * @param {{ prepareKey: (key: Uint8Array) => Key, encrypt: (key: Key, iv: number[], text: Uint8Array) => ArrayLike<number>,
 *   decrypt: (key: Key, iv: number[], text: ArrayLike<number>) => ArrayLike<number> }} cipher
 * @returns {import("../peer.js").Peer}
 */
export function unauthenticated(version, { prepareKey, encrypt, decrypt }) {
  let key = prepareKey(new Uint8Array(16));
  const iv = (nonce) => [...nonce, 0, 0, 0, 0];
  const ivOf = (number) => [
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    number >>> 24,
    (number >>> 16) & 255,
    (number >>> 8) & 255,
    number & 255,
    0,
    0,
    0,
    0,
  ];
  return {
    version,
    setKey: (bytes) => void (key = prepareKey(bytes)),
    seal: (nonce, _aad, text) => ({ text: Uint8Array.from(encrypt(key, iv(nonce), text)) }),
    open: (nonce, _aad, { text }) => Uint8Array.from(decrypt(key, iv(nonce), text)),
    works: {
      seal: (bytes) => {
        const text = new Uint8Array(bytes).fill(1);
        return (from, to) => {
          for (let number = from; number < to; number++) encrypt(key, ivOf(number), text);
        };
      },
      open: (bytes) => {
        // In the form that the package itself gives.
        const sealed = encrypt(key, ivOf(0), new Uint8Array(bytes).fill(1));
        return (from, to) => {
          for (let number = from; number < to; number++) decrypt(key, ivOf(0), sealed);
        };
      },
    },
  };
}
