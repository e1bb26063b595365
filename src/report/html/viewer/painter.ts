/** Draws the rows of the map that are in view, and the strip that shows where they are in the whole. */

import type { DirectMap } from './direct_map.ts';
import { FIRST_RARE, STATES, type State } from './states.ts';
import type { Viewport } from './viewport.ts';

/** Of the rows, in CSS pixels. */
const HEIGHT = 416;
const MAX_ROW_HEIGHT = 40;
const ROW_GAP = 2;
const STRIP_HEIGHT = 12;
/** Leaves that are at least so wide have lines between them. */
const MIN_LINED_LEAF = 7;
/** How wide the rare states are at least, and what is marked. */
const MIN_RARE = 2;
const MIN_MARK = 7;

/** Part of the map that is to be seen at once, in pages. */
export interface Mark {
  readonly start: number;
  readonly end: number;
}

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

/** A hole, among the numbers of what a pixel shows. */
const HOLE = STATES.indexOf('hole') + 1;

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
  #hatches = new Map<State, CanvasPattern | null>();

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
    const names = [
      ...STATES.map((state) => `s-${state}`),
      's-stale',
      'bg',
      'fg',
      'dim',
      'line',
      'mark',
      'accent',
    ];
    this.#colours = new Map(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    this.#hatches.clear();
  }

  /** Draws this map from now on. */
  show(map: DirectMap): void {
    this.#map = map;
  }

  paint(view: Viewport, shown: Shown): void {
    const { context, width } = prepare(this.#canvas, HEIGHT);
    const left = labelWidth(width);
    const height = rowHeight(view);
    const { window } = this.#map;
    for (let row = 0; row < view.rows; row++) {
      const start = (view.top + row) * view.rowPages;
      if (start >= window.end || start + view.rowPages <= window.start) continue;
      const box = { left, top: row * height, width: width - left, height: height - ROW_GAP };
      this.#label(context, start, box, width);
      this.#row(context, { start, end: start + view.rowPages }, box, shown.states);
      for (const mark of shown.stale) this.#stale(context, mark, start, view.rowPages, box);
      for (const mark of shown.changed) this.#changed(context, mark, start, view.rowPages, box, shown.flash);
      for (const mark of shown.marks) this.#outline(context, mark, start, view.rowPages, box, 'mark');
      if (shown.selected !== undefined) {
        this.#outline(context, shown.selected, start, view.rowPages, box, 'fg');
      }
    }
    this.#paintStrip(view, shown);
  }

  #paintStrip(view: Viewport, shown: Shown): void {
    const { context, width } = prepare(this.#strip, STRIP_HEIGHT);
    const { start, end } = this.#map;
    this.#row(context, { start, end }, { left: 0, top: 2, width, height: STRIP_HEIGHT - 4 }, shown.states);
    const x = (place: number) => ((Math.max(start, Math.min(end, place)) - start) / (end - start)) * width;
    const from = x(view.start);
    context.strokeStyle = this.#colour('fg');
    context.lineWidth = 2;
    context.strokeRect(from + 1, 1, Math.max(2, x(view.end) - from - 2), STRIP_HEIGHT - 2);
  }

  #label(context: CanvasRenderingContext2D, start: number, { top, height }: Box, width: number): void {
    const digits = this.#map
      .addressOf(Math.max(start, this.#map.window.start))
      .toString(16)
      .padStart(16, '0');
    context.fillStyle = this.#colour('dim');
    context.font = '11px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';
    context.textBaseline = 'middle';
    context.fillText(width >= 560 ? digits : `…${digits.slice(5)}`, 0, top + height / 2 + 0.5);
  }

  /** The part of the map from `start` to `end`, in a box of the canvas. */
  #row(context: CanvasRenderingContext2D, part: Mark, box: Box, states: ReadonlySet<State>): void {
    const ratio = context.getTransform().a;
    const bins = this.#bins(part, Math.round(box.width * ratio));
    for (let bin = 0; bin < bins.length; ) {
      const value = bins[bin]!;
      const from = bin;
      while (bin < bins.length && bins[bin] === value) bin++;
      const state = STATES[value - 1];
      if (state === undefined) continue;
      context.globalAlpha = states.has(state) ? 1 : 0.12;
      this.#fill(context, state, box.left + from / ratio, box.top, (bin - from) / ratio, box.height);
    }
    context.globalAlpha = 1;
    this.#lines(context, part, box);
  }

  /** For each pixel of a row the last, in the order of STATES, of the states in it: its place plus 1; 0 off the map. */
  #bins(part: Mark, width: number): Uint8Array {
    const map = this.#map;
    const bins = new Uint8Array(width);
    const scale = width / (part.end - part.start);
    const inRow = (place: number) => Math.round((place - part.start) * scale);
    bins.fill(HOLE, Math.max(0, inRow(map.window.start)), Math.max(0, inRow(map.window.end)));
    if (part.end <= map.start || part.start >= map.end) return bins;
    for (let number = map.numberAt(part.start); number < map.starts.length; number++) {
      const from = map.starts[number]!;
      if (from >= part.end) break;
      const value = map.states[number]! + 1;
      const first = Math.max(0, Math.floor((from - part.start) * scale));
      const least = value > FIRST_RARE ? first + MIN_RARE : first + 1;
      const end = Math.min(width, Math.max(least, Math.round((map.endOf(number) - part.start) * scale)));
      for (let bin = first; bin < end; bin++) if (bins[bin]! < value) bins[bin] = value;
    }
    return bins;
  }

  /** Lines between leaves, where these are wide enough. */
  #lines(context: CanvasRenderingContext2D, part: Mark, box: Box): void {
    const map = this.#map;
    const scale = box.width / (part.end - part.start);
    // No leaf is so large that it would be seen.
    if (map.largestLeaf * scale < MIN_LINED_LEAF) return;
    context.fillStyle = this.#colour('bg');
    for (let number = map.numberAt(part.start); number < map.starts.length; number++) {
      const start = map.starts[number]!;
      if (start >= part.end) break;
      const pages = map.leafPages[number]!;
      if (pages * scale < MIN_LINED_LEAF) continue;
      const end = Math.min(part.end, map.endOf(number));
      const first = start >= part.start ? start : start + Math.ceil((part.start - start) / pages) * pages;
      for (let place = first; place < end; place += pages) {
        context.fillRect(Math.round(box.left + (place - part.start) * scale), box.top, 1, box.height);
      }
    }
  }

  #fill(
    context: CanvasRenderingContext2D,
    state: State,
    x: number,
    y: number,
    width: number,
    height: number,
  ): void {
    context.fillStyle = this.#colour(`s-${state}`);
    if (state === 'hole') {
      context.fillRect(x, Math.round(y + height / 2), width, 1);
      return;
    }
    context.fillRect(x, y, width, height);
    if (width < 4 || !HATCHED.has(state)) return;
    const hatch = this.#hatchOf(context, state);
    if (hatch === null) return;
    context.fillStyle = hatch;
    context.fillRect(x, y, width, height);
  }

  #hatchOf(context: CanvasRenderingContext2D, state: State): CanvasPattern | null {
    let hatch = this.#hatches.get(state);
    if (hatch === undefined) {
      const tile = document.createElement('canvas');
      tile.width = 6;
      tile.height = 6;
      const tiled = tile.getContext('2d');
      if (tiled !== null) {
        tiled.strokeStyle = this.#colour('bg');
        tiled.lineWidth = 1.5;
        tiled.beginPath();
        for (const x of [-6, 0, 6]) {
          tiled.moveTo(x, 6);
          tiled.lineTo(x + 6, 0);
        }
        tiled.stroke();
      }
      hatch = context.createPattern(tile, 'repeat');
      this.#hatches.set(state, hatch);
    }
    return hatch;
  }

  /** Where a part of a row is that is marked, at least `least` wide; undefined if it is not in the row. */
  #span(mark: Mark, start: number, rowPages: number, box: Box, least: number): Span | undefined {
    if (mark.end <= start || mark.start >= start + rowPages) return undefined;
    const scale = box.width / rowPages;
    const from = Math.max(0, (mark.start - start) * scale);
    const to = Math.min(box.width, (mark.end - start) * scale);
    const width = Math.max(least, to - from);
    const x = Math.max(0, Math.min(box.width - width, (from + to - width) / 2));
    return { x: box.left + x, width };
  }

  #stale(context: CanvasRenderingContext2D, mark: Mark, start: number, rowPages: number, box: Box): void {
    const span = this.#span(mark, start, rowPages, box, MIN_RARE);
    if (span === undefined) return;
    context.fillStyle = this.#colour('s-stale');
    context.fillRect(span.x, box.top, span.width, box.height);
  }

  #changed(
    context: CanvasRenderingContext2D,
    mark: Mark,
    start: number,
    rowPages: number,
    box: Box,
    flash: number,
  ): void {
    const span = this.#span(mark, start, rowPages, box, MIN_MARK);
    if (span === undefined) return;
    if (flash > 0) {
      context.globalAlpha = flash;
      context.fillStyle = this.#colour('mark');
      context.fillRect(span.x, box.top, span.width, box.height);
      context.globalAlpha = 1;
    }
    context.lineWidth = 1;
    context.strokeStyle = this.#colour('mark');
    context.strokeRect(span.x + 0.5, box.top + 0.5, span.width - 1, box.height - 1);
  }

  #outline(
    context: CanvasRenderingContext2D,
    mark: Mark,
    start: number,
    rowPages: number,
    box: Box,
    colour: string,
  ): void {
    const span = this.#span(mark, start, rowPages, box, MIN_MARK);
    if (span === undefined) return;
    context.lineWidth = 2;
    context.strokeStyle = this.#colour('bg');
    context.strokeRect(span.x, box.top - 0.5, span.width, box.height + 1);
    context.strokeStyle = this.#colour(colour);
    context.setLineDash(colour === 'mark' ? [3, 2] : []);
    context.strokeRect(span.x, box.top - 0.5, span.width, box.height + 1);
    context.setLineDash([]);
  }

  #colour(name: string): string {
    return this.#colours.get(name) ?? '';
  }
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

interface Span {
  readonly x: number;
  readonly width: number;
}

const HATCHED: ReadonlySet<State> = new Set(['np-large', 'missing', 'bad', 'shared']);

/** An empty canvas as wide as it is on the page, in the pixels of the screen. */
function prepare(canvas: HTMLCanvasElement, height: number) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, canvas.clientWidth);
  const pixels = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
  // To set the size anew takes longer than all the rest.
  if (canvas.width !== pixels.width || canvas.height !== pixels.height) Object.assign(canvas, pixels);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser draws no canvas');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width };
}
