import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as pat from '../../../../../../src/linux/arch/x86/mm/pat/set_memory.ts';
import type { X86Kernel } from '../../../../../../src/linux/arch/x86/x86_kernel.ts';
import { EBUSY, EFAULT, EINVAL, ENOMEM, EPERM } from '../../../../../../src/linux/errno.ts';
import { DIRECT_MAP_LEVEL2_COLLAPSE, DIRECT_MAP_LEVEL2_SPLIT } from '../../../../../../src/linux/kernel.ts';
import { runTask, type Task } from '../../../../../../src/linux/task.ts';
import { walkAddress } from '../../../../../../src/mmu/walk.ts';
import { call, KERNELS, refuse, refuseAll, watch } from '../../../../../support/calls.ts';
import { bootMachine, leafAt, leafOf, ownPages } from '../../../../../support/machines.ts';

const OLD = ['v5.10.223', 'v5.11', 'v6.1.192'];
const NEW = ['v6.12.107', 'v7.2.13'];

/** A machine and 2M of its own in one leaf. */
function with2M(kernel: string): { k: X86Kernel; page: number; addr: number } {
  const k = bootMachine(kernel);
  const page = ownPages(k, 9);
  return { k, page, addr: k.page_address(page) };
}

describe('a not-present 4K page', () => {
  it.each(KERNELS)('can be mapped again on %s with every allocation refused', (kernel) => {
    const { k, page } = with2M(kernel);
    expect(call(pat.set_direct_map_invalid_noflush(k, page + 5))).toBe(0);
    const { events } = watch(k, pat.set_direct_map_default_noflush(k, page + 5), refuseAll);
    expect(events.filter(({ kind }) => kind === 'refused')).toEqual([]);
    expect(call(pat.kernel_page_present(k, page + 5))).toBe(true);
  });

  it.each(OLD)('keeps D but not G on %s', (kernel) => {
    const { k, page } = with2M(kernel);
    call(pat.set_direct_map_invalid_noflush(k, page + 1));
    expect(leafOf(k, page + 1)).toEqual({ level: 1, flags: '0x8000000000000060', frame: page + 1 });
    expect(leafOf(k, page)).toEqual({ level: 1, flags: '0x8000000000000163', frame: page });
    call(pat.set_direct_map_default_noflush(k, page + 1));
    expect(leafOf(k, page + 1)?.flags).toBe('0x8000000000000063');
  });

  it.each(NEW)('loses G and D on %s', (kernel) => {
    const { k, page } = with2M(kernel);
    call(pat.set_direct_map_invalid_noflush(k, page + 1));
    expect(leafOf(k, page + 1)?.flags).toBe('0x8000000000000020');
    call(pat.set_direct_map_default_noflush(k, page + 1));
    expect(leafOf(k, page + 1)?.flags).toBe('0x8000000000000023');
  });

  it('made by set_direct_map_invalid_noflush() comes back read-only from set_memory_p()', () => {
    const { k, page } = with2M('v6.1');
    call(pat.set_direct_map_invalid_noflush(k, page));
    call(pat.set_memory_p(k, k.page_address(page), 1));
    expect(leafOf(k, page)?.flags).toBe('0x8000000000000061');
  });
});

