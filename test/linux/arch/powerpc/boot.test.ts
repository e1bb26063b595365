import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError, NotModelledError } from '../../../../src/errors.ts';
import { POWERPC } from '../../../../src/linux/arch/powerpc/index.ts';
import { parseConfig } from '../../../../src/linux/config.ts';
import { boot, booted, GiB, KERNELS, leafText, MiB, PAGEALLOC } from './powerpc.ts';

const RW = '0xc00000000000018e';
const RX = '0xc00000000000018d';
const RWX = '0xc00000000000018f';
const NP = '0x400000000000018e';

const K = 1024;
const ram = (...ranges: [number, number][]) =>
  ranges.map(([start, end]) => ({ start, end, type: 'RAM' as const }));

describe('the direct map of a radix kernel', () => {
  it('has leaves as large as a memory block, which all nodes consist of, since v6.12', () => {
    expect(leafText(booted('v6.12', { ram: 2 * GiB }), 0x40000)).toBe(`PUD ${RW}`);
    expect(leafText(booted('v6.12', { ram: 3 * GiB }), 0x40000)).toBe(`PMD ${RW}`);
    const nodes = ram([0, 2 * GiB], [2 * GiB + 64 * MiB, 4 * GiB]);
    expect(booted('v6.12', { ram: nodes }).memory_block_size).toBe(16 * MiB);
  });

  it('has leaves of 16M at most before that, on a guest, and of 1G on the bare machine', () => {
    for (const kernel of ['v5.10', 'v6.1']) {
      expect(leafText(booted(kernel, { ram: 2 * GiB }), 0x40000)).toBe(`PMD ${RW}`);
      const bare = booted(kernel, { ram: 2 * GiB, features: { powernv: true } });
      expect(leafText(bare, 0x40000)).toBe(`PUD ${RW}`);
    }
  });

  it.each(KERNELS)('goes by the size that firmware names (%s)', (kernel) => {
    const large = booted(kernel, { ram: 3 * GiB, features: { lmb_size: GiB } });
    expect(leafText(large, 0x40000)).toBe(`PUD ${RW}`);
    const small = booted(kernel, { ram: 2 * GiB, features: { lmb_size: 256 * MiB } });
    expect(leafText(small, 0x40000)).toBe(`PMD ${RW}`);
  });

  it('is cut where text and rodata end, which are read-only then', () => {
    const k = booted('v6.1');
    expect(leafText(k, 0)).toBe(`PMD ${RX}`);
    expect(leafText(k, 0x1fff)).toBe(`PMD ${RX}`);
    expect(leafText(k, 0x2000)).toBe(`PMD ${RW}`);
  });

  it('lets the image be written and executed before v6.1, and with hibernation', () => {
    for (const k of [
      booted('v5.10', { ram: GiB }),
      booted('v6.12', { ram: GiB, config: { HIBERNATION: 'y' } }),
    ]) {
      expect(leafText(k, 0)).toBe(`PMD ${RWX}`);
      expect(leafText(k, 0x2000)).toBe(`PMD ${RWX}`);
      expect(leafText(k, 0x10000)).toBe(`PMD ${RW}`);
    }
  });

  it('is still cut with rodata=off, and __init loses its right to execute', () => {
    const k = booted('v6.12', { boot: 'rodata=off' });
    expect(leafText(k, 0)).toBe(`PMD ${RWX}`);
    expect(leafText(k, 0x2000)).toBe(`PMD ${RW}`);
  });

  it.each(['v5.10', 'v5.11'])(
    'stays as it is with debug_pagealloc on %s, which does nothing (S42)',
    (kernel) => {
      const k = booted(kernel, PAGEALLOC);
      expect(k.debug_pagealloc_key).toBe(true);
      expect(leafText(k, 0x10000)).toBe(`PMD ${RW}`);
      expect(k.direct_pages_count!.toArray()).toEqual([0, 0, 1024, 0]);
    },
  );

  it.each(['v6.1', 'v6.12', 'v7.2', 'v5.10+radix-debug-pagealloc+ppc-set-memory'])(
    'is by base pages with debug_pagealloc on %s, of which the free ones are not present',
    (kernel) => {
      const { kernel: k, free } = boot(kernel, { ram: 256 * MiB, ...PAGEALLOC });
      expect(k.direct_pages_count!.toArray()).toEqual([0, 65536, 0, 0]);
      expect(leafText(k, free[0]!.start)).toBe(`PTE ${NP}`);
      expect(leafText(k, 0).startsWith('PTE 0xc')).toBe(true);
    },
  );

  it('has base pages of 64K', () => {
    const k = booted('v6.12', { ram: 256 * MiB, page_size: 64 * K, ...PAGEALLOC });
    expect(k.direct_pages_count!.toArray()).toEqual([0, 4096, 0, 0]);
    expect(k.page_address(1) - k.page_address(0)).toBe(64 * K);
  });
});

