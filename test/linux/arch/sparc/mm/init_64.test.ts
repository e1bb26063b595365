import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError, NotModelledError } from '../../../../../src/errors.ts';
import { type BootedSparc, bootSparc } from '../../../../../src/linux/arch/sparc/boot.ts';
import { SPARC } from '../../../../../src/linux/arch/sparc/index.ts';
import { parseConfig } from '../../../../../src/linux/config.ts';
import type { Kernel } from '../../../../../src/linux/kernel.ts';
import { parseKernelVersion, presetsOf } from '../../../../../src/linux/kernels.ts';
import type { WantedMachine } from '../../../../../src/linux/machine.ts';
import { read_page } from '../../../../../src/linux/mm/access.ts';
import { vmalloc } from '../../../../../src/linux/mm/vmalloc.ts';
import { hexWord } from '../../../../../src/mmu/format.ts';
import { Tlb } from '../../../../../src/mmu/tlb.ts';
import { call, GiB, MiB, watch } from '../../powerpc/powerpc.ts';

const KERNELS = presetsOf(SPARC).map(({ name }) => name);
const PAGEALLOC = { config: { DEBUG_PAGEALLOC: 'y' }, boot: 'debug_pagealloc=on' } as const;
const RW = '0xbc000000000007d0';

interface Options extends Partial<Omit<WantedMachine, 'where'>> {
  boot?: string;
  config?: Readonly<Record<string, string>>;
}

function boot(kernel: string, options: Options = {}): BootedSparc {
  const { boot: line = '', config: settings = {}, ram = GiB, ...wanted } = options;
  const config = parseConfig(Object.entries(settings), 'test', SPARC);
  return bootSparc({
    version: parseKernelVersion(kernel, 'test', SPARC),
    machine: SPARC.machine({ ...wanted, ram, where: 'test' }),
    config,
    boot: SPARC.parseBoot(line, config, 'test'),
  });
}

function leafText(k: Kernel, pfn: number): string {
  const leaf = k.leafAt(k.page_address(pfn));
  if (leaf === undefined) return '-';
  const { level, low, high } = leaf;
  return `${k.format.levelName(level)} 0x${k.format.attributes(level, low, high).toString(16)}`;
}

const pfn = (bytes: number) => bytes / 8192;
const ram = (...ranges: [number, number][]) =>
  ranges.map(([start, end]) => ({ start, end, type: 'RAM' as const }));

describe('the direct map of sparc64', () => {
  it.each(KERNELS)('is by PMD entries of 4M or 256M translations, and 8K pages at the end (%s)', (kernel) => {
    const { kernel: k } = boot(kernel, { ram: ram([0, 524 * MiB]) });
    expect(leafText(k, 0)).toBe('PMD 0x8100000000000745');
    expect(leafText(k, pfn(511 * MiB))).toBe('PMD 0x8100000000000745');
    expect(leafText(k, pfn(512 * MiB))).toBe('PMD 0x8100000000000743');
    expect(leafText(k, pfn(520 * MiB))).toBe(`PTE ${RW}`);
    expect(leafText(k, pfn(524 * MiB))).toBe('-');
  });

  it('is by translations of 2G, and by PUD entries of 8G, two of which may be one of 16G', () => {
    const { kernel: k } = boot('v7.2', { ram: 28 * GiB, features: { largest_page: 2 ** 34 } });
    expect(leafText(k, 0)).toBe('PUD 0x8100000000000747');
    expect(leafText(k, pfn(8 * GiB))).toBe('PUD 0x8100000000000747');
    expect(leafText(k, pfn(16 * GiB))).toBe('PUD 0x8100000000000746');
    expect(leafText(k, pfn(24 * GiB))).toBe('PMD 0x8100000000000746');
    const second = k.leafAt(k.page_address(pfn(8 * GiB)))!;
    expect(k.format.leafFrame(second.level, second.low, second.high)).toBe(pfn(8 * GiB));
  });

  it('is by no larger translations than the TLB has', () => {
    const sizes = [2 ** 22, 2 ** 28, 2 ** 31].map((largest_page) =>
      leafText(boot('v7.2', { ram: 16 * GiB, features: { largest_page } }).kernel, 0),
    );
    expect(sizes).toEqual(['PUD 0x8100000000000743', 'PUD 0x8100000000000745', 'PUD 0x8100000000000746']);
  });

  it('can be written and not executed in large leaves, and both in pages', () => {
    const { kernel: k } = boot('v7.2', { ram: ram([0, 524 * MiB]) });
    const rights = (page: number) => {
      const { level, low, high } = k.leafAt(k.page_address(page))!;
      const flags = k.format.flags(level, low, high);
      return [
        k.format.writable(level, flags),
        k.format.executable(level, flags),
        k.format.user(level, flags),
      ];
    };
    expect(rights(0)).toEqual([true, false, false]);
    expect(rights(pfn(520 * MiB))).toEqual([true, true, false]);
  });

  it('is by 8K pages in a build with debug_pagealloc, be it on or off (S43)', () => {
    const off = boot('v7.2', { ram: 64 * MiB, ...PAGEALLOC, boot: 'debug_pagealloc=off' });
    expect(leafText(off.kernel, off.free[0]!.start)).toBe(`PTE ${RW}`);
    const on = boot('v7.2', { ram: 64 * MiB, ...PAGEALLOC });
    const free = on.free[0]!.start + 1;
    expect(leafText(on.kernel, free)).toBe('PTE 0x0');
    expect(on.kernel.translate(on.kernel.page_address(free))).toBeUndefined();
  });
});

