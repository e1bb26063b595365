import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Region } from '../../src/inspect/address_space.ts';
import { fillRegions } from '../../src/inspect/regions.ts';

const SIZE = 2 ** 47;

/** Bounds anywhere, also outside, backwards, and not on pages. */
const known = fc.array(
  fc.record({
    name: fc.constantFrom('direct map', 'vmalloc', 'vmemmap'),
    start: fc.maxSafeInteger().map((bound) => bound % (SIZE * 1.2)),
    end: fc.maxSafeInteger().map((bound) => bound % (SIZE * 1.2)),
  }),
  { maxLength: 8 },
);

test.each([
  ['below the end of the address space', -SIZE, 0],
  ['from 0 on', 0, SIZE],
] as const)('regions follow one another over all of a space %s, on whole pages', (_, start, end) => {
  fc.assert(
    fc.property(known, (made) => {
      const regions = fillRegions(made as Region[], start, end);
      expect(regions[0]!.start).toBe(start);
      expect(regions.at(-1)!.end).toBe(end);
      for (const [index, region] of regions.entries()) {
        expect(region.start).toBeLessThan(region.end);
        expect(Math.abs(region.start % 4096)).toBe(0);
        if (index > 0) expect(region.start).toBe(regions[index - 1]!.end);
      }
    }),
  );
});

test('a bound that is told as the last byte is one up', () => {
  const vmalloc: Region = { name: 'vmalloc', start: -(2 ** 40), end: -(2 ** 30) - 1 };
  const last: Region = { name: 'modules', start: -(2 ** 30), end: -1 };
  expect(fillRegions([vmalloc, last], -(2 ** 40))).toEqual([
    { ...vmalloc, end: -(2 ** 30) },
    { ...last, end: 0 },
  ]);
});
