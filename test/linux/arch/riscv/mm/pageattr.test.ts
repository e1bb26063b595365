import { describe, expect, it } from 'vitest';
import { NotModelledError } from '../../../../../src/errors.ts';
import * as pageattr from '../../../../../src/linux/arch/riscv/mm/pageattr.ts';
import type { RiscvKernel } from '../../../../../src/linux/arch/riscv/riscv_kernel.ts';
import { EINVAL, ENOMEM } from '../../../../../src/linux/errno.ts';
import type { KernelEvent } from '../../../../../src/linux/events.ts';
import { VM_ALLOW_HUGE_VMAP, vfree, vmalloc } from '../../../../../src/linux/mm/vmalloc.ts';
import { walk } from '../../../../../src/mmu/walk.ts';
import { call, lines, refuse, refuseAll, watch } from '../../../../support/calls.ts';
import { bootMachine, GiB, leafAt, leafOf, type MachineOptions, MiB, ownPages } from '../support.ts';

/** v6.1 as it was released: the stable kernel has these fixes of v6.4 to v6.10. */
const GA_6_1 = 'v6.1~set-memory-splits~kernel-map-pages-atomic~present-tests-leaves~default-resets-exec';
/** Those that edit whole leaves, and those that split first. */
const WHOLE = ['v5.10', 'v5.11', GA_6_1];
const SPLITTING = ['v6.1', 'v6.12', 'v7.2'];
const ALL = [...WHOLE, ...SPLITTING];

/** What boot makes of a data page; before v6.1 without G. */
const RW = (kernel: string) => (kernel.startsWith('v5') ? 'c7' : 'e7');
const without = (hex: string, bits: number) => (Number.parseInt(hex, 16) & ~bits).toString(16);
const withBits = (hex: string, bits: number) => (Number.parseInt(hex, 16) | bits).toString(16);
const W = 4;
const X = 8;

/** A machine and 2M of its own in one leaf. */
function with2M(kernel: string, options: MachineOptions = {}) {
  const k = bootMachine(kernel, { levels: 3, ...options });
  const page = ownPages(k, 9);
  expect(leafOf(k, page)).toBe(`PMD ${RW(kernel)}`);
  return { k, page, addr: k.page_address(page) };
}

const kinds = (events: readonly KernelEvent[], kind: KernelEvent['kind']) =>
  events.filter((event) => event.kind === kind).length;

describe('set_memory_*() of a part of a 2M leaf', () => {
  it.each(WHOLE)('edits all of it on %s, for want of a split', (kernel) => {
    const { k, page, addr } = with2M(kernel);
    expect(call(pageattr.set_memory_ro(k, addr + 5 * 4096, 1), refuseAll)).toBe(0);
    expect(leafOf(k, page)).toBe(`PMD ${without(RW(kernel), W)}`);
    expect(call(pageattr.set_memory_rw(k, addr, 1), refuseAll)).toBe(0);
    expect(leafOf(k, page)).toBe(`PMD ${RW(kernel)}`);
  });

  it.each(SPLITTING)('splits it first on %s, and edits what was asked for', (kernel) => {
    const { k, page, addr } = with2M(kernel);
    const { value, events } = watch(k, pageattr.set_memory_ro(k, addr + 5 * 4096, 2));
    expect(value).toBe(0);
    expect(kinds(events, 'allocated')).toBe(1);
    const at = (n: number) => leafOf(k, page + n);
    expect([4, 5, 6, 7].map(at)).toEqual(['PTE e7', 'PTE e3', 'PTE e3', 'PTE e7']);
    expect(events).toContainEqual(expect.objectContaining({ kind: 'split', level: 2, address: addr }));
  });

  it.each(SPLITTING)('is -ENOMEM on %s without a page for the table, with nothing changed', (kernel) => {
    const { k, page, addr } = with2M(kernel);
    const { value, events } = watch(k, pageattr.set_memory_ro(k, addr, 1), refuseAll);
    expect(value).toBe(-ENOMEM);
    expect(leafOf(k, page)).toBe('PMD e7');
    // It flushes all the same.
    expect(events).toContainEqual(expect.objectContaining({ kind: 'flush', cpus: 'all', pages: 'all' }));
  });
});

