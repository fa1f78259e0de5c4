/** A button of the bar: a sign, and a word for those who do not see it. */
import { h } from "./dom.ts";
import { icon } from "./icons.ts";

export function roundButton(
  name: Parameters<typeof icon>[0],
  word: string,
  click: () => void,
): HTMLButtonElement {
  const element = h(
    "button",
    { type: "button", class: "round", title: word, aria: { label: word } },
    icon(name),
  );
  element.onclick = click;
  return element;
}
