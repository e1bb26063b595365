import { describe, expect, it } from 'vitest';
import type { X86Kernel } from '../../../../src/linux/arch/x86/x86_kernel.ts';
import { EBUSY, EINVAL, ENOMEM } from '../../../../src/linux/errno.ts';
import { safe_copy_page } from '../../../../src/linux/kernel/power/snapshot.ts';
import { read_page, write_page } from '../../../../src/linux/mm/access.ts';
import {
  __kfence_alloc,
  __kfence_free,
  is_kfence_address,
  kfence_disable,
  kfence_enable_late,
  kfence_init,
  kfence_pool_page,
} from '../../../../src/linux/mm/kfence/core.ts';
import { PageReserved, PageSlab } from '../../../../src/linux/mm/page_flags.ts';
import { call, lines, refuseAll, refuseTables, watch } from '../../../support/calls.ts';
import { buddyOf, leaf, smallX86 } from '../../../support/small_x86.ts';

const KERNELS = ['v6.1', 'v6.12', 'v7.2'];

function pool(k: X86Kernel, pages: number): string[] {
  return Array.from({ length: pages }, (_, page) => leaf(k, kfence_pool_page(k, page)!));
}

describe.each(KERNELS)('KFENCE of %s', (kernel) => {
  it('turned on late keeps every other page of an ordinary block of memory out of the direct map', () => {
    const k = smallX86({ kernel });
    expect(call(kfence_enable_late(k, 2))).toBe(0);
    expect(pool(k, 6)).toEqual(['4K RW', '4K RW', '4K P RW', '4K RW', '4K P RW', '4K RW']);
    const page = kfence_pool_page(k, 2)!;
    expect([PageSlab(k, page), PageReserved(k, page), buddyOf(k).isFree(page)]).toEqual([true, false, false]);
    expect([kfence_pool_page(k, 6), is_kfence_address(k, k.page_address(page + 4))]).toEqual([
      undefined,
      false,
    ]);
    expect(buddyOf(k).isFree(page + 5)).toBe(true);
  });

  it('of the usual size has 255 objects', () => {
    const k = smallX86({ kernel });
    const { events } = watch(k, kfence_enable_late(k));
    expect(lines(events)).toEqual(['kfence: initialized - using 2097152 bytes for 255 objects']);
    expect(k.kfence.get().objects).toHaveLength(255);
  });

  it('takes an object out of the direct map when it is freed, and gives it out present', () => {
    const k = smallX86({ kernel });
    call(kfence_enable_late(k, 1));
    const object = call(__kfence_alloc(k))!;
    expect(call(__kfence_alloc(k))).toBeUndefined();
    call(__kfence_free(k, object));
    expect(pool(k, 4)).toEqual(['4K RW', '4K RW', '4K RW', '4K RW']);
    expect(call(__kfence_alloc(k))).toBe(object);
    expect(pool(k, 4)[2]).toBe('4K P RW');
  });

  it('reports a use after free, and lets it go on', () => {
    const k = smallX86({ kernel });
    call(kfence_enable_late(k, 1));
    const object = call(__kfence_alloc(k))!;
    call(__kfence_free(k, object));
    const { events, died } = watch(k, read_page(k, kfence_pool_page(k, 2)!));
    expect(died).toBeUndefined();
    expect(lines(events)[0]).toMatch(/^BUG: KFENCE: use-after-free read at 0xffff8880/);
    expect(leaf(k, kfence_pool_page(k, 2)!)).toBe('4K P RW');
    expect(call(__kfence_alloc(k))).toBe(object);
  });

  it('reports an access beside an object, and protects the guard page again when the object is freed', () => {
    const k = smallX86({ kernel });
    call(kfence_enable_late(k, 1));
    const object = call(__kfence_alloc(k))!;
    const guard = kfence_pool_page(k, 3)!;
    expect(lines(watch(k, write_page(k, guard)).events)[0]).toMatch(/out-of-bounds write/);
    expect(leaf(k, guard)).toBe('4K P RW');
    call(__kfence_free(k, object));
    expect(leaf(k, guard)).toBe('4K RW');
    expect(lines(watch(k, write_page(k, guard)).events)[0]).toMatch(/invalid write/);
    expect(lines(watch(k, __kfence_free(k, object)).events)[0]).toMatch(/invalid free/);
  });

  it('disables itself with a warning when a page of the pool is in a large leaf', () => {
    const k = smallX86({ kernel });
    const { value, events } = watch(k, kfence_enable_late(k, 1), refuseTables);
    expect(value).toBe(-EBUSY);
    expect(lines(events)).toEqual([
      'kfence_protect_page(): the page is not mapped by a 4K entry',
      'kfence_protect(): KFENCE cannot change the page, and disables itself',
      'kfence: kfence_init_late failed',
    ]);
    expect(call(kfence_enable_late(k, 1))).toBe(-EINVAL);
    expect(
      buddyOf(k)
        .allocatedBlocks()
        .filter(({ owner }) => owner === 'kfence'),
    ).toEqual([]);
  });

  it('splits again for each page of the pool, so that one refusal does no harm, and says what it lacks', () => {
    const k = smallX86({ kernel });
    let refused = false;
    const once = ({ purpose }: { purpose: unknown }) => {
      if (purpose === undefined || refused) return true;
      refused = true;
      return false;
    };
    expect([call(kfence_enable_late(k, 1), once), refused]).toEqual([0, true]);
    expect(call(kfence_enable_late(smallX86({ kernel }), 1), refuseAll)).toBe(-ENOMEM);
  });

  it('can be turned off and on again; the pool stays, and a fault in it is no report then', () => {
    const k = smallX86({ kernel });
    call(kfence_enable_late(k, 1));
    kfence_disable(k);
    expect(call(__kfence_alloc(k))).toBeUndefined();
    const guard = kfence_pool_page(k, 1)!;
    const { events, died } = watch(k, read_page(k, guard));
    expect([lines(events), died, leaf(k, guard)]).toEqual([[], undefined, '4K P RW']);
    expect(call(kfence_enable_late(k, 1))).toBe(0);
    expect(k.kfence.get().enabled).toBe(true);
  });

  it('flushes this CPU alone, and only when it protects', () => {
    const k = smallX86({ kernel, cpus: 2, tlb: true });
    call(kfence_enable_late(k, 1));
    const object = call(__kfence_alloc(k))!;
    const flushes = (task: ReturnType<typeof __kfence_free>) =>
      watch(k, task).events.filter(({ kind }) => kind === 'flush');
    expect(flushes(__kfence_free(k, object))).toMatchObject([{ cpus: 'local', pages: 1, address: object }]);
    const events = watch(k, __kfence_alloc(k)).events;
    expect(events.filter(({ kind }) => kind === 'flush')).toEqual([]);
  });

  it('inverts the frame of an entry that is not present', () => {
    const k = smallX86({ kernel });
    call(kfence_enable_late(k, 1));
    const guard = kfence_pool_page(k, 1)!;
    const { level, low, high } = k.leafAt(k.page_address(guard))!;
    expect(k.format.leafFrame(level, low, high)).toBe(guard);
    expect((high & 0x000f_ffff) >>> 0).toBe(0x000f_ffff);
  });

  it('loses RW of a free object to hibernation, and dies of it when it gives the object out (S20)', () => {
    const k = smallX86({ kernel });
    call(kfence_enable_late(k, 1));
    call(__kfence_free(k, call(__kfence_alloc(k))!));
    const page = kfence_pool_page(k, 2)!;
    call(safe_copy_page(k, page));
    expect(leaf(k, page)).toBe('4K');
    expect(watch(k, __kfence_alloc(k)).died).toMatch(/write of a read-only page \(PTE\)/);
  });

  it('uses the pool that boot has set aside, whose pages are reserved', () => {
    const k = smallX86({ kernel, boot: 'kfence.sample_interval=100' });
    k.kfence_pool = { start: 0x800, end: 0x806 };
    call(kfence_init(k));
    expect(pool(k, 6)).toEqual(['4K RW', '4K RW', '4K P RW', '4K RW', '4K P RW', '4K RW']);
    expect(PageReserved(k, 0x802)).toBe(true);
  });

  it('frees the pool of boot when it cannot be protected, or before the change memblock-frees-late loses it', () => {
    const k = smallX86({ kernel, boot: 'kfence.sample_interval=100' });
    k.kfence_pool = { start: 0x800, end: 0x806 };
    const { events } = watch(k, kfence_init(k), refuseAll);
    expect(lines(events).at(-1)).toBe('kfence: kfence_init failed');
    expect([buddyOf(k).isFree(0x800), k.kfence.get().pool]).toEqual([kernel === 'v7.2', undefined]);
    expect(PageReserved(k, 0x800)).toBe(kernel !== 'v7.2');
  });

  it('is as it was after an undo', () => {
    const k = smallX86({ kernel });
    const before = k.kfence.get();
    const mark = k.mark();
    call(kfence_enable_late(k, 1));
    call(__kfence_alloc(k));
    k.undo(mark);
    expect(k.kfence.get()).toBe(before);
  });
});

describe('KFENCE', () => {
  it('is not there before v5.12, nor without kfence.sample_interval= at boot', () => {
    for (const options of [{ kernel: 'v5.11', boot: 'kfence.sample_interval=100' }, { kernel: 'v7.2' }]) {
      const k = smallX86(options);
      k.kfence_pool = { start: 0x800, end: 0x806 };
      call(kfence_init(k));
      expect(leaf(k, 0x800)).toBe('2M P RW');
    }
  });
});
