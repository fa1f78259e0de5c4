/**
 * Small helpers that build elements without markup strings, so that no user's text is ever parsed
 * as HTML.
 */

type Child = Node | string | null | undefined | false;
type Props<T extends HTMLElement> = Partial<Omit<T, "style" | "dataset" | "classList">> & {
  class?: string;
  data?: Record<string, string>;
  aria?: Record<string, string>;
  role?: string;
  for?: string;
};

/**
 * Makes an element; `aria` and `data` are attributes by their short names, the rest are properties.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props<HTMLElementTagNameMap[K]> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  const { class: className, data, aria, role, for: target, ...rest } = props as Props<HTMLElement>;
  if (className) element.className = className;
  if (role) element.setAttribute("role", role);
  if (target) element.setAttribute("for", target);
  for (const [name, value] of Object.entries(data ?? {})) element.dataset[name] = value;
  for (const [name, value] of Object.entries(aria ?? {}))
    element.setAttribute(`aria-${name}`, value);
  Object.assign(element, rest);
  for (const child of children) if (child) element.append(child);
  return element;
}

/** Makes an SVG element from attributes. */
export function svg(
  tag: string,
  attributes: Record<string, string | number>,
  ...children: Node[]
): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** Replaces text only when it changes, so that screen readers and layout stay quiet. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
