import { describe, expect, it } from 'vitest';
import { NotModelledError } from '../../../../../src/errors.ts';
import { ENOMEM } from '../../../../../src/linux/errno.ts';
import { add_memory, online_pages, remove_memory } from '../../../../../src/linux/mm/memory_hotplug.ts';
import { call, KERNELS, lines, refuse, watch } from '../../../../support/calls.ts';
import { arm64, attributes, GiB, leaf } from '../support.ts';

/** 64M in a gigabyte that has nothing else. */
const START = (4 * GiB) / 4096;
const PAGES = 2 ** 14;
const OFF = { boot: 'rodata=off', config: 'KFENCE=n' };

describe.each(KERNELS)('memory added to %s', (kernel) => {
  it('is mapped as boot maps memory: by pages with rodata=full, and else by groups of blocks', () => {
    const full = arm64({ kernel });
    const off = arm64({ kernel, ...OFF });
    for (const k of [full, off]) expect(call(add_memory(k, START, PAGES))).toBe(0);
    expect([leaf(full, START), leaf(off, START), leaf(off, START + PAGES)]).toEqual([
      'PTE',
      'PMD CONT',
      'none',
    ]);
    expect(attributes(full, START)).toBe(kernel.startsWith('v5') ? '0x68000000000707' : '0xe8000000000707');
  });

  it('can be used once it is online, and leaves nothing behind when it is removed', () => {
    const k = arm64({ kernel });
    const before = [...k.frames.book!.heldFrames()].length;
    call(add_memory(k, START, PAGES));
    expect(k.frames.book!.heldFrames().length).toBe(before + 33);
    const { value, events } = watch(k, remove_memory(k, START));
    expect(value).toBe(0);
    expect(lines(events)).toEqual([]);
    expect(leaf(k, START)).toBe('none');
    expect(k.frames.book!.heldFrames().length).toBe(before);
    call(add_memory(k, START, PAGES));
    expect(call(online_pages(k, START))).toBe(0);
    expect(k.frames.book!.isFree(START)).toBe(true);
  });

  it('without a page for its tables is an error in v7.2, and death before', () => {
    const k = arm64({ kernel });
    const { value, died } = watch(k, add_memory(k, START, PAGES), refuse(9));
    if (kernel === 'v7.2.13') {
      expect(value).toBe(-ENOMEM);
      expect(leaf(k, START)).toBe('none');
    } else expect(died).toBe('BUG_ON(!ptr) in __pgd_pgtable_alloc()');
  });

  it('is warned about when it is removed with a page that is not present, which in v7.2 an invalid one is', () => {
    const k = arm64({ kernel });
    call(add_memory(k, START, PAGES));
    call(k.set_direct_map_invalid_noflush(START + 1));
    const { events } = watch(k, remove_memory(k, START));
    const warning = 'WARN_ON(!pte_present(pte)) in unmap_hotplug_pte_range()';
    expect(lines(events)).toEqual(kernel === 'v7.2.13' ? [] : [warning]);
    expect(leaf(k, START)).toBe('none');
  });

  it('lies where the direct map reaches, or that is not modelled', () => {
    expect(() => call(add_memory(arm64({ kernel }), (2 ** 47 + GiB) / 4096, PAGES))).toThrow(
      NotModelledError,
    );
  });
});

describe('memory added with BBML2', () => {
  it('is mapped by large leaves, and split when one page is taken out', () => {
    const k = arm64({ kernel: 'v7.2', features: { bbml2: true } });
    call(add_memory(k, START, PAGES));
    expect(leaf(k, START)).toBe('PMD CONT');
    expect(call(k.set_direct_map_invalid_noflush(START))).toBe(0);
    expect(leaf(k, START)).toBe('PTE invalid');
  });
});
