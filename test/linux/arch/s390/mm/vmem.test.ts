import { describe, expect, test } from 'vitest';
import { NotModelledError } from '../../../../../src/errors.ts';
import { set_memory_4k, set_memory_ro } from '../../../../../src/linux/arch/s390/mm/pageattr.ts';
import { vmem_add_mapping, vmem_remove_mapping } from '../../../../../src/linux/arch/s390/mm/vmem.ts';
import type { S390Kernel } from '../../../../../src/linux/arch/s390/s390_kernel.ts';
import { ENOMEM, ERANGE } from '../../../../../src/linux/errno.ts';
import { PageReserved } from '../../../../../src/linux/mm/page_flags.ts';
import { call, eventsOf, flagsOf, GIB, MIB, refuseFrom, s390 } from '../../../../support/s390_machines.ts';

const ALL = ['v5.10', 'v6.1', 'v6.12', 'v7.2'] as const;

/** A machine with 64M, and room for more up to 16G. */
function standby(version: string, wanted: Parameters<typeof s390>[1] = {}): S390Kernel {
  return s390(version, {
    ram: [
      { start: 0, end: 64 * MIB, type: 'RAM' },
      { start: 64 * MIB, end: 16 * GIB, type: 'RESERVED' },
    ],
    features: {},
    ...wanted,
  });
}

describe('memory that is added', () => {
  test.each(ALL)('%s maps it by the largest leaves that fit', (version) => {
    const k = standby(version);
    const before = k.direct_pages_count.toArray();
    expect(call(vmem_add_mapping(k, 4 * GIB - MIB - 8192, 4 * GIB + MIB + 8192))).toBe(0);
    expect(flagsOf(k, 4 * GIB - MIB - 8192)?.[0]).toBe(1);
    expect(flagsOf(k, 4 * GIB - MIB)?.[0]).toBe(2);
    expect(flagsOf(k, 4 * GIB)?.[0]).toBe(3);
    expect(k.direct_pages_count.toArray()).toEqual([0, before[1]! + 2, before[2]! + 1, before[3]! + 2]);
  });

  test.each(ALL)('%s maps it by 4K entries under debug_pagealloc', (version) => {
    const k = standby(version, { cmdline: 'debug_pagealloc=on', configured: [['DEBUG_PAGEALLOC', 'y']] });
    expect(call(vmem_add_mapping(k, 4 * GIB, 2 * MIB))).toBe(0);
    expect(flagsOf(k, 4 * GIB)).toEqual([1, 0x13d]);
  });

  test('is not added in part: what was mapped is taken away again', () => {
    const k = standby('v7.2');
    const before = k.direct_pages_count.toArray();
    expect(call(vmem_add_mapping(k, 4 * GIB + MIB - 4096, 2 * MIB + 8192), refuseFrom(3))).toBe(-ENOMEM);
    for (let at = 4 * GIB; at < 4 * GIB + 4 * MIB; at += MIB) expect(k.leafAt(at)).toBeUndefined();
    expect(k.leafAt(4 * GIB + MIB - 4096)).toBeUndefined();
    expect(k.direct_pages_count.toArray()).toEqual(before);
  });

  test('beyond the room for the direct map is -ERANGE', () => {
    const k = standby('v6.1');
    expect(call(vmem_add_mapping(k, 0x37200000000, MIB))).toBe(-ERANGE);
    expect(call(vmem_add_mapping(k, 0x37200000000 - MIB, MIB))).toBe(0);
    const since = standby('v7.2');
    expect(call(vmem_add_mapping(since, 512 * GIB, MIB))).toBe(-ERANGE);
    expect(call(vmem_add_mapping(since, 512 * GIB - MIB, MIB))).toBe(0);
  });

  test('is asked for by frames', () => {
    const k = standby('v7.2');
    const frames = { start: GIB / 4096, end: GIB / 4096 + 256 };
    expect(call(k.arch_add_memory(frames))).toBe(0);
    expect(flagsOf(k, GIB)).toEqual([2, 0xf501]);
    call(k.arch_remove_memory(frames));
    expect(k.leafAt(GIB)).toBeUndefined();
  });
});

