import { describe, expect, it } from 'vitest';
import { set_memory_ro, set_memory_rox } from '../../../src/linux/arch/x86/mm/pat/set_memory.ts';
import type { X86Kernel } from '../../../src/linux/arch/x86/x86_kernel.ts';
import { GENERIC_CALLS } from '../../../src/linux/calls.ts';
import { ENOMEM } from '../../../src/linux/errno.ts';
import { safe_copy_page } from '../../../src/linux/kernel/power/snapshot.ts';
import { read_kernel, write_kernel, write_page } from '../../../src/linux/mm/access.ts';
import {
  execmem_alloc,
  execmem_alloc_rw,
  execmem_cache_clean,
  execmem_cache_free_slow,
  execmem_free,
  execmem_restore_rox,
  execmem_set_direct_map_valid_at,
} from '../../../src/linux/mm/execmem.ts';
import { alloc_pages, GFP_KERNEL } from '../../../src/linux/mm/page_alloc.ts';
import {
  get_vm_area_page_order,
  VM_ALLOW_HUGE_VMAP,
  vfree,
  vmalloc,
  vmalloc_to_page,
} from '../../../src/linux/mm/vmalloc.ts';
import type { AllocationPolicy } from '../../../src/linux/task.ts';
import { call, KERNELS, lines, refuse, refuseTables, watch } from '../../support/calls.ts';
import { buddyOf, leaf, leafAt, smallX86 } from '../../support/small_x86.ts';

const PAGE = 4096;
const kernel = 'v7.2';

function pagesOf(k: X86Kernel, addr: number, nr: number): number[] {
  return Array.from({ length: nr }, (_, i) => vmalloc_to_page(k, addr + i * PAGE)!);
}

/** Size and every flag of the leaf that maps a page in the direct map. */
function mapping(k: X86Kernel, pfn: number): string {
  const { level, low, high } = k.leafAt(k.page_address(pfn))!;
  return `${['', '4K', '2M', '1G'][level]} ${k.format.describe(level, low, high).join(' ')}`;
}

/** 2M leaves of the direct map that the pages lie in, in the order of the pages. */
function leavesOf(pages: readonly number[]): number[] {
  return [...new Set(pages.map((page) => Math.floor(page / 512)))];
}

/** An area of single pages in three leaves of the direct map. */
function areaInThreeLeaves(k: X86Kernel): { addr: number; pages: number[] } {
  const addr = call(vmalloc(k, 1200))!;
  const pages = pagesOf(k, addr, 1200);
  expect(leavesOf(pages)).toHaveLength(3);
  return { addr, pages };
}

/** Refuses the n-th table for the direct map, and every block of pages. */
function refuseAliasSplit(k: X86Kernel, n: number): AllocationPolicy {
  let splits = 0;
  return ({ order, purpose }) => {
    if (order > 0) return false;
    const { address = 0 } = purpose ?? {};
    const ofDirectMap = purpose !== undefined && address >= k.page_offset && address < k.VMALLOC_START;
    return !ofDirectMap || ++splits !== n;
  };
}

/** Refuses the n-th node of the cache's trees. */
function refuseNode(n: number): AllocationPolicy {
  let nodes = 0;
  return ({ order, purpose }) => order > 0 || purpose !== undefined || ++nodes !== n;
}

/** The cache's ranges, in pages from the start of vmalloc's addresses. */
function ranges(k: X86Kernel): { busy: number[][]; free: number[][] } {
  const { busy_areas, free_areas } = k.execmem_cache;
  const inPages = (areas: typeof free_areas) =>
    [...areas.entries()]
      .map(([, { addr, size }]) => [addr, addr + size].map((at) => (at - k.VMALLOC_START) / PAGE))
      .sort((a, b) => a[0]! - b[0]!);
  return { busy: inPages(busy_areas), free: inPages(free_areas) };
}

