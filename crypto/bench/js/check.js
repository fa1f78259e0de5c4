// Every peer gives what the reference gives, or it is not timed.
import { createCipheriv } from "node:crypto";

const LENGTHS = [1, 16, 160, 1200, 16_384, 70_001];

/**
 * Checks one peer. The reference for SM4-GCM is our portable kernel; for modes that we do not time,
 * and for AES, it is the OpenSSL inside this Node.
 *
 * @param {import("./roster.js").Entry} entry
 * @param {(request: object) => Promise<any>} ask
 * @param {(request: object) => Promise<any>} askPortable
 * @param {() => number} random
 */
export async function check({ algorithm }, ask, askPortable, random) {
  const blocks = algorithm === "sm4-ecb" || algorithm === "sm4-cbc";
  for (const [i, length] of LENGTHS.entries()) {
    const hex = (bytes) =>
      Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256))).toString("hex");
    const aad = blocks || i % 2 ? "" : hex(20 + i);
    const request = {
      do: "check",
      key: hex(16),
      nonce: hex(12),
      aad,
      text: hex(blocks ? length & ~15 : length),
    };
    const expected =
      algorithm === "sm4-gcm" ? await askPortable(request) : reference(algorithm, request);
    const got = await ask(request);
    // gm-crypto pads always: one block more, which is not compared.
    const text = blocks ? got.text.slice(0, expected.text.length) : got.text;
    if (text !== expected.text || got.tag !== expected.tag)
      throw new Error(`another result for ${length} bytes`);
  }
  return LENGTHS.length;
}

function reference(algorithm, { key, nonce, aad, text }) {
  const [keyBytes, nonceBytes, textBytes] = [key, nonce, text].map((digits) =>
    Buffer.from(digits, "hex"),
  );
  if (algorithm === "aes-128-gcm") {
    const cipher = createCipheriv("aes-128-gcm", keyBytes, nonceBytes);
    cipher.setAAD(Buffer.from(aad, "hex"));
    const sealed = Buffer.concat([cipher.update(textBytes), cipher.final()]);
    return { text: sealed.toString("hex"), tag: cipher.getAuthTag().toString("hex") };
  }
  const iv = algorithm === "sm4-cbc" ? Buffer.concat([nonceBytes, Buffer.alloc(4)]) : null;
  const cipher = createCipheriv(algorithm, keyBytes, iv);
  cipher.setAutoPadding(false);
  return { text: Buffer.concat([cipher.update(textBytes), cipher.final()]).toString("hex") };
}