describe('set_memory_*() of whole 2M leaves', () => {
  it.each(ALL)('splits nothing and needs no memory on %s', (kernel) => {
    const { k, page, addr } = with2M(kernel);
    for (const [edit, bits] of [
      [pageattr.set_memory_ro, without(RW(kernel), W)],
      [pageattr.set_memory_x, withBits(without(RW(kernel), W), X)],
      [pageattr.set_memory_rw, withBits(RW(kernel), X)],
      [pageattr.set_memory_nx, RW(kernel)],
    ] as const) {
      expect(call(edit(k, addr, 512), refuseAll)).toBe(0);
      expect(leafOf(k, page + 7)).toBe(`PMD ${bits}`);
    }
  });

  it.each(SPLITTING)('splits the one at the end that is covered in part, on %s', (kernel) => {
    const k = bootMachine(kernel, { levels: 3 });
    const page = ownPages(k, 10);
    expect(call(pageattr.set_memory_ro(k, k.page_address(page), 513))).toBe(0);
    expect([0, 512, 513].map((n) => leafOf(k, page + n))).toEqual(['PMD e3', 'PTE e3', 'PTE e7']);
  });
});

describe('the API table', () => {
  it.each(ALL)('says which bits each function sets and clears on %s', (kernel) => {
    const { k, page, addr } = with2M(kernel);
    const done = (
      edit: (k: RiscvKernel, addr: number, n: number) => ReturnType<typeof pageattr.set_memory_ro>,
    ) => {
      call(edit(k, addr, 512));
      return leafOf(k, page);
    };
    call(pageattr.set_memory_x(k, addr, 512));
    const rwx = withBits(RW(kernel), X);
    expect(leafOf(k, page)).toBe(`PMD ${rwx}`);
    expect(done(pageattr.set_memory_ro)).toBe(`PMD ${without(rwx, W)}`);
    expect(done(pageattr.set_memory_rw_nx)).toBe(`PMD ${RW(kernel)}`);
    expect(done((k, addr, n) => k.set_memory_rox(addr, n))).toBe(`PMD ${without(rwx, W)}`);
  });

  it.each(ALL)('0 pages are 0, and nothing happens, on %s', (kernel) => {
    const { k, addr } = with2M(kernel);
    const { value, events } = watch(k, pageattr.set_memory_ro(k, addr, 0));
    expect([value, events]).toEqual([0, []]);
  });

  it.each(ALL)('a negative number of pages is -EINVAL on %s', (kernel) => {
    const { k, addr } = with2M(kernel);
    expect(call(pageattr.set_memory_ro(k, addr, -1))).toBe(-EINVAL);
  });

  it.each(ALL)('takes the mmap lock of init_mm for writing on %s, and so may sleep', (kernel) => {
    const { k, addr } = with2M(kernel, { config: 'DEBUG_ATOMIC_SLEEP=y' });
    k.irqs_disabled[0] = 1;
    const { events } = watch(k, pageattr.set_memory_ro(k, addr, 512));
    k.irqs_disabled[0] = 0;
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'lock', lock: 'init_mm.mmap_lock', mode: 'write' }),
    );
    expect(lines(events).join()).toContain('sleeping function called from invalid context');
  });
});