describe('a large leaf', () => {
  it.each(KERNELS)('stays one when set_memory_np() covers it, on %s', (kernel) => {
    const { k, page, addr } = with2M(kernel);
    expect(call(pat.set_memory_np(k, addr, 512), refuseAll)).toBe(0);
    expect(leafOf(k, page + 5)).toEqual({ level: 2, flags: '0x8000000000000062', frame: page });
    expect(call(pat.set_memory_p(k, addr, 512), refuseAll)).toBe(0);
    expect(leafOf(k, page + 5)).toEqual({ level: 2, flags: '0x80000000000000e3', frame: page });
  });

  it.each(KERNELS)('that is not present cannot give back one page without memory, on %s', (kernel) => {
    const { k, page, addr } = with2M(kernel);
    call(pat.set_memory_np(k, addr, 512));
    expect(call(pat.set_direct_map_default_noflush(k, page + 5), refuse(1))).toBe(-ENOMEM);
    expect(leafOf(k, page + 5)?.level).toBe(2);
    expect(call(pat.set_direct_map_default_noflush(k, page + 5))).toBe(0);
    expect(leafOf(k, page + 5)?.flags).toBe('0x8000000000000063');
    expect(leafOf(k, page + 6)?.flags).toBe('0x8000000000000062');
  });

  it('is not split by a request that changes nothing, whatever its extent', () => {
    const { k, page, addr } = with2M('v6.12');
    expect(call(pat.set_memory_rw(k, addr + 3 * 4096, 5), refuseAll)).toBe(0);
    expect(leafOf(k, page)?.level).toBe(2);
  });

  it('is split although a page of it is already not present, if RW must go', () => {
    const { k, page, addr } = with2M('v6.1');
    call(pat.set_memory_np(k, addr, 512));
    expect(call(pat.set_direct_map_invalid_noflush(k, page), refuse(1))).toBe(-ENOMEM);
  });

  it('is always split by array requests, even if they name all of it', () => {
    const { k, page } = with2M('v6.1');
    const pages = Array.from({ length: 512 }, (_, i) => page + i);
    expect(call(pat.set_pages_array_uc(k, pages))).toBe(0);
    expect(leafOf(k, page)).toMatchObject({ level: 1, flags: '0x8000000000000173' });
    expect(call(pat.set_pages_array_wb(k, pages))).toBe(0);
    expect(leafOf(k, page)?.flags).toBe('0x8000000000000163');
  });

  it('of 1G needs two tables for one page, and keeps the first if the second is refused', () => {
    const k = bootMachine('v6.12', { ram: '4G' });
    const page = 0x40000 + 1000;
    expect(leafOf(k, page)?.level).toBe(3);
    expect(call(pat.set_direct_map_invalid_noflush(k, page), refuse(1))).toBe(-ENOMEM);
    expect(leafOf(k, page)?.level).toBe(3);
    expect(call(pat.set_direct_map_invalid_noflush(k, page), refuse(2))).toBe(-ENOMEM);
    expect(leafOf(k, page)).toMatchObject({ level: 2, flags: '0x80000000000001e3' });
  });

  it('loses its write-through type on the way through not-present: UC comes back', () => {
    const { k, page, addr } = with2M('v6.12');
    call(pat._set_memory_wt(k, addr, 512));
    expect(leafOf(k, page)?.flags).toBe('0x80000000000011fb');
    call(pat.set_memory_np(k, addr, 512));
    call(pat.set_memory_p(k, addr, 512));
    const leaf = leafOf(k, page);
    expect(leaf?.flags).toBe('0x80000000000000fb');
  });
});

describe('an error half way', () => {
  it('leaves what was done before it, and nothing after', () => {
    const k = bootMachine('v6.12');
    const page = ownPages(k, 10);
    const addr = k.page_address(page);
    expect(call(pat.set_memory_ro(k, addr + 511 * 4096, 514), refuse(2))).toBe(-ENOMEM);
    expect(leafOf(k, page + 510)?.flags).toBe('0x8000000000000163');
    expect(leafOf(k, page + 511)?.flags).toBe('0x8000000000000121');
    expect(leafOf(k, page + 512)).toMatchObject({ level: 2, flags: '0x80000000000001a1' });
    expect(leafOf(k, page + 1024)).toMatchObject({ level: 2, flags: '0x80000000000001e3' });
  });

  it('flushes everything, to be sure', () => {
    const k = bootMachine('v6.12');
    const addr = k.page_address(ownPages(k, 10));
    const flushes = watch(k, pat.set_memory_ro(k, addr + 511 * 4096, 514), refuse(2)).events.filter(
      ({ kind }) => kind === 'flush',
    );
    expect(flushes).toHaveLength(2);
    expect(flushes.at(-1)).toMatchObject({ cpus: 'all', pages: 'all' });
  });
});

