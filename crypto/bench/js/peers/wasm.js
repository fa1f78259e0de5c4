// Peers: a module of modules/, called as it is. `wasm MODULE [copies]`
//
// Without copies the text lies in the module's memory, where our SDK has it; with copies JavaScript
// puts it there and takes it back, as a page must whose bytes come from elsewhere.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

/**
 * @param {string} file
 * @param {string} [copies]
 * @returns {Promise<import("../peer.js").Peer>}
 */
export async function create(file, copies) {
  const { instance } = await WebAssembly.instantiate(await readFile(file));
  const wasm = /** @type {any} */ (instance.exports);
  const MOST = 1 << 20;
  const [keyAt, nonceAt, aadAt, tagAt, textAt, sealedAt] = [16, 12, 1024, 16, MOST, MOST].map(
    (bytes) => wasm.alloc(bytes),
  );
  // Nothing allocates as much as to move the memory after this; a view that went stale would throw.
  let memory = new Uint8Array(wasm.memory.buffer);
  const view = () => (memory.length ? memory : (memory = new Uint8Array(wasm.memory.buffer)));
  const put = (at, bytes) => view().set(bytes, at);
  const take = (at, bytes) => view().slice(at, at + bytes);
  let key = 0;
  const setNonce = (number) => {
    // As a sealer does it that keeps its nonce in the module and counts.
    const nonce = view();
    nonce[nonceAt + 8] = number >>> 24;
    nonce[nonceAt + 9] = number >>> 16;
    nonce[nonceAt + 10] = number >>> 8;
    nonce[nonceAt + 11] = number;
  };
  const setKey = (bytes) => {
    if (key) wasm.free_key(key);
    put(keyAt, bytes);
    key = wasm.new_key(keyAt);
  };
  const inPlace = {
    seal: (bytes) => (from, to) => {
      for (let number = from; number < to; number++) {
        setNonce(number);
        wasm.seal(key, nonceAt, aadAt, 0, textAt, bytes, tagAt);
      }
    },
    open: (bytes) => {
      setNonce(0);
      wasm.seal(key, nonceAt, aadAt, 0, sealedAt, bytes, tagAt);
      return (from, to) => {
        for (let number = from; number < to; number++) {
          wasm.copy(textAt, sealedAt, bytes);
          if (!wasm.open(key, nonceAt, aadAt, 0, textAt, bytes, tagAt))
            throw new Error("does not open");
        }
      };
    },
    setKey: () => (from, to) => {
      for (let number = from; number < to; number++) {
        view()[keyAt] = number;
        wasm.free_key(key);
        key = wasm.new_key(keyAt);
      }
    },
    sealBatch: (bytes) =>
      wasm.seal_batch &&
      ((from, to) => {
        for (let number = from; number < to; number++) {
          setNonce(number * BATCH);
          wasm.seal_batch(key, nonceAt, textAt, bytes, BATCH);
        }
      }),
  };
  const copied = {
    seal: (bytes) => {
      const [text, out] = [new Uint8Array(bytes).fill(1), new Uint8Array(bytes + 16)];
      return (from, to) => {
        for (let number = from; number < to; number++) {
          setNonce(number);
          view().set(text, textAt);
          wasm.seal(key, nonceAt, aadAt, 0, textAt, bytes, tagAt);
          out.set(view().subarray(textAt, textAt + bytes));
          out.set(view().subarray(tagAt, tagAt + 16), bytes);
        }
      };
    },
    open: (bytes) => {
      setNonce(0);
      wasm.seal(key, nonceAt, aadAt, 0, textAt, bytes, tagAt);
      const [text, tag, out] = [take(textAt, bytes), take(tagAt, 16), new Uint8Array(bytes)];
      return (from, to) => {
        for (let number = from; number < to; number++) {
          view().set(text, textAt);
          view().set(tag, tagAt);
          if (!wasm.open(key, nonceAt, aadAt, 0, textAt, bytes, tagAt))
            throw new Error("does not open");
          out.set(view().subarray(textAt, textAt + bytes));
        }
      };
    },
  };
  return {
    version: `${basename(file)}${copies ? ", copied in and out" : ""}`,
    setKey,
    seal: (nonce, aad, text) => {
      put(nonceAt, nonce);
      put(aadAt, aad);
      put(textAt, text);
      wasm.seal(key, nonceAt, aadAt, aad.length, textAt, text.length, tagAt);
      return { text: take(textAt, text.length), tag: take(tagAt, 16) };
    },
    open: (nonce, aad, { text, tag }) => {
      put(nonceAt, nonce);
      put(aadAt, aad);
      put(textAt, text);
      put(tagAt, tag);
      return wasm.open(key, nonceAt, aadAt, aad.length, textAt, text.length, tagAt)
        ? take(textAt, text.length)
        : undefined;
    },
    works: copies ? copied : inPlace,
  };
}

/** Frames in a batch, as in src/timing.rs. */
const BATCH = 16;
