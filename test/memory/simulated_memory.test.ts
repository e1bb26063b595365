import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PAGE_SIZE, type PageSource, WORDS_PER_PAGE } from '../../src/memory/physical_memory.ts';
import { SimulatedMemory } from '../../src/memory/simulated_memory.ts';

interface Write {
  address: number;
  low: number;
  high: number;
}

/** Few words, so that writes meet; some above 4 GiB, some above what 32 bits of frame number hold. */
const FRAMES = [0, 1, 0x10_0000, 0xf_ffff_ffff];
const ADDRESSES = FRAMES.flatMap((pfn) => [0, 1, 7, 511].map((word) => pfn * PAGE_SIZE + word * 8));

const half = fc.oneof(
  fc.constantFrom(0, 1, 0x8000_0000, 0xffff_ffff),
  fc.integer({ min: 0, max: 0xffff_ffff }),
);
const write: fc.Arbitrary<Write> = fc.record({
  address: fc.constantFrom(...ADDRESSES),
  low: half,
  high: half,
});
const writes = fc.array(write, { maxLength: 40 });

function apply(memory: SimulatedMemory, list: readonly Write[]): SimulatedMemory {
  for (const { address, low, high } of list) memory.write(address, low, high);
  return memory;
}

function contents(memory: SimulatedMemory): bigint[] {
  return ADDRESSES.map((address) => memory.word(address));
}

/** Frames 0 and 0x100000, filled with a pattern; nothing else. */
function patternBase(): PageSource & { pages: Map<number, Uint32Array> } {
  const pages = new Map(
    [0, 0x10_0000].map((pfn) => [
      pfn,
      Uint32Array.from({ length: 1024 }, (_, half) => pfn ^ (half * 0x1234567)),
    ]),
  );
  return { pages, readPage: (pfn) => pages.get(pfn) };
}