function nothingIsLeft(k: X86Kernel): boolean {
  const owners = buddyOf(k)
    .allocatedBlocks()
    .map(({ owner }) => owner);
  return !owners.includes('vmalloc') && k.execmem_cache.mutex.writer === -1;
}

describe('execmem', () => {
  it('has a cache on v7.2 only', () => {
    const calls = GENERIC_CALLS.filter(({ name }) => name.startsWith('execmem_'));
    expect(calls).toHaveLength(7);
    for (const name of KERNELS) {
      const k = smallX86({ kernel: name });
      const reasons = calls.map(({ missing }) => missing!(k));
      expect(reasons).toEqual(
        calls.map(() => (name === 'v7.2.13' ? undefined : `${name} lacks the change execmem-rox-cache`)),
      );
    }
  });

  it('gives out areas of their own, writable, where there is no cache', () => {
    const k = smallX86({ kernel: 'v6.12' });
    const addr = call(execmem_alloc_rw(k, 2 * PAGE))!;
    expect([leafAt(k, addr), leafAt(k, addr + 2 * PAGE)]).toEqual(['4K P RW', 'none']);
    expect(call(execmem_restore_rox(k, addr, PAGE))).toBe(0);
    call(execmem_free(k, addr));
    expect([leafAt(k, addr), nothingIsLeft(k)]).toEqual(['none', true]);
  });
});

