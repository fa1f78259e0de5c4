// The peers that run in JavaScript, one to a process: node peer.js NAME [ARGUMENT...]
//
// Answers the same lines as the native peers: src/serve.rs says what they are.
import { createInterface } from "node:readline";
import { measure } from "./timing.js";

/**
 * @typedef {object} Sealed
 * @property {Uint8Array} text
 * @property {Uint8Array} [tag] a cipher without authentication has none
 *
 * @typedef {(from: number, to: number) => void | Promise<void>} Repeat makes the calls of these numbers
 *
 * @typedef {object} Peer
 * @property {string} version
 * @property {(key: Uint8Array) => void | Promise<void>} setKey
 * @property {(nonce: Uint8Array, aad: Uint8Array, text: Uint8Array) => Sealed | Promise<Sealed>} seal
 * @property {(nonce: Uint8Array, aad: Uint8Array, sealed: Sealed) => Uint8Array | undefined | Promise<Uint8Array | undefined>} open
 *   what was sealed, or nothing if the tag does not verify
 * @property {Record<string, (bytes: number) => Repeat | Promise<Repeat> | undefined>} works what can be timed, by name
 */

const [name, ...args] = process.argv.slice(2);
/** @type {{ create(...args: string[]): Peer | Promise<Peer> }} */
const { create } = await import(`./peers/${name}.js`);
const peer = await create(...args);

const answers = {
  describe: () => ({ version: peer.version }),
  check: async ({ key, nonce, aad, text }) => {
    const [keyBytes, nonceBytes, aadBytes, textBytes] = [key, nonce, aad, text].map(unhex);
    await peer.setKey(keyBytes);
    const sealed = await peer.seal(nonceBytes, aadBytes, textBytes);
    const opened = await peer.open(nonceBytes, aadBytes, sealed);
    if (!opened || hex(opened) !== text) throw new Error("does not open, or to another text");
    if (sealed.tag) {
      const wrong = {
        text: sealed.text,
        tag: sealed.tag.map((byte, i) => byte ^ (i === 15 ? 1 : 0)),
      };
      if (await peer.open(nonceBytes, aadBytes, wrong)) throw new Error("a wrong tag opens");
    }
    return { text: hex(sealed.text), tag: sealed.tag && hex(sealed.tag) };
  },
  measure: async ({ what, bytes, milliseconds }) => {
    await peer.setKey(new Uint8Array(16).fill(7));
    const repeat = await peer.works[what]?.(bytes);
    return repeat ? measure(repeat, milliseconds) : { unsupported: true };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  console.log(JSON.stringify(await answers[request.do](request)));
}

function hex(bytes) {
  return Buffer.from(bytes).toString("hex");
}

function unhex(text) {
  return Uint8Array.from(Buffer.from(text, "hex"));
}
