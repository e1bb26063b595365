import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BootState, createBootState } from '../../../../../src/linux/arch/x86/boot_state.ts';
import { IMAGE_7_2 } from '../../../../../src/linux/arch/x86/images.ts';
import { X86 } from '../../../../../src/linux/arch/x86/index.ts';
import { e820__memblock_setup } from '../../../../../src/linux/arch/x86/kernel/e820.ts';
import { trim_bios_range } from '../../../../../src/linux/arch/x86/kernel/setup.ts';
import { probe_page_size_mask, split_mem_range } from '../../../../../src/linux/arch/x86/mm/init.ts';
import { X86Kernel } from '../../../../../src/linux/arch/x86/x86_kernel.ts';
import { parseConfig } from '../../../../../src/linux/config.ts';
import { parseKernelVersion } from '../../../../../src/linux/kernels.ts';
import { memoryFromInclusive } from '../../../../../src/linux/machine.ts';
import { BuddyAllocator } from '../../../../../src/linux/mm/buddy.ts';
import { SimulatedMemory } from '../../../../../src/memory/simulated_memory.ts';

const K = 2 ** 10;
const M = 2 ** 20;
const G = 2 ** 30;

type Ranges = readonly (readonly [start: number, end: number])[];

/** A kernel that knows its RAM and its command line, and has mapped nothing. */
function beforeMapping(ram: Ranges, cmdline = '', gbpages = true): BootState {
  const config = parseConfig([['DEBUG_PAGEALLOC', 'y']], 'test', X86);
  const k = new X86Kernel({
    memory: new SimulatedMemory(),
    version: parseKernelVersion('v7.2', 'test', X86),
    machine: {
      memory: memoryFromInclusive(
        ram.map(([start, end]) => [start, end - 1]),
        'test',
      ),
      cpus: 1,
      page_size: 4096,
      paging_levels: 4,
      index_bits: 9,
      features: { gbpages, pcid: false, encryption_bit: undefined },
    },
    config,
    boot: X86.parseBoot(cmdline, config, 'test'),
    frames: new BuddyAllocator([]),
    image: IMAGE_7_2,
  });
  const init = createBootState(k, IMAGE_7_2);
  trim_bios_range(init);
  e820__memblock_setup(init);
  probe_page_size_mask(k);
  return init;
}

/** "[start, end) size", with sizes as the kernel prints them. */
function split(init: BootState, start: number, end: number): [number, number, string][] {
  return split_mem_range(init, start, end).map((piece) => {
    const sizes = ['4k', '4k', '4k', '4k', '2M', '2M', '2M', '2M', '1G', '1G', '1G', '1G', '1G'];
    return [piece.start, piece.end, sizes[piece.page_size_mask]!];
  });
}

/** QEMU's, with 4 GiB. */
const PC_4G: Ranges = [
  [0, 0x9fc00],
  [M, 0xbffe0000],
  [4 * G, 5 * G],
];

