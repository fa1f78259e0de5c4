/** One person's place on the stage: the video, or words about why there is none. */
import type { LocalStream, RemoteStream, VideoStreamType } from "@smrtc/sdk";
import { h, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import { displayName, initials } from "./identity.ts";

export type TileState = "waiting" | "playing" | "no-picture" | "cannot-decrypt";

/** 34 dB below full scale: speech is louder, the noise of a room is not. */
const SPEAKING_LEVEL = 0.02;

export class Tile {
  readonly element: HTMLElement;
  readonly #picture = h("div", { class: "picture" });
  readonly #message = h("div", { class: "message" });
  readonly #muted = h("span", { class: "muted", title: "Microphone off" }, icon("microphone-off"));
  readonly #lock = h("span", { class: "lock" });
  readonly #name: string;
  #state: TileState | undefined;
  #screen: boolean;

  /**
   * @param options `onSize`: the viewer wants the big stream, the small one, or leaves it to the
   *   network; without it there is no choice
   */
  constructor(
    userId: string,
    options: { self?: boolean; screen?: boolean; onSize?: (type: VideoStreamType) => void } = {},
  ) {
    this.#name = displayName(userId);
    this.#screen = options.screen === true;
    const note = options.self ? " (you)" : this.#screen ? ", screen" : "";
    this.element = h(
      "article",
      {
        class: `tile${options.self ? " self" : ""}${this.#screen ? " screen" : ""}`,
        data: { user: userId },
        aria: { label: `${this.#name}${note}` },
      },
      this.#picture,
      this.#message,
      h(
        "footer",
        {},
        this.#lock,
        h("span", { class: "name" }, `${this.#name}${note}`),
        this.#muted,
      ),
    );
    if (options.onSize) this.element.append(sizeChoice(this.#name, options.onSize));
    this.setMicrophoneMuted(false);
    this.setState("waiting");
  }

  async play(stream: LocalStream | RemoteStream): Promise<void> {
    await stream.play(this.#picture, { objectFit: this.#screen ? "contain" : "cover" });
  }

  setState(state: TileState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.element.dataset.state = state;
    this.#message.replaceChildren(...this.#words(state));
    const open = state === "cannot-decrypt";
    this.#lock.replaceChildren(icon(open ? "lock-broken" : "lock"));
    this.#lock.title = open ? "Cannot be decrypted with your key" : "Sealed end to end";
  }

  setMicrophoneMuted(muted: boolean): void {
    this.#muted.hidden = !muted;
  }

  /** 0 to 1, linear; lights the rim of whoever speaks. */
  setLevel(level: number): void {
    this.element.classList.toggle("speaking", level >= SPEAKING_LEVEL);
  }

  #words(state: TileState): Node[] {
    switch (state) {
      case "cannot-decrypt":
        return [
          h("span", { class: "badge" }, icon("lock-broken")),
          h("strong", {}, "Cannot decrypt"),
          h(
            "p",
            {},
            `${this.#name} uses another key than you. Open the whole invitation link again, or leave and join again.`,
          ),
        ];
      case "waiting":
        return [
          h("span", { class: "avatar" }, initials(this.#name)),
          h(
            "p",
            { class: "dots" },
            this.#screen ? "Waiting for the screen" : "Waiting for the picture",
          ),
        ];
      case "no-picture":
        return [h("span", { class: "avatar" }, initials(this.#name)), h("p", {}, "Camera off")];
      case "playing":
        return [];
    }
  }
}

const SIZES: readonly (readonly [VideoStreamType, string])[] = [
  ["auto", "Auto"],
  ["big", "Big"],
  ["small", "Small"],
];

function sizeChoice(name: string, onSize: (type: VideoStreamType) => void): HTMLElement {
  const select = h(
    "select",
    { class: "size", title: "Which picture to receive", aria: { label: `Picture of ${name}` } },
    ...SIZES.map(([value, words]) => h("option", { value }, words)),
  );
  select.onchange = () => onSize(select.value as VideoStreamType);
  return select;
}

/** Words under a preview that has no video. */
export function showNoPreview(place: HTMLElement, title: string, advice: string): void {
  const strong = h("strong");
  const text = h("p");
  place.replaceChildren(h("span", { class: "badge" }, icon("camera-off")), strong, text);
  setText(strong, title);
  setText(text, advice);
}
