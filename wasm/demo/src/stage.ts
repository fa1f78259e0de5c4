/**
 * Lays the tiles out: as large as they can be in the room there is, and our own small in a corner
 * in a call of two.
 */
import { h } from "./dom.ts";
import type { Tile } from "./tile.ts";

const ASPECT = 16 / 9;
const GAP = 12;

export class Stage {
  readonly element = h("section", { class: "stage", aria: { label: "Participants" } });
  readonly #tiles = new Map<string, Tile>();
  readonly #observer: ResizeObserver;
  #self: Tile | undefined;

  constructor() {
    this.#observer = new ResizeObserver(() => this.#layout());
    this.#observer.observe(this.element);
  }

  setSelf(tile: Tile): void {
    this.#self = tile;
    this.element.append(tile.element);
    this.#layout();
  }

  get(key: string): Tile | undefined {
    return this.#tiles.get(key);
  }

  add(key: string, tile: Tile): void {
    this.#tiles.get(key)?.element.remove();
    this.#tiles.set(key, tile);
    this.element.prepend(tile.element);
    this.#layout();
  }

  remove(key: string): void {
    this.#tiles.get(key)?.element.remove();
    this.#tiles.delete(key);
    this.#layout();
  }

  keys(): string[] {
    return [...this.#tiles.keys()];
  }

  get remoteCount(): number {
    return this.#tiles.size;
  }

  close(): void {
    this.#observer.disconnect();
  }

  #layout(): void {
    const inCorner = this.#tiles.size === 1;
    this.#self?.element.classList.toggle("corner", inCorner);
    const count = this.#tiles.size + (this.#self && !inCorner ? 1 : 0);
    const { clientWidth: width, clientHeight: height } = this.element;
    if (count === 0 || width === 0) return;
    // One tile may fill the room whatever its shape; more than one keep the camera's.
    let best = { columns: 1, tileWidth: 0 };
    for (let columns = 1; columns <= count; columns++) {
      const rows = Math.ceil(count / columns);
      const tileWidth = Math.min(
        (width - GAP * (columns - 1)) / columns,
        ((height - GAP * (rows - 1)) / rows) * ASPECT,
      );
      if (tileWidth > best.tileWidth) best = { columns, tileWidth };
    }
    this.element.style.setProperty("--columns", String(best.columns));
    this.element.style.setProperty(
      "--tile-width",
      count === 1 ? "100%" : `${Math.floor(best.tileWidth)}px`,
    );
    this.element.classList.toggle("single", count === 1);
  }
}