describe('an address without an entry', () => {
  const HOLE = 0xc0000;

  it.each(KERNELS)('inside the direct map counts as done, on %s', (kernel) => {
    const k = bootMachine(kernel, { ram: '4G' });
    expect(leafOf(k, HOLE)).toBeUndefined();
    expect(call(pat.set_memory_np(k, k.page_address(HOLE), 3))).toBe(0);
    expect(call(pat.set_direct_map_invalid_noflush(k, HOLE))).toBe(0);
  });

  it.each(OLD)('beyond the direct map fails only for requests with aliases, on %s', (kernel) => {
    const k = bootMachine(kernel);
    const beyond = k.max_pfn_mapped + 512;
    expect(call(pat.set_memory_np(k, k.page_address(beyond), 1))).toBe(-EFAULT);
    expect(call(pat.set_direct_map_invalid_noflush(k, beyond))).toBe(0);
    expect(call(pat.set_memory_nx(k, k.page_address(beyond), 1))).toBe(0);
    expect(call(pat.set_memory_np_noalias(k, k.page_address(beyond), 1))).toBe(0);
  });

  it.each(NEW)('beyond the direct map always fails, on %s', (kernel) => {
    const k = bootMachine(kernel);
    const beyond = k.max_pfn_mapped + 512;
    expect(call(pat.set_memory_np(k, k.page_address(beyond), 1))).toBe(-EFAULT);
    expect(call(pat.set_direct_map_invalid_noflush(k, beyond))).toBe(-EFAULT);
    expect(call(pat.set_memory_nx(k, k.page_address(beyond), 1))).toBe(-EFAULT);
  });

  it('makes kernel_page_present() read through NULL', () => {
    const k = bootMachine('v6.1', { ram: '4G' });
    expect(runTask(pat.kernel_page_present(k, HOLE))).toEqual({ ended: 'halted' });
    expect(k.death?.how).toBe('oops');
  });
});

describe('the kernel image', () => {
  const highmap = (k: X86Kernel, physical: number) => physical - 2 ** 31 - k.phys_base;

  it('refuses to become writable in its read-only data, by any address, and splits for nothing', () => {
    const k = bootMachine('v6.1');
    const page = Math.floor(k.image.start_rodata / 4096);
    const before = leafOf(k, page);
    expect(before?.level).toBe(2);
    expect(call(pat.set_direct_map_default_noflush(k, page))).toBe(0);
    expect(leafOf(k, page)).toMatchObject({ level: 1, flags: '0x8000000000000161' });
  });

  it('lets the direct-map alias of text become writable', () => {
    const k = bootMachine('v6.1');
    const page = Math.floor(k.image.text / 4096);
    expect(call(pat.set_direct_map_default_noflush(k, page))).toBe(0);
    expect(leafOf(k, page)?.flags).toBe('0x8000000000000163');
  });

  it('changes both mappings, and flushes nothing if only the alias changed', () => {
    const k = bootMachine('v6.12');
    const text = highmap(k, k.image.text);
    call(pat.set_memory_4k(k, text, 512));
    call(pat.set_direct_map_default_noflush(k, Math.floor(k.image.text / 4096)));
    const { events } = watch(k, pat.set_memory_ro(k, text, 1));
    expect(events.filter(({ kind }) => kind === 'write')).toHaveLength(1);
    expect(events.filter(({ kind }) => kind === 'flush')).toEqual([]);
  });

  it('carries NX to its aliases with other bits before v6.2, never since', () => {
    for (const [kernel, executable] of [
      ['v6.1', true],
      ['v6.1+cpa-alias-ignores-nx', false],
    ] as const) {
      const k = bootMachine(kernel);
      const page = Math.floor(k.image.brk_end / 4096) - 1024;
      call(pat.change_page_attr_set_clr(k, [highmap(k, page * 4096)], 1, 0, (1 << 31) | 2, false, 0, []));
      expect(leafOf(k, page)?.flags.startsWith('0x8')).toBe(!executable);
      expect(leafAt(k, highmap(k, page * 4096))?.flags).toBe('0x161');
    }
  });
});

