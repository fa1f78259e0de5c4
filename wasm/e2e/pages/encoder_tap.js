// Put before the uplink worker's own code by the wire test: copies every chunk that the browser's
// video encoder gives, before the worker sees it, to a BroadcastChannel. So the test knows the
// plaintext without a door in the product.
{
  const taps = new BroadcastChannel("encoder-tap");
  const Real = globalThis.VideoEncoder;
  globalThis.VideoEncoder = class extends Real {
    constructor(init) {
      super({
        ...init,
        output(chunk, metadata) {
          const bytes = new Uint8Array(chunk.byteLength);
          chunk.copyTo(bytes);
          taps.postMessage(bytes);
          init.output(chunk, metadata);
        },
      });
    }
  };
}