describe('__kernel_map_pages() of sparc64', () => {
  it('leaves the bare frame of a page, which is not none but for the first', () => {
    const { kernel: k } = boot('v6.12', { ram: 64 * MiB, ...PAGEALLOC });
    const page = k.frames.allocate(0, undefined)!;
    call(k.__kernel_map_pages(page, 1, 1));
    expect(leafText(k, page)).toBe(`PTE ${RW}`);
    call(k.__kernel_map_pages(page, 1, 0));
    const { low, high } = k.leafAt(k.page_address(page))!;
    expect(hexWord(low, high)).toBe(`0x${(page * 8192).toString(16)}`);
    call(k.__kernel_map_pages(0, 1, 0));
    expect(leafText(k, 0)).toBe('-');
    call(k.__kernel_map_pages(0, 1, 1));
    expect(leafText(k, 0)).toBe(`PTE ${RW}`);
  });

  it('flushes the TLB of this CPU alone: another goes on to read the page (S43)', () => {
    const { kernel: k } = boot('v7.2', { ram: 64 * MiB, cpus: 2, ...PAGEALLOC });
    k.tlb = new Tlb(2, 8192);
    const page = k.frames.allocate(0, undefined)!;
    call(k.__kernel_map_pages(page, 1, 1));
    for (const cpu of [0, 1]) {
      k.cpu = cpu;
      call(read_page(k, page));
    }
    k.cpu = 0;
    const { of } = watch(k, k.__kernel_map_pages(page, 1, 0));
    expect(of('flush')).toEqual([expect.objectContaining({ cpus: 'local', pages: 1 })]);
    expect(of('allocated')).toEqual([]);
    k.cpu = 1;
    expect(watch(k, read_page(k, page)).of('access')).toEqual([expect.objectContaining({ stale: true })]);
    k.cpu = 0;
    expect(watch(k, read_page(k, page)).died).toBe(true);
  });

  it('is not modelled where a table is missing', () => {
    const { kernel: k } = boot('v7.2', { ram: 64 * MiB, ...PAGEALLOC });
    expect(() => call(k.__kernel_map_pages(pfn(16 * GiB), 1, 1))).toThrow(NotModelledError);
  });

  it('is not modelled on a large leaf, where the kernel would take data for a table', () => {
    const { kernel: k } = boot('v7.2');
    expect(() => call(k.__kernel_map_pages(0, 1, 0))).toThrow(NotModelledError);
  });
});

describe('what sparc64 has not', () => {
  it('is any other edit: the stubs return 0, and every page is said to be present', () => {
    const { kernel: k } = boot('v7.2', { ram: 64 * MiB, ...PAGEALLOC });
    const before = k.memory.hash;
    const addr = k.page_address(1);
    const edits = [
      k.set_memory_ro(addr, 1),
      k.set_memory_rw(addr, 1),
      k.set_memory_x(addr, 1),
      k.set_memory_nx(addr, 1),
    ];
    for (const edit of [...edits, k.set_direct_map_invalid_noflush(1)]) expect(call(edit)).toBe(0);
    expect([k.memory.hash === before, call(k.kernel_page_present(1))]).toEqual([true, true]);
  });

  it('is a kernel with hibernation and debug_pagealloc', () => {
    const config = parseConfig(Object.entries({ DEBUG_PAGEALLOC: 'y', HIBERNATION: 'y' }), 'test', SPARC);
    expect(() => SPARC.parseBoot('', config, 'test')).toThrow(NotModelledError);
  });

  it('is sun4u, or memory that is no whole number of pages', () => {
    expect(() => boot('v7.2', { features: { sun4u: true } })).toThrow(NotModelledError);
    expect(() => boot('v7.2', { ram: ram([0, 64 * MiB + 4096]) })).toThrow(InputError);
    expect(() => boot('v7.2', { page_size: 4096 })).toThrow(InputError);
    expect(() => boot('v7.2', { levels: 3 })).toThrow(InputError);
    expect(() => boot('v7.2', { features: { largest_page: 5 } })).toThrow(InputError);
  });
});

describe('vmalloc on sparc64', () => {
  it('is below the hole in the addresses, by 8K pages', () => {
    const { kernel: k } = boot('v7.2');
    const addr = call(vmalloc(k, 2))!;
    expect(addr).toBe(2 ** 32);
    const { level, low, high } = k.leafAt(addr)!;
    expect([level, `0x${k.format.attributes(level, low, high).toString(16)}`]).toEqual([1, RW]);
  });
});

describe('a machine smaller than hardware', () => {
  it('maps each frame of its RAM at its address, and what is free only without debug_pagealloc', () => {
    const options = fc.record({
      kernel: fc.constantFrom(...KERNELS),
      index_bits: fc.integer({ min: 1, max: 3 }),
      debug: fc.boolean(),
      pages: fc.integer({ min: 1, max: 8 }),
    });
    fc.assert(
      fc.property(options, ({ kernel, index_bits, debug, pages }) => {
        const { kernel: k } = boot(kernel, {
          ram: ram([0, pages * 8192]),
          index_bits,
          ...(debug ? PAGEALLOC : {}),
        });
        for (let page = 0; page < pages; page++) {
          const leaf = k.translate(k.page_address(page));
          expect(leaf === undefined).toBe(debug && k.frames.book!.isFree(page));
          if (leaf === undefined) continue;
          const inLeaf = 2 ** (k.format.levelShift(leaf.level) - 13);
          expect(k.format.leafFrame(leaf.level, leaf.low, leaf.high) + (page % inLeaf)).toBe(page);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('has room for half of what its tables map', () => {
    expect(() => boot('v7.2', { ram: ram([0, 9 * 8192]), index_bits: 1 })).toThrow(InputError);
  });
});