describe('set_memory_rox()', () => {
  it('restores a 2M leaf on v7.2, and frees the table', () => {
    const { k, page, addr } = with2M('v7.2');
    call(pat.set_memory_ro(k, addr, 1));
    expect(leafOf(k, page)?.level).toBe(1);
    const counters = k.direct_pages_count.toArray();
    const { events } = watch(k, pat.set_memory_rox(k, addr, 512));
    expect(leafOf(k, page)).toEqual({ level: 2, flags: '0x1a1', frame: page });
    expect(events.filter(({ kind }) => kind === 'collapse')).toHaveLength(1);
    expect(events.filter(({ kind }) => kind === 'freed')).toHaveLength(1);
    expect(k.direct_pages_count.toArray()).toEqual([0, counters[1]! - 512, counters[2]! + 1, counters[3], 0]);
    expect(k.vm_events.get(DIRECT_MAP_LEVEL2_COLLAPSE)).toBe(1);
  });

  it('restores nothing on v6.12', () => {
    const { k, page, addr } = with2M('v6.12');
    call(pat.set_memory_ro(k, addr, 1));
    call(pat.set_memory_rox(k, addr, 512));
    expect(leafOf(k, page)?.level).toBe(1);
  });

  it.each([
    [
      'a page went through not-present and lost G',
      pat.set_direct_map_invalid_noflush,
      pat.set_direct_map_default_noflush,
    ],
  ])('restores nothing when %s', (_why, unmap, map) => {
    const { k, page, addr } = with2M('v7.2');
    call(unmap(k, page + 7));
    call(map(k, page + 7));
    call(pat.set_memory_rox(k, addr, 512));
    expect(leafOf(k, page)?.level).toBe(1);
  });

  it('restores nothing that set_memory_4k() has marked', () => {
    const { k, page, addr } = with2M('v7.2');
    call(pat.set_memory_4k(k, addr, 512));
    expect(leafOf(k, page)?.flags).toBe('0x8000000000000963');
    call(pat.set_memory_rox(k, addr, 512));
    expect(leafOf(k, page)?.level).toBe(1);
  });

  it('restores a whole 1G leaf from the 2M leaf that completes it', () => {
    const k = bootMachine('v7.2', { ram: '4G' });
    const page = 0x40000;
    call(pat.set_memory_ro(k, k.page_address(page + 3), 1));
    call(pat.set_memory_rox(k, k.page_address(page), 512 * 512));
    expect(leafOf(k, page)).toEqual({ level: 3, flags: '0x1a1', frame: page });
  });
});

describe('the counters', () => {
  it('count a split in the direct map, in meminfo and vmstat', () => {
    const { k, page } = with2M('v6.1');
    const before = k.direct_pages_count.toArray();
    call(pat.set_direct_map_invalid_noflush(k, page));
    expect(k.direct_pages_count.toArray()).toEqual([0, before[1]! + 512, before[2]! - 1, before[3], 0]);
    expect(k.vm_events.get(DIRECT_MAP_LEVEL2_SPLIT)).toBe(1);
    expect(pat.arch_report_meminfo(k)[0]).toBe(
      `DirectMap4k:    ${String((before[1]! + 512) * 4).padStart(8)} kB`,
    );
  });

  it('do not count a split through the decoy address', () => {
    const { k, page } = with2M('v6.1');
    const before = k.direct_pages_count.toArray();
    expect(call(pat.set_mce_nospec(k, page))).toBe(0);
    expect(leafOf(k, page)).toMatchObject({ level: 1, flags: '0x8000000000000062' });
    expect(k.direct_pages_count.toArray()).toEqual(before);
  });

  it('do not move at all once a level has drifted to zero', () => {
    const { k, page } = with2M('v6.1');
    k.direct_pages_count.set(2, 0);
    const before = k.direct_pages_count.toArray();
    call(pat.set_direct_map_invalid_noflush(k, page));
    expect(k.direct_pages_count.toArray()).toEqual(before);
    expect(k.vm_events.get(DIRECT_MAP_LEVEL2_SPLIT)).toBe(0);
  });
});