describe('set_direct_map_*()', () => {
  it.each(WHOLE)('do nothing on %s, and say that all is well', (kernel) => {
    const { k, page } = with2M(kernel);
    for (const edit of [pageattr.set_direct_map_invalid_noflush, pageattr.set_direct_map_default_noflush]) {
      const { value, events } = watch(k, edit(k, page));
      expect(value).toBe(0);
      expect(kinds(events, 'write') + kinds(events, 'flush')).toBe(0);
      expect(kinds(events, 'guard')).toBe(1);
    }
    expect(leafOf(k, page)).toBe(`PMD ${RW(kernel)}`);
  });

  it.each(SPLITTING)('take one page out and put it back on %s, and flush everything', (kernel) => {
    const { k, page } = with2M(kernel);
    const { value, events } = watch(k, pageattr.set_direct_map_invalid_noflush(k, page + 3));
    expect(value).toBe(0);
    expect(events).toContainEqual(expect.objectContaining({ kind: 'flush', pages: 'all' }));
    expect([leafOf(k, page + 3), leafOf(k, page + 4)]).toEqual(['PTE e6', 'PTE e7']);
    expect(call(pageattr.set_direct_map_default_noflush(k, page + 3), refuseAll)).toBe(0);
    expect(leafOf(k, page + 3)).toBe('PTE e7');
  });

  it.each(SPLITTING)('restore write permission and take X away on %s', (kernel) => {
    const { k, page, addr } = with2M(kernel);
    call(pageattr.set_memory_ro(k, addr, 1));
    call(pageattr.set_memory_x(k, addr, 1));
    expect(leafOf(k, page)).toBe('PTE eb');
    call(pageattr.set_direct_map_default_noflush(k, page));
    expect(leafOf(k, page)).toBe('PTE e7');
  });

  it('left X before the change default-resets-exec', () => {
    const { k, page, addr } = with2M('v6.1~default-resets-exec');
    call(pageattr.set_memory_x(k, addr, 1));
    call(pageattr.set_direct_map_default_noflush(k, page));
    expect(leafOf(k, page)).toBe('PTE ef');
  });

  it.each(SPLITTING)('of a page in a 2M leaf need 1 page and fail without, on %s', (kernel) => {
    for (const edit of [pageattr.set_direct_map_invalid_noflush, pageattr.set_direct_map_default_noflush]) {
      const { k, page } = with2M(kernel);
      expect(call(edit(k, page), refuse(1))).toBe(-ENOMEM);
      expect(leafOf(k, page)).toBe('PMD e7');
    }
  });

  it.each(['v6.12', 'v7.2'])('of a page in a 1G leaf need 2, and keep the first split, on %s', (kernel) => {
    const k = bootMachine(kernel, { levels: 4, ram: 4 * GiB });
    const page = (0x80000000 + 2 * GiB) / 4096;
    expect(leafOf(k, page)).toBe('PUD e7');
    expect(call(pageattr.set_direct_map_invalid_noflush(k, page), refuse(2))).toBe(-ENOMEM);
    expect(leafOf(k, page)).toBe('PMD e7');
    expect(call(pageattr.set_direct_map_invalid_noflush(k, page))).toBe(0);
    expect([0, 1, 512].map((n) => leafOf(k, page + n))).toEqual(['PTE e6', 'PTE e7', 'PMD e7']);
  });

  it('write PAGE_KERNEL and no frame into an empty PTE', () => {
    const k = bootMachine('v7.2', { levels: 3, ram: GiB + 5 * MiB + 3 * 4096 });
    const hole = (0x80000000 + GiB + 5 * MiB) / 4096 + 3;
    expect(leafOf(k, hole)).toBe('none');
    expect(call(pageattr.set_direct_map_default_noflush(k, hole), refuseAll)).toBe(0);
    const leaf = k.leafAt(k.page_address(hole))!;
    expect([leaf.level, leaf.low, leaf.high]).toEqual([1, 0xe7, 0]);
  });

  it('pass over a hole of 2M', () => {
    const k = bootMachine('v7.2', { levels: 3, ram: GiB + 4 * MiB });
    const hole = (0x80000000 + GiB + 6 * MiB) / 4096;
    expect(call(pageattr.set_direct_map_default_noflush(k, hole), refuseAll)).toBe(0);
    expect(leafOf(k, hole)).toBe('none');
  });

  it('die of a hole of 1G: the split follows an empty entry to physical 0, which is not mapped', () => {
    const k = bootMachine('v7.2', { levels: 4, ram: GiB });
    const { died } = watch(k, pageattr.set_direct_map_default_noflush(k, (0x80000000 + 3 * GiB) / 4096));
    expect(died).toContain('unable to handle page fault');
  });
});

