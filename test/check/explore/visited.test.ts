import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VisitedStates } from '../../../src/check/explore/visited.ts';

interface Entry {
  low: number;
  high: number;
  /** Which of the states so far it is reached from, as a share of them. */
  from: number;
  choice: number;
}

const word = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
);
const entry: fc.Arbitrary<Entry> = fc.record({
  low: word,
  high: word,
  from: fc.double({ min: 0, max: 0.999, noNaN: true }),
  choice: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
});

/** What one would write without a thought for memory. */
class Reference {
  readonly numbers = new Map<string, number>();
  readonly paths: number[][] = [];

  add({ low, high }: Entry, parent: number, choice: number): boolean {
    const key = `${low >>> 0} ${high >>> 0}`;
    if (this.numbers.has(key)) return false;
    this.numbers.set(key, this.paths.length);
    this.paths.push(this.paths.length === 0 ? [] : [...this.paths[parent]!, choice]);
    return true;
  }
}

function fill(entries: readonly Entry[]): {
  visited: VisitedStates;
  reference: Reference;
  news: boolean[][];
} {
  const visited = new VisitedStates();
  const reference = new Reference();
  const news = entries.map((each) => {
    const parent = Math.floor(each.from * visited.count);
    return [visited.add(each.low, each.high, parent, each.choice), reference.add(each, parent, each.choice)];
  });
  return { visited, reference, news };
}

test('says of every hash whether it is new, and keeps parents, choices and depths, as a Map would', () => {
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 300 }), (entries) => {
      const { visited, reference, news } = fill(entries);
      for (const [isNew, expected] of news) expect(isNew).toBe(expected);
      expect(visited.count).toBe(reference.paths.length);
      reference.paths.forEach((path, state) => {
        expect(visited.pathTo(state)).toEqual(path);
        expect(visited.depth(state)).toBe(path.length);
        if (state > 0) expect(visited.choice(state)).toBe(path.at(-1));
        expect(visited.pathTo(visited.parent(state))).toEqual(path.slice(0, -1));
      });
    }),
  );
});

test('grows without losing a state or taking one for another', () => {
  const visited = new VisitedStates();
  const total = 20_000;
  // Neighbours, equal low halves, equal high halves, and some that begin at one slot.
  const hash = (i: number): [low: number, high: number] =>
    [[i, 0] as const, [0, i] as const, [i, i] as const, [Math.imul(i, 0x9e3779b1), i] as const][i % 4]! as [
      number,
      number,
    ];
  const distinct = new Set<string>();
  for (let i = 0; i < total; i++) {
    const [low, high] = hash(i);
    const key = `${low >>> 0} ${high >>> 0}`;
    expect(visited.add(low, high, Math.max(0, visited.count - 1), i)).toBe(!distinct.has(key));
    distinct.add(key);
  }
  expect(visited.count).toBe(distinct.size);
  for (let i = 0; i < total; i++) expect(visited.add(...hash(i), 0, 0)).toBe(false);
  expect(visited.depth(visited.count - 1)).toBe(visited.count - 1);
});

test('costs tens of bytes a state, and knows how many', () => {
  const visited = new VisitedStates();
  for (let i = 0; i < 100_000; i++) visited.add(Math.imul(i, 0x85ebca77), i, 0, i);
  expect(visited.bytes / visited.count).toBeGreaterThan(16);
  expect(visited.bytes / visited.count).toBeLessThan(64);
});

test('two of 2^32 states have one hash with an even chance, two of a million with none', () => {
  const visited = new VisitedStates();
  expect(visited.collisionProbability).toBe(0);
  for (let i = 0; i < 1024; i++) visited.add(i, 0, 0, 0);
  expect(visited.collisionProbability).toBe(2 ** 20 / 2 ** 65);
});
