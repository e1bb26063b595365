import { describe, expect, test } from 'vitest';
import { InputError, NotModelledError } from '../../../../src/errors.ts';
import { arch_report_meminfo, set_memory_ro } from '../../../../src/linux/arch/s390/mm/pageattr.ts';
import type { S390Kernel } from '../../../../src/linux/arch/s390/s390_kernel.ts';
import type { MemoryRange } from '../../../../src/linux/machine.ts';
import { BuddyAllocator } from '../../../../src/linux/mm/buddy.ts';
import { KFENCE_NUM_OBJECTS, kfence_enable_late } from '../../../../src/linux/mm/kfence/core.ts';
import { __free_pages, alloc_pages, GFP_KERNEL } from '../../../../src/linux/mm/page_alloc.ts';
import { vmalloc } from '../../../../src/linux/mm/vmalloc.ts';
import { call, entryOf, flagsOf, GIB, MIB, refuseFrom, s390 } from '../../../support/s390_machines.ts';

const ALL = ['v5.10', 'v6.1', 'v6.12', 'v7.2'] as const;
const DEBUG = { cmdline: 'debug_pagealloc=on', configured: [['DEBUG_PAGEALLOC', 'y']] } as const;

function part(start: number, end: number): MemoryRange {
  return { start, end, type: 'RAM' };
}

/** The levels of the leaves at some addresses. */
function levels(k: S390Kernel, ...addresses: number[]): (number | undefined)[] {
  return addresses.map((address) => k.leafAt(address)?.level);
}