describe('set_direct_map_valid_noflush()', () => {
  it('keeps whole 2M leaves, which pages of can only come back with memory', () => {
    const { k, page } = with2M('v7.2');
    expect(call(pageattr.set_direct_map_valid_noflush(k, page, 512, false), refuseAll)).toBe(0);
    expect(leafOf(k, page)).toBe('PMD e6');
    expect(call(pageattr.set_direct_map_valid_noflush(k, page + 8, 1, true), refuseAll)).toBe(-ENOMEM);
    expect(leafOf(k, page + 8)).toBe('PMD e6');
    expect(call(pageattr.set_direct_map_default_noflush(k, page + 8), refuse(1))).toBe(-ENOMEM);
    expect(call(pageattr.set_direct_map_valid_noflush(k, page + 8, 1, true))).toBe(0);
    expect([leafOf(k, page + 8), leafOf(k, page + 9)]).toEqual(['PTE e7', 'PTE e6']);
  });

  it('undoes what it did to the same range without memory', () => {
    const { k, page } = with2M('v7.2');
    call(pageattr.set_direct_map_valid_noflush(k, page, 512, false));
    expect(call(pageattr.set_direct_map_valid_noflush(k, page, 512, true), refuseAll)).toBe(0);
    expect(leafOf(k, page)).toBe('PMD e7');
  });

  it('never gives back a 1G leaf, which without V is not known as a leaf', () => {
    const k = bootMachine('v7.2', { levels: 4, ram: 4 * GiB });
    const page = (0x80000000 + 2 * GiB) / 4096;
    expect(call(pageattr.set_direct_map_valid_noflush(k, page, 2 ** 18, false), refuseAll)).toBe(0);
    expect(leafOf(k, page)).toBe('PUD e6');
    expect(call(pageattr.set_direct_map_valid_noflush(k, page, 2 ** 18, true))).toBe(0);
    expect(leafOf(k, page)).toBe('PUD e6');
    expect(call(k.kernel_page_present(page))).toBe(false);
    // A part of it: memory is read as a table.
    expect(() => call(pageattr.set_direct_map_default_noflush(k, page))).toThrow(NotModelledError);
  });
});

describe('a 512G leaf of Sv57', () => {
  const ram = [[0, 1024 * GiB]] as const;

  it.each(['v6.12', 'v7.2'])('is not known as one: what follows depends on memory, on %s', (kernel) => {
    const k = bootMachine(kernel, { levels: 5, ram, config: 'KFENCE=n' });
    const page = (768 * GiB) / 4096;
    expect(leafOf(k, page)).toBe('P4D e7');
    expect(() => call(pageattr.set_direct_map_invalid_noflush(k, page))).toThrow(NotModelledError);
    expect(() => call(k.kernel_page_present(page))).toThrow(NotModelledError);
  });

  it('is not there before linear-map-by-chunks', () => {
    const k = bootMachine('v6.1', { levels: 5, ram: [[0x80200000, 2 * GiB + 512 * GiB]] });
    expect(leafOf(k, (512 * GiB) / 4096)).toBe('PMD e7');
  });
});

describe('the alias of a vmalloc page in the direct map', () => {
  function withArea(kernel: string) {
    const k = bootMachine(kernel, { levels: 3 });
    const addr = call(vmalloc(k, 4))!;
    return { k, addr, pages: k.vmap_areas.get(addr)!.pages };
  }

  it.each(SPLITTING)('is edited first, with X as well, on %s', (kernel) => {
    const { k, addr, pages } = withArea(kernel);
    expect(call(pageattr.set_memory_ro(k, addr + 4096, 2))).toBe(0);
    expect(call(pageattr.set_memory_x(k, addr + 4096, 1))).toBe(0);
    expect([0, 1, 2, 3].map((i) => leafAt(k, addr + i * 4096))).toEqual([
      'PTE e7',
      'PTE eb',
      'PTE e3',
      'PTE e7',
    ]);
    expect(leafOf(k, pages[1]!)).toBe('PTE eb');
    expect(leafOf(k, pages[2]!)).toBe('PTE e3');
  });

  it.each(WHOLE)('is not touched on %s', (kernel) => {
    const { k, addr, pages } = withArea(kernel);
    const before = leafOf(k, pages[0]!);
    expect(call(pageattr.set_memory_ro(k, addr, 4))).toBe(0);
    expect(leafAt(k, addr)).toBe(`PTE ${without(RW(kernel), W)}`);
    expect(leafOf(k, pages[0]!)).toBe(before);
  });

  it.each(SPLITTING)('stays edited where memory runs out, and the mapping itself is not, on %s', (kernel) => {
    const k = bootMachine(kernel, { levels: 3 });
    const [first, second] = [ownPages(k, 9), ownPages(k, 9)];
    const addr = k.VMALLOC_START;
    k.vmap_areas.set(addr, {
      addr,
      size: 3 * 4096,
      pages: [first, second],
      flags: 0,
      page_order: 0,
      lazily_freed: false,
    });
    expect(call(pageattr.set_memory_ro(k, addr, 2), refuse(2))).toBe(-ENOMEM);
    expect(leafOf(k, first)).toBe('PTE e3');
    expect(leafOf(k, second)).toBe('PMD e7');
  });

  it.each(SPLITTING)('stays read-only when the area is freed without a reset, on %s', (kernel) => {
    const { k, addr, pages } = withArea(kernel);
    call(pageattr.set_memory_ro(k, addr, 4));
    call(vfree(k, addr));
    expect(leafOf(k, pages[0]!)).toBe('PTE e3');
  });

  it.each(SPLITTING)('kills the kernel where there is no area, on %s', (kernel) => {
    const { k } = withArea(kernel);
    const { died } = watch(k, pageattr.set_memory_ro(k, k.VMALLOC_END - 4096, 1));
    expect(died).toContain('no vm_struct');
  });

  it.each(['v6.12', 'v7.2'])(
    'of a 2M leaf is one page where the leaf itself is edited whole, on %s',
    (kernel) => {
      const k = bootMachine(kernel, { levels: 3 });
      const addr = call(vmalloc(k, 512, VM_ALLOW_HUGE_VMAP))!;
      const [first, second] = k.vmap_areas.get(addr)!.pages as [number, number];
      expect(leafAt(k, addr)).toBe('PMD e7');
      expect(call(pageattr.set_memory_ro(k, addr, 1))).toBe(0);
      expect(leafAt(k, addr)).toBe('PMD e3');
      expect([leafOf(k, first), leafOf(k, second)]).toEqual(['PTE e3', 'PTE e7']);
    },
  );

  it('is never of a 2M leaf on v6.1', () => {
    const k = bootMachine('v6.1', { levels: 3 });
    expect(leafAt(k, call(vmalloc(k, 512, VM_ALLOW_HUGE_VMAP))!)).toBe('PTE e7');
  });

  it('is unknown behind the last page of an area', () => {
    const { k, addr } = withArea('v7.2');
    expect(() => call(pageattr.set_memory_ro(k, addr, 5))).toThrow(NotModelledError);
  });
});

