// What the browsers have and TypeScript's DOM library does not.
declare class MediaStreamTrackProcessor<T = any> {
  constructor(init: { track: MediaStreamTrack });
  readonly readable: ReadableStream<T>;
}
declare class MediaStreamTrackGenerator extends MediaStreamTrack {
  constructor(init: { kind: "audio" | "video" });
  readonly writable: WritableStream<any>;
}
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: typeof AudioWorkletProcessor): void;
/** The module under test in a page: pages/call.js or one of pages/bench. */
declare var call: any;
/** What a tap told a test in the page. */
declare var encoderConfigs: any[];
