/** Sharing a screen: its button, and the stream while it runs. */
import {
  type Client,
  createStream,
  isScreenShareSupported,
  type LocalStream,
  RtcError,
} from "@smrtc/sdk";
import { roundButton } from "./round_button.ts";

export class ScreenShare {
  readonly button = roundButton("screen", "Share screen", () => void this.#toggle());
  readonly #client: Client;
  readonly #onProblem: (error: unknown) => void;
  #stream: LocalStream | undefined;

  constructor(client: Client, onProblem: (error: unknown) => void) {
    this.#client = client;
    this.#onProblem = onProblem;
    this.button.ariaPressed = "false";
    this.button.hidden = !isScreenShareSupported();
  }

  close(): void {
    this.#stream?.close();
  }

  async #toggle(): Promise<void> {
    const running = this.#stream;
    if (running) {
      this.#stream = undefined;
      this.button.ariaPressed = "false";
      await this.#client.unpublish(running).catch(this.#onProblem);
      running.close();
      return;
    }
    const stream = createStream({ screen: true });
    try {
      await stream.initialize();
      await this.#client.publish(stream);
    } catch (error) {
      stream.close();
      // Closing the browser's chooser is an answer, not a problem.
      if (!(error instanceof RtcError && error.codeName === "DEVICE_NOT_ALLOWED"))
        this.#onProblem(error);
      return;
    }
    this.#stream = stream;
    this.button.ariaPressed = "true";
    stream.on("screen-sharing-stopped", () => {
      if (this.#stream === stream) void this.#toggle();
    });
  }
}
