/** Places that frames go to: a `<video>` or a canvas on the page, a port. */
import type { FrameTarget } from "./video_receiver.ts";

/** Draws on a canvas that the page handed over, in its own size; the page scales it by CSS. */
export class CanvasTarget implements FrameTarget {
  readonly #canvas: OffscreenCanvas;
  readonly #context: OffscreenCanvasRenderingContext2D | null;

  constructor(canvas: OffscreenCanvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false, desynchronized: true });
  }

  show(frame: VideoFrame): void {
    const { displayWidth, displayHeight } = frame;
    if (this.#canvas.width !== displayWidth || this.#canvas.height !== displayHeight) {
      this.#canvas.width = displayWidth;
      this.#canvas.height = displayHeight;
    }
    this.#context?.drawImage(frame, 0, 0, displayWidth, displayHeight);
  }

  close(): void {
    // The page removes the element.
  }
}

/** Sends a copy of the handle (not of the pixels) to the page. */
export class PortTarget implements FrameTarget {
  constructor(readonly port: MessagePort) {}

  show(frame: VideoFrame): void {
    const copy = frame.clone();
    this.port.postMessage(copy, [copy]);
  }

  close(): void {
    this.port.close();
  }
}

/** Feeds a `MediaStreamTrackGenerator`. Skips frames that it is not ready for. */
export class WritableTarget implements FrameTarget {
  readonly #writer: WritableStreamDefaultWriter<VideoFrame>;

  constructor(writable: WritableStream<VideoFrame>) {
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => undefined);
  }

  show(frame: VideoFrame): void {
    if ((this.#writer.desiredSize ?? 0) <= 0) return;
    const copy = frame.clone();
    this.#writer.write(copy).catch(() => copy.close());
  }

  close(): void {
    void this.#writer.close().catch(() => undefined);
  }
}
