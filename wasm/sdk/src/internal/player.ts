/** Elements in the page that show video. */
import { RtcError } from "../errors.ts";
import type { PlayOptions } from "../options.ts";

/** Finds where to play; an id may come with or without `#`. */
export function findElement(element: HTMLElement | string): HTMLElement {
  const found =
    typeof element === "string" ? document.getElementById(element.replace(/^#/, "")) : element;
  if (found === null)
    throw new RtcError("INVALID_PARAMETER", `there is no element with the id ${element as string}`);
  return found;
}

/** Fills its parent. */
export function styleMedia(media: HTMLElement, options: PlayOptions, mirror: boolean): void {
  Object.assign(media.style, {
    width: "100%",
    height: "100%",
    display: "block",
    objectFit: options.objectFit ?? "cover",
    transform: mirror ? "scaleX(-1)" : "",
  });
}
