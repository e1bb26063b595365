import { describe, expect, test } from 'vitest';
import { S390_CALLS } from '../../../../../src/linux/arch/s390/calls.ts';
import {
  SET_MEMORY_4K,
  SET_MEMORY_DEF,
  SET_MEMORY_INV,
  SET_MEMORY_NX,
  SET_MEMORY_RO,
  SET_MEMORY_RW,
  SET_MEMORY_X,
} from '../../../../../src/linux/arch/s390/include/asm/set_memory.ts';
import * as pageattr from '../../../../../src/linux/arch/s390/mm/pageattr.ts';
import { EINVAL, ENOMEM } from '../../../../../src/linux/errno.ts';
import { VM_FLUSH_RESET_PERMS, vfree, vmalloc } from '../../../../../src/linux/mm/vmalloc.ts';
import { Tlb } from '../../../../../src/mmu/tlb.ts';
import {
  call,
  entryOf,
  eventsOf,
  flagsOf,
  GIB,
  MIB,
  refuseFrom,
  s390,
} from '../../../../support/s390_machines.ts';

const { __set_memory } = pageattr;
const ALL = ['v5.10', 'v6.1', 'v6.12', 'v7.2'] as const;

/** Address of a 1M leaf in which nothing of the kernel's lies. */
const M = 40 * MIB;
const PFN = M / 4096;

