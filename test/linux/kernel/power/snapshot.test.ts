import { describe, expect, it } from 'vitest';
import { set_memory_np, set_memory_p } from '../../../../src/linux/arch/x86/mm/pat/set_memory.ts';
import type { X86Kernel } from '../../../../src/linux/arch/x86/x86_kernel.ts';
import { EPERM } from '../../../../src/linux/errno.ts';
import { hibernate, hibernation_available } from '../../../../src/linux/kernel/power/hibernate.ts';
import { safe_copy_page, saveable_page } from '../../../../src/linux/kernel/power/snapshot.ts';
import { DIRECT_MAP_LEVEL2_SPLIT } from '../../../../src/linux/kernel.ts';
import { write_page } from '../../../../src/linux/mm/access.ts';
import { __free_pages, alloc_pages, GFP_KERNEL } from '../../../../src/linux/mm/page_alloc.ts';
import {
  __SetPageOffline,
  __SetPageSlab,
  register_nosave_region,
  SetPageReserved,
} from '../../../../src/linux/mm/page_flags.ts';
import { memfd_secret, secretmem_fault, secretmem_page } from '../../../../src/linux/mm/secretmem.ts';
import { hexAddress } from '../../../../src/mmu/format.ts';
import { call, KERNELS, lines, refuseAll, refuseTables, watch } from '../../../support/calls.ts';
import { buddyOf, FIRST_FREE_PFN, leaf, smallX86 } from '../../../support/small_x86.ts';

const DEBUG = { level: 1, config: 'DEBUG_PAGEALLOC=y', ram: 32 * 2 ** 20 } as const;

/** 2M of ordinary memory that a driver has made not present, as a whole. */
function largeNotPresent(k: X86Kernel): number {
  const pfn = call(alloc_pages(k, GFP_KERNEL, 9))!;
  expect(call(set_memory_np(k, k.page_address(pfn), 512))).toBe(0);
  expect(leaf(k, pfn)).toBe('2M RW');
  return pfn;
}

describe.each(KERNELS)('set_direct_map of %s', (kernel) => {
  it('splits 1G once and 2M once, and maps the page again without an allocation (S1, S2)', () => {
    const k = smallX86({ kernel, level: 3 });
    let asked = 0;
    call(k.set_direct_map_invalid_noflush(0x2000), () => ++asked > 0);
    expect([asked, leaf(k, 0x2000), leaf(k, 0x2001), leaf(k, 0x2200)]).toEqual([
      2,
      '4K',
      '4K P RW',
      '2M P RW',
    ]);
    expect(k.direct_pages_count.toArray()).toEqual([0, 512, 511, 0, 0]);
    const again = call(k.set_direct_map_default_noflush(0x2000), () => expect.unreachable());
    expect([again, leaf(k, 0x2000)]).toEqual([0, '4K P RW']);
  });
});

