// What the browsers have and TypeScript's DOM library does not.
declare class MediaStreamTrackProcessor<T = any> {
  constructor(init: { track: MediaStreamTrack });
  readonly readable: ReadableStream<T>;
}
declare class MediaStreamTrackGenerator extends MediaStreamTrack {
  constructor(init: { kind: "audio" | "video" });
  readonly writable: WritableStream<any>;
}
declare var call: any;
