// What a call's keys look like in memory, from the standards alone: so a test can search for them.
import { createCipheriv, createHash } from "node:crypto";
import { SUITE, expand, hmac, kidBytes } from "./sframe.js";

/** @typedef {{ what: string, bytes: Buffer }} Secret */

/**
 * A base key with all that follows from it for these KIDs (RFC 9605 §4.4.2, GB/T 32907). @returns
 * {Secret[]}
 */
export function secretsOf(baseKey, kids) {
  const secrets = [{ what: "base key", bytes: baseKey }];
  for (const kid of kids) {
    const secret = hmac(Buffer.alloc(0), baseKey);
    const info = (label) => Buffer.concat([Buffer.from(label), kidBytes(kid), SUITE]);
    const key = expand(secret, info("SFrame 1.0 Secret key "), 16);
    secrets.push(
      { what: "sframe_secret", bytes: secret },
      { what: "sframe_key", bytes: key },
      { what: "sframe_salt", bytes: expand(secret, info("SFrame 1.0 Secret salt "), 12) },
    );
    const h = createCipheriv("sm4-ecb", key, null).setAutoPadding(false).update(Buffer.alloc(16));
    secrets.push(
      { what: "GHASH key", bytes: h },
      { what: "GHASH key, reversed", bytes: Buffer.from(h).reverse() },
    );
    const words = roundKeys(key);
    secrets.push({ what: PLANES, bytes: bitPlanes(words[0]) });
    for (const at of [0, 14, 28]) {
      const four = words.slice(at, at + 4);
      const [little, big] = [Buffer.alloc(16), Buffer.alloc(16)];
      four.forEach((word, i) => {
        little.writeUInt32LE(word, 4 * i);
        big.writeUInt32BE(word, 4 * i);
      });
      secrets.push(
        { what: `round keys from ${at}`, bytes: little },
        { what: `round keys from ${at}, big-endian`, bytes: big },
      );
    }
  }
  return secrets;
}

/**
 * The form in which the SIMD kernels keep round keys; the only one that is found while a call goes
 * on.
 */
export const PLANES = "first round key, in bit planes";

/**
 * Bit b of each byte, least significant first, as four lanes of 32 times that bit; the S-box's
 * input constant is folded in.
 */
function bitPlanes(word) {
  const planes = Buffer.alloc(8 * 16);
  for (let bit = 0; bit < 8; bit++) {
    for (let lane = 0; lane < 4; lane++) {
      const byte = (word >>> (24 - 8 * lane)) & 0xff;
      planes.fill(
        ((byte ^ 0x75) >> bit) & 1 ? 0xff : 0,
        16 * bit + 4 * lane,
        16 * bit + 4 * lane + 4,
      );
    }
  }
  return planes;
}

const FK = [0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc];

/** Key expansion of GB/T 32907-2016 §7.3. */
export function roundKeys(key) {
  const k = FK.map((word, i) => (word ^ key.readUInt32BE(4 * i)) >>> 0);
  const rotate = (word, bits) => ((word << bits) | (word >>> (32 - bits))) >>> 0;
  for (let i = 0; i < 32; i++) {
    const ck = [0, 1, 2, 3].reduce((word, j) => (word << 8) | (((4 * i + j) * 7) & 0xff), 0);
    const mixed = (k[i + 1] ^ k[i + 2] ^ k[i + 3] ^ ck) >>> 0;
    const b = [24, 16, 8, 0].reduce(
      (word, shift) => ((word << 8) | SBOX[(mixed >>> shift) & 0xff]) >>> 0,
      0,
    );
    k.push((k[i] ^ b ^ rotate(b, 13) ^ rotate(b, 23)) >>> 0);
  }
  return k.slice(4);
}

/**
 * GB/T 32907-2016 §6.2.1, by its algebra: an affine map, inversion modulo x^8 + x^7 + x^6 + x^5 +
 * x^4 + x^2 + 1, the map again.
 */
const SBOX = (() => {
  const multiply = (a, b) => {
    let product = 0;
    for (let x = a, y = b; y > 0; y >>= 1) {
      if (y & 1) product ^= x;
      x = x & 0x80 ? (x << 1) ^ 0x1f5 : x << 1;
    }
    return product;
  };
  const invert = (a) => {
    let power = a;
    for (let i = 0; i < 253; i++) power = multiply(power, a);
    return a === 0 ? 0 : power;
  };
  const parity = (byte) => [...byte.toString(2)].filter((bit) => bit === "1").length & 1;
  const affine = (byte) => {
    let out = 0;
    for (let row = 0; row < 8; row++) out = (out << 1) | parity(byte & (0xd3d3 >> row) & 0xff);
    return out ^ 0xd3;
  };
  return Array.from({ length: 256 }, (_, x) => affine(invert(affine(x))));
})();

/** ExpandWithLabel of RFC 9420 §8 with SM3, for up to one hash output. */
function expandWithLabel(secret, label, context, length) {
  const name = Buffer.from(`MLS 1.0 ${label}`);
  const info = Buffer.concat([
    Buffer.from([length >> 8, length & 0xff, name.length]),
    name,
    Buffer.from([context.length]),
    context,
  ]);
  return expand(secret, info, length);
}

/** MLS-Exporter("SFrame 1.0 Base Key", "", 16), RFC 9420 §8.5. */
export function exported(exporterSecret) {
  const derived = expandWithLabel(exporterSecret, "SFrame 1.0 Base Key", Buffer.alloc(0), 32);
  return expandWithLabel(derived, "exported", EMPTY_HASH, 16);
}

const EMPTY_HASH = createHash("sm3").digest();

/**
 * Where in `memory` 32 bytes lie that this base key was exported from; −1 if nowhere. Rust aligns
 * no secret to less than four bytes.
 */
export function exporterSecretIn(memory, baseKey) {
  for (let at = 0; at + 32 <= memory.length; at += 4) {
    const window = memory.subarray(at, at + 32);
    // 32 random bytes have fewer than 20 different ones with a probability below 10^-9.
    if (new Set(window).size >= 20 && exported(window).equals(baseKey)) return at;
  }
  return -1;
}