describe('__set_memory()', () => {
  test.each([
    ['v5.10', 0x3503, 0x13d],
    ['v6.1', 0x3503, 0x13d],
    ['v6.12', 0x3503, 0x13d],
    ['v7.2', 0xf501, 0x13d],
  ])('%s splits a 1M leaf for one page, and leaves the others as they were', (version, large, small) => {
    const k = s390(version);
    expect(flagsOf(k, M)).toEqual([2, large]);
    const [, fourK, oneM] = k.direct_pages_count.toArray();
    expect(call(__set_memory(k, M + 0x3000, 1, SET_MEMORY_RO))).toBe(0);
    for (let page = 0; page < 256; page++) {
      const flags = page === 3 ? 0x31d : small;
      expect(entryOf(k, M + page * 4096)).toEqual([1, BigInt(M + page * 4096 + flags)]);
    }
    expect(flagsOf(k, M + MIB)).toEqual([2, large]);
    expect(k.direct_pages_count.toArray()).toEqual([0, fourK! + 256, oneM! - 1, 0]);
  });

  test.each([
    ['v5.10', 0x3701, 0x7503, 0x7403],
    ['v6.1', 0x3701, 0x7503, 0x7403],
    ['v6.12', 0x3701, 0x7503, 0x7403],
    ['v7.2', 0x7701, 0xf503, 0xf403],
  ])('%s changes a whole 1M leaf as it is', (version, ro, rw, rwx) => {
    const k = s390(version);
    expect(call(__set_memory(k, M, 256, SET_MEMORY_RO))).toBe(0);
    expect(flagsOf(k, M)).toEqual([2, ro]);
    expect(call(__set_memory(k, M, 256, SET_MEMORY_RW))).toBe(0);
    expect(flagsOf(k, M)).toEqual([2, rw]);
    expect(call(__set_memory(k, M, 256, SET_MEMORY_X))).toBe(0);
    expect(flagsOf(k, M)).toEqual([2, rwx]);
  });

  test('RW does not mark soft-dirty a kernel that is built without that', () => {
    const k = s390('v7.2', { configured: [['MEM_SOFT_DIRTY', 'n']] });
    call(__set_memory(k, M, 256, SET_MEMORY_RW));
    expect(flagsOf(k, M)).toEqual([2, 0xf501]);
  });

  test('a hole is -EINVAL, and what lies before it is changed', () => {
    const part = (start: number, end: number) => ({ start, end, type: 'RAM' }) as const;
    const k = s390('v7.2', { ram: [part(0, M + MIB), part(M + 8 * MIB, 64 * MIB)] });
    expect(call(__set_memory(k, M, 512, SET_MEMORY_RO))).toBe(-EINVAL);
    expect(flagsOf(k, M)).toEqual([2, 0x7701]);
  });

  test('an entry that is invalid and has a frame is no hole', () => {
    const k = s390('v7.2');
    call(__set_memory(k, M, 1, SET_MEMORY_INV));
    expect(call(__set_memory(k, M, 1, SET_MEMORY_RO))).toBe(0);
    expect(flagsOf(k, M)).toEqual([1, 0x71d]);
  });

  test.each(ALL)('%s does nothing for no pages', (version) => {
    const k = s390(version);
    const before = k.memory.hash;
    expect(call(__set_memory(k, M, 0, SET_MEMORY_RO))).toBe(0);
    expect(k.memory.hash).toBe(before);
  });

  test('without memory for a table nothing is changed, and -ENOMEM returned', () => {
    const k = s390('v7.2');
    const before = k.memory.hash;
    expect(call(__set_memory(k, M, 1, SET_MEMORY_RO), refuseFrom(1))).toBe(-ENOMEM);
    expect(k.memory.hash).toBe(before);
  });

  test('of two splits the first is kept if the second fails', () => {
    const k = s390('v7.2', { ram: 8 * GIB, features: {} });
    const address = 4 * GIB + 5 * MIB;
    expect(flagsOf(k, address)).toEqual([3, 0xf505]);
    const [, fourK, oneM, twoG] = k.direct_pages_count.toArray();
    expect(call(__set_memory(k, address + 4096, 1, SET_MEMORY_RO), refuseFrom(2))).toBe(-ENOMEM);
    expect(flagsOf(k, address)).toEqual([2, 0xf501]);
    expect(k.direct_pages_count.toArray()).toEqual([0, fourK, oneM! + 2048, twoG! - 1]);
  });

  test('a split of 2G asks for four pages, one of 1M for one', () => {
    const k = s390('v7.2', { ram: 8 * GIB, features: {} });
    const orders: number[] = [];
    call(__set_memory(k, 4 * GIB, 1, SET_MEMORY_RO), ({ order }) => {
      orders.push(order);
      return true;
    });
    expect(orders).toEqual([2, 0]);
  });

  test.each([
    ['v5.10', 0x3507],
    ['v6.1', 0x3507],
    ['v6.12', 0x3507],
    ['v7.2', 0xf505],
  ])('%s has 2G leaves that keep their protection through a split', (version, flags) => {
    const k = s390(version, { ram: 8 * GIB, features: {} });
    expect(flagsOf(k, 4 * GIB)).toEqual([3, flags]);
    call(__set_memory(k, 4 * GIB, 2 ** 19, SET_MEMORY_RO | SET_MEMORY_X));
    expect(flagsOf(k, 4 * GIB)?.[0]).toBe(3);
    call(__set_memory(k, 4 * GIB, 1, SET_MEMORY_NX));
    expect(flagsOf(k, 4 * GIB)).toEqual([1, 0x315]);
    expect(flagsOf(k, 4 * GIB + 4096)).toEqual([1, 0x215]);
    expect(k.format.writable(2, flagsOf(k, 5 * GIB)![1])).toBe(false);
    expect(k.format.executable(2, flagsOf(k, 5 * GIB)![1])).toBe(true);
  });

  test('the software bit "write" of a 2G leaf moved with v6.12', () => {
    const [old, since] = ['v6.1', 'v6.12'].map((version) => {
      const k = s390(version, { ram: 8 * GIB, features: {} });
      call(__set_memory(k, 4 * GIB, 2 ** 19, SET_MEMORY_RO));
      return flagsOf(k, 4 * GIB);
    });
    expect(old).toEqual([3, 0x3706]);
    expect(since).toEqual([3, 0x3705]);
  });

  test('a machine without NX ignores NX and X, and says why a call had nothing to do', () => {
    const k = s390('v7.2', { features: { edat2: false, nx: false } });
    expect(flagsOf(k, M)).toEqual([2, 0xf401]);
    const before = k.memory.hash;
    const events = eventsOf(k, () => {
      expect(call(__set_memory(k, M, 1, SET_MEMORY_X))).toBe(0);
      expect(call(__set_memory(k, M, 1, SET_MEMORY_NX))).toBe(0);
    });
    expect(k.memory.hash).toBe(before);
    expect(events.map(({ kind }) => kind)).toEqual(['guard', 'guard']);
    expect(call(__set_memory(k, M, 1, SET_MEMORY_RO | SET_MEMORY_X))).toBe(0);
    expect(flagsOf(k, M)).toEqual([1, 0x21d]);
    expect(call(__set_memory(k, M, 1, SET_MEMORY_DEF))).toBe(0);
    expect(flagsOf(k, M)).toEqual([1, 0x3d]);
  });

  test.each([
    ['v5.10', 0],
    ['v6.1', 0],
    ['v6.12', 1],
    ['v7.2', 1],
  ])('%s looks at a range that ends with the module area %i times', (version, looks) => {
    const k = s390(version);
    const last = eventsOf(k, () => {
      expect(call(__set_memory(k, k.MODULES_END - 4096, 1, SET_MEMORY_RO))).toBe(-EINVAL);
    });
    expect(last.filter(({ kind }) => kind === 'lock')).toHaveLength(looks);
    const before = eventsOf(k, () => {
      expect(call(__set_memory(k, k.MODULES_END - 8192, 1, SET_MEMORY_RO))).toBe(-EINVAL);
    });
    expect(before.filter(({ kind }) => kind === 'lock')).toHaveLength(1);
  });

  test('4K splits every large leaf of a range, and changes nothing else', () => {
    const k = s390('v7.2', { ram: 8 * GIB, features: {} });
    expect(call(pageattr.set_memory_4k(k, 4 * GIB + MIB, 257))).toBe(0);
    expect(flagsOf(k, 4 * GIB)).toEqual([2, 0xf501]);
    expect(flagsOf(k, 4 * GIB + MIB)).toEqual([1, 0x13d]);
    expect(flagsOf(k, 4 * GIB + 3 * MIB - 4096)).toEqual([1, 0x13d]);
    expect(flagsOf(k, 4 * GIB + 3 * MIB)).toEqual([2, 0xf501]);
    expect(call(__set_memory(k, 4 * GIB + MIB, 1, SET_MEMORY_4K | SET_MEMORY_RO))).toBe(0);
    expect(flagsOf(k, 4 * GIB + MIB)).toEqual([1, 0x31d]);
  });

  test.each([
    ['v5.10', SET_MEMORY_4K, [2, 0x3503]],
    ['v6.1', SET_MEMORY_4K, [1, 0x13d]],
    ['v6.1', SET_MEMORY_INV, [2, 0x3503]],
    ['v6.12', SET_MEMORY_INV, [2, 0x3523]],
  ])('%s knows its own flags only: 0x%i on a whole leaf', (version, flags, expected) => {
    const k = s390(version);
    expect(call(__set_memory(k, M, 256, flags))).toBe(0);
    expect(flagsOf(k, M)).toEqual(expected);
    const addr = M + MIB + 4096;
    expect(call(__set_memory(k, addr, 1, flags))).toBe(0);
    expect(flagsOf(k, addr)?.[0]).toBe(1);
    expect(flagsOf(k, addr)?.[1]).toBe(expected[1] === 0x3523 ? 0x53d : 0x13d);
  });

  test('takes a mutex, so that it must not be called where nobody may sleep', () => {
    const k = s390('v7.2');
    k.irqs_disabled[0] = 1;
    const events = eventsOf(k, () => call(__set_memory(k, M, 256, SET_MEMORY_RO)));
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'unreported', text: expect.stringContaining('cpa_mutex') }),
    );
    expect(events.filter(({ kind }) => kind === 'lock')).toHaveLength(1);
    expect(k.cpa_mutex.writer).toBe(-1);
  });

  test.each([
    [{ edat2: true }, { cpus: 'all', pages: 256, address: M }],
    [{ edat2: false }, { cpus: 'all', pages: 'all', address: 0 }],
  ])('every replaced entry is dropped from all TLBs at once: %o', (features, flush) => {
    const k = s390('v7.2', { features });
    k.tlb = new Tlb(2);
    const { level, low, high } = k.leafAt(M)!;
    for (const cpu of [0, 1]) k.tlb.fill(cpu, M, { level, low, high, address: M, bytes: MIB });
    const events = eventsOf(k, () => call(__set_memory(k, M, 1, SET_MEMORY_RO)));
    const flushes = events.filter(({ kind }) => kind === 'flush');
    expect(flushes[0]).toMatchObject(flush);
    expect(flushes).toHaveLength(2);
    for (const cpu of [0, 1]) expect(k.tlb.lookup(cpu, M)).toBeUndefined();
  });

  test('tells of a split where it happens, and of what is in the table before the entry names it', () => {
    const k = s390('v7.2');
    const events = eventsOf(k, () => call(__set_memory(k, M + 4096, 1, SET_MEMORY_RO)));
    const split = events.find(({ kind }) => kind === 'split');
    expect(split).toMatchObject({ level: 2, address: M });
    const writes = events.filter((event) => event.kind === 'write');
    const table = split?.kind === 'split' ? split.table : 0;
    expect(writes.at(-2)).toMatchObject({ low: table | 1, high: 0 });
    expect(writes.at(-1)).toMatchObject({ entry: table + 8, low: M + 0x131d - 0x1000 + 0x1000 });
  });
});