describe('the leaves that boot makes', () => {
  const M = 40 * MIB;

  test('v5.10 has no large leaf at address 0, so that none of 2G holds the first', () => {
    const k = s390('v5.10', { ram: 8 * GIB, features: {} });
    expect(levels(k, 0, 255 * 4096, MIB, 2 * GIB - MIB, 2 * GIB, 6 * GIB)).toEqual([1, 1, 2, 2, 3, 3]);
    expect(arch_report_meminfo(k)).toEqual([
      'DirectMap4k:        1024 kB',
      'DirectMap1M:     2096128 kB',
      'DirectMap2G:     6291456 kB',
    ]);
  });

  test('v6.1 maps address 0 by a large leaf, and splits the lowcore off later', () => {
    const k = s390('v6.1', { ram: 8 * GIB, features: {}, configured: [['KFENCE', 'n']] });
    expect(levels(k, 0, MIB, 2 * GIB)).toEqual([1, 2, 3]);
    const before = s390('v6.1~lowcore-split-later', {
      ram: 8 * GIB,
      features: {},
      configured: [['KFENCE', 'n']],
    });
    expect(levels(before, 0, MIB, 2 * GIB)).toEqual([1, 2, 3]);
    expect(k.direct_pages_count.toArray()).toEqual(before.direct_pages_count.toArray());
  });

  test.each(['v6.12', 'v7.2'])('%s maps the lowcore before all else, and does not count it', (version) => {
    const k = s390(version, { ram: 8 * GIB, features: {}, configured: [['KFENCE', 'n']] });
    expect(levels(k, 0, 255 * 4096, MIB, 2 * GIB)).toEqual([1, 1, 2, 3]);
    expect(k.direct_pages_count.get(1) % 256).toBe(254);
  });

  test.each(ALL)('%s follows what the CPU has', (version) => {
    const leaf = (features: Record<string, boolean>) =>
      levels(s390(version, { ram: 4 * GIB, features }), 2 * GIB)[0];
    // The zero pages of v7.2 lie in the last 2G.
    expect(leaf({})).toBe(version === 'v7.2' ? 2 : 3);
    expect(leaf({ edat2: false })).toBe(2);
    expect(leaf({ edat1: false })).toBe(1);
  });

  test.each(ALL)('the first page of %s is executable', (version) => {
    expect(flagsOf(s390(version), 0)).toEqual([1, 0x3d]);
    const bear = s390(version, { features: { edat2: false, bear: true } });
    expect(flagsOf(bear, 0)).toEqual([1, version === 'v5.10' ? 0x3d : 0x13d]);
  });

  test('the kernel of v6.1 lies in the direct map, that of v7.2 beside it', () => {
    const inside = s390('v6.1');
    expect(flagsOf(inside, inside.image!.etext - 4096)).toEqual([1, 0x21d]);
    expect(flagsOf(inside, inside.image!.inittext!.start)).toEqual([1, 0x13f]);
    expect(inside.image_address(0x100)).toBe(0x100000);
    expect(inside.sections).toMatchObject({ text: 0x100000, start_rodata: 0xae1000, init_begin: 0xf09000 });
    const beside = s390('v7.2');
    expect(beside.sections).toMatchObject({ text: 0xa00000, end: 0x2556000 });
    expect(() => beside.sections?.init_begin).toThrow(NotModelledError);
    const { va, stext, etext } = beside.image!;
    expect(flagsOf(beside, va)).toEqual([2, 0x7601]);
    expect(flagsOf(beside, stext)).toEqual([2, 0xf501]);
    expect(flagsOf(beside, va + etext - stext)).toEqual([1, 0x31d]);
    expect(beside.image_address(stext / 4096)).toBe(va);
  });

  test('memory that is not there is not mapped, and cuts the leaves around it', () => {
    const k = s390('v6.12', { ram: [part(0, M + 4096), part(M + 2 * MIB, 64 * MIB)] });
    expect(levels(k, M, M + 4096, M + MIB, M + 2 * MIB)).toEqual([1, undefined, undefined, 2]);
  });

  test('the direct map can lie elsewhere since the decompressor builds it, and the lowcore stays', () => {
    const k = s390('v7.2', { identity_base: 4 * GIB });
    expect(k.page_address(1)).toBe(4 * GIB + 4096);
    expect(levels(k, 0, 4096, 8192, 4 * GIB, 4 * GIB + 8192, 4 * GIB + MIB)).toEqual([
      1,
      1,
      undefined,
      undefined,
      1,
      2,
    ]);
    expect(flagsOf(k, k.image!.amode31.start)).toEqual([1, 0x21d]);
    expect(flagsOf(k, 4 * GIB + k.image!.amode31.start)?.[1]).toBe(0xf501);
    expect(call(k.set_direct_map_invalid_noflush((40 * MIB) / 4096))).toBe(0);
    expect(flagsOf(k, 4 * GIB + 40 * MIB)).toEqual([1, 0x53d]);
    expect(() => s390('v6.1', { identity_base: 4 * GIB })).toThrow(InputError);
    expect(() => s390('v7.2', { identity_base: MIB })).toThrow(InputError);
  });

  test('four levels are one table more, and map the same', () => {
    const [three, four] = [3, 4].map((depth) => s390('v6.12', { levels: depth, ram: 8 * GIB, features: {} }));
    for (const at of [0, MIB, 40 * MIB, 4 * GIB]) expect(flagsOf(four!, at)).toEqual(flagsOf(three!, at));
    expect(call(set_memory_ro(four!, 4 * GIB, 1))).toBe(0);
    expect(flagsOf(four!, 4 * GIB)).toEqual([1, 0x31d]);
    expect(four!.describeMachine()).toEqual(['4-level']);
  });

  test('v5.10 boots without an image, of which there is no recording', () => {
    const k = s390('v5.10');
    expect(k.image).toBeUndefined();
    expect(k.sections).toBeUndefined();
    expect(() => k.image_address(0)).toThrow(NotModelledError);
  });

  test('vmalloc lies where recordings of Debian kernels have it', () => {
    const areas = ALL.map((version) => s390(version)).map((k) => [
      k.VMALLOC_START,
      k.VMALLOC_END,
      k.MODULES_END,
    ]);
    expect(areas).toEqual([
      [0x3e000000000, 0x3ff80000000, 0x40000000000],
      [0x37fffd00000, 0x3ff7fd00000, 0x3ffffd00000],
      [0x37fe0000000, 0x3ff60000000, 0x3ffe0000000],
      [0x37fe0000000, 0x3ff60000000, 0x3ffe0000000],
    ]);
    for (const version of ['v6.1', 'v6.12', 'v7.2']) expect(s390(version).max_physical).toBe(0x37200000000);
  });

  test('bad machines are refused', () => {
    expect(() => s390('v7.2', { ram: 16 * MIB })).toThrow(/kernel image/);
    expect(() => s390('v7.2', { ram: [part(0, 64 * MIB), part(2 ** 42, 2 ** 42 + GIB)] })).toThrow(
      InputError,
    );
    expect(() => s390('v7.2', { levels: 5 })).toThrow(InputError);
    expect(() => s390('v7.2', { features: { gbpages: true } })).toThrow(InputError);
    expect(() => s390('v7.2', { index_bits: 9 })).toThrow(InputError);
    expect(() => s390('v7.2', { configured: [['HIBERNATION', 'y']] })).toThrow(NotModelledError);
    expect(() => s390('v7.2', { cmdline: 'mem=1G' })).toThrow(NotModelledError);
  });
});