describe.each(KERNELS)('hibernation of %s', (kernel) => {
  const explicit = smallX86({ kernel }).has['hibernate-explicit-map'];

  it('copies a page that is present as it is', () => {
    const k = smallX86({ kernel });
    const { events } = watch(k, safe_copy_page(k, 0x2000));
    expect(events).toMatchObject([{ kind: 'access', write: false, stale: false }]);
  });

  it('copies a 4K page that is not present, and needs no memory for it (S8)', () => {
    const k = smallX86({ kernel, boot: 'debug_pagealloc=on', ...DEBUG });
    const slab = call(alloc_pages(k, GFP_KERNEL, 0))!;
    __SetPageSlab(k, slab);
    call(k.__kernel_map_pages(slab, 1, 0));
    const { value, events } = watch(k, hibernate(k), refuseAll);
    expect(value).toBe(0);
    expect(leaf(k, slab)).toBe('4K');
    expect(lines(events)).toEqual(['PM: hibernation: Image created (1 pages copied)']);
    const flushes = events.flatMap((event) => (event.kind === 'flush' ? [event.cpus] : []));
    expect(flushes).toEqual(explicit ? ['all'] : ['local', 'local']);
  });

  it('dies of a 2M page that is not present and cannot be split, after one line or none (S11)', () => {
    const k = smallX86({ kernel });
    const pfn = largeNotPresent(k);
    const { died, events } = watch(k, hibernate(k), refuseAll);
    expect(died).toMatch(/read of a not-present page \(PMD\)/);
    expect(died).toContain(hexAddress(k.page_address(pfn)));
    expect(lines(events)).toEqual(explicit ? ['PM: hibernation: Failed to remap page'] : []);
    expect(events.filter(({ kind }) => kind === 'refused')).toHaveLength(1);
  });

  it('allocates in the middle of the copy when it can, and nothing tells of it (S12)', () => {
    const k = smallX86({ kernel });
    const pfn = largeNotPresent(k);
    const { value, events } = watch(k, hibernate(k));
    expect(value).toBe(0);
    expect(events.filter(({ kind }) => kind === 'allocated')).toHaveLength(1);
    expect(lines(events)).toEqual(['PM: hibernation: Image created (512 pages copied)']);
    expect([0, 1, 511].map((i) => leaf(k, pfn + i))).toEqual(['4K', '4K', '4K']);
    expect(k.vm_events.get(DIRECT_MAP_LEVEL2_SPLIT)).toBe(0);
  });

  it('would report a sleeping allocation, were the system not suspending', () => {
    const k = smallX86({ kernel, config: 'DEBUG_ATOMIC_SLEEP=y' });
    const pfn = largeNotPresent(k);
    k.irqs_disabled[0] = 1;
    const { events } = watch(k, safe_copy_page(k, pfn));
    expect(lines(events)[0]).toMatch(/sleeping function called/);
  });

  it('takes RW from a page that set_memory_np() had made not present: it comes back read-only (S20)', () => {
    const k = smallX86({ kernel });
    const pfn = call(alloc_pages(k, GFP_KERNEL, 0))!;
    call(set_memory_np(k, k.page_address(pfn), 1));
    expect(leaf(k, pfn)).toBe('4K RW');
    expect(call(hibernate(k))).toBe(0);
    expect(leaf(k, pfn)).toBe('4K');
    expect(call(set_memory_p(k, k.page_address(pfn), 1))).toBe(0);
    expect(watch(k, write_page(k, pfn)).died).toMatch(/write of a read-only page/);
  });

  it('dies after the resume when free pages are to be cleared and are not present (S16)', () => {
    const died = (boot: string) => {
      const k = smallX86({ kernel, boot, ...DEBUG });
      return watch(k, hibernate(k, { resume: true })).died;
    };
    const oops = /0xffff888001000000: write of a not-present page/;
    expect(died('debug_pagealloc=on init_on_free=1')).toMatch(oops);
    expect(died('init_on_free=1')).toBeUndefined();
    expect(died('debug_pagealloc=on')).toBeUndefined();
    const poisons = smallX86({ kernel }).has['hibernate-poisons-free-pages'];
    if (poisons) expect(died('debug_pagealloc=on page_poison=1')).toMatch(oops);
    else expect(died('debug_pagealloc=on page_poison=1')).toBeUndefined();
  });

  it('saves what is not free, offline, in a nosave region, or reserved and not present', () => {
    const k = smallX86({ kernel });
    const saveable = (pfn: number) => call(saveable_page(k, pfn));
    const [plain, offline, nosave, reserved] = Array.from(
      { length: 4 },
      () => call(alloc_pages(k, GFP_KERNEL, 0))!,
    ) as [number, number, number, number];
    __SetPageOffline(k, offline);
    register_nosave_region(k, nosave, nosave + 1);
    SetPageReserved(k, reserved);
    expect([plain, offline, nosave, reserved, FIRST_FREE_PFN - 1, 2 ** 30].map(saveable)).toEqual([
      true,
      false,
      false,
      true,
      true,
      false,
    ]);
    call(k.set_direct_map_invalid_noflush(reserved));
    call(k.set_direct_map_invalid_noflush(plain));
    expect([plain, reserved].map(saveable)).toEqual([true, false]);
    call(__free_pages(k, plain, 0));
    expect(saveable(plain)).toBe(false);
  });

  it('saves the guard pages that are not the first of their block', () => {
    const k = smallX86({ kernel, boot: 'debug_pagealloc=on debug_guardpage_minorder=2', ...DEBUG });
    const pfn = call(alloc_pages(k, GFP_KERNEL, 0))!;
    expect([0, 1, 2, 3, 4].map((i) => call(saveable_page(k, pfn + i)))).toEqual([
      true,
      false,
      false,
      true,
      false,
    ]);
    expect(leaf(k, pfn + 3)).toBe('4K');
    expect(call(hibernate(k), refuseTables)).toBe(0);
    expect(leaf(k, pfn + 3)).toBe('4K');
  });

  it('copies the asked-for pages of boot too', () => {
    const k = smallX86({ kernel });
    const { events } = watch(k, hibernate(k, { also: [0x100, 0x101, FIRST_FREE_PFN + 7] }));
    expect(lines(events)).toEqual(['PM: hibernation: Image created (2 pages copied)']);
  });

  it('leaves interrupts on, and the system running', () => {
    const k = smallX86({ kernel });
    call(hibernate(k));
    expect([k.irqs_disabled[0], k.system_state]).toEqual([0, 'RUNNING']);
    const mark = k.mark();
    largeNotPresent(k);
    watch(k, hibernate(k), refuseAll);
    k.undo(mark);
    expect([k.irqs_disabled[0], k.system_state]).toEqual([0, 'RUNNING']);
  });

  it('is refused without CONFIG_HIBERNATION, and while there is secret memory', () => {
    const without = smallX86({ kernel, config: 'HIBERNATION=n' });
    expect(call(hibernate(without))).toBe(-EPERM);
    const k = smallX86({ kernel, boot: 'secretmem.enable=1' });
    expect(hibernation_available(k)).toBe(true);
    memfd_secret(k);
    expect(hibernation_available(k)).toBe(!k.has.secretmem);
  });

  it('copies secret memory that comes after the question whether there is any (S19)', () => {
    const k = smallX86({ kernel, boot: 'secretmem.enable=1' });
    if (!k.has.secretmem) return;
    k.interleaved = true;
    const snapshot = hibernate(k);
    expect(snapshot.next(0).value).toMatchObject({ kind: 'preemption' });
    const fd = memfd_secret(k);
    call(secretmem_fault(k, fd, 0));
    const page = k.page_address(secretmem_page(k, fd, 0)!);
    const { value, events } = watch(k, snapshot);
    expect(value).toBe(0);
    expect(events).toContainEqual({ kind: 'access', cpu: 0, address: page, write: false, stale: false });
  });

  it('knows what it cannot know', () => {
    const k = smallX86({ kernel });
    const { allocate, free, mark, undo } = buddyOf(k);
    k.frames = { allocate, free, mark, undo };
    expect(() => call(hibernate(k))).toThrow(/which pages are free is not known/);
  });
});
