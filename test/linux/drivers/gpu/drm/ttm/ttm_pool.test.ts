import { describe, expect, it } from 'vitest';
import type { X86Kernel } from '../../../../../../src/linux/arch/x86/x86_kernel.ts';
import {
  ttm_cached,
  ttm_page,
  ttm_pool_alloc,
  ttm_pool_free,
  ttm_uncached,
  ttm_write_combined,
} from '../../../../../../src/linux/drivers/gpu/drm/ttm/ttm_pool.ts';
import { EINVAL, ENOMEM } from '../../../../../../src/linux/errno.ts';
import { call, KERNELS, refuse, refuseAll, refuseTables } from '../../../../../support/calls.ts';
import { buddyOf, smallX86 } from '../../../../../support/small_x86.ts';

function type(k: X86Kernel, page: number): string {
  const { level, low, high } = k.leafAt(k.page_address(page))!;
  return k.format.memoryType(level, k.format.flags(level, low, high));
}

describe.each(KERNELS)('pages for graphics on %s', (kernel) => {
  it('are cached as the device wants until they are freed', () => {
    for (const [caching, expected] of [
      [ttm_uncached, 'UC-'],
      [ttm_write_combined, 'WC'],
      [ttm_cached, 'WB'],
    ] as const) {
      const k = smallX86({ kernel });
      const tt = call(ttm_pool_alloc(k, 2, caching));
      const page = ttm_page(k, tt, 1)!;
      expect(type(k, page)).toBe(expected);
      expect([call(ttm_pool_free(k, tt)), call(ttm_pool_free(k, tt))]).toEqual([0, -EINVAL]);
      expect([type(k, page), buddyOf(k).isFree(page)]).toEqual(['WB', true]);
    }
  });

  it('are given back when there are too few of them, or their leaf cannot be split', () => {
    const k = smallX86({ kernel });
    expect(call(ttm_pool_alloc(k, 2, ttm_uncached), refuseAll)).toBe(-ENOMEM);
    expect(call(ttm_pool_alloc(k, 2, ttm_uncached), refuse(2))).toBe(-ENOMEM);
    expect(call(ttm_pool_alloc(k, 2, ttm_uncached), refuseTables)).toBe(-EINVAL);
    expect(
      buddyOf(k)
        .allocatedBlocks()
        .filter(({ owner }) => owner === 'ttm'),
    ).toEqual([]);
  });

  it('are freed uncached when nobody looks at the change back', () => {
    const k = smallX86({ kernel });
    const tt = call(ttm_pool_alloc(k, 1, ttm_uncached));
    const page = ttm_page(k, tt, 0)!;
    k.set_pages_array_wb = function* () {
      return -ENOMEM;
    };
    call(ttm_pool_free(k, tt));
    expect([type(k, page), buddyOf(k).isFree(page)]).toEqual(['UC-', true]);
  });
});
