// @ts-nocheck It changes a part of the browser, which its types do not foresee.
// Put before both workers' own code: makes Chromium's WebTransport look like that of Safari 26.4
// and Firefox 155, whose datagrams have `createWritable()` in place of the attribute `writable`.
// What it gives is the browser's own stream.
{
  const { prototype } = WebTransportDatagramDuplexStream;
  const { get } = Object.getOwnPropertyDescriptor(prototype, "writable");
  delete prototype.writable;
  globalThis.createdWritables = 0;
  prototype.createWritable = function () {
    globalThis.createdWritables += 1;
    return get.call(this);
  };
}
