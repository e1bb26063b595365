/** Draws the rows of the map that are in view, and the strip that shows where they are in the whole. */

import { fillBins, MIN_RARE } from './bins.ts';
import type { DirectMap } from './direct_map.ts';
import { Hatch, MIN_HATCHED } from './hatch.ts';
import type { Mark } from './marks.ts';
import { type BinnedRow, contextOf, RowImage } from './row_image.ts';
import { spansIn } from './spans.ts';
import { STATES, type State } from './states.ts';
import type { Viewport } from './viewport.ts';

export type { Mark } from './marks.ts';

/** Of the rows, in CSS pixels. */
const HEIGHT = 416;
const MAX_ROW_HEIGHT = 40;
const ROW_GAP = 2;
const STRIP_HEIGHT = 12;
/** Leaves that are at least so wide have lines between them. */
const MIN_LINED_LEAF = 7;
/** How wide is at least what is marked. */
const MIN_MARK = 7;

/** Marks are disjoint, and in ascending order. */
export interface Shown {
  readonly marks: readonly Mark[];
  readonly selected: Mark | undefined;
  /** What has just changed, and how much of its flash is left, from 1 to 0. */
  readonly changed: readonly Mark[];
  readonly flash: number;
  /** What a TLB has, and the tables have not. */
  readonly stale: readonly Mark[];
  /** States that are not faded. */
  readonly states: ReadonlySet<State>;
}

/** A row in view. */
interface Row extends BinnedRow, Mark {}

/** In CSS pixels, with the gap below it. */
export function rowHeight(view: Viewport): number {
  return Math.min(MAX_ROW_HEIGHT, HEIGHT / view.rows);
}

/** Width of the column of addresses, in CSS pixels. */
export function labelWidth(width: number): number {
  return width >= 560 ? 128 : 84;
}

export class Painter {
  #map: DirectMap;
  readonly #canvas: HTMLCanvasElement;
  readonly #strip: HTMLCanvasElement;
  #colours: ReadonlyMap<string, string> = new Map();
  #hatch = new Hatch('');
  readonly #rowImage = new RowImage();
  readonly #stripImage = new RowImage();
  /** Of rows in view, from one painting to the next. */
  #bins: Uint8Array[] = [];
  /** All of a map takes long to put into pixels, and changes only with it. */
  #stripBins: { readonly map: DirectMap; readonly bins: Uint8Array } | undefined;

  constructor(map: DirectMap, canvas: HTMLCanvasElement, strip: HTMLCanvasElement) {
    this.#map = map;
    this.#canvas = canvas;
    this.#strip = strip;
    canvas.style.height = `${HEIGHT}px`;
    strip.style.height = `${STRIP_HEIGHT}px`;
    this.readColours();
  }

  /** Takes the colours from the style sheet: anew when the reader changes from dark to light. */
  readColours(): void {
    const style = getComputedStyle(document.documentElement);
    const others = ['s-stale', 'bg', 'fg', 'dim', 'line', 'mark', 'accent'];
    const names = [...STATES.map((state) => `s-${state}`), ...others];
    this.#colours = new Map(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    const colourOf = (state: State) => this.#colour(`s-${state}`);
    this.#rowImage.readColours(colourOf);
    this.#stripImage.readColours(colourOf);
    this.#hatch = new Hatch(this.#colour('bg'));
  }

  /** Draws this map from now on. */
  show(map: DirectMap): void {
    this.#map = map;
  }