describe('split_mem_range', () => {
  it('maps the first 1M by 4K: page 0 and the BIOS are no RAM', () => {
    expect(split(beforeMapping(PC_4G), 0, M)).toEqual([[0, M, '4k']]);
  });

  it('maps low memory by 4K, 2M, 1G, 2M, 4K', () => {
    expect(split(beforeMapping(PC_4G), M, 0xbffe0000)).toEqual([
      [M, 2 * M, '4k'],
      [2 * M, G, '2M'],
      [G, 2 * G, '1G'],
      [2 * G, 0xbfe00000, '2M'],
      [0xbfe00000, 0xbffe0000, '4k'],
    ]);
  });

  it('lets the topmost 2M of an all-RAM 1G go by 1G', () => {
    expect(split(beforeMapping(PC_4G), 5 * G - 2 * M, 5 * G)).toEqual([[5 * G - 2 * M, 5 * G, '1G']]);
  });

  it('lets two pages in the middle of an all-RAM 1G go by 1G', () => {
    expect(split(beforeMapping(PC_4G), 4 * G + 20 * K, 4 * G + 28 * K)).toEqual([
      [4 * G + 20 * K, 4 * G + 28 * K, '1G'],
    ]);
  });

  it('lets two pages go by 2M where the 1G around has a hole', () => {
    const init = beforeMapping([
      [0, 0x9fc00],
      [M, 3 * G],
      [4 * G, 4 * G + 512 * M],
    ]);
    expect(split(init, 4 * G + 20 * K, 4 * G + 28 * K)).toEqual([[4 * G + 20 * K, 4 * G + 28 * K, '2M']]);
  });

  it('merges the leftovers at both ends with the middle when all of it may go by 1G', () => {
    expect(split(beforeMapping([[0, 16 * G]]), 4 * G + 4 * K, 9 * G + 3 * M)).toEqual([
      [4 * G + 4 * K, 9 * G + 3 * M, '1G'],
    ]);
  });

  it('maps RAM that neither begins nor ends at 1G by 2M, 1G, 2M, 4K', () => {
    const end = 3 * G + 4 * M + 8 * K;
    expect(split(beforeMapping([[G + 6 * M, end]]), G + 6 * M, end)).toEqual([
      [G + 6 * M, 2 * G, '2M'],
      [2 * G, 3 * G, '1G'],
      [3 * G, 3 * G + 4 * M, '2M'],
      [3 * G + 4 * M, end, '4k'],
    ]);
  });

  it('maps a range inside of one 2M by 4K', () => {
    const init = beforeMapping([[G + 4 * K, G + 12 * K]]);
    expect(split(init, G + 4 * K, G + 12 * K)).toEqual([[G + 4 * K, G + 12 * K, '4k']]);
  });

  it('maps two halves of two neighbouring 2M by 4K, in one piece', () => {
    const init = beforeMapping([[G + M, G + 3 * M]]);
    expect(split(init, G + M, G + 3 * M)).toEqual([[G + M, G + 3 * M, '4k']]);
  });

  it('leaves a page out that is RAM in part', () => {
    expect(split(beforeMapping([[G, G + 0x1c00]]), G, G + 0x1c00)).toEqual([[G, G + 0x1000, '4k']]);
  });

  it('has no 1G with nogbpages, nor on a CPU without', () => {
    const pieces = [
      [M, 2 * M, '4k'],
      [2 * M, 0xbfe00000, '2M'],
      [0xbfe00000, 0xbffe0000, '4k'],
    ];
    expect(split(beforeMapping(PC_4G, 'nogbpages'), M, 0xbffe0000)).toEqual(pieces);
    expect(split(beforeMapping(PC_4G, '', false), M, 0xbffe0000)).toEqual(pieces);
  });

  it('has nothing but 4K under debug_pagealloc, and no 1G afterwards either', () => {
    const init = beforeMapping(PC_4G, 'debug_pagealloc=on');
    expect(split(init, M, 0xbffe0000)).toEqual([[M, 0xbffe0000, '4k']]);
    expect(init.k.direct_gbpages).toBe(false);
  });

  it('covers the range once, in at most five pieces, with leaves over nothing but RAM', () => {
    const region = fc.tuple(fc.nat(4096), fc.nat(4096), fc.nat(511));
    fc.assert(
      fc.property(region, fc.nat(2048), fc.nat(2048), ([from, size, pages], before, after) => {
        const ram = [2 * G + from * M + pages * 4 * K, 2 * G + (from + size + 4) * M] as const;
        const init = beforeMapping([ram]);
        const start = Math.min(ram[0] + before * 4 * K, ram[1] - 4 * K);
        const end = Math.max(start + 4 * K, ram[1] - after * 4 * K);
        const pieces = split_mem_range(init, start, end);
        expect(pieces.length).toBeLessThanOrEqual(5);
        expect(pieces[0]!.start).toBe(start);
        expect(pieces.at(-1)!.end).toBe(end);
        for (const [i, piece] of pieces.entries()) {
          if (i > 0) expect(piece.start).toBe(pieces[i - 1]!.end);
          if (i > 0) expect(piece.page_size_mask).not.toBe(pieces[i - 1]!.page_size_mask);
          for (const [level, size] of [
            [2, 2 * M],
            [3, G],
          ] as const) {
            if ((piece.page_size_mask & (1 << level)) === 0) continue;
            expect(Math.floor(piece.start / size) * size).toBeGreaterThanOrEqual(ram[0]);
            expect(Math.ceil(piece.end / size) * size).toBeLessThanOrEqual(ram[1]);
          }
        }
      }),
    );
  });
});