describe('execmem_set_direct_map_valid()', () => {
  it('takes every page of an area out of the direct map, and brings it back without G and D', () => {
    const k = smallX86({ kernel });
    const { addr, pages } = areaInThreeLeaves(k);
    expect(mapping(k, pages[0]!)).toBe('2M P RW A D PSE G NX');
    expect(call(execmem_set_direct_map_valid_at(k, addr, false))).toBe(0);
    expect(new Set(pages.map((page) => mapping(k, page)))).toEqual(new Set(['4K A NX']));
    expect(call(execmem_set_direct_map_valid_at(k, addr, true))).toBe(0);
    expect(new Set(pages.map((page) => mapping(k, page)))).toEqual(new Set(['4K P RW A NX']));
  });

  it('leaves every page accessible when the k-th split is refused, but splits, and G and D lost, for those before', () => {
    for (let at = 1; at <= 3; at++) {
      const k = smallX86({ kernel });
      const { addr, pages } = areaInThreeLeaves(k);
      const done = leavesOf(pages).slice(0, at - 1);
      expect(call(execmem_set_direct_map_valid_at(k, addr, false), refuse(at))).toBe(-ENOMEM);
      for (const page of pages) {
        const touched = done.includes(Math.floor(page / 512));
        expect(mapping(k, page)).toBe(touched ? '4K P RW A NX' : '2M P RW A D PSE G NX');
      }
      expect(k.direct_pages_count.get(1)).toBe((at - 1) * 512);
    }
    const k = smallX86({ kernel });
    expect(call(execmem_set_direct_map_valid_at(k, areaInThreeLeaves(k).addr, false), refuse(4))).toBe(0);
  });

  it('leaves G and D to the neighbours of a page in a leaf that it splits', () => {
    const k = smallX86({ kernel });
    const { addr, pages } = areaInThreeLeaves(k);
    const last = leavesOf(pages)[2]!;
    const neighbour = last * 512 + 511;
    expect(pages).not.toContain(neighbour);
    call(execmem_set_direct_map_valid_at(k, addr, false));
    expect(mapping(k, neighbour)).toBe('4K P RW A D G NX');
  });

  it('takes read-only pages out of the direct map when it fails to make them writable', () => {
    const k = smallX86({ kernel });
    const addr = call(vmalloc(k, 1024))!;
    const pages = pagesOf(k, addr, 1024);
    expect(leavesOf(pages)).toEqual([8, 9]);
    call(set_memory_ro(k, k.page_address(pages[0]!), 1024));
    expect(mapping(k, pages[0]!)).toBe('2M P A PSE G NX');
    expect(call(execmem_set_direct_map_valid_at(k, addr, true), refuse(2))).toBe(-ENOMEM);
    expect(new Set(pages.slice(0, 512).map((page) => mapping(k, page)))).toEqual(new Set(['4K A NX']));
    expect(mapping(k, pages[512]!)).toBe('2M P A PSE G NX');
    call(vfree(k, addr));
    expect(buddyOf(k).isFree(pages[0]!)).toBe(true);
    expect(watch(k, write_page(k, pages[0]!)).died).toMatch(/write of a not-present page \(PTE\)/);
  });

  it('works on a large area by large pages, which need no split and stay large', () => {
    const k = smallX86({ kernel });
    const addr = call(vmalloc(k, 1024, VM_ALLOW_HUGE_VMAP))!;
    const page = vmalloc_to_page(k, addr)!;
    expect(call(execmem_set_direct_map_valid_at(k, addr, false), refuseTables)).toBe(0);
    expect(mapping(k, page)).toBe('2M A NX');
    expect(call(execmem_set_direct_map_valid_at(k, addr, true), refuseTables)).toBe(0);
    expect(mapping(k, page)).toBe('2M P RW A PSE NX');
  });

  it('has done nothing when the first large page lies in a 1G leaf that cannot be split', () => {
    const k = smallX86({ kernel, level: 3 });
    const addr = call(vmalloc(k, 1024, VM_ALLOW_HUGE_VMAP))!;
    const { hash } = k.memory;
    expect(call(execmem_set_direct_map_valid_at(k, addr, false), refuse(1))).toBe(-ENOMEM);
    expect(k.memory.hash).toBe(hash);
    expect(call(execmem_set_direct_map_valid_at(k, addr, false), refuse(2))).toBe(0);
  });

  it('goes by the order of the area, not by what has become of its mapping', () => {
    const order = (k: X86Kernel, addr: number) => get_vm_area_page_order(k.vmap_areas.get(addr)!);
    const split = smallX86({ kernel });
    const large = call(vmalloc(split, 512, VM_ALLOW_HUGE_VMAP))!;
    call(set_memory_ro(split, large + PAGE, 1));
    expect([leafAt(split, large), order(split, large)]).toEqual(['4K P RW', 9]);
    const collapsed = smallX86({ kernel });
    const small = call(vmalloc(collapsed, 512))!;
    call(set_memory_rox(collapsed, small, 512));
    expect([leafAt(collapsed, small), order(collapsed, small)]).toEqual(['2M P', 0]);
  });

  it('flushes nothing', () => {
    const k = smallX86({ kernel, level: 1, ram: 2 ** 25 });
    const addr = call(vmalloc(k, 2))!;
    const { events } = watch(k, execmem_set_direct_map_valid_at(k, addr, false));
    expect(events.filter(({ kind }) => kind === 'flush')).toEqual([]);
  });

  it('reads through NULL where there is no area', () => {
    const k = smallX86({ kernel });
    const { died } = watch(k, execmem_set_direct_map_valid_at(k, k.VMALLOC_START, true));
    expect(died).toMatch(/NULL pointer dereference in execmem_set_direct_map_valid/);
  });
});

