import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  JournalledCounters,
  JournalledMap,
  JournalledValue,
  SharedJournal,
} from '../../src/memory/journalled.ts';

interface MapStep {
  key: number;
  value: number | undefined;
}

const mapSteps = fc.array(
  fc.record({ key: fc.nat(6), value: fc.option(fc.nat(), { nil: undefined }) }),
) satisfies fc.Arbitrary<MapStep[]>;

function apply(
  map: Pick<Map<number, number>, 'set' | 'delete'> | JournalledMap<number, number>,
  steps: MapStep[],
) {
  for (const { key, value } of steps) {
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }
}

describe('JournalledMap', () => {
  test('behaves as a Map', () => {
    fc.assert(
      fc.property(mapSteps, (steps) => {
        const ours = new JournalledMap<number, number>();
        const real = new Map<number, number>();
        apply(ours, steps);
        apply(real, steps);
        expect([...ours.entries()]).toEqual([...real.entries()]);
        expect([...ours.keys()]).toEqual([...real.keys()]);
        expect(ours.size).toBe(real.size);
        for (let key = 0; key <= 6; key++) {
          expect(ours.get(key)).toBe(real.get(key));
          expect(ours.has(key)).toBe(real.has(key));
        }
      }),
    );
  });

  test('after an undo it goes on as if what was undone had never happened, order included', () => {
    fc.assert(
      fc.property(mapSteps, mapSteps, mapSteps, (before, undone, after) => {
        const map = new JournalledMap<number, number>();
        const untouched = new Map<number, number>();
        apply(map, before);
        const mark = map.mark();
        apply(map, undone);
        map.undo(mark);
        apply(untouched, before);
        expect([...map.entries()]).toEqual([...untouched.entries()]);
        apply(map, after);
        apply(untouched, after);
        expect([...map.entries()]).toEqual([...untouched.entries()]);
      }),
    );
  });

  test('an undone deletion comes back in its old place', () => {
    const map = new JournalledMap<string, number>();
    map.set('a', 1);
    map.set('b', 2);
    const mark = map.mark();
    map.delete('a');
    map.undo(mark);
    expect([...map.keys()]).toEqual(['a', 'b']);
  });

  test('a key whose value is undefined is there', () => {
    const map = new JournalledMap<string, undefined>();
    const mark = map.mark();
    map.set('a', undefined);
    expect(map.has('a')).toBe(true);
    map.undo(mark);
    expect(map.has('a')).toBe(false);
  });
});

describe('JournalledCounters', () => {
  test('undo restores every counter', () => {
    const steps = fc.array(fc.tuple(fc.nat(3), fc.integer(), fc.boolean()));
    const count = (counters: JournalledCounters, list: [number, number, boolean][]) => {
      for (const [index, value, relative] of list) {
        if (relative) counters.add(index, value);
        else counters.set(index, value);
      }
    };
    fc.assert(
      fc.property(steps, steps, (before, undone) => {
        const counters = new JournalledCounters(4);
        count(counters, before);
        const values = counters.toArray();
        const mark = counters.mark();
        count(counters, undone);
        counters.undo(mark);
        expect(counters.toArray()).toEqual(values);
      }),
    );
  });

  test('counts', () => {
    const counters = new JournalledCounters(2);
    counters.add(1, 3);
    counters.add(1, -1);
    expect(counters.get(1)).toBe(2);
    expect(counters.get(0)).toBe(0);
  });
});

describe('SharedJournal', () => {
  test('marks and undoes all of its parts at once, in the order of their changes', () => {
    const shared = new SharedJournal();
    const map = new JournalledMap<string, number>(shared);
    const value = new JournalledValue(1, shared);
    map.set('a', 1);
    value.set(2);
    const before = shared.text();
    const mark = shared.mark();
    map.set('a', 2);
    value.set(3);
    map.delete('a');
    map.set('b', 5);
    value.set(4);
    expect(shared.text()).not.toBe(before);
    shared.undo(mark);
    expect(shared.text()).toBe(before);
    expect([[...map.entries()], value.get()]).toEqual([[['a', 1]], 2]);
  });

  test('tells what its parts hold, maps in them too', () => {
    const shared = new SharedJournal();
    new JournalledValue<ReadonlyMap<number, string>>(new Map([[1, 'x']]), shared);
    new JournalledMap<number, boolean>(shared).set(7, true);
    expect(shared.text()).toBe('[[[1,"x"]],[[7,true]]]');
  });
});

describe('JournalledValue', () => {
  test('undo restores it', () => {
    const value = new JournalledValue('a');
    const mark = value.mark();
    value.set('b');
    value.set('c');
    value.undo(mark);
    expect(value.get()).toBe('a');
  });
});
