/**
 * A line chart of the last minute, drawn as SVG so that the style sheet gives its colours in light
 * and in dark.
 */
import { h, setText, svg } from "./dom.ts";

export interface Series {
  readonly name: string;
  /** Class of the line: `first` or `second`. */
  readonly className: "first" | "second";
}

export interface ChartOptions {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly Series[];
  /** The scale never shrinks below this, so that noise around zero looks like noise. */
  readonly minimumTop: number;
  readonly digits?: number;
}

const POINTS = 60;
const WIDTH = 240;
const HEIGHT = 56;

export class Chart {
  readonly element: HTMLElement;
  readonly #options: ChartOptions;
  readonly #history: (number | undefined)[][];
  readonly #lines: SVGElement[];
  readonly #areas: SVGElement[];
  readonly #values: HTMLElement[];
  readonly #top = h("span", { class: "top" });
  readonly #picture: SVGElement;

  constructor(options: ChartOptions) {
    this.#options = options;
    this.#history = options.series.map(() => []);
    this.#areas = options.series.map(({ className }) =>
      svg("path", { class: `area ${className}` }),
    );
    this.#lines = options.series.map(({ className }) =>
      svg("path", { class: `line ${className}` }),
    );
    this.#values = options.series.map(() => h("b", {}, "–"));
    this.#picture = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" },
      svg("path", {
        class: "rule",
        d: `M0 0.5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}`,
      }),
      ...this.#areas,
      ...this.#lines,
    );
    const legend = options.series.map(({ name, className }, i) =>
      h(
        "span",
        { class: `value ${className}` },
        name ? h("i", {}, name) : null,
        this.#values[i],
        options.series.length > 1 ? null : ` ${options.unit}`,
      ),
    );
    this.element = h(
      "figure",
      { class: "chart" },
      h(
        "figcaption",
        {},
        h(
          "span",
          {},
          options.series.length > 1 ? `${options.title}, ${options.unit}` : options.title,
        ),
        h("span", { class: "values" }, ...legend),
      ),
      h("div", { class: "plot" }, this.#picture, this.#top),
    );
  }

  /** One value for each series; undefined leaves a gap. */
  push(values: readonly (number | undefined)[]): void {
    values.forEach((value, i) => {
      const history = this.#history[i];
      if (!history) return;
      history.push(value !== undefined && Number.isFinite(value) ? value : undefined);
      if (history.length > POINTS) history.shift();
    });
    this.#draw();
  }

  #draw(): void {
    const { minimumTop, digits = 0, title, unit, series } = this.#options;
    const top = niceTop(Math.max(minimumTop, ...this.#history.flat().map((value) => value ?? 0)));
    const x = (i: number, length: number) => ((POINTS - length + i) * WIDTH) / (POINTS - 1);
    const y = (value: number) => HEIGHT - 1 - (value / top) * (HEIGHT - 4);
    this.#history.forEach((history, s) => {
      let line = "";
      let area = "";
      let start: number | undefined;
      history.forEach((value, i) => {
        const at = x(i, history.length);
        if (value !== undefined) {
          line += `${start === undefined ? "M" : "L"}${at.toFixed(1)} ${y(value).toFixed(1)}`;
          area +=
            start === undefined
              ? `M${at.toFixed(1)} ${HEIGHT}L${at.toFixed(1)} ${y(value).toFixed(1)}`
              : `L${at.toFixed(1)} ${y(value).toFixed(1)}`;
          start ??= at;
        }
        const next = history[i + 1];
        if (start !== undefined && (value === undefined || next === undefined)) {
          if (value !== undefined) area += `L${at.toFixed(1)} ${HEIGHT}Z`;
          start = undefined;
        }
      });
      this.#lines[s]?.setAttribute("d", line);
      this.#areas[s]?.setAttribute("d", area);
      const last = history.at(-1);
      const shown = this.#values[s];
      if (shown) setText(shown, last === undefined ? "–" : last.toFixed(digits));
    });
    setText(this.#top, `${top} ${unit}`);
    const words = series.map(
      ({ name }, i) => `${name} ${this.#history[i]?.at(-1)?.toFixed(digits) ?? "unknown"} ${unit}`,
    );
    this.#picture.setAttribute(
      "aria-label",
      `${title}, last minute. Now ${words.join(", ").trim()}.`,
    );
  }
}

/** The next of 1, 2, 5 × 10^n at or above. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5, 10].find((step) => step * power >= value * 0.999) ?? 10;
  return factor * power;
}
