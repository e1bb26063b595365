import { describe, expect, it } from 'vitest';
import { set_memory_ro } from '../../../src/linux/arch/x86/mm/pat/set_memory.ts';
import type { X86Kernel } from '../../../src/linux/arch/x86/x86_kernel.ts';
import { EBUSY, EEXIST, EINVAL } from '../../../src/linux/errno.ts';
import { write_page } from '../../../src/linux/mm/access.ts';
import {
  add_memory,
  offline_pages,
  online_pages,
  remove_memory,
} from '../../../src/linux/mm/memory_hotplug.ts';
import { alloc_pages, GFP_KERNEL } from '../../../src/linux/mm/page_alloc.ts';
import { pfn_valid } from '../../../src/linux/mm/page_flags.ts';
import { call, KERNELS, refuseAll, watch } from '../../support/calls.ts';
import { buddyOf, leaf, smallX86 } from '../../support/small_x86.ts';

const START = 0x4_0000;
const BLOCK = 2 ** 15;
const DEBUG = {
  level: 1,
  config: 'DEBUG_PAGEALLOC=y',
  ram: 32 * 2 ** 20,
  boot: 'debug_pagealloc=on',
} as const;

/** A machine whose leaves hot-added memory may have: boot tells them by the kernel's parameters. */
function machine(kernel: string, options = {}): X86Kernel {
  const k = smallX86({ kernel, ...options });
  k.page_size_mask = k.boot.debug_pagealloc ? 0 : (1 << 2) | (1 << 3);
  return k;
}

describe.each(KERNELS)('memory hotplug on %s', (kernel) => {
  it('maps added memory by large leaves, and gives it out once it is online', () => {
    const k = machine(kernel);
    expect(call(add_memory(k, START, BLOCK))).toBe(0);
    expect([leaf(k, START), leaf(k, START + BLOCK - 1), leaf(k, START + BLOCK)]).toEqual([
      '2M P RW',
      '2M P RW',
      'none',
    ]);
    expect([pfn_valid(k, START), buddyOf(k).isFree(START)]).toEqual([true, false]);
    expect(call(online_pages(k, START))).toBe(0);
    expect(buddyOf(k).isFree(START)).toBe(true);
    expect(call(set_memory_ro(k, k.page_address(START), 1))).toBe(0);
    expect(leaf(k, START)).toBe('4K P');
  });

  it('maps a whole aligned 1G by one leaf', () => {
    const k = machine(kernel);
    const leaves = k.direct_pages_count.get(3);
    call(add_memory(k, START, 2 ** 18));
    expect([leaf(k, START), k.direct_pages_count.get(3) - leaves]).toEqual(['1G P RW', 1]);
    call(remove_memory(k, START));
    expect([leaf(k, START), k.direct_pages_count.get(3) - leaves]).toEqual(['none', 0]);
  });

  it('leaves nothing of what is removed', () => {
    const k = machine(kernel);
    const tables = buddyOf(k).allocatedBlocks().length;
    call(add_memory(k, START, BLOCK));
    call(online_pages(k, START));
    expect(call(remove_memory(k, START))).toBe(-EINVAL);
    expect(offline_pages(k, START)).toBe(0);
    expect(call(remove_memory(k, START))).toBe(0);
    expect([leaf(k, START), pfn_valid(k, START), buddyOf(k).isFree(START)]).toEqual(['none', false, false]);
    expect(buddyOf(k).allocatedBlocks()).toHaveLength(tables);
    expect(call(add_memory(k, START, BLOCK))).toBe(0);
  });

  it('says no to what is there already, is in use, or is not there', () => {
    const k = machine(kernel);
    expect(call(add_memory(k, 0x2000, BLOCK))).toBe(-EEXIST);
    expect([call(online_pages(k, START)), offline_pages(k, START)]).toEqual([-EINVAL, -EINVAL]);
    call(add_memory(k, START, BLOCK));
    call(online_pages(k, START));
    let page = 0;
    while (page < START) page = call(alloc_pages(k, GFP_KERNEL, 10))!;
    expect(offline_pages(k, START)).toBe(-EBUSY);
  });

  it('kills the machine when there is no page for a table', () => {
    const k = machine(kernel);
    expect(watch(k, add_memory(k, START, BLOCK), refuseAll).died).toMatch(/NULL pointer dereference/);
  });

  it('under debug_pagealloc maps memory before it is freed, which unmaps it (S55)', () => {
    const writes = (name: string) => {
      const k = machine(name, DEBUG);
      call(add_memory(k, START, 512));
      expect(leaf(k, START)).toBe('4K P RW');
      const { events } = watch(k, online_pages(k, START));
      expect(leaf(k, START)).toBe('4K');
      return events.filter((event) => event.kind === 'flush').length;
    };
    expect(writes(kernel)).toBe(2);
    expect(writes(`${kernel}~online-maps-first`)).toBe(1);
  });

  it('maps memory without debug_pagealloc too where nobody asks for the key (S36)', () => {
    const flushes = (name: string) => {
      const k = machine(name, { config: 'DEBUG_PAGEALLOC=y' });
      call(add_memory(k, START, 512));
      return watch(k, online_pages(k, START)).events.filter(({ kind }) => kind === 'flush').length;
    };
    expect([flushes(kernel), flushes(`${kernel}~online-tests-the-key`)]).toEqual([0, 1]);
  });

  it('leaves entries that debug_pagealloc has unmapped, and their tables (S38)', () => {
    const k = machine(kernel, DEBUG);
    call(add_memory(k, START, 512));
    call(online_pages(k, START));
    offline_pages(k, START);
    call(remove_memory(k, START));
    expect(leaf(k, START)).toBe('4K');
    call(add_memory(k, START, 512));
    expect(leaf(k, START)).toBe('4K');
    // A driver that uses the memory as it is finds it not present; online_pages() maps it first.
    const mark = k.mark();
    expect(watch(k, write_page(k, START)).died).toMatch(/write of a not-present page/);
    k.undo(mark);
    expect(call(online_pages(k, START))).toBe(0);
    let page = 0;
    while (page < START) page = call(alloc_pages(k, GFP_KERNEL, 0))!;
    expect(watch(k, write_page(k, page)).died).toBeUndefined();
  });

  it('leaves a 1G leaf that is removed in part as it is before v5.12; what later kernels do is not modelled', () => {
    const k = machine(kernel);
    call(add_memory(k, START, 2 ** 18));
    const partly = () => call(k.arch_remove_memory({ start: START, end: START + BLOCK }));
    if (k.has['hot-remove-trusts-alignment']) expect(partly).toThrow(/not modelled/);
    else {
      partly();
      expect(leaf(k, START)).toBe('1G P RW');
    }
  });

  it('is undone with the rest', () => {
    const k = machine(kernel);
    const { hash } = k.memory;
    const mark = k.mark();
    call(add_memory(k, START, BLOCK));
    call(online_pages(k, START));
    k.undo(mark);
    expect([k.memory.hash, pfn_valid(k, START), k.pfn_range_is_mapped(START, START + 1)]).toEqual([
      hash,
      false,
      false,
    ]);
  });
});
