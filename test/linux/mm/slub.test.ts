import { describe, expect, it } from 'vitest';
import { __free_pages, alloc_pages, GFP_KERNEL } from '../../../src/linux/mm/page_alloc.ts';
import { get_freepointer_safe } from '../../../src/linux/mm/slub.ts';
import { call, KERNELS, watch } from '../../support/calls.ts';
import { smallX86 } from '../../support/small_x86.ts';

const DEBUG = {
  level: 1,
  config: 'DEBUG_PAGEALLOC=y',
  ram: 32 * 2 ** 20,
  boot: 'debug_pagealloc=on',
} as const;

describe.each(KERNELS)('SLUB of %s', (kernel) => {
  it('survives the read of a page that another CPU has freed, because it expects it (S50)', () => {
    const read = (name: string) => {
      const k = smallX86({ kernel: name, ...DEBUG });
      const page = call(alloc_pages(k, GFP_KERNEL, 0))!;
      expect(watch(k, get_freepointer_safe(k, page)).died).toBeUndefined();
      call(__free_pages(k, page, 0));
      return watch(k, get_freepointer_safe(k, page)).died;
    };
    expect(read(kernel)).toBeUndefined();
    expect(read(`${kernel}~slub-freepointer-nofault`)).toMatch(/read of a not-present page/);
  });
});