describe('aliases of vmalloc', () => {
  const aliasFlags = (version: string, flags: number) => {
    const k = s390(version);
    const addr = call(vmalloc(k, 4))!;
    const page = [...k.vmap_areas.entries()][0]![1].pages[1]!;
    const before = entryOf(k, k.page_address(page));
    expect(call(__set_memory(k, addr + 4096, 1, flags))).toBe(0);
    const same = entryOf(k, k.page_address(page))?.join() === before?.join();
    return { area: flagsOf(k, addr + 4096)![1], alias: same ? 'same' : flagsOf(k, k.page_address(page))![1] };
  };

  test.each([
    ['v5.10', 'same'],
    ['v6.1', 'same'],
    ['v6.12', 0x31d],
    ['v7.2', 0x31d],
  ])('in %s a page that becomes read-only has its alias so too: %s', (version, alias) => {
    expect(aliasFlags(version, SET_MEMORY_RO)).toEqual({ area: 0x31d, alias });
  });

  test('execution is not passed on, and of two flags the one that is', () => {
    expect(aliasFlags('v7.2', SET_MEMORY_X)).toEqual({ area: 0x3d, alias: 'same' });
    expect(aliasFlags('v7.2', SET_MEMORY_RO | SET_MEMORY_X)).toEqual({ area: 0x21d, alias: 0x31d });
    expect(aliasFlags('v7.2', SET_MEMORY_INV)).toEqual({ area: 0x53d, alias: 'same' });
  });

  test('S35: without memory for an alias all of the main mapping is changed, of the aliases a part; vfree() repairs it', () => {
    const k = s390('v7.2');
    const addr = call(vmalloc(k, 4, VM_FLUSH_RESET_PERMS))!;
    const [near, far] = [...k.vmap_areas.entries()][0]![1].pages;
    const area = { ...[...k.vmap_areas.entries()][0]![1], pages: [near!, far!, PFN, PFN + MIB / 4096] };
    k.vmap_areas.set(addr, area);
    call(pageattr.set_memory_4k(k, k.page_address(near!), 2));
    expect(call(__set_memory(k, addr, 4, SET_MEMORY_RO), refuseFrom(2))).toBe(-ENOMEM);
    for (let page = 0; page < 4; page++) expect(flagsOf(k, addr + page * 4096)).toEqual([1, 0x31d]);
    expect(area.pages.map((page) => flagsOf(k, k.page_address(page)))).toEqual([
      [1, 0x31d],
      [1, 0x31d],
      [1, 0x31d],
      [2, 0xf501],
    ]);
    const held = { ...area, pages: [near!, far!] };
    k.vmap_areas.set(addr, held);
    call(vfree(k, addr), refuseFrom(1));
    for (const page of held.pages) expect(flagsOf(k, k.page_address(page))).toEqual([1, 0x13d]);
    expect(call(k.set_direct_map_invalid_noflush(PFN), refuseFrom(1))).toBe(0);
    expect(call(k.set_direct_map_invalid_noflush(PFN + MIB / 4096), refuseFrom(1))).toBe(-ENOMEM);
    expect(call(k.set_direct_map_default_noflush(PFN), refuseFrom(1))).toBe(0);
    expect(flagsOf(k, M)).toEqual([1, 0x13d]);
  });

  test('what is not vmalloc memory has no alias', () => {
    const k = s390('v7.2');
    const { va, stext } = k.image!;
    const before = flagsOf(k, stext);
    expect(call(__set_memory(k, va, 1, SET_MEMORY_RW))).toBe(0);
    expect(flagsOf(k, stext)).toEqual(before);
  });

  test('an entry of the vmalloc area is empty by its own value when the area is gone', () => {
    const k = s390('v6.12');
    const addr = call(vmalloc(k, 4))!;
    expect(flagsOf(k, addr)).toEqual([1, 0x13d]);
    const events = eventsOf(k, () => call(vfree(k, addr)));
    expect(events.filter(({ kind }) => kind === 'flush')).toMatchObject(
      [0, 1, 2, 3].map((page) => ({ cpus: 'all', pages: 1, address: addr + page * 4096 })),
    );
    expect(k.leafAt(addr)).toBeUndefined();
    expect(call(__set_memory(k, addr, 1, SET_MEMORY_RO))).toBe(-EINVAL);
  });
});