describe('execmem_alloc()', () => {
  it('puts a large area into the cache, read-only in the direct map too, and cuts what is asked for from it', () => {
    const k = smallX86({ kernel });
    const addr = call(execmem_alloc(k, 3 * PAGE))!;
    const page = vmalloc_to_page(k, addr)!;
    expect([leafAt(k, addr), mapping(k, page)]).toEqual(['2M P', '2M P A PSE G NX']);
    expect(k.format.executable(2, k.format.flags(2, k.leafAt(addr)!.low, k.leafAt(addr)!.high))).toBe(true);
    const { value, events } = watch(k, execmem_alloc(k, PAGE));
    expect(value).toBe(addr + 3 * PAGE);
    expect(events.some(({ kind }) => kind === 'allocated')).toBe(false);
  });

  it('gives nothing, and keeps nothing, when there are no pages', () => {
    const k = smallX86({ kernel });
    const { value, events } = watch(k, execmem_alloc(k, PAGE), () => false);
    expect(value).toBeUndefined();
    expect(lines(events)).toContain('execmem: unable to allocate memory');
    expect(nothingIsLeft(k)).toBe(true);
  });

  it('falls back to what was asked for when there is no area of whole large pages', () => {
    const k = smallX86({ kernel });
    let pages = 0;
    const addr = call(execmem_alloc(k, 2 * PAGE), ({ order, purpose }) => {
      return order === 0 && (purpose !== undefined || ++pages !== 512);
    })!;
    expect([leafAt(k, addr + PAGE), leafAt(k, addr + 2 * PAGE)]).toEqual(['4K P', 'none']);
    expect(k.execmem_cache.free_areas.size).toBe(0);
  });

  it('frees pages that are read-only in the direct map when an alias cannot be split (S26)', () => {
    for (let n = 1; n <= 2; n++) {
      const k = smallX86({ kernel });
      const first = call(alloc_pages(k, GFP_KERNEL, 0))! + 1;
      expect(call(execmem_alloc(k, PAGE), refuseAliasSplit(k, n))).toBeUndefined();
      expect([buddyOf(k).isFree(first), nothingIsLeft(k)]).toEqual([true, true]);
      expect(leaf(k, first)).toBe(n === 1 ? '2M P RW' : '4K P');
      const { died } = watch(k, write_page(k, first));
      if (n === 1) expect(died).toBeUndefined();
      else expect(died).toMatch(/write of a read-only page \(PTE\)/);
    }
    const k = smallX86({ kernel });
    call(alloc_pages(k, GFP_KERNEL, 0));
    expect(call(execmem_alloc(k, PAGE), refuseAliasSplit(k, 3))).toBeDefined();
  });

  it('makes them writable, but not dirty, when only the cache has no memory', () => {
    const k = smallX86({ kernel });
    const { value, events } = watch(k, execmem_alloc(k, PAGE), refuseNode(1));
    const block = events.find((event) => event.kind === 'allocated' && event.order === 9);
    expect([value, nothingIsLeft(k)]).toEqual([undefined, true]);
    expect(mapping(k, (block as { pfn: number }).pfn)).toBe('2M P RW A PSE G NX');
  });

  it('keeps the area in the cache, and gives nothing, when there is no memory to note what is in use', () => {
    const k = smallX86({ kernel });
    expect(call(execmem_alloc(k, PAGE), refuseNode(2))).toBeUndefined();
    expect(ranges(k)).toEqual({ busy: [], free: [[0, 512]] });
    expect(call(execmem_alloc(k, PAGE))).toBe(k.VMALLOC_START);
  });

  it('loses a free range when there is no memory to note what is left of it', () => {
    const k = smallX86({ kernel });
    call(execmem_alloc(k, PAGE));
    expect(ranges(k)).toEqual({ busy: [[0, 1]], free: [[1, 512]] });
    const addr = call(execmem_alloc(k, PAGE), refuseNode(2))!;
    expect(addr).toBe(k.VMALLOC_START + 1024 * PAGE);
    expect(ranges(k)).toEqual({
      busy: [
        [0, 1],
        [1024, 1025],
      ],
      free: [[1025, 1536]],
    });
  });

  it('whatever is refused, leaves no lock held, and loses an area only with the third node', () => {
    const owned = (k: X86Kernel) =>
      buddyOf(k)
        .allocatedBlocks()
        .filter(({ owner }) => owner === 'vmalloc').length;
    const outcomes = [1, 2, 3, 4, 5, 6, 7].map((at) => {
      const k = smallX86({ kernel });
      const value = call(execmem_alloc(k, PAGE), refuse(at));
      const { busy, free } = ranges(k);
      expect(k.locks.every((lock) => ('owner' in lock ? lock.owner : lock.writer) === -1)).toBe(true);
      return `${value === undefined ? 'NULL' : 'memory'}: ${busy.length} + ${free.length} of ${owned(k)}`;
    });
    const fallsBack = 'memory: 1 + 1 of 512';
    const nodes = ['NULL: 0 + 0 of 0', 'NULL: 0 + 1 of 512', 'NULL: 0 + 0 of 512'];
    expect(outcomes).toEqual([fallsBack, fallsBack, fallsBack, ...nodes, 'memory: 1 + 1 of 512']);
  });

  it('of nothing is refused', () => {
    expect(() => call(execmem_alloc(smallX86({ kernel }), 0))).toThrow(/not modelled/);
  });
});