describe('memory failure', () => {
  it('is not undone by clear_mce_nospec() before v5.19', () => {
    for (const [kernel, present] of [
      ['v5.10', false],
      ['v5.10+mce-nospec-unmaps', true],
    ] as const) {
      const { k, page } = with2M(kernel);
      call(pat.set_mce_nospec(k, page));
      call(pat.clear_mce_nospec(k, page));
      expect(call(pat.kernel_page_present(k, page))).toBe(present);
    }
  });
});

describe('memory types', () => {
  it('are reserved once: a second set_memory_uc() is refused, and changes nothing', () => {
    const { k, page, addr } = with2M('v6.1');
    expect(call(pat.set_memory_uc(k, addr, 4))).toBe(0);
    expect(leafOf(k, page)?.flags).toBe('0x8000000000000173');
    expect(call(pat.set_memory_uc(k, addr + 2 * 4096, 4))).toBe(-EBUSY);
    expect(leafOf(k, page + 4)?.flags).toBe('0x8000000000000163');
    expect(call(pat.set_memory_wb(k, addr, 4))).toBe(0);
    expect(call(pat.set_memory_wc(k, addr, 4))).toBe(0);
    expect(leafOf(k, page)?.flags).toBe('0x800000000000016b');
  });

  it('are given back when the split is refused', () => {
    const { k, addr } = with2M('v6.1');
    expect(call(pat.set_memory_wc(k, addr, 3), refuse(1))).toBe(-ENOMEM);
    expect(call(pat.set_memory_uc(k, addr, 3))).toBe(0);
  });

  it('of nothing are an invalid request', () => {
    const { k, addr } = with2M('v6.1');
    expect(call(pat.set_memory_uc(k, addr, 0))).toBe(-EINVAL);
    expect(call(pat.set_memory_wb(k, addr, 0))).toBe(0);
  });
});

describe('locks', () => {
  it('are all free after any call', () => {
    const { k, addr } = with2M('v7.2');
    call(pat.set_memory_ro(k, addr, 3), refuse(1));
    call(pat.set_memory_rox(k, addr, 512));
    expect(k.cpa_lock.owner).toBe(-1);
    expect(k.pgd_lock.owner).toBe(-1);
    expect(k.init_mm.mmap_lock).toMatchObject({ readers: 0, writer: -1 });
    expect(k.preempt_count[0]).toBe(0);
  });

  it.each([
    ['v6.12', false],
    ['v7.2', true],
  ])('with debug_pagealloc on %s, set_memory_ro() takes cpa_lock: %s', (kernel, taken) => {
    const k = bootMachine(kernel, {
      ram: '64M',
      config: { DEBUG_PAGEALLOC: 'y' },
      boot: 'debug_pagealloc=on',
    });
    const { events } = watch(k, pat.set_memory_ro(k, k.page_address(ownPages(k, 0)), 1));
    expect(events.some((event) => event.kind === 'lock' && event.lock === 'cpa_lock')).toBe(taken);
  });

  it('a split under interrupts off is a sleep where none is allowed', () => {
    const { k, page } = with2M('v6.1');
    k.irqs_disabled[0] = 1;
    const { events } = watch(k, pat.set_direct_map_invalid_noflush(k, page));
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'unreported', option: 'DEBUG_ATOMIC_SLEEP' }),
    );
  });
});

/** Calls on a block of 1024 pages. */
const request = fc.record({
  which: fc.nat(7),
  first: fc.nat(1023),
  pages: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(512, 1024)),
});

