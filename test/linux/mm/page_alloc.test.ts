import { describe, expect, it } from 'vitest';
import { NotModelledError } from '../../../src/errors.ts';
import { set_memory_np, set_memory_ro } from '../../../src/linux/arch/x86/mm/pat/set_memory.ts';
import { BuddyAllocator } from '../../../src/linux/mm/buddy.ts';
import {
  __free_pages,
  __GFP_ZERO,
  alloc_pages,
  check_debug_pagealloc_size,
  free_reserved_page,
  GFP_KERNEL,
} from '../../../src/linux/mm/page_alloc.ts';
import { PageReserved, SetPageHWPoison } from '../../../src/linux/mm/page_flags.ts';
import { call, KERNELS, lines, refuseAll, watch } from '../../support/calls.ts';
import { buddyOf, FIRST_FREE_PFN, leaf, smallX86 } from '../../support/small_x86.ts';

const DEBUG = { level: 1, config: 'DEBUG_PAGEALLOC=y', ram: 32 * 2 ** 20 } as const;

describe.each(KERNELS)('the page allocator of %s', (kernel) => {
  it('returns NULL when the world refuses, and when memory is exhausted', () => {
    const k = smallX86({ kernel });
    expect(call(alloc_pages(k, GFP_KERNEL, 0), refuseAll)).toBeUndefined();
    for (let i = 0; i < 12; i++) expect(call(alloc_pages(k, GFP_KERNEL, 10))).toBeDefined();
    expect(call(alloc_pages(k, GFP_KERNEL, 10))).toBeUndefined();
  });

  it('under debug_pagealloc maps what it gives and unmaps what it gets', () => {
    const k = smallX86({ kernel, boot: 'debug_pagealloc=on', ...DEBUG });
    const free = k.has['np-clears-dirty'] ? 0x20 : 0x60;
    expect(leaf(k, FIRST_FREE_PFN)).toBe('4K');
    expect(k.leafAt(k.page_address(FIRST_FREE_PFN))!.low & 0xfff).toBe(free);
    expect(leaf(k, FIRST_FREE_PFN - 1)).toBe('4K P RW');
    const pfn = call(alloc_pages(k, GFP_KERNEL | __GFP_ZERO, 1))!;
    expect([0, 1, 2].map((i) => leaf(k, pfn + i))).toEqual(['4K P RW', '4K P RW', '4K']);
    call(__free_pages(k, pfn, 1));
    expect(leaf(k, pfn)).toBe('4K');
  });

  it('never splits under debug_pagealloc, so that no refusal matters', () => {
    const k = smallX86({ kernel, boot: 'debug_pagealloc=on', ...DEBUG });
    const pfn = call(alloc_pages(k, GFP_KERNEL, 3))!;
    const { events } = watch(k, __free_pages(k, pfn, 3), refuseAll);
    expect(events.some(({ kind }) => kind === 'split' || kind === 'refused')).toBe(false);
  });

  it('writes between mapping and unmapping, in that order, with init_on_free and page_poison', () => {
    for (const option of ['init_on_free=1', 'page_poison=1']) {
      const k = smallX86({ kernel, ...DEBUG, boot: `debug_pagealloc=on ${option}` });
      const { events } = watch(k, alloc_pages(k, GFP_KERNEL, 0));
      const pfn = buddyOf(k).allocatedBlocks()[0]!.pfn;
      const freeing = watch(k, __free_pages(k, pfn, 0));
      const kinds = (list: typeof events) =>
        list.map(({ kind }) => kind).filter((kind) => kind === 'access' || kind === 'write');
      expect(kinds(events)).toEqual(option === 'page_poison=1' ? ['write', 'access'] : ['write']);
      expect(kinds(freeing.events)).toEqual(['access', 'write']);
    }
  });

  it('dies when it must zero a page that is read-only in the direct map', () => {
    const k = smallX86({ kernel });
    const pfn = call(alloc_pages(k, GFP_KERNEL, 0))!;
    call(set_memory_ro(k, k.page_address(pfn), 1));
    call(__free_pages(k, pfn, 0));
    expect(watch(k, alloc_pages(k, GFP_KERNEL | __GFP_ZERO, 0)).died).toMatch(/write of a read-only page/);
  });

  it('finds out at once with init_on_free=1, and never if nobody writes', () => {
    const k = smallX86({ kernel, boot: 'init_on_free=1' });
    const pfn = call(alloc_pages(k, GFP_KERNEL | __GFP_ZERO, 0))!;
    call(set_memory_np(k, k.page_address(pfn), 1));
    expect(watch(k, __free_pages(k, pfn, 0)).died).toMatch(/write of a not-present page/);

    const careless = smallX86({ kernel });
    const page = call(alloc_pages(careless, GFP_KERNEL, 0))!;
    call(set_memory_np(careless, careless.page_address(page), 1));
    call(__free_pages(careless, page, 0));
    expect(call(alloc_pages(careless, GFP_KERNEL, 0))).toBe(page);
  });

  it('writes the tags of KASAN before it unmaps a page, since v5.12, and dies of it before (S48)', () => {
    const free = (name: string) => {
      const k = smallX86({ kernel: name, ...DEBUG, boot: 'debug_pagealloc=on' });
      k.kasan_hw_tags_enabled = () => true;
      const pfn = call(alloc_pages(k, GFP_KERNEL, 1))!;
      return watch(k, __free_pages(k, pfn, 1)).died;
    };
    expect(free(`${kernel}+kasan-before-unmap`)).toBeUndefined();
    expect(free(`${kernel}~kasan-before-unmap`)).toMatch(/write of a not-present page/);
  });

  it('keeps a poisoned page, mapped', () => {
    const k = smallX86({ kernel, ...DEBUG, boot: 'debug_pagealloc=on' });
    const pfn = call(alloc_pages(k, GFP_KERNEL, 0))!;
    SetPageHWPoison(k, pfn);
    call(__free_pages(k, pfn, 0));
    expect(buddyOf(k).isFree(pfn)).toBe(false);
    expect(leaf(k, pfn)).toBe('4K P RW');
  });

  it('reports a double free, and does nothing', () => {
    const k = smallX86({ kernel });
    const pfn = call(alloc_pages(k, GFP_KERNEL, 0))!;
    call(__free_pages(k, pfn, 0));
    const { events } = watch(k, __free_pages(k, pfn, 0));
    expect(lines(events)).toEqual([`BUG: Bad page state  pfn:0${pfn.toString(16)}: it is free already`]);
  });

  it('loses a reserved page that is freed, if it checks pages at all', () => {
    const checks = !smallX86({ kernel }).has['page-checks-optional'];
    const k = smallX86({ kernel });
    const { events } = watch(k, __free_pages(k, 0x800, 0));
    expect(lines(events)).toHaveLength(checks ? 1 : 0);
    expect(buddyOf(k).isFree(0x800)).toBe(!checks);

    const checking = smallX86({ kernel, boot: 'init_on_free=1' });
    expect(lines(watch(checking, __free_pages(checking, 0x800, 0)).events)).toHaveLength(1);
  });

  it('takes over pages that were given out before the model began', () => {
    const k = smallX86({ kernel });
    k.frames = new BuddyAllocator([]);
    call(__free_pages(k, 0x2000, 1));
    expect([...buddyOf(k).freeRanges()]).toEqual([{ start: 0x2000, end: 0x2002 }]);
    const { events } = watch(k, __free_pages(k, 2 ** 30, 0));
    expect(lines(events)).toEqual(['BUG: Bad page state  pfn:40000000: it was never allocated']);
  });

  it('takes over what boot had reserved', () => {
    const k = smallX86({ kernel });
    call(free_reserved_page(k, 0x800));
    expect(PageReserved(k, 0x800)).toBe(false);
    expect(buddyOf(k).isFree(0x800)).toBe(true);
  });

  it('reports a sleeping allocation in atomic context if it is built to', () => {
    const k = smallX86({ kernel, config: 'DEBUG_ATOMIC_SLEEP=y' });
    k.irqs_disabled[0] = 1;
    expect(lines(watch(k, alloc_pages(k, GFP_KERNEL, 0)).events)[0]).toMatch(/sleeping function/);
  });

  it('otherwise sleeps in atomic context unreported', () => {
    const k = smallX86({ kernel });
    k.irqs_disabled[0] = 1;
    const { events } = watch(k, alloc_pages(k, GFP_KERNEL, 0));
    expect(lines(events)).toEqual([]);
    expect(events[0]).toMatchObject({ kind: 'unreported', option: 'DEBUG_ATOMIC_SLEEP' });
  });
});

describe('the kernel', () => {
  it('takes back allocations, page flags and the TLB with the rest', () => {
    const k = smallX86({ kernel: 'v6.12', tlb: true });
    const mark = k.mark();
    const free = [...buddyOf(k).freeRanges()];
    const pfn = call(alloc_pages(k, GFP_KERNEL | __GFP_ZERO, 0))!;
    call(free_reserved_page(k, 0x800));
    expect(k.tlb?.lookup(0, k.page_address(pfn))).toBeDefined();
    k.undo(mark);
    expect([...buddyOf(k).freeRanges()]).toEqual(free);
    expect(PageReserved(k, 0x800)).toBe(true);
    expect(k.tlb?.lookup(0, k.page_address(pfn))).toBeUndefined();
  });

  it('is refused debug_pagealloc on more than 64 GiB', () => {
    const { machine } = smallX86({ kernel: 'v6.12' });
    const ram = (gib: number) => ({
      ...machine,
      memory: [{ start: 0, end: gib * 2 ** 30, type: 'RAM' as const }],
    });
    check_debug_pagealloc_size(ram(64));
    expect(() => check_debug_pagealloc_size(ram(65))).toThrow(NotModelledError);
  });
});