  paint(view: Viewport, shown: Shown): void {
    const { context, width, ratio } = prepare(this.#canvas, HEIGHT);
    const rows = this.#rowsOf(view, width, ratio);
    this.#rowImage.draw(context, rows, shown.states);
    this.#hatch.fill(context, hatchedPath(rows, ratio));
    for (const row of rows) {
      this.#label(context, row, width);
      this.#lines(context, row);
    }
    this.#stale(context, rows, shown.stale);
    this.#changed(context, rows, shown.changed, shown.flash);
    this.#outline(context, rows, shown.marks, 'mark');
    if (shown.selected !== undefined) this.#outline(context, rows, [shown.selected], 'fg');
    this.#paintStrip(view, shown.states);
  }

  #rowsOf(view: Viewport, width: number, ratio: number): Row[] {
    const { window } = this.#map;
    const left = labelWidth(width);
    const height = rowHeight(view);
    const onPixel = (length: number) => Math.round(length * ratio) / ratio;
    const pixels = Math.max(0, Math.round((width - left) * ratio));
    const rows: Row[] = [];
    for (let row = 0; row < view.rows; row++) {
      const start = (view.top + row) * view.rowPages;
      const part = { start, end: start + view.rowPages };
      if (part.start >= window.end || part.end <= window.start) continue;
      const top = onPixel(row * height);
      const box = { left, top, width: width - left, height: onPixel((row + 1) * height - ROW_GAP) - top };
      const bins = this.#binsOf(rows.length, pixels);
      fillBins(bins, this.#map, part);
      rows.push({ ...part, bins, box });
    }
    return rows;
  }

  #binsOf(row: number, width: number): Uint8Array {
    if (this.#bins[0]?.length !== width) this.#bins = [];
    this.#bins[row] ??= new Uint8Array(width);
    return this.#bins[row];
  }

  #paintStrip(view: Viewport, states: ReadonlySet<State>): void {
    const { context, width, ratio } = prepare(this.#strip, STRIP_HEIGHT);
    const box = { left: 0, top: 2, width, height: STRIP_HEIGHT - 4 };
    const row = { bins: this.#binsOfAll(Math.round(width * ratio)), box };
    this.#stripImage.draw(context, [row], states);
    this.#hatch.fill(context, hatchedPath([row], ratio));
    const { start, end } = this.#map;
    const x = (place: number) => ((Math.max(start, Math.min(end, place)) - start) / (end - start)) * width;
    const from = Math.min(x(view.start), width - 4);
    context.strokeStyle = this.#colour('fg');
    context.lineWidth = 2;
    context.strokeRect(from + 1, 1, Math.max(2, x(view.end) - from - 2), STRIP_HEIGHT - 2);
  }

  #binsOfAll(width: number): Uint8Array {
    const last = this.#stripBins;
    if (last?.map === this.#map && last.bins.length === width) return last.bins;
    const bins = new Uint8Array(width);
    fillBins(bins, this.#map, this.#map);
    this.#stripBins = { map: this.#map, bins };
    return bins;
  }

  #label(context: CanvasRenderingContext2D, { start, box }: Row, width: number): void {
    const digits = this.#map
      .addressOf(Math.max(start, this.#map.window.start))
      .toString(16)
      .padStart(16, '0');
    context.fillStyle = this.#colour('dim');
    context.font = '11px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';
    context.textBaseline = 'middle';
    context.fillText(width >= 560 ? digits : `…${digits.slice(5)}`, 0, box.top + box.height / 2 + 0.5);
  }

  /** Lines between leaves, where these are wide enough. */
  #lines(context: CanvasRenderingContext2D, { start: from, end: to, box }: Row): void {
    const map = this.#map;
    const scale = box.width / (to - from);
    // No leaf is so large that it would be seen.
    if (map.largestLeaf * scale < MIN_LINED_LEAF) return;
    context.fillStyle = this.#colour('bg');
    for (let number = map.numberAt(from); number < map.starts.length; number++) {
      const start = map.starts[number]!;
      if (start >= to) break;
      const pages = map.leafPages[number]!;
      if (pages * scale < MIN_LINED_LEAF) continue;
      const end = Math.min(to, map.endOf(number));
      const first = start >= from ? start : start + Math.ceil((from - start) / pages) * pages;
      for (let place = first; place < end; place += pages) {
        context.fillRect(Math.round(box.left + (place - from) * scale), box.top, 1, box.height);
      }
    }
  }

  #stale(context: CanvasRenderingContext2D, rows: readonly Row[], marks: readonly Mark[]): void {
    if (marks.length === 0) return;
    const all = new Path2D();
    const hatched = new Path2D();
    for (const { x, y, width, height } of rectsOf(rows, marks, MIN_RARE)) {
      all.rect(x, y, width, height);
      if (width >= MIN_HATCHED) hatched.rect(x, y, width, height);
    }
    context.fillStyle = this.#colour('s-stale');
    context.fill(all);
    this.#hatch.fill(context, hatched);
  }

  #changed(
    context: CanvasRenderingContext2D,
    rows: readonly Row[],
    marks: readonly Mark[],
    flash: number,
  ): void {
    const rects = rectsOf(rows, marks, MIN_MARK);
    context.fillStyle = this.#colour('mark');
    context.globalAlpha = flash;
    if (flash > 0) for (const { x, y, width, height } of rects) context.fillRect(x, y, width, height);
    context.globalAlpha = 1;
    context.lineWidth = 1;
    for (const { x, y, width, height } of rects) {
      context.strokeStyle = this.#colour('mark');
      context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
      // Inside it what tells the line from any state.
      context.strokeStyle = this.#colour('bg');
      context.strokeRect(x + 1.5, y + 1.5, width - 3, height - 3);
    }
  }

  #outline(
    context: CanvasRenderingContext2D,
    rows: readonly Row[],
    marks: readonly Mark[],
    colour: string,
  ): void {
    context.lineWidth = 2;
    for (const { x, y, width, height } of rectsOf(rows, marks, MIN_MARK)) {
      context.strokeStyle = this.#colour('bg');
      context.strokeRect(x, y - 0.5, width, height + 1);
      context.strokeStyle = this.#colour(colour);
      context.setLineDash(colour === 'mark' ? [3, 2] : []);
      context.strokeRect(x, y - 0.5, width, height + 1);
      context.setLineDash([]);
    }
  }

  #colour(name: string): string {
    return this.#colours.get(name) ?? '';
  }
}

/** Where marks are in the rows, at least `least` wide. */
function rectsOf(rows: readonly Row[], marks: readonly Mark[], least: number) {
  return rows.flatMap((row) => {
    const { left, top, width, height } = row.box;
    return spansIn(marks, row, width, least).map((span) => ({
      x: left + span.x,
      y: top,
      width: span.width,
      height,
    }));
  });
}

const HATCHED: ReadonlySet<State> = new Set(['np-large', 'missing', 'bad', 'shared']);
/** By what a pixel shows. */
const IS_HATCHED = [false, ...STATES.map((state) => HATCHED.has(state))];

/** What is hatched in rows, where it is wide enough. */
function hatchedPath(rows: readonly BinnedRow[], ratio: number): Path2D {
  const path = new Path2D();
  for (const { bins, box } of rows) {
    for (let bin = 0; bin < bins.length; ) {
      const value = bins[bin]!;
      const from = bin;
      while (bin < bins.length && bins[bin] === value) bin++;
      const width = (bin - from) / ratio;
      if (IS_HATCHED[value] !== true || width < MIN_HATCHED) continue;
      path.rect(box.left + from / ratio, box.top, width, box.height);
    }
  }
  return path;
}

/** An empty canvas as wide as it is on the page, in the pixels of the screen. */
function prepare(canvas: HTMLCanvasElement, height: number) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, canvas.clientWidth);
  const pixels = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
  // To set the size anew takes longer than all the rest.
  if (canvas.width !== pixels.width || canvas.height !== pixels.height) Object.assign(canvas, pixels);
  const context = contextOf(canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, ratio };
}