function toTask(
  k: X86Kernel,
  block: number,
  { which, first, pages }: { which: number; first: number; pages: number },
): Task<number> {
  const aligned = pages >= 512 ? Math.floor(first / 512) * 512 : first;
  const count = Math.min(pages, 1024 - aligned);
  const addr = k.page_address(block + aligned);
  const tasks = [
    () => pat.set_memory_np(k, addr, count),
    () => pat.set_memory_p(k, addr, count),
    () => pat.set_memory_ro(k, addr, count),
    () => pat.set_memory_rw(k, addr, count),
    () => pat.set_memory_rox(k, addr, count),
    () => pat.set_memory_4k(k, addr, count),
    () => pat.set_direct_map_invalid_noflush(k, block + aligned),
    () => pat.set_direct_map_default_noflush(k, block + aligned),
  ];
  return tasks[which]!();
}

describe.each(['v5.10', 'v6.1', 'v6.12', 'v7.2'])('any sequence of calls on %s', (kernel) => {
  const k = bootMachine(kernel);
  const block = ownPages(k, 10);

  it('keeps every page of the block mapped to its own frame, present or not', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 30 }), fc.array(fc.nat(20)), (requests, refused) => {
        const mark = k.mark();
        let count = 0;
        for (const each of requests) runTask(toTask(k, block, each), () => !refused.includes(count++));
        for (let page = block; page < block + 1024; page++) {
          const leaf = leafOf(k, page)!;
          expect(leaf.frame).toBe(page - (page % 512 ** (leaf.level - 1)));
        }
        k.undo(mark);
      }),
      { numRuns: 40 },
    );
  });

  it('can be undone to the same contents, counters and hash', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 30 }), (requests) => {
        const { hash } = k.memory;
        const counters = k.direct_pages_count.toArray();
        const mark = k.mark();
        for (const each of requests) runTask(toTask(k, block, each));
        k.undo(mark);
        expect(k.memory.hash).toBe(hash);
        expect(k.direct_pages_count.toArray()).toEqual(counters);
      }),
      { numRuns: 40 },
    );
  });
});

describe('a top table of its own', () => {
  const ADDRESS = -(2 ** 40);

  it('is populated on the way, and a refusal comes back as -EPERM', () => {
    const k = bootMachine('v6.12');
    const pgd = ownPages(k, 0) * 4096;
    const page = ownPages(k, 9);
    const map = () => pat.kernel_map_pages_in_pgd(k, pgd, page, ADDRESS + 4096, 3, 2);
    expect(call(map(), refuse(2))).toBe(-EPERM);
    expect(call(map())).toBe(0);
    const format = k.format;
    const steps = walkAddress(k.memory, format, pgd, ADDRESS + 2 * 4096);
    expect(steps).toHaveLength(4);
    const { low, high, kind } = steps.at(-1)!;
    expect([kind, format.leafFrame(1, low, high)]).toEqual(['leaf', page + 1]);
    expect(call(pat.kernel_unmap_pages_in_pgd(k, pgd, ADDRESS + 4096, 3))).toBe(0);
    expect(walkAddress(k.memory, format, pgd, ADDRESS + 4096).at(-1)?.kind).toBe('not-present');
  });
});

describe('memory encryption', () => {
  it('changes nothing on a machine without it, and says why', () => {
    const { k, addr } = with2M('v6.12');
    expect(watch(k, pat.set_memory_decrypted(k, addr, 1)).events).toMatchObject([{ kind: 'guard' }]);
  });

  it('is a bit of the frame field that is kept out of the frame', () => {
    const k = bootMachine('v6.12', { encryption_bit: 47 });
    const page = ownPages(k, 9);
    const entry = () => k.leafAt(k.page_address(page))!;
    expect(entry().high & 0x8000).toBe(0x8000);
    expect(call(pat.set_memory_decrypted(k, k.page_address(page), 1))).toBe(0);
    expect(entry().high & 0x8000).toBe(0);
    expect(leafOf(k, page)?.frame).toBe(page);
    call(pat.set_memory_encrypted(k, k.page_address(page), 1));
    expect(entry().high & 0x8000).toBe(0x8000);
  });
});
