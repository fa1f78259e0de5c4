// Opens sealed frames in Node, from crypto/SPEC.md and RFC 9605 alone: no code of the project is
// used, so that a recording can be read independently of the engine that made it. For suite 0xF001
// (SM4_GCM_SM3) and the external key.
import { createCipheriv, createHmac } from "node:crypto";

export const SUITE = Buffer.from([0xf0, 0x01]);
const [HASH_BYTES, KEY_BYTES, NONCE_BYTES, TAG_BYTES] = [32, 16, 12, 16];

export const hmac = (key, ...parts) =>
  parts.reduce((mac, part) => mac.update(part), createHmac("sm3", key)).digest();

/** HKDF-Expand of at most one hash output. */
export const expand = (prk, info, length) => hmac(prk, info, Buffer.from([1])).subarray(0, length);

export function kidBytes(kid) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(kid);
  return bytes;
}

/** SPEC.md §4. */
export function externalBaseKey(secret, kid) {
  const prk = hmac(Buffer.from("smrtc 1 external key"), Buffer.from(secret));
  return expand(
    prk,
    Buffer.concat([Buffer.from("smrtc 1 SFrame base key"), SUITE, kidBytes(kid)]),
    HASH_BYTES,
  );
}

/** RFC 9605 §4.3: config byte, then KID and CTR of 1 to 8 bytes each unless they are small. */
export function parseHeader(frame) {
  const config = frame[0];
  let at = 1;
  const field = (long, bits) => {
    if (!long) return BigInt(bits);
    let value = 0n;
    for (let i = 0; i <= bits; i++) value = (value << 8n) | BigInt(frame[at++]);
    return value;
  };
  const kid = field(config & 0x80, (config >> 4) & 7);
  const ctr = field(config & 0x08, config & 7);
  return { kid, ctr, bytes: at };
}

/** Keys by KID for one base-key source. @param {(kid: bigint) => Buffer} baseKey */
export function makeOpener(baseKey) {
  const keys = new Map();
  /**
   * Opens one frame; null if its tag does not verify. @returns {{ kid: bigint, ctr: bigint,
   * plaintext: Buffer } | null}
   */
  return function open(metadata, frame) {
    const { kid, ctr, bytes } = parseHeader(frame);
    let key = keys.get(kid);
    if (!key) {
      const secret = hmac(Buffer.alloc(0), baseKey(kid));
      const info = (label) => Buffer.concat([Buffer.from(label), kidBytes(kid), SUITE]);
      key = {
        key: expand(secret, info("SFrame 1.0 Secret key "), KEY_BYTES),
        salt: expand(secret, info("SFrame 1.0 Secret salt "), NONCE_BYTES),
      };
      keys.set(kid, key);
    }
    const nonce = Buffer.from(key.salt);
    const counter = kidBytes(ctr);
    for (let i = 0; i < 8; i++) nonce[NONCE_BYTES - 8 + i] ^= counter[i];
    const header = frame.subarray(0, bytes);
    const ciphertext = frame.subarray(bytes, frame.length - TAG_BYTES);
    const tag = frame.subarray(frame.length - TAG_BYTES);
    if (!gcmTag(key.key, nonce, Buffer.concat([header, metadata]), ciphertext).equals(tag))
      return null;
    return { kid, ctr, plaintext: counterMode(key.key, nonce, 2, ciphertext) };
  };
}

/** SP 800-38D: the block counter starts behind a 12-byte nonce. */
function counterMode(key, nonce, block, data) {
  const start = Buffer.concat([nonce, Buffer.alloc(4)]);
  start.writeUInt32BE(block, NONCE_BYTES);
  return createCipheriv("sm4-ctr", key, start).update(data);
}

function gcmTag(key, nonce, aad, ciphertext) {
  const ecb = createCipheriv("sm4-ecb", key, null).setAutoPadding(false);
  const h = ecb.update(Buffer.alloc(16));
  const lengths = Buffer.alloc(16);
  lengths.writeUInt32BE(aad.length * 8, 4);
  lengths.writeUInt32BE(ciphertext.length * 8, 12);
  const hash = ghash(h, [padded(aad), padded(ciphertext), lengths]);
  return counterMode(key, nonce, 1, hash);
}

const padded = (bytes) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 15)]);

/**
 * GHASH with a table of H's multiples by each byte in the first position, one block of bits at a
 * time.
 */
function ghash(h, parts) {
  const table = byteTable(toBigInt(h));
  let y = 0n;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 16)
      y = multiply(table, y ^ toBigInt(part.subarray(i, i + 16)));
  }
  return Buffer.from(y.toString(16).padStart(32, "0"), "hex");
}

const toBigInt = (bytes) => BigInt(`0x${bytes.toString("hex")}`);
const R = 0xe1n << 120n;
const halve = (value) => (value & 1n ? (value >> 1n) ^ R : value >> 1n);

/** Products of H with each of the 16 × 256 one-byte polynomials. */
function byteTable(h) {
  const powers = [h];
  for (let i = 1; i < 128; i++) powers.push(halve(powers[i - 1]));
  return Array.from({ length: 16 }, (_, byte) => {
    const products = Array.from({ length: 256 }, () => 0n);
    for (let value = 1; value < 256; value++) {
      for (let bit = 0; bit < 8; bit++)
        if (value & (0x80 >> bit)) products[value] ^= powers[8 * byte + bit];
    }
    return products;
  });
}

function multiply(table, value) {
  let product = 0n;
  for (let byte = 0; byte < 16; byte++)
    product ^= table[byte][Number((value >> BigInt(120 - 8 * byte)) & 0xffn)];
  return product;
}