describe('the alias of the kernel itself in the direct map', () => {
  it.each(SPLITTING)('is split and edited too, on %s', (kernel) => {
    const k = bootMachine(kernel, { levels: 3 });
    const pfn = Math.floor(k.sections!.end / 4096) - 1;
    const address = k.image_address(pfn);
    expect([leafAt(k, address), leafOf(k, pfn)]).toEqual(['PMD e7', 'PMD e7']);
    expect(call(pageattr.set_memory_ro(k, address, 1))).toBe(0);
    // The kernel's own mapping is edited by whole leaves: it is never split.
    expect([leafAt(k, address), leafOf(k, pfn), leafOf(k, pfn - 1)]).toEqual(['PMD e3', 'PTE e3', 'PTE e7']);
  });
});

describe('__kernel_map_pages()', () => {
  const small: MachineOptions = { levels: 3, index_bits: 2, ram: 0x10000 };

  it.each(ALL)('does nothing without debug_pagealloc=on, on %s', (kernel) => {
    const { k, page } = with2M(kernel);
    const { events } = watch(k, pageattr.__kernel_map_pages(k, page, 1, 0));
    expect(events).toEqual([]);
  });

  it.each(WHOLE)('unmaps the whole leaf, and may sleep, on %s', (kernel) => {
    const k = bootMachine(kernel, {
      ...small,
      boot: 'debug_pagealloc=on',
      config: 'DEBUG_PAGEALLOC=y,DEBUG_ATOMIC_SLEEP=y',
    });
    const page = 4;
    call(pageattr.__kernel_map_pages(k, page, 4, 1));
    expect(leafOf(k, page)).toBe(`PMD ${kernel.startsWith('v5') ? 'cf' : 'e7'}`);
    k.irqs_disabled[0] = 1;
    const { events } = watch(k, pageattr.__kernel_map_pages(k, page + 1, 1, 0));
    k.irqs_disabled[0] = 0;
    expect(leafOf(k, page + 3)).toBe(`PMD ${kernel.startsWith('v5') ? 'ce' : 'e6'}`);
    expect(lines(events).join()).toContain('sleeping function called from invalid context');
  });

  it('refuses a large leaf on v6.1.192: a warning once, and debug_pagealloc has no effect', () => {
    const k = bootMachine('v6.1', { levels: 3, boot: 'debug_pagealloc=on', lateEdits: false });
    const page = ownPages(k, 9);
    expect(leafOf(k, page)).toBe('PMD e7');
    k.once.delete('apply_to_pmd_range leaf');
    const { events } = watch(k, pageattr.__kernel_map_pages(k, page, 1, 0));
    expect(lines(events)).toEqual(['WARN_ON_ONCE(pmd_leaf(*pmd)) in apply_to_pmd_range()']);
    expect(leafOf(k, page)).toBe('PMD e7');
    expect(lines(watch(k, pageattr.__kernel_map_pages(k, page, 1, 0)).events)).toEqual([]);
  });

  it.each(['v6.12', 'v7.2'])('maps and unmaps one page, in any context, on %s', (kernel) => {
    const k = bootMachine(kernel, {
      ...small,
      boot: 'debug_pagealloc=on',
      config: 'DEBUG_PAGEALLOC=y,DEBUG_ATOMIC_SLEEP=y',
    });
    const page = 4;
    k.irqs_disabled[0] = 1;
    const { events } = watch(k, pageattr.__kernel_map_pages(k, page, 1, 1), refuseAll);
    expect([leafOf(k, page), leafOf(k, page + 1)]).toEqual(['PTE e7', 'PTE e6']);
    call(pageattr.__kernel_map_pages(k, page, 1, 0), refuseAll);
    k.irqs_disabled[0] = 0;
    expect(leafOf(k, page)).toBe('PTE e6');
    expect(lines(events)).toEqual([]);
    expect(kinds(events, 'lock')).toBe(0);
    expect(events).toContainEqual(expect.objectContaining({ kind: 'flush', cpus: 'all', pages: 1 }));
  });

  it('waits for itself where it splits: between v6.7 and v6.9', () => {
    const kernel = 'v6.1~kernel-map-pages-atomic';
    const k = bootMachine(kernel, { ...small, boot: 'debug_pagealloc=on' });
    call(pageattr.__kernel_map_pages(k, 0, 16, 1));
    const { died } = watch(k, pageattr.__kernel_map_pages(k, 5, 1, 0));
    expect(died).toContain('deadlock');
  });
});

