/** Which part of the map is in view. The map is one long line, broken into rows like text; all rows are as long. */

/** Rows that are in view at a time, if there are so many. */
export const ROWS = 32;
/** Pages of a row at the closest, if it is wide enough. */
const MIN_ROW_PAGES = 16;
/** How wide a page is then at least, in CSS pixels. */
const PAGE_WIDTH = 40;

/** Pages of a row at the closest, of rows of a width in CSS pixels: fewer on a phone. */
export function closestRowPages(width: number): number {
  let pages = MIN_ROW_PAGES;
  while (pages > 1 && width / pages < PAGE_WIDTH) pages /= 2;
  return pages;
}

export class Viewport {
  /** Base pages in a row: a power of two, and rows begin at multiples of it. */
  rowPages: number;
  /** The row at the top. */
  top: number;
  readonly #start: number;
  readonly #end: number;
  #minRowPages = MIN_ROW_PAGES;

  /** Of a map from `start` to `end`, in pages. All of it is in view at first. */
  constructor(start: number, end: number) {
    this.#start = start;
    this.#end = end;
    this.rowPages = this.maxRowPages;
    this.top = Math.floor(start / this.rowPages);
  }

  /** Of the rows with which all of the map is in view. */
  get maxRowPages(): number {
    return this.#rowPagesOf(this.#start, this.#end);
  }

  /** Rows have at least so many pages, a power of two. */
  limit(minRowPages: number): void {
    this.#minRowPages = minRowPages;
    if (this.rowPages < minRowPages) this.zoom(minRowPages, this.start);
  }

  /** The same view of a map from `start` to `end`, as near as may be, whose places are larger by `shift`. */
  movedTo(start: number, end: number, shift: number): Viewport {
    const moved = new Viewport(start, end);
    moved.limit(this.#minRowPages);
    moved.rowPages = Math.min(moved.maxRowPages, this.rowPages);
    moved.scrollTo(Math.floor((this.start + shift) / moved.rowPages));
    return moved;
  }

  get start(): number {
    return this.top * this.rowPages;
  }

  get end(): number {
    return this.start + this.rows * this.rowPages;
  }

  /** How many rows are in view. */
  get rows(): number {
    const all = Math.ceil(this.#end / this.rowPages) - Math.floor(this.#start / this.rowPages);
    return Math.min(ROWS, all);
  }

  /** The rows have `rowPages`, as near as may be, and `place` stays where it is in the view, if it is. */
  zoom(rowPages: number, place: number): void {
    const row = Math.floor(place / this.rowPages) - this.top;
    const part = row >= 0 && row < this.rows ? row / this.rows : 1 / 2;
    this.rowPages = Math.min(this.maxRowPages, Math.max(this.#minRowPages, rowPages));
    this.scrollTo(Math.floor(place / this.rowPages) - Math.floor(part * this.rows));
  }

  /** Shows all from `start` to `end`, as large as may be. */
  fit(start: number, end: number): void {
    this.rowPages = this.rowPagesToFit(start, end);
    this.scrollTo(Math.floor(start / this.rowPages));
  }

  rowPagesToFit(start: number, end: number): number {
    return Math.min(this.maxRowPages, this.#rowPagesOf(start, end));
  }

  /** Of the shortest rows that are not too many. */
  #rowPagesOf(start: number, end: number): number {
    let pages = this.#minRowPages;
    while (Math.ceil(end / pages) - Math.floor(start / pages) > ROWS) pages *= 2;
    return pages;
  }

  scrollTo(top: number): void {
    const first = Math.floor(this.#start / this.rowPages);
    const last = Math.ceil(this.#end / this.rowPages);
    this.top = Math.max(first, Math.min(top, last - this.rows));
  }

  /** Scrolls as little as brings a place into view. */
  reveal(place: number): void {
    const row = Math.floor(place / this.rowPages);
    if (row < this.top) this.scrollTo(row);
    else if (row >= this.top + this.rows) this.scrollTo(row - this.rows + 1);
  }
}
