// Decodes a recording of VP8 with the browser's own decoder and reads the codes in its pictures.
import { readFrame } from "../fixtures/picture_code.js";

/** @typedef {import("../fixtures/picture_code.js").PictureCode} Code */

/**
 * @param {string} base64 an IVF file that begins with a key frame
 * @returns {Promise<{ frames: number, codes: Code[] }>} frames that were decoded, and the codes
 *   that could be read, in order
 */
export async function decodeIvf(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  /** @type {Promise<Code | null>[]} */
  const codes = [];
  /** @type {Error | undefined} */
  let failure;
  const decoder = new VideoDecoder({
    output: (frame) => codes.push(readFrame(frame).finally(() => frame.close())),
    error: (error) => {
      failure = error;
    },
  });
  decoder.configure({ codec: "vp8" });
  for (let at = view.getUint16(6, true); at + 12 <= bytes.length;) {
    const data = bytes.subarray(at + 12, at + 12 + view.getUint32(at, true));
    const timestamp = Number(view.getBigUint64(at + 4, true));
    // RFC 6386, §9.1: the lowest bit of the first byte is 0 in a key frame.
    decoder.decode(new EncodedVideoChunk({ type: data[0] & 1 ? "delta" : "key", timestamp, data }));
    at += 12 + data.length;
  }
  await decoder.flush().catch(() => {});
  if (failure) throw failure;
  decoder.close();
  const read = (await Promise.all(codes)).filter((code) => code !== null);
  return { frames: codes.length, codes: read };
}
