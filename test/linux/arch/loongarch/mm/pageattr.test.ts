import { describe, expect, it } from 'vitest';
import { PAGE_OFFSET } from '../../../../../src/linux/arch/loongarch/include/asm/addrspace.ts';
import * as pageattr from '../../../../../src/linux/arch/loongarch/mm/pageattr.ts';
import { add_memory, remove_memory } from '../../../../../src/linux/mm/memory_hotplug.ts';
import { vmalloc } from '../../../../../src/linux/mm/vmalloc.ts';
import { call, watch } from '../../powerpc/powerpc.ts';
import { booted, KERNELS, leafText, WITH_SET_MEMORY } from '../loongarch.ts';

const RW = 'PTE 0x1d3';
const NP = 'PTE 0x152';

describe.each(KERNELS)('every edit of the direct map on %s', (kernel) => {
  it('returns 0 and does nothing (S30)', () => {
    const k = booted(kernel);
    const page = 0x1000;
    const addr = k.page_address(page);
    const before = k.memory.hash;
    const edits = [
      () => k.set_direct_map_invalid_noflush(page),
      () => k.set_direct_map_default_noflush(page),
      () => k.set_direct_map_valid_noflush(page, 4, false),
      () => k.set_memory_ro(addr, 1),
      () => k.set_memory_rw(addr, 1),
      () => k.set_memory_x(addr, 1),
      () => k.set_memory_nx(addr, 1),
      () => k.set_memory_rox(addr, 1),
    ];
    for (const edit of edits) {
      const { value, of } = watch(k, edit());
      expect([value, of('write').length, of('flush').length, of('lock').length]).toEqual([0, 0, 0, 0]);
      if (k.has['loongarch-set-memory']) expect(of('guard').length).toBeGreaterThan(0);
    }
    expect(k.memory.hash).toBe(before);
    expect(call(k.kernel_page_present(page))).toBe(true);
    expect(k.translate(addr)).toBeDefined();
  });

  it('is the same for memory that comes and goes', () => {
    const k = booted(kernel);
    const before = k.memory.hash;
    expect(call(k.arch_add_memory({ start: 0x40_0000, end: 0x40_1000 }))).toBe(0);
    call(k.arch_remove_memory({ start: 0x40_0000, end: 0x40_1000 }));
    expect(k.memory.hash).toBe(before);
  });
});

describe('kernel_page_present()', () => {
  it('is true of what is no memory on v6.1, and false since v6.12', () => {
    const hole = 0x5000;
    expect(call(booted('v6.1').kernel_page_present(hole))).toBe(true);
    for (const kernel of WITH_SET_MEMORY) expect(call(booted(kernel).kernel_page_present(hole))).toBe(false);
    expect(call(booted('v6.1+loongarch-page-present').kernel_page_present(hole))).toBe(false);
  });
});

describe('memory that was added', () => {
  it('is memory to kernel_page_present(), and until then, and after it was removed, is not', () => {
    const k = booted('v7.2');
    const block = 0x40_0000;
    const present = () => call(k.kernel_page_present(block + 5));
    expect(present()).toBe(false);
    expect(call(add_memory(k, block, 4096))).toBe(0);
    expect(present()).toBe(true);
    expect(call(remove_memory(k, block))).toBe(0);
    expect(present()).toBe(false);
  });
});