describe('set_direct_map_*()', () => {
  test.each(['v5.10', 'v6.1'])('%s has none: they do nothing, and return 0', (version) => {
    const k = s390(version);
    const before = k.memory.hash;
    expect(k.arch_has_set_direct_map).toBe(false);
    expect(call(k.set_direct_map_invalid_noflush(PFN))).toBe(0);
    expect(call(k.set_direct_map_default_noflush(PFN))).toBe(0);
    expect(call(k.set_direct_map_valid_noflush(PFN, 2, false))).toBe(0);
    expect(call(k.kernel_page_present(PFN))).toBe(true);
    expect(k.memory.hash).toBe(before);
    const missing = S390_CALLS.filter((each) => each.missing?.(k) !== undefined).map(({ name }) => name);
    expect(missing).toContain('set_direct_map_invalid_noflush');
    expect(missing).toContain('kernel_page_present');
    expect(missing.includes('set_memory_4k')).toBe(version === 'v5.10');
  });

  test.each(['v6.12', 'v7.2'])('%s takes a page out and puts it back, after a split', (version) => {
    const k = s390(version);
    expect(call(k.set_direct_map_invalid_noflush(PFN + 3))).toBe(0);
    expect(flagsOf(k, M + 0x3000)).toEqual([1, 0x53d]);
    expect(call(k.kernel_page_present(PFN + 3))).toBe(false);
    expect(call(k.kernel_page_present(PFN + 4))).toBe(true);
    expect(call(k.set_direct_map_default_noflush(PFN + 3), refuseFrom(1))).toBe(0);
    expect(flagsOf(k, M + 0x3000)).toEqual([1, 0x13d]);
  });

  test('"default" undoes RO and X as well', () => {
    const k = s390('v7.2');
    call(__set_memory(k, M, 1, SET_MEMORY_RO | SET_MEMORY_X));
    expect(flagsOf(k, M)).toEqual([1, 0x21d]);
    expect(call(k.set_direct_map_default_noflush(PFN))).toBe(0);
    expect(flagsOf(k, M)).toEqual([1, 0x13d]);
  });

  test('a large leaf that is taken out stays large, and the hardware does not find it', () => {
    const k = s390('v7.2');
    expect(call(k.set_direct_map_valid_noflush(PFN, 256, false), refuseFrom(1))).toBe(0);
    expect(flagsOf(k, M)).toEqual([2, 0xf521]);
    expect(call(k.kernel_page_present(PFN))).toBe(false);
    expect(call(k.set_direct_map_valid_noflush(PFN, 256, true), refuseFrom(1))).toBe(0);
    expect(entryOf(k, M)).toEqual([2, BigInt(M + 0xf501)]);
  });

  test.each([
    ['1M', { edat2: false }, 64 * MIB, M, 256],
    ['2G', {}, 8 * GIB, 4 * GIB, 2 ** 19],
  ])(
    'S34: a split of an invalid leaf of %s makes all its other pages valid',
    (_size, features, ram, at, pages) => {
      const k = s390('v7.2', { ram, features });
      const pfn = at / 4096;
      expect(call(k.set_direct_map_valid_noflush(pfn, pages, false))).toBe(0);
      expect(k.translate(at + 4096)).toBeUndefined();
      expect(call(__set_memory(k, at, 1, SET_MEMORY_RO))).toBe(0);
      expect(flagsOf(k, at)).toEqual([1, 0x31d]);
      expect(k.translate(at)).toBeDefined();
      expect(k.translate(at + (pages - 1) * 4096)).toBeDefined();
    },
  );

  test('a kernel with the change taken out is one without', () => {
    const k = s390('v7.2~set-direct-map');
    expect(call(k.set_direct_map_invalid_noflush(PFN))).toBe(0);
    expect(k.translate(M)).toBeDefined();
    const valid = S390_CALLS.find(({ name }) => name === 'set_direct_map_valid_noflush')!;
    expect(valid.missing?.(k)).toContain('set-direct-map');
  });
});

