import { describe, expect, it } from 'vitest';
import { uc_decode_notifier } from '../../../src/linux/arch/x86/kernel/cpu/mce/core.ts';
import { hwpoison_clear } from '../../../src/linux/drivers/nvdimm/pmem.ts';
import { EBUSY, EHWPOISON, ENXIO } from '../../../src/linux/errno.ts';
import { safe_copy_page } from '../../../src/linux/kernel/power/snapshot.ts';
import { read_page, write_page } from '../../../src/linux/mm/access.ts';
import { memory_failure, unpoison_memory } from '../../../src/linux/mm/memory-failure.ts';
import { alloc_pages, GFP_KERNEL } from '../../../src/linux/mm/page_alloc.ts';
import { PageHWPoison } from '../../../src/linux/mm/page_flags.ts';
import { call, KERNELS, refuseTables, watch } from '../../support/calls.ts';
import { leaf, smallX86 } from '../../support/small_x86.ts';

describe.each(KERNELS)('memory failure on %s', (kernel) => {
  it('takes the page out of the direct map on x86, once', () => {
    const k = smallX86({ kernel });
    const page = call(alloc_pages(k, GFP_KERNEL, 0))!;
    expect(call(uc_decode_notifier(k, page))).toBe(0);
    expect([leaf(k, page), PageHWPoison(k, page)]).toEqual(['4K RW', true]);
    expect(call(uc_decode_notifier(k, page))).toBe(-EHWPOISON);
    expect(memory_failure(k, 2 ** 30)).toBe(-ENXIO);
  });

  it('leaves the page mapped when the leaf cannot be split: the next read is the second machine check', () => {
    const k = smallX86({ kernel });
    const page = call(alloc_pages(k, GFP_KERNEL, 0))!;
    const { value, events } = watch(k, uc_decode_notifier(k, page), refuseTables);
    expect(value).toBe(0);
    expect(events.some((event) => event.kind === 'printk' && /Could not invalidate/.test(event.text))).toBe(
      true,
    );
    expect(watch(k, read_page(k, page)).died).toMatch(/^Machine check/);
  });

  it('makes a page of which a part is bad uncached before v5.19', () => {
    const k = smallX86({ kernel });
    const page = call(alloc_pages(k, GFP_KERNEL, 0))!;
    call(uc_decode_notifier(k, page, false));
    expect(leaf(k, page)).toBe(k.has['mce-nospec-unmaps'] ? '4K RW' : '4K P RW');
  });

  it('kills hibernation, which maps the page again to read it (S17)', () => {
    const k = smallX86({ kernel });
    const page = call(alloc_pages(k, GFP_KERNEL, 0))!;
    call(uc_decode_notifier(k, page));
    expect(watch(k, safe_copy_page(k, page)).died).toMatch(/^Machine check/);
  });

  it('leaves persistent memory that was written anew not present before v5.19 (S29)', () => {
    const k = smallX86({ kernel });
    const page = call(alloc_pages(k, GFP_KERNEL, 0))!;
    call(uc_decode_notifier(k, page));
    call(hwpoison_clear(k, page));
    const { died } = watch(k, write_page(k, page));
    if (k.has['mce-nospec-unmaps']) expect(died).toBeUndefined();
    else expect(died).toMatch(/write of a not-present page/);
  });

  it('is taken back by unpoison_memory() as far as the struct page goes', () => {
    const k = smallX86({ kernel });
    const page = call(alloc_pages(k, GFP_KERNEL, 0))!;
    call(uc_decode_notifier(k, page));
    expect([unpoison_memory(k, page), unpoison_memory(k, page)]).toEqual([0, -EBUSY]);
    expect([PageHWPoison(k, page), leaf(k, page)]).toEqual([false, '4K RW']);
  });

  it('of a free page is not modelled', () => {
    expect(() => memory_failure(smallX86({ kernel }), 0x2000)).toThrow(/not modelled/);
  });
});
