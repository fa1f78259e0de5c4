/**
 * Turns a camera or screen track into what the uplink worker reads: a transferred stream, or frames
 * through a port.
 */
import type { VideoSource } from "./worker_protocol.ts";

/** Absent from the DOM library's types, and from Firefox. */
declare class MediaStreamTrackProcessor {
  constructor(options: { track: MediaStreamTrack; maxBufferSize?: number });
  readonly readable: ReadableStream<VideoFrame>;
}

export interface OpenSource {
  readonly source: VideoSource;
  readonly transfer: Transferable[];
  stop(): void;
}

export function openVideoSource(track: MediaStreamTrack): OpenSource {
  return typeof MediaStreamTrackProcessor === "undefined"
    ? fromVideoElement(track)
    : fromProcessor(track);
}

function fromProcessor(track: MediaStreamTrack): OpenSource {
  // Once transferred, frames go from the capture thread to the worker directly.
  const { readable } = new MediaStreamTrackProcessor({ track });
  // What the worker has got is its to end; what never went there is still ours.
  return {
    source: { kind: "readable", readable },
    transfer: [readable],
    stop: () => void readable.cancel().catch(() => undefined),
  };
}

/**
 * Where there is no processor: a hidden `<video>` tells when a frame is new, and `VideoFrame`
 * takes it.
 */
function fromVideoElement(track: MediaStreamTrack): OpenSource {
  const { port1, port2 } = new MessageChannel();
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream([track]);
  let stopped = false;
  const onVideoFrame = (now: number): void => {
    if (stopped) return;
    if (video.videoWidth > 0) {
      const frame = new VideoFrame(video, { timestamp: Math.round(now * 1000) });
      port1.postMessage(frame, [frame]);
    }
    video.requestVideoFrameCallback(onVideoFrame);
  };
  video.requestVideoFrameCallback(onVideoFrame);
  track.addEventListener("ended", () => port1.postMessage(null));
  void video.play().catch(() => undefined);
  return {
    source: { kind: "port", port: port2 },
    transfer: [port2],
    stop: () => {
      stopped = true;
      video.srcObject = null;
      port1.close();
    },
  };
}
