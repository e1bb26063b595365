/**
 * The states of rows as an image of one line for each, which is drawn as high as a row. It takes the same time whether
 * each pixel has another state or all have one.
 */

import { HOLE } from './bins.ts';
import { STATES, type State } from './states.ts';

/** In CSS pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface BinnedRow {
  readonly bins: Uint8Array;
  readonly box: Box;
}

/** How much is left of the colours of states that were not chosen. */
const FADED = 0.12;

export class RowImage {
  readonly #canvas = document.createElement('canvas');
  #image: ImageData | undefined;
  /** By what a pixel shows: the colour as it lies in memory. */
  readonly #colours = new Uint32Array(STATES.length + 1);
  readonly #faded = new Uint32Array(STATES.length + 1);

  /** Takes the colours of states, however a style sheet writes them. */
  readColours(colourOf: (state: State) => string): void {
    const context = contextOf(document.createElement('canvas'));
    for (const [place, state] of STATES.entries()) {
      context.fillStyle = colourOf(state);
      context.fillRect(place, 0, 1, 1);
    }
    const { data } = context.getImageData(0, 0, STATES.length, 1);
    this.#colours.set(new Uint32Array(data.buffer), 1);
    for (let at = 3; at < data.length; at += 4) data[at] = Math.round(data[at]! * FADED);
    this.#faded.set(new Uint32Array(data.buffer), 1);
  }

  /** Draws rows, all of the same width. */
  draw(context: CanvasRenderingContext2D, rows: readonly BinnedRow[], states: ReadonlySet<State>): void {
    const width = rows[0]?.bins.length ?? 0;
    if (width === 0) return;
    const image = this.#imageOf(width, rows.length * 2);
    const pixels = new Uint32Array(image.data.buffer);
    const colours = this.#colours.map((colour, value) =>
      value === 0 || states.has(STATES[value - 1]!) ? colour : this.#faded[value]!,
    );
    for (const [number, { bins }] of rows.entries()) putRow(pixels, number * 2 * width, bins, colours);
    const { width: allWidth, height: allHeight } = this.#canvas;
    if (allWidth !== width || allHeight !== image.height) {
      this.#canvas.width = width;
      this.#canvas.height = image.height;
    }
    contextOf(this.#canvas).putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    for (const [number, { box }] of rows.entries()) {
      const { left, top, height } = box;
      const middle = Math.round(top + height / 2);
      context.drawImage(this.#canvas, 0, number * 2, width, 1, left, top, box.width, height);
      context.drawImage(this.#canvas, 0, number * 2 + 1, width, 1, left, middle, box.width, 1);
    }
  }

  #imageOf(width: number, height: number): ImageData {
    if (this.#image?.width !== width || this.#image.height !== height)
      this.#image = new ImageData(width, height);
    return this.#image;
  }
}

/** Two lines of an image from `at` on: all but the holes of a row, and its holes, which are drawn as a thin line. */
function putRow(pixels: Uint32Array, at: number, bins: Uint8Array, colours: Uint32Array): void {
  const width = bins.length;
  for (let bin = 0; bin < width; bin++) {
    const value = bins[bin]!;
    const colour = colours[value]!;
    pixels[at + bin] = value === HOLE ? 0 : colour;
    pixels[at + width + bin] = value === HOLE ? colour : 0;
  }
}

/** @throws Error if the browser draws nothing. */
export function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser draws no canvas');
  return context;
}
