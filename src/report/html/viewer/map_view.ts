/** The map as one handles it: zoom, scroll, point, select; with mouse, fingers and keys. */

import { CrumbButtons } from './crumb_buttons.ts';
import type { DirectMap } from './direct_map.ts';
import { button, element, setText } from './dom.ts';
import { Legend } from './legend.ts';
import { areSame, type Mark, merged, type Overlay } from './marks.ts';
import { labelWidth, Painter, rowHeight } from './painter.ts';
import { placeWords } from './place_words.ts';
import { closestRowPages, ROWS, Viewport } from './viewport.ts';

export type { Mark, Overlay, Owner } from './marks.ts';

/** Steps of the arrow keys in a row. */
const STEPS = 64;

/** How long what has changed flashes, in milliseconds. */
const FLASH_TIME = 700;

const NOTHING: Overlay = { changed: [], stale: [], owners: [] };

/** Maps of this page so far. */
let mapsMade = 0;

const HINT =
  'Point at the map, or move on it with the arrow keys; Enter or a click shows the walk. Once the map has the focus, the wheel zooms, as + and - do, and 0 shows all. Where a pixel has room for one of several states, it is the one that comes last above. Dashed outlines are places of findings: of errors and warnings, or of the finding that was followed last.';

export class MapView {
  readonly element: HTMLElement;
  #map: DirectMap;
  #view: Viewport;
  readonly #painter: Painter;
  readonly #legend: Legend;
  readonly #onSelect: (place: number) => void;
  /** For names of elements: there may be several maps in a page. */
  readonly #id = `map-${++mapsMade}`;
  readonly #canvas = element('canvas', {
    class: 'rows',
    tabindex: '0',
    role: 'application',
    'aria-roledescription': 'map',
    'aria-label': 'Map of the direct map. Arrow keys move, plus and minus zoom, Enter shows the walk.',
    'aria-describedby': `${this.#id}-status ${this.#id}-hint`,
  });
  readonly #strip = element('canvas', { class: 'strip', 'aria-hidden': 'true' });
  readonly #crumbs = new CrumbButtons(({ start, end }) => this.#fit(start, end));
  readonly #status = element('p', { id: `${this.#id}-status`, class: 'status', 'aria-live': 'polite' });
  #marks: readonly Mark[] = [];
  #overlay = NOTHING;
  #flashUntil = 0;
  #cursor: number;
  /** Whether the reader has been at the cursor. */
  #isSelected = false;
  /** Where the reader points, unless the keys have been used since. */
  #pointer: Point | undefined;
  #drag: { y: number; top: number; moved: boolean } | undefined;
  #painting = false;

  /** `onSelect` is told the place that the reader has chosen. */
  constructor(map: DirectMap, onSelect: (place: number) => void, hint = HINT) {
    this.#map = map;
    this.#onSelect = onSelect;
    this.#cursor = map.start;
    this.#view = viewOf(map);
    this.#legend = new Legend(map, () => this.paint());
    const tools = element(
      'div',
      { class: 'tools', role: 'group', 'aria-label': 'View' },
      button('+', () => this.zoomBy(1 / 4), { 'aria-label': 'Zoom in' }),
      button('−', () => this.zoomBy(4), { 'aria-label': 'Zoom out' }),
      button('▲', () => this.#scrollBy(-ROWS / 2), { 'aria-label': 'Lower addresses' }),
      button('▼', () => this.#scrollBy(ROWS / 2), { 'aria-label': 'Higher addresses' }),
    );
    this.element = element(
      'div',
      { class: 'map' },
      this.#legend.element,
      element('div', { class: 'bar' }, this.#crumbs.element, tools),
      this.#strip,
      this.#canvas,
      this.#status,
      element('p', { id: `${this.#id}-hint`, class: 'hint' }, hint),
    );
    this.#painter = new Painter(map, this.#canvas, this.#strip);
    this.#listen();
  }

  /**
   * Shows another state of the same machine, in the same view as far as that can be. What lies over the map stays until
   * `overlay` is called, if places are the same in both.
   */
  update(map: DirectMap): void {
    const shift = map.shiftFrom(this.#map);
    this.#map = map;
    this.#painter.show(map);
    this.#legend.update(map);
    this.#move(shift);
    this.#tell();
    this.paint();
  }

  /** To places that are larger by `shift` for the same addresses, or to a map of all other addresses. */
  #move(shift: number | undefined): void {
    const { start, window } = this.#map;
    if (shift !== 0) {
      this.#marks = [];
      this.#overlay = NOTHING;
      this.#legend.tellStale(0);
    }
    if (shift === undefined) {
      this.#view = viewOf(this.#map);
      this.#cursor = start;
      return;
    }
    this.#view = this.#view.movedTo(window.start, window.end, shift);
    this.#cursor = Math.max(window.start, Math.min(window.end - 1, this.#cursor + shift));
  }

  /** Shows this over the map, in place of what was there. What changed flashes unless it did so at the last call. */
  overlay({ changed, stale, owners }: Overlay): void {
    const { changed: before } = this.#overlay;
    this.#overlay = { changed: merged(changed), stale: merged(stale), owners };
    const isNew = !areSame(before, this.#overlay.changed);
    const moves = !matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (isNew && moves) this.#flashUntil = performance.now() + FLASH_TIME;
    const pages = this.#overlay.stale.reduce((sum, { start, end }) => sum + end - start, 0);
    this.#legend.tellStale(pages * this.#map.pageBytes);
    this.#tell();
    this.paint();
  }

  /** Shows these places, whatever their size. */
  mark(marks: readonly Mark[]): void {
    this.#marks = merged(marks);
    this.paint();
  }

  /** Selects a place, and brings it into view: at `closer`, so that single pages can be told apart. */
  show(place: number, closer: boolean): void {
    this.#goTo(place);
    const [smallest] = this.#map.blockBytes;
    if (closer) this.#fitBlock(place, (smallest ?? 512 * this.#map.pageBytes) / this.#map.pageBytes);
    this.#view.reveal(place);
    this.#tell();
    this.paint();
  }

  /** Draws before the next frame of the screen, once for however many calls. */
  paint(): void {
    if (this.#painting) return;
    this.#painting = true;
    requestAnimationFrame(() => {
      this.#painting = false;
      this.paintNow();
      if (this.#flashUntil > performance.now()) this.paint();
    });
  }

  /** Draws at once, and not again before the next change: for measurements, and for what cannot wait for a frame. */
  paintNow(): void {
    const pages = this.#unit;
    const start = this.#cursor - (this.#cursor % pages);
    const { changed, stale } = this.#overlay;
    this.#painter.paint(this.#view, {
      marks: this.#marks,
      selected: this.#isSelected ? { start, end: start + pages } : undefined,
      changed,
      flash: Math.max(0, (this.#flashUntil - performance.now()) / FLASH_TIME),
      stale,
      states: this.#legend.shown,
    });
    this.#crumbs.show(this.#map, this.#view, this.#cursor);
    this.#tell();
  }

  /** Shows all that is mapped. */
  fitMapped(): void {
    this.#fit(this.#map.start, this.#map.end);
  }

  /** Shows all that is the direct map's by right. */
  fitWindow(): void {
    this.#fit(this.#map.window.start, this.#map.window.end);
  }

  /** So many times as large, around the cursor. */
  zoomBy(factor: number): void {
    this.#view.zoom(this.#view.rowPages * factor, this.#cursor);
    this.#view.reveal(this.#cursor);
    this.paint();
  }

  /** After the colours of the page have changed. */
  repaint(): void {
    this.#painter.readColours();
    this.paint();
  }

  /** Pages that a step of the keys goes. */
  get #unit(): number {
    return Math.max(1, this.#view.rowPages / STEPS);
  }

  #listen(): void {
    const canvas = this.#canvas;
    canvas.addEventListener('keydown', (event) => this.#key(event));
    canvas.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener('pointerdown', (event) => {
      this.#drag = { y: event.clientY, top: this.#view.top, moved: false };
      if (event.pointerType === 'mouse') canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointermove', (event) => this.#point(event));
    canvas.addEventListener('pointerup', (event) => this.#release(event));
    canvas.addEventListener('pointercancel', () => {
      this.#drag = undefined;
    });
    canvas.addEventListener('pointerleave', () => {
      this.#pointer = undefined;
      this.#tell();
    });
    canvas.addEventListener('dblclick', () => this.zoomBy(1 / 16));
    this.#strip.addEventListener('pointerdown', ({ offsetX }) => {
      const { start, end } = this.#map;
      const place = Math.floor(start + (offsetX / this.#strip.clientWidth) * (end - start));
      this.#view.scrollTo(Math.floor(place / this.#view.rowPages) - ROWS / 2);
      this.paint();
    });
    new ResizeObserver(() => {
      const { clientWidth } = canvas;
      this.#view.limit(closestRowPages(clientWidth - labelWidth(clientWidth)));
      this.paint();
    }).observe(canvas);
  }

  #point(event: PointerEvent): void {
    const drag = this.#drag;
    if (drag === undefined || event.pointerType !== 'mouse') {
      this.#pointer = pointOf(event);
      this.#tell();
      return;
    }
    const rows = Math.round((drag.y - event.clientY) / rowHeight(this.#view));
    if (rows !== 0) drag.moved = true;
    this.#view.scrollTo(drag.top + rows);
    this.paint();
  }

  #release(event: PointerEvent): void {
    const place = this.#drag?.moved === false ? this.#placeAt(pointOf(event)) : undefined;
    this.#drag = undefined;
    if (place !== undefined) this.#select(place);
  }

  #wheel(event: WheelEvent): void {
    // The page scrolls past the map until the reader has turned to it.
    if (document.activeElement !== this.#canvas && !event.ctrlKey) return;
    event.preventDefault();
    const place = this.#placeAt(pointOf(event)) ?? this.#cursor;
    this.#view.zoom(this.#view.rowPages * (event.deltaY > 0 ? 2 : 1 / 2), place);
    this.paint();
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { rowPages } = this.#view;
    const actions: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => this.#walk(this.#cursor - this.#unit),
      ArrowRight: () => this.#walk(this.#cursor + this.#unit),
      ArrowUp: () => this.#walk(this.#cursor - rowPages),
      ArrowDown: () => this.#walk(this.#cursor + rowPages),
      PageUp: () => this.#walk(this.#cursor - rowPages * ROWS),
      PageDown: () => this.#walk(this.#cursor + rowPages * ROWS),
      Home: () => this.#walk(this.#map.start),
      End: () => this.#walk(this.#map.end - 1),
      '+': () => this.zoomBy(1 / 2),
      '=': () => this.zoomBy(1 / 2),
      '-': () => this.zoomBy(2),
      0: () => this.fitMapped(),
      'shift 0': () => this.fitWindow(),
      Enter: () => this.#select(this.#cursor),
      ' ': () => this.#select(this.#cursor),
    };
    // With shift, it depends on the keyboard what a 0 writes.
    const action = actions[event.shiftKey && event.code === 'Digit0' ? 'shift 0' : event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  }

  /** By the keys. */
  #walk(place: number): void {
    const { start, end } = this.#map.window;
    this.#pointer = undefined;
    this.#goTo(Math.max(start, Math.min(end - 1, place)));
    this.#view.reveal(this.#cursor);
    this.#tell();
    this.paint();
  }

  #goTo(place: number): void {
    this.#cursor = place;
    this.#isSelected = true;
  }

  #select(place: number): void {
    this.#goTo(place);
    this.#tell();
    this.paint();
    this.#onSelect(place);
  }

  #scrollBy(rows: number): void {
    this.#view.scrollTo(this.#view.top + rows);
    this.paint();
  }

  /** The block of so many pages that a place is in, as large as the view. */
  #fitBlock(place: number, pages: number): void {
    const start = place - (place % pages);
    this.#fit(start, start + pages);
  }

  #fit(start: number, end: number): void {
    this.#view.fit(start, end);
    this.paint();
  }

  /** Where the pointer is. */
  #placeAt({ x, y }: Point): number | undefined {
    const left = labelWidth(this.#canvas.clientWidth);
    const inRow = Math.max(0, x - left) / (this.#canvas.clientWidth - left);
    const row = this.#view.top + Math.floor(y / rowHeight(this.#view));
    const place = Math.floor((row + Math.min(inRow, 0.999_999)) * this.#view.rowPages);
    const { start, end } = this.#map.window;
    return place >= start && place < end ? place : undefined;
  }

  /** Says what is at the pointer, or else at the cursor. */
  #tell(): void {
    const atCursor = this.#isSelected ? this.#cursor : undefined;
    const place = this.#pointer === undefined ? atCursor : this.#placeAt(this.#pointer);
    setText(this.#status, place === undefined ? '' : placeWords(this.#map, place, this.#overlay));
  }
}

/** On the canvas, in CSS pixels. */
interface Point {
  readonly x: number;
  readonly y: number;
}

function pointOf({ offsetX, offsetY }: MouseEvent): Point {
  return { x: offsetX, y: offsetY };
}

/** A view of what is mapped, that can go as far as the window. */
function viewOf({ start, end, window }: DirectMap): Viewport {
  const view = new Viewport(window.start, window.end);
  view.fit(start, end);
  return view;
}