describe('the cache of v6.13-rc1', () => {
  const np = 'v7.2+execmem-rox-cache-np';

  it('is not in the direct map, by large leaves that are not present', () => {
    const k = smallX86({ kernel: np });
    const addr = call(execmem_alloc(k, PAGE))!;
    expect(leaf(k, vmalloc_to_page(k, addr)!)).toBe('2M');
    expect(watch(k, safe_copy_page(k, vmalloc_to_page(k, addr)!)).events.map(({ kind }) => kind)).toContain(
      'split',
    );
  });

  it('makes hibernation allocate a table while it copies memory, or die without one (S18)', () => {
    const k = smallX86({ kernel: np });
    const page = vmalloc_to_page(k, call(execmem_alloc(k, PAGE))!)!;
    const { died, events } = watch(k, safe_copy_page(k, page), refuseTables);
    expect(died).toMatch(/read of a not-present page \(PMD\)/);
    expect(lines(events)).toContain('PM: hibernation: Failed to remap page');
    const later = smallX86({ kernel });
    const kept = vmalloc_to_page(later, call(execmem_alloc(later, PAGE))!)!;
    expect(watch(later, safe_copy_page(later, kept), refuseTables).died).toBeUndefined();
  });
});

describe('execmem_alloc_rw()', () => {
  it('gives memory that can be written until execmem_restore_rox(), which makes the large leaf whole again', () => {
    const k = smallX86({ kernel });
    const addr = call(execmem_alloc_rw(k, PAGE))!;
    expect([leafAt(k, addr), leafAt(k, addr + PAGE)]).toEqual(['4K P RW', '4K P']);
    call(write_kernel(k, addr));
    expect(call(execmem_restore_rox(k, addr, PAGE))).toBe(0);
    expect(leafAt(k, addr)).toBe('2M P');
    expect(mapping(k, vmalloc_to_page(k, addr)!)).toBe('4K P A G NX');
    expect(watch(k, write_kernel(k, addr)).died).toMatch(/read-only page \(PMD\)/);
  });

  it('gives nothing when one of its two changes is refused; what it took waits to be freed', () => {
    const k = smallX86({ kernel });
    const addr = call(execmem_alloc(k, PAGE))!;
    expect(call(execmem_alloc_rw(k, PAGE), refuseTables)).toBeUndefined();
    expect([...k.execmem_cache.busy_areas.entries()].map(([, area]) => area)).toEqual([
      { addr, size: PAGE, pending_free: false },
      { addr: addr + PAGE, size: PAGE, pending_free: true },
    ]);
    call(execmem_cache_free_slow(k));
    expect(ranges(k)).toEqual({ busy: [[0, 1]], free: [[1, 512]] });
  });
});

