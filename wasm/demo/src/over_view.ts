/**
 * The screen after a call that ended by itself: why, and a way back. It stays until somebody
 * chooses.
 */
import { h } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Explanation } from "./words.ts";

export interface OverViewOptions {
  readonly room: string;
  readonly reason: Explanation;
  readonly onJoinAgain: () => void;
}

export class OverView {
  readonly element: HTMLElement;
  /** Takes the focus, so that screen readers read it out. */
  readonly #title: HTMLElement;

  constructor({ room, reason, onJoinAgain }: OverViewOptions) {
    this.#title = h("h1", { tabIndex: -1 }, "The call is over");
    const again = h("button", { type: "button", class: "primary" }, "Join again");
    again.onclick = onJoinAgain;
    this.element = h(
      "main",
      { class: "over" },
      h("div", { class: "brand" }, icon("shield"), "smrtc"),
      h(
        "section",
        {},
        h("span", { class: "badge" }, icon("leave")),
        this.#title,
        h("p", { class: "reason" }, h("strong", {}, `${reason.title}.`), ` ${reason.advice}`),
        h(
          "p",
          { class: "quiet" },
          "You are no longer in the room ",
          h("b", {}, room),
          ". Nothing is sent, and your camera and microphone are off.",
        ),
        again,
      ),
    );
  }

  focus(): void {
    this.#title.focus();
  }
}
