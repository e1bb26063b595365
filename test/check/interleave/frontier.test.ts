import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Frontier } from '../../../src/check/interleave/frontier.ts';

/** A vector of `width` numbers that all are `value`. */
const vector = (value: number, width: number) => new Uint16Array(width).fill(value);

describe('Frontier', () => {
  it('gives back what was put in, first in first out, however it is mixed and widened', () => {
    const step = fc.oneof(
      fc.record({ push: fc.nat(65_535), wider: fc.nat(2) }),
      fc.constant('shift' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 2000 }), (steps) => {
        let width = 2;
        const frontier = new Frontier(width);
        const expected: { value: number; width: number }[] = [];
        const out = new Uint16Array(10_000);
        for (const each of steps) {
          if (each === 'shift') {
            const first = expected.shift();
            if (first === undefined) continue;
            frontier.shift(out);
            expect(out[0]).toBe(first.value);
            expect(out[first.width - 1]).toBe(first.value);
            expect(out[first.width]).toBe(0);
          } else {
            width = Math.min(width + each.wider, 9_000);
            frontier.push(vector(each.push, width), width);
            expected.push({ value: each.push, width });
          }
          expect(frontier.length).toBe(expected.length);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('tells the most that it has held, in bytes', () => {
    const frontier = new Frontier(4);
    for (let i = 0; i < 3; i++) frontier.push(vector(i, 4), 4);
    frontier.shift(new Uint16Array(4));
    expect(frontier.largestBytes).toBe(3 * 4 * 2);
  });
});