describe.each(WITH_SET_MEMORY)('set_memory_*() of vmalloc on %s', (kernel) => {
  it('changes PTEs, under the mmap lock, and flushes pairs of pages on all CPUs', () => {
    const k = booted(kernel);
    const addr = call(vmalloc(k, 4))!;
    expect(leafText(k, addr)).toBe(RW);
    const { value, of } = watch(k, pageattr.set_memory_ro(k, addr, 1));
    expect([value, leafText(k, addr)]).toEqual([0, 'PTE 0xd1']);
    expect(of('lock')).toEqual([expect.objectContaining({ lock: 'init_mm.mmap_lock', mode: 'write' })]);
    expect(of('flush')).toEqual([expect.objectContaining({ cpus: 'all', pages: 2 })]);
    call(pageattr.set_memory_nx(k, addr, 1));
    expect(leafText(k, addr)).toBe('PTE 0x40000000000000d1');
    call(pageattr.set_memory_rw(k, addr, 1));
    call(pageattr.set_memory_x(k, addr, 1));
    expect(leafText(k, addr)).toBe(RW);
    expect(leafText(k, addr + k.page_size)).toBe(RW);
  });

  it('makes a hole into an entry, in a table that is there, and passes over one where there is none', () => {
    const k = booted(kernel);
    const addr = call(vmalloc(k, 1))!;
    const hole = addr + 8 * k.page_size;
    expect(call(pageattr.set_memory_rw(k, hole, 1))).toBe(0);
    expect(leafText(k, hole)).toBe('PTE 0x102');
    const { value, of } = watch(k, pageattr.set_memory_rw(k, addr + 2 ** 30, 1));
    expect([value, of('write').length]).toEqual([0, 0]);
  });

  it('flushes everything for many pages, and nothing for none', () => {
    const k = booted(kernel);
    const addr = call(vmalloc(k, 600))!;
    expect(watch(k, pageattr.set_memory_ro(k, addr, 600)).of('flush')).toEqual([
      expect.objectContaining({ pages: 'all' }),
    ]);
    expect(watch(k, pageattr.set_memory_ro(k, addr, 0)).events).toEqual([]);
  });

  it('changes a large leaf as a whole for a part of it', () => {
    const k = booted(kernel);
    const addr = call(vmalloc(k, 1))! + 2 * 2 ** k.format.levelShift(2);
    const { low, high } = k.pgtable.kernelLeaf(2, 0x4000);
    let table = k.root;
    const entry = (level: number) => table + (Math.floor(addr / 2 ** k.format.levelShift(level)) & 2047) * 8;
    table = k.format.tableAddress(3, k.memory.low(entry(3)), k.memory.high(entry(3)));
    k.memory.write(entry(2), low, high);
    expect(leafText(k, addr)).toBe('PMD 0x11d3');
    call(pageattr.set_memory_ro(k, addr, 1));
    expect(leafText(k, addr + 100 * k.page_size)).toBe('PMD 0x10d1');
  });

  it('may sleep: with interrupts off that is reported', () => {
    const k = booted(kernel, { config: { DEBUG_ATOMIC_SLEEP: 'y' } });
    const addr = call(vmalloc(k, 1))!;
    k.irqs_disabled[0] = 1;
    expect(watch(k, pageattr.set_memory_ro(k, addr, 1)).of('printk')).toHaveLength(1);
  });
});

describe('KFENCE on loongarch', () => {
  const kfence = { boot: 'kfence.sample_interval=100' };
  /** Four pages on a machine without KFENCE. */
  const withPages = () => {
    const k = booted('v7.2');
    const start = k.frames.allocate(2, undefined)!;
    return { k, pool: { start, end: start + 4 }, window: k.page_address(start) };
  };

  it.each(WITH_SET_MEMORY)('maps its pool once more, by page tables, at boot (%s)', (kernel) => {
    const k = booted(kernel, kfence);
    const { start, end } = k.kfence_pool!;
    expect(end - start).toBe(512);
    const window = PAGE_OFFSET + start * k.page_size;
    const at = (page: number) => k.page_address(start + page);
    expect(at(0)).toBeGreaterThan(k.kernel_range.start);
    expect([0, 1, 2, 3, 511].map((page) => leafText(k, at(page)))).toEqual([NP, NP, RW, NP, NP]);
    expect(leafText(k, window)).toBe('DMW 0x11d3');
    expect(call(k.kernel_page_present(start))).toBe(false);
    expect(call(k.kernel_page_present(start + 2))).toBe(true);
  });

  it('makes a page not present and present again, and flushes this CPU alone', () => {
    const k = booted('v7.2', kfence);
    const addr = k.page_address(k.kfence_pool!.start + 2);
    const { value, of } = watch(k, k.kfence_protect_page(addr, true));
    expect([value, k.translate(addr)]).toEqual([true, undefined]);
    expect(of('flush')).toEqual([expect.objectContaining({ cpus: 'local', pages: 1 })]);
    expect(call(k.kfence_protect_page(addr, false))).toBe(true);
    expect(leafText(k, addr)).toBe(RW);
  });

  it('edits what page tables map by the struct page then: set_direct_map_*() works there', () => {
    const k = booted('v7.2', kfence);
    const pfn = k.kfence_pool!.start + 2;
    const addr = k.page_address(pfn);
    expect(call(k.set_direct_map_invalid_noflush(pfn))).toBe(0);
    expect(leafText(k, addr)).toBe(NP);
    expect(call(k.set_direct_map_default_noflush(pfn))).toBe(0);
    expect(leafText(k, addr)).toBe(RW);
  });

  it('cannot protect what page tables do not map', () => {
    const { k, window } = withPages();
    const { value, of } = watch(k, k.kfence_protect_page(window, true));
    expect([value, of('warn').length]).toEqual([false, 1]);
  });

  it('does without the mapping when a table is refused', () => {
    const { k, pool, window } = withPages();
    const { value } = watch(k, k.arch_kfence_init_pool(pool), () => false);
    expect([value, k.page_address(pool.start)]).toEqual([false, window]);
  });

  it('goes back with everything else', () => {
    const { k, pool, window } = withPages();
    const mark = k.mark();
    expect(call(k.arch_kfence_init_pool(pool))).toBe(true);
    const moved = k.hiddenState.at(-1)!.text();
    k.undo(mark);
    expect(k.page_address(pool.start)).toBe(window);
    expect([moved === '[]', k.hiddenState.at(-1)!.text()]).toEqual([false, '[]']);
  });

  it('is not there on v6.1', () => {
    expect(booted('v6.1', kfence).kfence_pool).toBeUndefined();
  });
});
