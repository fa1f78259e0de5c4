// Reads the gateway's recording of media datagrams (u32 length ‖ bytes, repeated) by
// engine/WIRE.md.
import { readFileSync } from "node:fs";

const [AUDIO, VIDEO] = [1, 2];

/** @returns {Buffer[]} */
export function readDatagrams(path) {
  const bytes = readFileSync(path);
  const datagrams = [];
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    if (at + 4 + length > bytes.length) break;
    datagrams.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return datagrams;
}

/** The clear fields of one media datagram. */
export function parseMedia(datagram) {
  if (datagram[0] !== 1 || datagram[1] >> 4 !== 1) return null;
  const extension = datagram[1] & 2 ? 1 + datagram[28] : 0;
  const metadata = datagram.subarray(8, 28);
  return {
    fragment: datagram.readUInt16BE(4),
    fragments: datagram.readUInt16BE(6),
    metadata,
    key: (metadata[0] & 1) === 1,
    kind: metadata[1] === AUDIO ? "audio" : metadata[1] === VIDEO ? "video" : "screen",
    sender: metadata.readUInt32BE(4),
    frameId: metadata.readUInt32BE(8),
    payload: datagram.subarray(28 + extension),
  };
}

/** Whole sealed frames, in the order in which they were completed. */
export function assembleFrames(datagrams) {
  const open = new Map();
  const frames = [];
  for (const datagram of datagrams) {
    const packet = parseMedia(datagram);
    if (!packet) continue;
    const name = packet.metadata.toString("hex");
    const parts = open.get(name) ?? new Map();
    open.set(name, parts);
    if (parts.has(packet.fragment)) continue;
    parts.set(packet.fragment, packet.payload);
    if (parts.size < packet.fragments) continue;
    const { kind, key, sender, frameId, metadata } = packet;
    const sealed = Buffer.concat(Array.from({ length: packet.fragments }, (_, i) => parts.get(i)));
    frames.push({ kind, key, sender, frameId, metadata, sealed });
  }
  return frames;
}

/**
 * Which of the windows of `size` bytes of `needles` occur anywhere in `haystacks`, in hexadecimal.
 */
export function sharedWindows(needles, haystacks, size = 8) {
  const present = new Set();
  for (const bytes of haystacks)
    for (let at = 0; at + size <= bytes.length; at++) present.add(bytes.latin1Slice(at, at + size));
  let windows = 0;
  const shared = [];
  for (const bytes of needles) {
    for (let at = 0; at + size <= bytes.length; at++) {
      windows += 1;
      if (present.has(bytes.latin1Slice(at, at + size)))
        shared.push(bytes.toString("hex", at, at + size));
    }
  }
  return { windows, shared };
}
