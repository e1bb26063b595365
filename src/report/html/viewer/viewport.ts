/** Which part of the map is in view. The map is one long line, broken into rows like text; all rows are as long. */

/** Rows that are in view at a time, if there are so many. */
export const ROWS = 32;
/** Pages of a row at the closest. */
const MIN_ROW_PAGES = 16;

export class Viewport {
  /** Base pages in a row: a power of two, and rows begin at multiples of it. */
  rowPages: number;
  /** The row at the top. */
  top: number;
  readonly #start: number;
  readonly #end: number;

  /** Of a map from `start` to `end`, in pages. All of it is in view at first. */
  constructor(start: number, end: number) {
    this.#start = start;
    this.#end = end;
    this.rowPages = this.maxRowPages;
    this.top = Math.floor(start / this.rowPages);
  }

  /** Of the rows with which all of the map is in view. */
  get maxRowPages(): number {
    let pages = MIN_ROW_PAGES;
    while (Math.ceil(this.#end / pages) - Math.floor(this.#start / pages) > ROWS) pages *= 2;
    return pages;
  }

  /** Whether it is of a map with these ends. */
  isOf(start: number, end: number): boolean {
    return this.#start === start && this.#end === end;
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
    this.rowPages = Math.min(this.maxRowPages, Math.max(MIN_ROW_PAGES, rowPages));
    this.scrollTo(Math.floor(place / this.rowPages) - Math.floor(part * this.rows));
  }

  /** Shows all from `start` to `end`, as large as may be. */
  fit(start: number, end: number): void {
    this.rowPages = this.rowPagesToFit(start, end);
    this.scrollTo(Math.floor(start / this.rowPages));
  }

  rowPagesToFit(start: number, end: number): number {
    let rowPages = MIN_ROW_PAGES;
    while (Math.ceil(end / rowPages) - Math.floor(start / rowPages) > ROWS) rowPages *= 2;
    return Math.min(this.maxRowPages, rowPages);
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