describe('memory that is removed', () => {
  const added = (version: string) => {
    const k = standby(version);
    call(vmem_add_mapping(k, 4 * GIB, 4 * GIB));
    return k;
  };

  test.each(ALL)('%s takes away whole leaves, drops all translations and frees empty tables', (version) => {
    const k = standby(version);
    const before = k.direct_pages_count.toArray();
    call(vmem_add_mapping(k, 4 * GIB + MIB - 4096, MIB + 8192));
    const free = k.frames.book!.heldFrames().length;
    const events = eventsOf(k, () => call(vmem_remove_mapping(k, 4 * GIB + MIB - 4096, MIB + 8192)));
    expect(k.leafAt(4 * GIB + MIB)).toBeUndefined();
    expect(k.direct_pages_count.toArray()).toEqual(before);
    expect(events.filter(({ kind }) => kind === 'flush')).toMatchObject([{ cpus: 'all', pages: 'all' }]);
    // One order-2 table, and two page tables: in one page before v6.12.
    const sharing = version === 'v5.10' || version === 'v6.1';
    expect(free - k.frames.book!.heldFrames().length).toBe(sharing ? 5 : 6);
  });

  test.each(['v5.10', 'v6.1', 'v6.12'])('S33: %s leaves a 2G leaf alone of which a part goes', (version) => {
    const k = added(version);
    const counts = k.direct_pages_count.toArray();
    call(vmem_remove_mapping(k, 4 * GIB, GIB));
    expect(k.translate(4 * GIB)).toMatchObject({ level: 3 });
    expect(k.direct_pages_count.toArray()).toEqual(counts);
  });

  test('S33: v7.2 splits it, and goes on where that failed, which depends on memory', () => {
    const k = added('v7.2');
    const [, , oneM, twoG] = k.direct_pages_count.toArray();
    call(vmem_remove_mapping(k, 4 * GIB, GIB));
    expect(k.leafAt(4 * GIB)).toBeUndefined();
    expect(k.translate(5 * GIB)).toMatchObject({ level: 2 });
    expect(k.direct_pages_count.toArray().slice(2)).toEqual([oneM! + 1024, twoG! - 1]);
    const poor = added('v7.2');
    expect(() => call(vmem_remove_mapping(poor, 4 * GIB, GIB), refuseFrom(1))).toThrow(NotModelledError);
  });

  test.each(ALL)('%s leaves a 1M leaf alone of which a part goes', (version) => {
    const k = standby(version, { features: { edat2: false } });
    call(vmem_add_mapping(k, GIB, MIB));
    call(vmem_remove_mapping(k, GIB, 4096));
    expect(k.translate(GIB)).toMatchObject({ level: 2 });
  });

  test('a page that was taken out of the direct map before is not overlooked', () => {
    const k = standby('v7.2', { features: { edat2: false } });
    call(vmem_add_mapping(k, GIB, MIB));
    call(k.set_direct_map_invalid_noflush(GIB / 4096 + 1));
    call(vmem_remove_mapping(k, GIB, MIB));
    expect(k.leafAt(GIB + 4096)).toBeUndefined();
  });

  test.each([
    ['v6.12', true],
    ['v7.2', false],
  ])('%s and a page table of boot', (version, kept) => {
    const k = s390(version);
    const at = 48 * MIB;
    const table = () => {
      const leaf = k.format.tableAddress(2, ...wordsOf(k, at));
      return leaf / 4096;
    };
    // Boot has split nothing there: say that the page is boot's.
    call(set_memory_4k(k, at, 1));
    const page = Math.floor(table());
    k.page_flags.set(page, 1);
    expect(PageReserved(k, page)).toBe(true);
    const events = eventsOf(k, () => call(vmem_remove_mapping(k, at, MIB)));
    expect(events.some(({ kind }) => kind === 'warn')).toBe(kept);
    expect(PageReserved(k, page)).toBe(kept);
    expect(k.frames.book!.ownerOf(page) === undefined).toBe(!kept);
    expect(k.leafAt(at)).toBeUndefined();
  });

  test('read-only leaves go like all others', () => {
    const k = added('v7.2');
    call(set_memory_ro(k, 4 * GIB, 2 ** 19));
    call(vmem_remove_mapping(k, 4 * GIB, 2 * GIB));
    expect(k.leafAt(4 * GIB)).toBeUndefined();
    expect(k.translate(6 * GIB)).toMatchObject({ level: 3 });
  });

  test('with four levels an empty region-third table goes too', () => {
    const k = standby('v7.2', { levels: 4 });
    const at = 300 * GIB;
    const entry = () => k.memory.low(k.root);
    const before = entry();
    expect(call(vmem_add_mapping(k, at, MIB))).toBe(0);
    call(vmem_remove_mapping(k, at, MIB));
    expect(k.leafAt(at)).toBeUndefined();
    expect(entry()).toBe(before);
  });
});

/** The segment entry for an address. */
function wordsOf(k: S390Kernel, address: number): [low: number, high: number] {
  const top = k.root + Math.floor(address / 2 ** 31) * 8;
  const segment = k.format.tableAddress(3, k.memory.low(top), k.memory.high(top)) + (address / MIB) * 8;
  return [k.memory.low(segment), k.memory.high(segment)];
}
