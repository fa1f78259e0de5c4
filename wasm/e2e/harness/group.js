// What the tests of group keys share: what pages agree on, what the tap learnt, and what a key
// message holds.
import assert from "node:assert/strict";
import { until } from "./child.js";

/** Suite SM4_GCM_SM3: Nk of crypto/SPEC.md §7.4. */
const KEY_BYTES = 16;

/**
 * Waits until all pages see the same group, of these pages and nobody else, with one code; gives
 * it.
 * @param {import("./peer.js").Peer[]} peers
 * @param {{ not?: string, others?: string[] }} [options] `not`: the code of a group that was before;
 *   `others`: members that are no pages
 */
export async function agreed(peers, { not = "", others = [] } = {}) {
  const users = [...peers.map(({ user }) => user), ...others].sort();
  const group = await until(`${users.join(", ")} to be one group`, async () => {
    const groups = await Promise.all(peers.map((peer) => peer.call("group")));
    const [{ code }] = groups;
    const same = groups.every((one) => one.code === code && one.members.length === users.length);
    return same && code !== not && code !== "" && groups[0];
  });
  assert.match(group.code, /^\d{5}( \d{5}){5}$/);
  assert.deepEqual(group.members.map(({ userId }) => userId).sort(), users);
  return group;
}

/**
 * Keys that a page's uplink worker gave to its downlink worker, by epoch. @param
 * {import("./peer.js").Peer} peer
 */
export async function epochKeys(peer) {
  const messages = await peer.page.evaluate(
    () =>
      new Promise((resolve) => {
        const channel = new BroadcastChannel("keys-tap");
        channel.onmessage = ({ data }) => {
          if (!data.messages) return;
          channel.close();
          resolve(data.messages.map((bytes) => [...bytes]));
        };
        channel.postMessage({ worker: "smrtc-uplink", ask: "messages" });
      }),
  );
  return messages
    .map((bytes) => Buffer.from(bytes))
    .filter((bytes) => bytes[0] === 1)
    .map(parseEpochKeys);
}

/**
 * `1 ‖ epoch u64 ‖ leaf u16 ‖ at once u8 ‖ length u8 ‖ base key ‖ members`, as
 * engine/client/src/keys.rs writes it.
 */
function parseEpochKeys(bytes) {
  assert.equal(bytes[12], KEY_BYTES);
  return {
    epoch: bytes.readBigUInt64BE(1),
    leaf: bytes.readUInt16BE(9),
    baseKey: bytes.subarray(13, 13 + KEY_BYTES),
  };
}

/** KID of crypto/SPEC.md §7.4: the low eight bits name the epoch. */
export const epochOf = (kid) => Number(kid & 0xffn);

/**
 * Wasm memory of a worker. @param {import("./peer.js").Peer} peer @param {"smrtc-uplink" |
 * "smrtc-downlink"} worker
 */
export async function wasmMemory(peer, worker) {
  const base64 = await peer.page.evaluate(
    (name) =>
      new Promise((resolve) => {
        const channel = new BroadcastChannel("keys-tap");
        channel.onmessage = ({ data }) => {
          if (!data.memory || data.from !== name) return;
          channel.close();
          const reader = new FileReader();
          reader.onload = () => resolve(String(reader.result).split(",")[1]);
          reader.readAsDataURL(new Blob([data.memory]));
        };
        channel.postMessage({ worker: name, ask: "memory" });
      }),
    worker,
  );
  return Buffer.from(base64, "base64");
}