describe("KFENCE's pool on a radix kernel", () => {
  it.each(['v6.1', 'v6.12', 'v7.2'])(
    'is mapped by base pages, with the rest of the leaves in which it begins and ends (%s)',
    (kernel) => {
      const k = booted(kernel, { boot: 'kfence.sample_interval=100' });
      const { start, end } = k.kfence_pool!;
      expect(end - start).toBe(512);
      expect(leafText(k, start + 2)).toBe(`PTE ${RW}`);
      expect([0, 1, 3, 511].map((page) => leafText(k, start + page))).toEqual(Array(4).fill(`PTE ${NP}`));
      expect(leafText(k, start - 1)).toBe(`PTE ${RW}`);
      expect(leafText(k, Math.floor(start / 512) * 512 - 1)).toBe(`PMD ${RW}`);
      expect(k.direct_pages_count!.get(1)).toBe(1024);
    },
  );

  it('ends where room for a pointer for each of 2048 CPUs begins, at the end of memory', () => {
    const k = booted('v7.2', { boot: 'kfence.sample_interval=100' });
    expect(k.kfence_pool!.end * k.page_size).toBe(2 * GiB - 16384);
  });

  it('lies in large leaves without the change radix-kfence-pool', () => {
    const k = booted('v6.1~radix-kfence-pool', { boot: 'kfence.sample_interval=100' });
    expect(leafText(k, k.kfence_pool!.start)).toBe(`PMD ${RW}`);
  });

  it('is not there unless it starts with the system, nor before v6.1', () => {
    expect(booted('v6.12').kfence_pool).toBeUndefined();
    expect(
      booted('v6.12', { boot: 'kfence.sample_interval=1', config: { KFENCE: 'n' } }).kfence_pool,
    ).toBeUndefined();
    expect(booted('v5.10', { boot: 'kfence.sample_interval=100' }).kfence_pool).toBeUndefined();
  });
});

describe('a machine smaller than hardware', () => {
  const options = fc.record({
    kernel: fc.constantFrom(...KERNELS),
    index_bits: fc.integer({ min: 1, max: 3 }),
    page_size: fc.constantFrom(4096, 65536),
    radix: fc.boolean(),
    debug: fc.boolean(),
  });

  it('maps all of its RAM, each frame at its address, and nothing else', () => {
    fc.assert(
      fc.property(
        options,
        fc.integer({ min: 6, max: 12 }),
        ({ kernel, index_bits, page_size, radix, debug }, pages) => {
          const k = booted(kernel, {
            ram: ram([0, pages * page_size]),
            index_bits,
            page_size,
            features: { radix },
            config: { DEBUG_PAGEALLOC: 'y', KFENCE: radix ? 'y' : 'n' },
            boot: debug ? 'debug_pagealloc=on' : '',
          });
          for (let pfn = 0; pfn < pages; pfn++) {
            const leaf = k.leafAt(k.page_address(pfn));
            const free = k.frames.book!.isFree(pfn);
            if (leaf === undefined) {
              // A hash kernel maps whole large pages only, and forgets what is unmapped.
              const large = 2 ** index_bits;
              const cut = !debug && pfn >= Math.floor(pages / large) * large;
              expect(!radix && (cut || (debug && free))).toBe(true);
              continue;
            }
            const inLeaf = 2 ** (k.format.levelShift(leaf.level) - k.format.pageShift);
            expect(k.format.leafFrame(leaf.level, leaf.low, leaf.high) + (pfn % inLeaf)).toBe(pfn);
            if (debug && radix && k.has['radix-debug-pagealloc'])
              expect(k.translate(k.page_address(pfn)) === undefined).toBe(free);
          }
          expect(k.leafAt(k.page_address(pages))).toBeUndefined();
        },
      ),
      { numRuns: 300 },
    );
  });

  it('must not have more RAM than the direct map has room for', () => {
    expect(() => booted('v6.12', { ram: ram([0, 13 * 4096]), index_bits: 1 })).toThrow(InputError);
  });
});

describe('what is refused', () => {
  it('is a build with debug_pagealloc and hibernation, which powerpc has not', () => {
    const config = parseConfig(
      [
        ['DEBUG_PAGEALLOC', 'y'],
        ['HIBERNATION', 'y'],
      ],
      'test',
      POWERPC,
    );
    expect(() => POWERPC.parseBoot('', config, 'test')).toThrow(NotModelledError);
  });

  it('is a machine that does not exist', () => {
    const machine = (wanted: object) => () => POWERPC.machine({ ram: GiB, where: 'test', ...wanted });
    expect(machine({ page_size: 16384 })).toThrow(InputError);
    expect(machine({ levels: 5 })).toThrow(InputError);
    expect(machine({ index_bits: 10 })).toThrow(InputError);
    expect(machine({ features: { gbpages: true } })).toThrow(InputError);
    expect(machine({ features: { lmb_size: 3 } })).toThrow(InputError);
    expect(() => booted('v6.12', { ram: 16 * MiB })).toThrow(InputError);
  });
});
