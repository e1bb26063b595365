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

const HINT =
  'Point at the map, or move on it with the arrow keys; Enter or a click shows the walk. Once the map has the focus, the wheel zooms, as + and - do. Where a pixel has room for one of several states, it is the one that comes last above. Dashed outlines are places of findings: of errors and warnings, or of the finding that was followed last.';

export class MapView {
  readonly element: HTMLElement;
  readonly #map: DirectMap;
  readonly #view: Viewport;
  readonly #painter: Painter;
  readonly #legend: Legend;
  readonly #onSelect: (place: number) => void;
  readonly #canvas = element('canvas', {
    class: 'rows',
    tabindex: '0',
    role: 'application',
    'aria-roledescription': 'map',
    'aria-label': 'Map of the direct map. Arrow keys move, plus and minus zoom, Enter shows the walk.',
    'aria-describedby': 'map-status map-hint',
  });
  readonly #strip = element('canvas', { class: 'strip', 'aria-hidden': 'true' });
  readonly #crumbs = element('nav', { class: 'crumbs', 'aria-label': 'Zoom' });
  readonly #status = element('p', { id: 'map-status', class: 'status', 'aria-live': 'polite' });
  #marks: readonly Mark[] = [];
  #cursor: number;
  /** Whether the reader has been at the cursor. */
  #isSelected = false;
  #drag: { y: number; top: number; moved: boolean } | undefined;
  #painting = false;

  /** `onSelect` is told the place that the reader has chosen. */
  constructor(map: DirectMap, onSelect: (place: number) => void) {
    this.#map = map;
    this.#onSelect = onSelect;
    this.#cursor = map.start;
    this.#view = new Viewport(map.start, map.end);
    this.#legend = new Legend(map, () => this.paint());
    const tools = element(
      'div',
      { class: 'tools', role: 'group', 'aria-label': 'View' },
      button('+', () => this.#zoomBy(1 / 4), { 'aria-label': 'Zoom in' }),
      button('−', () => this.#zoomBy(4), { 'aria-label': 'Zoom out' }),
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
      element('p', { id: 'map-hint', class: 'hint' }, HINT),
    );
    this.#painter = new Painter(map, this.#canvas, this.#strip);
    this.#listen();
    this.#tell(undefined);
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
    if (closer) this.#fit(place, (smallest ?? 512 * this.#map.pageBytes) / this.#map.pageBytes);
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
      const pages = this.#unit;
      const start = this.#cursor - (this.#cursor % pages);
      const selected = this.#isSelected ? { start, end: start + pages } : undefined;
      this.#painter.paint(this.#view, { marks: this.#marks, selected, states: this.#legend.shown });
      this.#crumbs.replaceChildren(...this.#crumbList());
    });
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
    canvas.addEventListener('dblclick', () => this.#zoomBy(1 / 16));
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
      '+': () => this.#zoomBy(1 / 2),
      '=': () => this.#zoomBy(1 / 2),
      '-': () => this.#zoomBy(2),
      0: () => this.#zoomBy(Number.POSITIVE_INFINITY),
      Enter: () => this.#select(this.#cursor),
      ' ': () => this.#select(this.#cursor),
    };
    const action = actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  }

  #move(place: number): void {
    this.#goTo(Math.max(this.#map.start, Math.min(this.#map.end - 1, place)));
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

  #zoomBy(factor: number): void {
    this.#view.zoom(this.#view.rowPages * factor, this.#cursor);
    this.#view.reveal(this.#cursor);
    this.paint();
  }

  #scrollBy(rows: number): void {
    this.#view.scrollTo(this.#view.top + rows);
    this.paint();
  }

  /** The block of so many pages that a place is in, as large as the view. */
  #fit(place: number, pages: number): void {
    this.#view.fit(place - (place % pages), pages);
  }

  #placeAt({ offsetX, offsetY }: MouseEvent): number | undefined {
    const left = labelWidth(this.#canvas.clientWidth);
    const inRow = Math.max(0, offsetX - left) / (this.#canvas.clientWidth - left);
    const row = this.#view.top + Math.floor(offsetY / rowHeight(this.#view));
    const place = Math.floor((row + Math.min(inRow, 0.999_999)) * this.#view.rowPages);
    return place >= this.#map.start && place < this.#map.end ? place : undefined;
  }

  #tell(place: number | undefined): void {
    const found = place === undefined ? undefined : this.#map.at(place);
    this.#status.textContent =
      place === undefined || found === undefined
        ? ''
        : `${hexOf(this.#map.addressOf(place))}  ${this.#describe(found)}`;
  }

  #describe({ start, end, state, leaf, frame }: Found): string {
    const size = aboutSize((end - start) * this.#map.pageBytes);
    if (leaf === undefined) return `${labelOf(state, [])}, ${size}`;
    const what = `${leaf.size} ${leaf.present ? leaf.access : 'not present'}`;
    const number = (end - start) / (leaf.bytes / this.#map.pageBytes);
    const run = number > 1 ? `  ${Number.isInteger(number) ? number : Math.ceil(number)} alike, ${size}` : '';
    return `${frame === undefined ? '' : `pfn ${hexOf(frame)}  `}${what}  ${leaf.names}${run}`;
  }

  /** From the whole map to the smallest block in view: each is a way back. */
  #crumbList(): (Node | string)[] {
    const { start, end, blockBytes, pageBytes } = this.#map;
    const { rowPages, maxRowPages } = this.#view;
    const blocks = [...blockBytes]
      .reverse()
      .map((bytes) => ({ bytes, pages: bytes / pageBytes }))
      .filter(({ pages }) => Math.max(16, pages / ROWS) < maxRowPages);
    const current = blocks.findLastIndex(({ pages }) => rowPages <= Math.max(16, pages / ROWS));
    const whole = button(`all ${aboutSize((end - start) * pageBytes)}`, () =>
      this.#zoomBy(Number.POSITIVE_INFINITY),
    );
    const crumbs = blocks.map(({ bytes, pages }) => {
      const first = this.#cursor - (this.#cursor % pages);
      const label = `${sizeOf(bytes)} at ${hexOf(this.#map.addressOf(Math.max(start, first)))}`;
      return button(label, () => {
        this.#fit(this.#cursor, pages);
        this.paint();
      });
    });
    for (const [index, crumb] of [whole, ...crumbs].entries()) {
      if (index === current + 1) crumb.setAttribute('aria-current', 'true');
    }
    const row = element('span', { class: 'scale' }, `row ${sizeOf(rowPages * pageBytes)}`);
    return [whole, ...crumbs.flatMap((crumb) => [' › ', crumb]), row];
  }
}
