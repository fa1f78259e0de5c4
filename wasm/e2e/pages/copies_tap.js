// @ts-nocheck It puts itself in the place of parts of the browser, which their types do not foresee.
// Put before the workers' own code by the test of copies: counts what goes into Wasm memory and out
// of it, and how, and answers `report` on a BroadcastChannel. It also writes over each datagram as
// soon as `write` has returned, so that a browser which reads it any later sends rubbish.
{
  /** @type {WebAssembly.Memory | undefined} */
  let memory;
  const report = {
    worker: globalThis.name,
    /**
     * Chunks that the encoder copied into Wasm memory, or elsewhere; and those of which anything
     * was left there once sealed.
     */
    chunksIntoWasm: 0,
    chunksElsewhere: 0,
    chunksLeftBehind: 0,
    chunkBytes: 0,
    datagramsAsViews: 0,
    datagramsCopied: 0,
    /** Chunks that the decoder reads from Wasm memory, or from elsewhere. */
    decodedFromWasm: 0,
    decodedFromElsewhere: 0,
    datagramBytesReceived: 0,
    bytesCopiedIn: 0,
    bytesCopiedOut: 0,
  };
  const inWasm = (view) => memory !== undefined && view.buffer === memory.buffer;

  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (...args) => {
    const result = await instantiate(...args);
    memory = (result.instance ?? result).exports.memory;
    return result;
  };

  const { copyTo } = EncodedVideoChunk.prototype;
  EncodedVideoChunk.prototype.copyTo = function (target) {
    copyTo.call(this, target);
    if (!inWasm(target)) {
      report.chunksElsewhere += 1;
      return;
    }
    report.chunksIntoWasm += 1;
    report.chunkBytes += target.byteLength;
    const [at, text] = [target.byteOffset, new Uint8Array(target)];
    // Sealed within the same task, so this runs when it is done.
    queueMicrotask(() => {
      const now = new Uint8Array(memory.buffer, at, text.length);
      let same = 0;
      for (let i = 0; i < text.length && same < 8; i++) same = now[i] === text[i] ? same + 1 : 0;
      if (same === 8) report.chunksLeftBehind += 1;
    });
  };

  const Chunk = globalThis.EncodedVideoChunk;
  globalThis.EncodedVideoChunk = class extends Chunk {
    constructor(init) {
      super(init);
      if (inWasm(init.data)) report.decodedFromWasm += 1;
      else report.decodedFromElsewhere += 1;
    }
  };

  /** @type {WeakSet<object>} */
  const datagramWriters = new WeakSet();
  const { get } = Object.getOwnPropertyDescriptor(WebTransport.prototype, "datagrams");
  const writable = Object.getOwnPropertyDescriptor(
    WebTransportDatagramDuplexStream.prototype,
    "writable",
  ).get;
  const readable = Object.getOwnPropertyDescriptor(
    WebTransportDatagramDuplexStream.prototype,
    "readable",
  ).get;
  Object.defineProperty(WebTransport.prototype, "datagrams", {
    get() {
      const datagrams = get.call(this);
      if (!Object.hasOwn(datagrams, "writable")) {
        const [out, into] = [writable.call(datagrams), readable.call(datagrams)];
        const { getWriter } = out;
        out.getWriter = () => {
          const writer = getWriter.call(out);
          datagramWriters.add(writer);
          return writer;
        };
        const { getReader } = into;
        into.getReader = () => {
          const reader = getReader.call(into);
          const { read } = reader;
          reader.read = async () => {
            const result = await read.call(reader);
            report.datagramBytesReceived += result.value?.byteLength ?? 0;
            return result;
          };
          return reader;
        };
        Object.defineProperties(datagrams, { writable: { value: out }, readable: { value: into } });
      }
      return datagrams;
    },
  });
  const { write } = WritableStreamDefaultWriter.prototype;
  WritableStreamDefaultWriter.prototype.write = function (chunk) {
    const result = write.call(this, chunk);
    if (datagramWriters.has(this)) {
      if (inWasm(chunk)) {
        report.datagramsAsViews += 1;
        chunk.fill(0xff);
      } else report.datagramsCopied += 1;
    }
    return result;
  };

  const { set, slice } = Uint8Array.prototype;
  Uint8Array.prototype.set = function (source, offset) {
    if (inWasm(this)) report.bytesCopiedIn += source.length;
    return set.call(this, source, offset);
  };
  Uint8Array.prototype.slice = function (start, end) {
    const result = slice.call(this, start, end);
    if (inWasm(this)) report.bytesCopiedOut += result.length;
    return result;
  };

  const channel = new BroadcastChannel("copies");
  channel.onmessage = ({ data }) => {
    if (data === "report") channel.postMessage(report);
  };
}