describe('execmem_free()', () => {
  it('makes one free range of neighbours', () => {
    const k = smallX86({ kernel });
    const [a, b, c] = [0, 1, 2].map(() => call(execmem_alloc(k, PAGE))!) as [number, number, number];
    call(execmem_free(k, a));
    expect(ranges(k).free).toEqual([
      [0, 1],
      [3, 512],
    ]);
    call(execmem_free(k, c));
    call(execmem_free(k, b));
    expect(ranges(k)).toEqual({ busy: [], free: [[0, 512]] });
    expect(leafAt(k, a)).toBe('2M P');
  });

  it('gives an area that is not of the cache to vfree()', () => {
    const k = smallX86({ kernel });
    const addr = call(vmalloc(k, 1))!;
    call(execmem_free(k, addr));
    expect([leafAt(k, addr), nothingIsLeft(k)]).toEqual(['none', true]);
  });

  it('leaves to the workqueue what it cannot do, be it for want of a table or of a node', () => {
    for (const policy of [refuseTables, refuseNode(1)]) {
      const k = smallX86({ kernel });
      const addr = call(execmem_alloc(k, PAGE))!;
      call(execmem_free(k, addr), policy);
      expect(ranges(k)).toEqual({ busy: [[0, 1]], free: [[1, 512]] });
      call(execmem_cache_free_slow(k), policy === refuseTables ? refuseTables : refuseNode(1));
      expect(ranges(k).busy).toEqual([[0, 1]]);
      call(execmem_cache_free_slow(k));
      expect(ranges(k)).toEqual({ busy: [], free: [[0, 512]] });
    }
  });

  it('twice of a range that waits for the workqueue is refused', () => {
    const k = smallX86({ kernel });
    const addr = call(execmem_alloc(k, PAGE))!;
    call(execmem_free(k, addr), refuseTables);
    expect(() => call(execmem_free(k, addr))).toThrow(/not modelled/);
  });
});

describe('execmem_cache_clean()', () => {
  it('gives back an area that is free again, writable in the direct map, but not dirty', () => {
    const k = smallX86({ kernel });
    const addr = call(execmem_alloc(k, PAGE))!;
    const page = vmalloc_to_page(k, addr)!;
    call(execmem_cache_clean(k));
    expect(leafAt(k, addr)).toBe('2M P');
    call(execmem_free(k, addr));
    call(execmem_cache_clean(k));
    expect([leafAt(k, addr), nothingIsLeft(k)]).toEqual(['none', true]);
    expect([mapping(k, page), mapping(k, page + 1)]).toEqual(['4K P RW A G NX', '4K P RW A G NX']);
    call(write_page(k, page));
  });

  it('frees the half of an area that is in use with the half that is not', () => {
    const k = smallX86({ kernel });
    const first = call(execmem_alloc(k, 513 * PAGE))!;
    const second = call(execmem_alloc(k, 256 * PAGE))!;
    call(execmem_free(k, first));
    const inUse = call(execmem_alloc(k, 512 * PAGE))!;
    call(execmem_free(k, second));
    expect(ranges(k)).toEqual({ busy: [[0, 512]], free: [[512, 1024]] });
    call(read_kernel(k, inUse));
    call(execmem_cache_clean(k));
    expect(ranges(k)).toEqual({ busy: [[0, 512]], free: [] });
    expect(nothingIsLeft(k)).toBe(true);
    expect(watch(k, read_kernel(k, inUse)).died).toMatch(/read of an unmapped page/);
  });
});

describe('the cache', () => {
  it('is as it was after an undo', () => {
    const k = smallX86({ kernel });
    const addr = call(execmem_alloc(k, PAGE))!;
    const { hash } = k.memory;
    const before = ranges(k);
    const mark = k.mark();
    call(execmem_alloc_rw(k, 600 * PAGE));
    call(execmem_free(k, addr));
    call(execmem_cache_clean(k));
    expect(ranges(k)).not.toEqual(before);
    k.undo(mark);
    expect([ranges(k), k.memory.hash]).toEqual([before, hash]);
  });

  it('is worked on by one CPU at a time', () => {
    const k = smallX86({ kernel, cpus: 2 });
    call(execmem_alloc(k, PAGE));
    k.interleaved = true;
    k.execmem_cache.mutex.writer = 1;
    const task = execmem_cache_clean(k);
    for (let i = 0; i < 5; i++) {
      expect(task.next(0).value).toEqual({ kind: 'preemption', at: 'lock', what: 'execmem_cache.mutex' });
    }
    k.execmem_cache.mutex.writer = -1;
    expect(task.next(0).done).toBe(true);
  });
});