describe('debug_pagealloc=on', () => {
  test.each(ALL)('%s maps all memory by 4K entries, and takes out what is free', (version) => {
    const k = s390(version, DEBUG);
    for (let at = 0; at < 64 * MIB; at += MIB) expect(levels(k, at)).toEqual([1]);
    expect(k.debug_pagealloc_key).toBe(true);
    const page = call(alloc_pages(k, GFP_KERNEL, 0))!;
    expect(flagsOf(k, k.page_address(page))).toEqual([1, 0x13d]);
    call(__free_pages(k, page, 0));
    expect(flagsOf(k, k.page_address(page))).toEqual([1, 0x53d]);
    const book = (k.frames as BuddyAllocator).book;
    for (const { start } of book.freeRanges()) expect(flagsOf(k, k.page_address(start))).toEqual([1, 0x53d]);
  });

  test.each(['v5.10', 'v6.1'])('%s without memory for its tables has no map to run on', (version) => {
    expect(() => s390(version, { ...DEBUG, policy: refuseFrom(3) })).toThrow(/no segment entry maps/);
  });

  test.each(['v6.12', 'v7.2'])(
    'S32: %s splits it, and where that fails overwrites memory from then on',
    (version) => {
      const whole = s390(version, DEBUG);
      expect(levels(whole, 50 * MIB, 51 * MIB)).toEqual([1, 1]);
      let tables = 0;
      s390(version, { ...DEBUG, policy: () => ++tables > 0 });
      const k = s390(version, { ...DEBUG, policy: refuseFrom(tables - 10) });
      expect(levels(k, 30 * MIB, 62 * MIB)).toEqual([1, 2]);
      const at = 58 * MIB;
      expect(levels(k, at)).toEqual([2]);
      // The pages of that leaf are free, and are all still mapped. The first words of its memory are not what they were.
      expect(k.translate(at + 8 * 4096)).toBeDefined();
      expect(k.memory.word(at + 8 * 8)).toBe(0x400n);
      expect(k.memory.word(at + 256 * 8)).toBe(0n);
    },
  );

  test.each(['v6.12', 'v7.2'])(
    '%s stops at a hole in memory, with the same consequence behind it',
    (version) => {
      const k = s390(version, { ...DEBUG, ram: [part(0, 40 * MIB), part(48 * MIB, 64 * MIB)] });
      expect(levels(k, 39 * MIB, 50 * MIB)).toEqual([1, 2]);
      expect(k.memory.word(50 * MIB)).toBe(0x400n);
      const built = s390('v6.1', { ...DEBUG, ram: [part(0, 40 * MIB), part(48 * MIB, 64 * MIB)] });
      expect(levels(built, 39 * MIB, 50 * MIB)).toEqual([1, 1]);
    },
  );
});