describe('__kernel_map_pages()', () => {
  const debug = { cmdline: 'debug_pagealloc=on', configured: [['DEBUG_PAGEALLOC', 'y']] } as const;

  test.each(ALL)(
    '%s toggles one bit of each page, across page tables, and drops it from all TLBs',
    (version) => {
      const k = s390(version, debug);
      call(k.__kernel_map_pages(PFN + 250, 12, 1));
      const before = [250, 261].map((page) => flagsOf(k, M + page * 4096));
      expect(before).toEqual([
        [1, 0x13d],
        [1, 0x13d],
      ]);
      const events = eventsOf(k, () => call(k.__kernel_map_pages(PFN + 250, 12, 0), refuseFrom(1)));
      for (let page = 250; page < 262; page++) expect(flagsOf(k, M + page * 4096)).toEqual([1, 0x53d]);
      expect(events.filter(({ kind }) => kind === 'flush')).toMatchObject([
        { cpus: 'all', pages: 6, address: M + 250 * 4096 },
        { cpus: 'all', pages: 6, address: M + MIB },
      ]);
      const back = eventsOf(k, () => call(k.__kernel_map_pages(PFN + 250, 12, 1)));
      expect(back.filter(({ kind }) => kind === 'flush')).toEqual([]);
      expect(back.filter(({ kind }) => kind === 'lock')).toEqual([]);
      expect(flagsOf(k, M + 250 * 4096)).toEqual([1, 0x13d]);
    },
  );

  test.each(ALL)(
    '%s does not look for a leaf: of a 1M leaf the n-th word of its memory is changed',
    (version) => {
      const k = s390(version);
      const leaf = entryOf(k, M);
      k.memory.write(M + 7 * 8, 0x1234_5081, 0x9abc_def0);
      const events = eventsOf(k, () => call(k.__kernel_map_pages(PFN + 6, 2, 0)));
      expect(entryOf(k, M)).toEqual(leaf);
      expect(k.translate(M + 7 * 4096)).toBeDefined();
      expect(k.memory.word(M + 5 * 8)).toBe(0n);
      expect(k.memory.word(M + 6 * 8)).toBe(0x400n);
      expect(k.memory.word(M + 7 * 8)).toBe(0x9abc_def0_1234_5481n);
      expect(events).toContainEqual(
        expect.objectContaining({ kind: 'write', entry: M + 7 * 8, low: 0x1234_5481 }),
      );
      call(k.__kernel_map_pages(PFN + 6, 2, 1));
      expect(k.memory.word(M + 6 * 8)).toBe(0n);
      // v7.2 clears another bit of what it takes for a present entry.
      expect(k.memory.word(M + 7 * 8)).toBe(
        version === 'v7.2' ? 0x9abc_def0_1234_5001n : 0x9abc_def0_1234_5081n,
      );
    },
  );

  test('a hole, and a leaf of 2G, are refused: what happens then depends on memory', () => {
    const k = s390('v7.2', { ram: 8 * GIB, features: {} });
    expect(() => call(k.__kernel_map_pages((4 * GIB) / 4096, 1, 0))).toThrow(/leaf of 2G/);
    expect(() => call(k.__kernel_map_pages((9 * GIB) / 4096, 1, 0))).toThrow(/no region-third entry/);
  });
});