describe('SimulatedMemory', () => {
  test('reads back what was written, in halves and as a word', () => {
    fc.assert(
      fc.property(writes, (list) => {
        const memory = apply(new SimulatedMemory(), list);
        const expected = new Map(list.map(({ address, low, high }) => [address, { low, high }]));
        for (const address of ADDRESSES) {
          const { low, high } = expected.get(address) ?? { low: 0, high: 0 };
          expect(memory.low(address)).toBe(low);
          expect(memory.high(address)).toBe(high);
          expect(memory.word(address)).toBe((BigInt(high) << 32n) | BigInt(low));
        }
      }),
    );
  });

  test('takes the low 32 bits of a half, signed or not', () => {
    const memory = new SimulatedMemory();
    memory.write(8, -1, 1 << 31);
    expect(memory.word(8)).toBe(0x8000_0000_ffff_ffffn);
    const { hash } = memory;
    memory.write(8, 0xffff_ffff, 0x8000_0000);
    expect(memory.hash).toBe(hash);
    expect(memory.mark()).toBe(1);
  });

  test('undo restores contents and hash, over a base or not, through nested marks', () => {
    fc.assert(
      fc.property(fc.boolean(), writes, writes, writes, (based, before, outer, inner) => {
        const memory = apply(new SimulatedMemory(based ? patternBase() : undefined), before);
        const first = { mark: memory.mark(), hash: memory.hash, contents: contents(memory) };
        apply(memory, outer);
        const second = { mark: memory.mark(), hash: memory.hash, contents: contents(memory) };
        apply(memory, inner);
        memory.undo(second.mark);
        expect(contents(memory)).toEqual(second.contents);
        expect(memory.hash).toBe(second.hash);
        memory.undo(first.mark);
        expect(contents(memory)).toEqual(first.contents);
        expect(memory.hash).toBe(first.hash);
      }),
    );
  });

  test('writing two words in either order gives one hash', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(write, { selector: ({ address }) => address }),
        fc.infiniteStream(fc.nat()),
        (list, keys) => {
          const shuffled = list
            .map((item) => ({ item, key: keys.next().value! }))
            .sort((a, b) => a.key - b.key)
            .map(({ item }) => item);
          expect(apply(new SimulatedMemory(), shuffled).hash).toBe(apply(new SimulatedMemory(), list).hash);
        },
      ),
    );
  });

  test('different histories that end in equal contents have equal hashes', () => {
    fc.assert(
      fc.property(fc.boolean(), writes, writes, (based, detour, list) => {
        const final = ADDRESSES.map(
          (address, index) => list.find((w) => w.address === address) ?? { address, low: index, high: 0 },
        );
        const memory = () => new SimulatedMemory(based ? patternBase() : undefined);
        expect(apply(apply(memory(), detour), final).hash).toBe(apply(memory(), final).hash);
      }),
    );
  });

  test('the hash of contents equal to the base is zero', () => {
    fc.assert(
      fc.property(writes, (list) => {
        const memory = apply(new SimulatedMemory(), list);
        for (const pfn of FRAMES) memory.clearPage(pfn);
        expect(contents(memory).every((word) => word === 0n)).toBe(true);
        expect(memory.hash).toBe(0n);
      }),
    );
  });

  test('two values of one word never have the same hash', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ADDRESSES),
        half,
        half,
        half,
        half,
        (address, low, high, low2, high2) => {
          fc.pre(low !== low2 || high !== high2);
          const one = apply(new SimulatedMemory(), [{ address, low, high }]);
          const other = apply(new SimulatedMemory(), [{ address, low: low2, high: high2 }]);
          expect(one.hash).not.toBe(other.hash);
        },
      ),
    );
  });

  test('an entry with NX and frame bit 19 differs from one with neither', () => {
    const one = apply(new SimulatedMemory(), [{ address: 0x1000, low: 0x8000_0163, high: 0x8000_0000 }]);
    const other = apply(new SimulatedMemory(), [{ address: 0x1000, low: 0x163, high: 0 }]);
    expect(one.hash).not.toBe(other.hash);
  });

  test('a hundred thousand states of a few entries have as many hashes', () => {
    const memory = new SimulatedMemory();
    const hashes = new Set<bigint>();
    const flags = [0, 0x161, 0x163, 0x1e3, 0x8000_0161, 0x8000_0163, 0x60];
    const fill = (entry: number): void => {
      if (entry === 6) {
        hashes.add(memory.hash);
        return;
      }
      const mark = memory.mark();
      for (const [index, low] of flags.entries()) {
        memory.write(
          0x1000 + (entry % 3) * 8 + (entry >= 3 ? PAGE_SIZE : 0),
          low,
          index & 1 ? 0x8000_0000 : 0,
        );
        fill(entry + 1);
        memory.undo(mark);
      }
    };
    fill(0);
    expect(hashes.size).toBe(flags.length ** 6);
  });

  test('writes over a base never change the base', () => {
    fc.assert(
      fc.property(writes, (list) => {
        const base = patternBase();
        const memory = apply(new SimulatedMemory(base), list);
        memory.clearPage(0);
        memory.undo(list.length >>> 1);
        for (const [pfn, page] of patternBase().pages) expect(base.pages.get(pfn)).toEqual(page);
      }),
    );
  });

  test('reads what the base has until it is written', () => {
    const base = patternBase();
    const memory = new SimulatedMemory(base);
    expect(memory.readPage(0)).toEqual(base.pages.get(0));
    memory.write(0, 7, 8);
    expect(memory.word(0)).toBe(0x8_0000_0007n);
    expect(memory.word(8)).toBe((BigInt(base.pages.get(0)![3]!) << 32n) | BigInt(base.pages.get(0)![2]!));
  });

  test('without a base an untouched frame reads as zeros and costs nothing', () => {
    const memory = new SimulatedMemory();
    memory.clearPage(5);
    expect(memory.readPage(5)).toEqual(new Uint32Array(2 * WORDS_PER_PAGE));
    expect(memory.pagesHeld).toBe(0);
  });

  test('over a base, a frame that the base lacks is there once it was cleared or written', () => {
    const memory = new SimulatedMemory(patternBase());
    expect(memory.readPage(5)).toBeUndefined();
    memory.clearPage(5);
    expect(memory.readPage(5)).toEqual(new Uint32Array(2 * WORDS_PER_PAGE));
    expect(memory.hash).toBe(0n);
  });

  test('changedSince is exactly the difference, in the order of the first writes', () => {
    fc.assert(
      fc.property(fc.boolean(), writes, writes, (based, before, after) => {
        const memory = apply(new SimulatedMemory(based ? patternBase() : undefined), before);
        const mark = memory.mark();
        const old = new Map(ADDRESSES.map((address) => [address, memory.word(address)]));
        apply(memory, after);
        const changed = memory.changedSince(mark);
        const differing = ADDRESSES.filter((address) => memory.word(address) !== old.get(address));
        expect(new Set(changed.map(({ address }) => address))).toEqual(new Set(differing));
        expect(changed).toHaveLength(differing.length);
        for (const { address, oldLow, oldHigh, low, high } of changed) {
          expect((BigInt(oldHigh) << 32n) | BigInt(oldLow)).toBe(old.get(address));
          expect((BigInt(high) << 32n) | BigInt(low)).toBe(memory.word(address));
        }
        memory.undo(mark);
        expect(memory.changedSince(mark)).toEqual([]);
      }),
    );
    const memory = apply(new SimulatedMemory(), [
      { address: 16, low: 1, high: 0 },
      { address: 8, low: 1, high: 0 },
      { address: 16, low: 2, high: 0 },
    ]);
    expect(memory.changedSince(0).map(({ address }) => address)).toEqual([16, 8]);
  });

  test('grows its journal past any size it began with', () => {
    const memory = new SimulatedMemory();
    for (let word = 0; word < 5000; word++) memory.write(word * 8, word + 1, ~word);
    expect(memory.changedSince(0)).toHaveLength(5000);
    memory.undo(0);
    expect(memory.hash).toBe(0n);
    expect(memory.word(4999 * 8)).toBe(0n);
  });

  test('what is written without the journal stays', () => {
    const memory = new SimulatedMemory();
    expect(memory.withoutJournal(() => apply(memory, [{ address: 8, low: 3, high: 0 }]).mark())).toBe(0);
    const { hash } = memory;
    apply(memory, [{ address: 8, low: 4, high: 0 }]);
    memory.undo(0);
    expect(memory.word(8)).toBe(3n);
    expect(memory.hash).toBe(hash);
  });

  test('the journal is on again after a body that throws', () => {
    const memory = new SimulatedMemory();
    const body = () => {
      throw new Error('no');
    };
    expect(() => memory.withoutJournal(body)).toThrow('no');
    memory.write(0, 1, 1);
    expect(memory.mark()).toBe(1);
  });

  test('commit makes what was written final', () => {
    const memory = apply(new SimulatedMemory(), [{ address: 8, low: 3, high: 0 }]);
    memory.commit();
    memory.undo(0);
    expect(memory.word(8)).toBe(3n);
    expect(memory.changedSince(0)).toEqual([]);
  });
});

describe('simulated memory that is full', () => {
  test('refuses another frame, and says how much there may be', () => {
    const memory = new SimulatedMemory(undefined, 2);
    memory.write(0, 1, 1);
    memory.write(4096, 1, 1);
    memory.write(4104, 1, 1);
    expect(() => memory.write(8192, 1, 1)).toThrow(
      'size of the page tables: more than 0.0078125 MiB is out of range: expected at most 0.0078125 MiB: less RAM, or larger leaves',
    );
  });
});