describe('KFENCE', () => {
  const pool = { cmdline: 'kfence.sample_interval=100' };

  test.each(['v6.1', 'v6.12'])(
    '%s with KFENCE configured and off splits the first 2M: NULL is taken for the pool',
    (version) => {
      expect(levels(s390(version), MIB, 2 * MIB - 4096, 2 * MIB)).toEqual([1, 1, 2]);
      expect(levels(s390(version, { configured: [['KFENCE', 'n']] }), MIB, 2 * MIB)).toEqual([2, 2]);
    },
  );

  test.each(['v5.10', 'v7.2'])('%s does not', (version) => {
    expect(levels(s390(version), 2 * MIB - 4096, 2 * MIB)).toEqual([2, 2]);
  });

  test.each(['v6.1', 'v6.12', 'v7.2'])('%s maps the pool of boot by 4K entries', (version) => {
    const k = s390(version, pool);
    const { start, end } = k.kfence_pool!;
    expect(end - start).toBe(2 * (KFENCE_NUM_OBJECTS + 1));
    expect(flagsOf(k, k.page_address(start))).toEqual([1, 0x53d]);
    expect(flagsOf(k, k.page_address(start + 2))).toEqual([1, 0x13d]);
    expect(flagsOf(k, k.page_address(start + 3))).toEqual([1, 0x53d]);
  });

  /** A kernel that turns KFENCE on late: the first page of the pool, and what maps it. */
  const late = (version: string, policy = refuseFrom(1000)) => {
    const frames = [{ start: (40 * MIB) / 4096, end: (48 * MIB) / 4096 }];
    const k = s390(version, { frames: () => new BuddyAllocator(frames) });
    call(kfence_enable_late(k, 3), policy);
    return k;
  };

  test.each(['v6.1', 'v6.12'])('S31: %s overwrites memory where the pool is made late', (version) => {
    const k = late(version);
    const { start } = k.kfence.get().pool!;
    const first = k.page_address(start);
    expect(levels(k, first)).toEqual([2]);
    const leaf = Math.floor(first / MIB) * MIB;
    expect(k.translate(first)).toBeDefined();
    expect(k.memory.word(leaf + ((first - leaf) / 4096) * 8)).toBe(0x400n);
  });

  test('v7.2 splits a pool that is made late, and does not look whether that worked', () => {
    const k = late('v7.2');
    expect(flagsOf(k, k.page_address(k.kfence.get().pool!.start))).toEqual([1, 0x53d]);
    const poor = late('v7.2', refuseFrom(2));
    const first = poor.page_address(poor.kfence.get().pool!.start);
    expect(poor.kfence.get().enabled).toBe(true);
    expect(levels(poor, first)).toEqual([2]);
    expect(poor.memory.word(Math.floor(first / MIB) * MIB)).toBe(0x400n);
  });
});

describe('a machine smaller than the hardware', () => {
  const pages = { 1: 8, 2: 64, 3: 512 } as const;

  test.each([1, 2, 3] as const)('of %i index bits boots, splits, and goes back', (index_bits) => {
    for (const version of ALL) {
      const ram = pages[index_bits] * 4096;
      const k = s390(version, { index_bits, ram, features: {} });
      const size = 2 ** (12 + index_bits);
      expect(k.image).toBeUndefined();
      expect(k.sections).toBeUndefined();
      const at = ram / 2;
      expect(call(set_memory_ro(k, at, 2 ** index_bits)), version).toBe(0);
      const large = entryOf(k, at)!;
      expect(large[0]).toBe(2);
      const mark = k.mark();
      const before = k.memory.hash;
      expect(call(set_memory_ro(k, at + size, 1)), version).toBe(0);
      expect(k.leafAt(at + size)).toMatchObject({ level: 1 });
      for (let address = at; address < at + 2 * size; address += 4096) {
        const { level, low, high } = k.leafAt(address)!;
        const first = k.format.leafFrame(level, low, high);
        expect(first * 4096).toBe(level === 1 ? address : Math.floor(address / size) * size);
      }
      k.undo(mark);
      expect(k.memory.hash).toBe(before);
      expect(entryOf(k, at)).toEqual(large);
    }
  });

  test('a page that is unmapped in a large leaf of it is a word of that leaf', () => {
    const k = s390('v7.2', { index_bits: 2, ram: 64 * 4096, features: { edat2: false } });
    const at = 16 * 4096;
    expect(levels(k, at)).toEqual([2]);
    call(k.__kernel_map_pages(16 + 2, 1, 0));
    expect(k.memory.word(at + 2 * 8)).toBe(0x400n);
  });

  test('more RAM than its tables can map is refused', () => {
    expect(() => s390('v7.2', { index_bits: 1, ram: 16 * 4096, levels: 3 })).toThrow(InputError);
    expect(() => s390('v7.2', { index_bits: 1, ram: 16 * 4096 })).not.toThrow();
    expect(() => s390('v7.2', { index_bits: 1, ram: 32 * 4096 })).toThrow(InputError);
  });

  test('has all of its RAM free but the first page, in the largest leaves, and room for vmalloc above', () => {
    for (const version of ALL) {
      const k = s390(version, { index_bits: 1, ram: 8 * 4096, features: {} });
      expect(levels(k, 0, 4 * 4096)).toEqual([3, 3]);
      expect([...k.frames.book!.freeRanges()].reduce((sum, { start, end }) => sum + end - start, 0)).toBe(7);
      const addr = call(vmalloc(k, 1))!;
      expect(addr).toBeGreaterThanOrEqual(8 * 4096);
      expect(flagsOf(k, addr)?.[0]).toBe(1);
    }
  });
});
