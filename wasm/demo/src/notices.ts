/** Short messages at the edge of the page; read out by screen readers. */
import { h, setText } from "./dom.ts";
import { icon } from "./icons.ts";

const SHOWN_MILLISECONDS = 6_000;

export function notify(text: string, kind: "info" | "problem" = "info"): void {
  const place = document.getElementById("notices");
  if (!place) return;
  const close = h(
    "button",
    { type: "button", class: "plain", aria: { label: "Dismiss" } },
    icon("close"),
  );
  const words = h("span");
  const notice = h(
    "div",
    { class: `notice ${kind}` },
    kind === "problem" ? icon("warning") : null,
    words,
    close,
  );
  const remove = () => notice.remove();
  close.onclick = remove;
  setTimeout(remove, kind === "problem" ? 2 * SHOWN_MILLISECONDS : SHOWN_MILLISECONDS);
  place.append(notice);
  setText(words, text);
}