describe('kernel_page_present()', () => {
  it.each(SPLITTING)('says true of what only lost V, on %s', (kernel) => {
    const { k, page } = with2M(kernel);
    call(pageattr.set_direct_map_invalid_noflush(k, page));
    expect(k.translate(k.page_address(page))).toBeUndefined();
    expect(call(k.kernel_page_present(page))).toBe(true);
    expect(call(k.kernel_page_present(page + 1))).toBe(true);
  });

  it('says true of a 2M leaf without V, and false of what was never mapped', () => {
    const { k, page } = with2M('v7.2', { ram: GiB + 4 * MiB });
    call(pageattr.set_direct_map_valid_noflush(k, page, 512, false));
    expect(call(k.kernel_page_present(page))).toBe(true);
    expect(call(k.kernel_page_present((0x80000000 + GiB + 6 * MiB) / 4096))).toBe(false);
    expect(call(k.kernel_page_present((0x80000000 + 3 * GiB) / 4096))).toBe(false);
  });

  it.each(['v5.11', GA_6_1])('reads memory as a PTE where there is a large leaf, on %s', (kernel) => {
    const { k, page } = with2M(kernel);
    k.memory.write(page * 4096 + 5 * 8, 1, 0);
    expect([4, 5, 6].map((index) => call(k.kernel_page_present(page + index)))).toEqual([false, true, false]);
  });

  it('always says true on v5.10, which has none of its own', () => {
    const { k, page } = with2M('v5.10');
    expect(call(k.kernel_page_present(page))).toBe(true);
  });
});

describe('splitting', () => {
  it.each([1, 2, 3])('never changes what is mapped, with %i index bits', (index_bits) => {
    const options: MachineOptions = { levels: 4, index_bits, ram: 4096 * 2 ** (3 * index_bits) };
    const k = bootMachine('v7.2', options);
    const mapped = () =>
      [...walk(k.memory, k.format, k.root, { range: k.direct_map })].reduce((sum, run) => {
        expect(run.kind).toBe('leaf');
        return sum + run.pages;
      }, 0);
    const pages = mapped();
    expect(k.leafAt(k.direct_map.start)!.level).toBe(3);
    for (let pfn = 0; pfn < pages; pfn++) {
      expect(call(k.set_memory_ro(k.page_address(pfn), 1))).toBe(0);
      expect(mapped()).toBe(pages);
    }
    expect(leafOf(k, pages - 1)).toBe('PTE e3');
  });
});
