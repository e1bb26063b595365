import { describe, expect, it } from 'vitest';
import { ENOMEM } from '../../../../src/linux/errno.ts';
import { image_page, snapshot_write_next, swsusp_free } from '../../../../src/linux/kernel/power/snapshot.ts';
import { write_page } from '../../../../src/linux/mm/access.ts';
import { call, KERNELS, refuseAll, refuseTables, watch } from '../../../support/calls.ts';
import { buddyOf, leaf, smallX86 } from '../../../support/small_x86.ts';

const boot = 'hibernate=protect_image';

describe.each(KERNELS)('loading an image with hibernate=protect_image on %s', (kernel) => {
  it('makes each page read-only until they are freed', () => {
    const k = smallX86({ kernel, boot });
    expect(call(snapshot_write_next(k, 2))).toBe(0);
    const pages = [image_page(k, 0)!, image_page(k, 1)!];
    expect([leaf(k, pages[0]!), leaf(k, pages[1]!), image_page(k, 2)]).toEqual(['4K P', '4K P', undefined]);
    call(swsusp_free(k));
    for (const page of pages) expect([leaf(k, page), buddyOf(k).isFree(page)]).toEqual(['4K P RW', true]);
  });

  it('leaves a page writable when the leaf cannot be split, or gives up since v6.9 (S21)', () => {
    const k = smallX86({ kernel, boot });
    const value = call(snapshot_write_next(k, 1), refuseTables);
    expect(value).toBe(k.has['hibernate-protect-honoured'] ? -ENOMEM : 0);
    expect(watch(k, write_page(k, image_page(k, 0)!)).died).toBeUndefined();
    call(swsusp_free(k));
    expect(buddyOf(k).allocatedBlocks()).toEqual([]);
  });

  it('protects nothing without the parameter', () => {
    const k = smallX86({ kernel });
    expect(call(snapshot_write_next(k, 1))).toBe(0);
    expect(leaf(k, image_page(k, 0)!)).toBe('2M P RW');
    expect(call(snapshot_write_next(smallX86({ kernel }), 1), refuseAll)).toBe(-ENOMEM);
  });
});
