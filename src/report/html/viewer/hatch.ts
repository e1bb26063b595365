/** The hatching of what is not as it looks: slanted lines over a colour, in one go for all of the map. */

import { contextOf } from './row_image.ts';

/** Of a tile, in CSS pixels. */
const SIZE = 6;
/** Narrower things are not hatched: nobody would see lines. */
export const MIN_HATCHED = 4;

export class Hatch {
  readonly #canvas = document.createElement('canvas');

  /** `colour` is that of the lines. */
  constructor(colour: string) {
    this.#canvas.width = SIZE;
    this.#canvas.height = SIZE;
    const context = contextOf(this.#canvas);
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    context.beginPath();
    for (const x of [-SIZE, 0, SIZE]) {
      context.moveTo(x, SIZE);
      context.lineTo(x + SIZE, 0);
    }
    context.stroke();
  }

  /** Hatches all of a path. */
  fill(context: CanvasRenderingContext2D, path: Path2D): void {
    const pattern = context.createPattern(this.#canvas, 'repeat');
    if (pattern === null) return;
    context.fillStyle = pattern;
    context.fill(path);
  }
}
