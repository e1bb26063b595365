/** The map as one handles it: zoom, scroll, point, select; with mouse, fingers and keys. */

import type { DirectMap, Found } from './direct_map.ts';
import { button, element } from './dom.ts';
import { Legend } from './legend.ts';
import { labelWidth, type Mark, Painter, rowHeight } from './painter.ts';
import { labelOf } from './states.ts';
import { ROWS, Viewport } from './viewport.ts';
import { aboutSize, hexOf, sizeOf } from './words.ts';

/** Steps of the arrow keys in a row. */
const STEPS = 64;

/** How long what has changed flashes, in milliseconds. */
const FLASH_TIME = 700;

/** What lies over the map. */
const NOTHING: Overlay = { changed: [], stale: [], owners: [] };

/** Maps of this page so far. */
let mapsMade = 0;

const HINT =
  'Point at the map, or move on it with the arrow keys; Enter or a click shows the walk. Once the map has the focus, the wheel zooms, as + and - do. Where a pixel has room for one of several states, it is the one that comes last above. Dashed outlines are places of findings: of errors and warnings, or of the finding that was followed last.';

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
  readonly #crumbs = element('nav', { class: 'crumbs', 'aria-label': 'Zoom' });
  readonly #status = element('p', { id: `${this.#id}-status`, class: 'status', 'aria-live': 'polite' });
  #marks: readonly Mark[] = [];
  #overlay = NOTHING;
  #flashUntil = 0;
  #shownCrumbs = '';
  #cursor: number;
  /** Whether the reader has been at the cursor. */
  #isSelected = false;
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
      element('div', { class: 'bar' }, this.#crumbs, tools),
      this.#strip,
      this.#canvas,
      this.#status,
      element('p', { id: `${this.#id}-hint`, class: 'hint' }, hint),
    );
    this.#painter = new Painter(map, this.#canvas, this.#strip);
    this.#listen();
    this.#tell(undefined);
  }

  /** Shows another state of the same machine, in the same view as far as that can be. */
  update(map: DirectMap): void {
    const address = this.#map.addressOf(this.#cursor);
    const { window } = map;
    const isSame = this.#view.isOf(window.start, window.end) && map.addressOf(0) === this.#map.addressOf(0);
    this.#map = map;
    this.#painter.show(map);
    this.#legend.update(map);
    if (!isSame) {
      this.#view = viewOf(map);
      this.#cursor = map.placeOf(address) ?? map.start;
    }
    this.#tell(this.#isSelected ? this.#cursor : undefined);
    this.paint();
  }

  overlay({ changed, stale, owners }: Overlay): void {
    const { changed: before } = this.#overlay;
    this.#overlay = { changed: merged(changed), stale: merged(stale), owners };
    const isNew = JSON.stringify(before) !== JSON.stringify(this.#overlay.changed);
    const moves = !matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (isNew && moves) this.#flashUntil = performance.now() + FLASH_TIME;
    const pages = this.#overlay.stale.reduce((sum, { start, end }) => sum + end - start, 0);
    this.#legend.tellStale(pages * this.#map.pageBytes);
    this.#tell(this.#isSelected ? this.#cursor : undefined);
    this.paint();
  }

  /** Shows these places, whatever their size. */
  mark(marks: readonly Mark[]): void {
    this.#marks = marks;
    this.paint();
  }

  /** Selects a place, and brings it into view: at `closer`, so that single pages can be told apart. */
  show(place: number, closer: boolean): void {
    this.#goTo(place);
    const [smallest] = this.#map.blockBytes;
    if (closer) this.#fitBlock(place, (smallest ?? 512 * this.#map.pageBytes) / this.#map.pageBytes);
    this.#view.reveal(place);
    this.#tell(place);
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

  /** Draws at once. */
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
    this.#showCrumbs();
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
    canvas.addEventListener('pointerleave', () => this.#tell(this.#isSelected ? this.#cursor : undefined));
    canvas.addEventListener('dblclick', () => this.zoomBy(1 / 16));
    this.#strip.addEventListener('pointerdown', ({ offsetX }) => {
      const { start, end } = this.#map;
      const place = Math.floor(start + (offsetX / this.#strip.clientWidth) * (end - start));
      this.#view.scrollTo(Math.floor(place / this.#view.rowPages) - ROWS / 2);
      this.paint();
    });
    new ResizeObserver(() => this.paint()).observe(canvas);
  }

  #point(event: PointerEvent): void {
    const drag = this.#drag;
    if (drag === undefined || event.pointerType !== 'mouse') {
      this.#tell(this.#placeAt(event));
      return;
    }
    const rows = Math.round((drag.y - event.clientY) / rowHeight(this.#view));
    if (rows !== 0) drag.moved = true;
    this.#view.scrollTo(drag.top + rows);
    this.paint();
  }

  #release(event: PointerEvent): void {
    const place = this.#drag?.moved === false ? this.#placeAt(event) : undefined;
    this.#drag = undefined;
    if (place !== undefined) this.#select(place);
  }

  #wheel(event: WheelEvent): void {
    // The page scrolls past the map until the reader has turned to it.
    if (document.activeElement !== this.#canvas && !event.ctrlKey) return;
    event.preventDefault();
    const place = this.#placeAt(event) ?? this.#cursor;
    this.#view.zoom(this.#view.rowPages * (event.deltaY > 0 ? 2 : 1 / 2), place);
    this.paint();
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { rowPages } = this.#view;
    const actions: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => this.#move(this.#cursor - this.#unit),
      ArrowRight: () => this.#move(this.#cursor + this.#unit),
      ArrowUp: () => this.#move(this.#cursor - rowPages),
      ArrowDown: () => this.#move(this.#cursor + rowPages),
      PageUp: () => this.#move(this.#cursor - rowPages * ROWS),
      PageDown: () => this.#move(this.#cursor + rowPages * ROWS),
      Home: () => this.#move(this.#map.start),
      End: () => this.#move(this.#map.end - 1),
      '+': () => this.zoomBy(1 / 2),
      '=': () => this.zoomBy(1 / 2),
      '-': () => this.zoomBy(2),
      0: () => this.#fitMapped(),
      Enter: () => this.#select(this.#cursor),
      ' ': () => this.#select(this.#cursor),
    };
    const action = actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  }

  #move(place: number): void {
    const { start, end } = this.#map.window;
    this.#goTo(Math.max(start, Math.min(end - 1, place)));
    this.#view.reveal(this.#cursor);
    this.#tell(this.#cursor);
    this.paint();
  }

  #goTo(place: number): void {
    this.#cursor = place;
    this.#isSelected = true;
  }

  #select(place: number): void {
    this.#goTo(place);
    this.#tell(place);
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
    this.#view.fit(start, start + pages);
    this.paint();
  }

  #fitMapped(): void {
    this.#view.fit(this.#map.start, this.#map.end);
    this.paint();
  }

  #placeAt({ offsetX, offsetY }: MouseEvent): number | undefined {
    const left = labelWidth(this.#canvas.clientWidth);
    const inRow = Math.max(0, offsetX - left) / (this.#canvas.clientWidth - left);
    const row = this.#view.top + Math.floor(offsetY / rowHeight(this.#view));
    const place = Math.floor((row + Math.min(inRow, 0.999_999)) * this.#view.rowPages);
    const { start, end } = this.#map.window;
    return place >= start && place < end ? place : undefined;
  }

  #tell(place: number | undefined): void {
    const found = place === undefined ? undefined : this.#map.at(place);
    this.#status.textContent =
      place === undefined || found === undefined
        ? ''
        : [hexOf(this.#map.addressOf(place)), this.#describe(found), ...this.#overlaid(place)].join('  ');
  }

  /** What lies over a place, in words. */
  #overlaid(place: number): string[] {
    const { stale, owners } = this.#overlay;
    const isThere = ({ start, end }: Mark) => start <= place && place < end;
    const owner = owners.find(isThere);
    return [...(stale.some(isThere) ? ['stale in a TLB'] : []), ...(owner === undefined ? [] : [owner.text])];
  }

  #describe({ start, end, state, leaf, frame }: Found): string {
    const size = aboutSize((end - start) * this.#map.pageBytes);
    if (leaf === undefined) return `${labelOf(state, [])}, ${size}`;
    const what = `${leaf.size} ${leaf.present ? leaf.access : 'not present'}`;
    const number = (end - start) / (leaf.bytes / this.#map.pageBytes);
    const run = number > 1 ? `  ${Number.isInteger(number) ? number : Math.ceil(number)} alike, ${size}` : '';
    return `${frame === undefined ? '' : `pfn ${hexOf(frame)}  `}${what}  ${leaf.names}${run}`;
  }

  /** From the whole to the smallest block in view: each is a way back. */
  #showCrumbs(): void {
    const crumbs = this.#crumbList();
    const scale = `row ${sizeOf(this.#view.rowPages * this.#map.pageBytes)}`;
    const current = crumbs.findLastIndex(({ rowPages }) => this.#view.rowPages <= rowPages);
    const shown = JSON.stringify([crumbs, current, scale]);
    if (shown === this.#shownCrumbs) return;
    this.#shownCrumbs = shown;
    const buttons = crumbs.map(({ label, go }, index) =>
      button(label, go, index === Math.max(0, current) ? { 'aria-current': 'true' } : {}),
    );
    this.#crumbs.replaceChildren(
      ...buttons.flatMap((made, index) => (index === 0 ? [made] : [' › ', made])),
      element('span', { class: 'scale' }, scale),
    );
  }

  #crumbList(): Crumb[] {
    const { start, end, window, blockBytes, pageBytes } = this.#map;
    const view = this.#view;
    const size = (from: number, to: number) => aboutSize((to - from) * pageBytes);
    const mapped: Crumb = {
      label: `all ${size(start, end)}`,
      rowPages: view.rowPagesToFit(start, end),
      go: () => this.#fitMapped(),
    };
    const whole: Crumb = {
      label: `window ${size(window.start, window.end)}`,
      rowPages: view.maxRowPages,
      go: () => this.zoomBy(Number.POSITIVE_INFINITY),
    };
    const blocks = [...blockBytes].reverse().map((bytes): Crumb => {
      const pages = bytes / pageBytes;
      const first = Math.max(window.start, this.#cursor - (this.#cursor % pages));
      return {
        label: `${sizeOf(bytes)} at ${hexOf(this.#map.addressOf(first))}`,
        rowPages: view.rowPagesToFit(first, first + pages),
        go: () => this.#fitBlock(this.#cursor, pages),
      };
    });
    const smaller = blocks.filter(({ rowPages }) => rowPages < mapped.rowPages);
    return whole.rowPages > mapped.rowPages ? [whole, mapped, ...smaller] : [mapped, ...smaller];
  }
}

/** A way to a part of the map. */
interface Crumb {
  readonly label: string;
  /** With which all of the part is in view. */
  readonly rowPages: number;
  readonly go: () => void;
}

/** A view of what is mapped, that can go as far as the window. */
function viewOf({ start, end, window }: DirectMap): Viewport {
  const view = new Viewport(window.start, window.end);
  view.fit(start, end);
  return view;
}

/** In ascending order, and those that touch as one. */
function merged(marks: readonly Mark[]): Mark[] {
  const all: { start: number; end: number }[] = [];
  for (const { start, end } of [...marks].sort((a, b) => a.start - b.start)) {
    const last = all.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else all.push({ start, end });
  }
  return all;
}
