import { describe, expect, it } from 'vitest';
import { kfence_protect_page } from '../../../../../src/linux/arch/powerpc/include/asm/kfence.ts';
import * as pageattr from '../../../../../src/linux/arch/powerpc/mm/pageattr.ts';
import { __kernel_map_pages } from '../../../../../src/linux/arch/powerpc/mm/pageattr.ts';
import type { PowerpcKernel } from '../../../../../src/linux/arch/powerpc/powerpc_kernel.ts';
import { EINVAL } from '../../../../../src/linux/errno.ts';
import { VM_ALLOW_HUGE_VMAP, vmalloc } from '../../../../../src/linux/mm/vmalloc.ts';
import { booted, call, leafText, MiB, PAGEALLOC, watch } from '../powerpc.ts';

const WITH_SET_MEMORY = ['v6.1', 'v6.12', 'v7.2'];
const SETTERS = [
  pageattr.set_memory_ro,
  pageattr.set_memory_rw,
  pageattr.set_memory_nx,
  pageattr.set_memory_x,
  pageattr.set_memory_np,
  pageattr.set_memory_p,
];

const PAGE = 0x8000;
const free = (k: PowerpcKernel) => k.frames.allocate(0, undefined)!;

/** A kernel whose direct map is by base pages, and one of its pages, present. */
function withPages(kernel: string): { k: PowerpcKernel; pfn: number; addr: number } {
  const k = booted(kernel, { ram: 256 * MiB, ...PAGEALLOC });
  const pfn = k.frames.allocate(2, undefined)!;
  call(__kernel_map_pages(k, pfn, 4, 1));
  return { k, pfn, addr: k.page_address(pfn) };
}

describe.each(WITH_SET_MEMORY)('set_memory_*() on %s', (kernel) => {
  it('refuses every large leaf of the direct map, changes nothing, and warns once', () => {
    const k = booted(kernel);
    const before = k.memory.hash;
    const warnings = SETTERS.flatMap((set) => {
      const { value, of } = watch(k, set(k, k.page_address(PAGE), 1));
      expect(value).toBe(-EINVAL);
      return of('warn');
    });
    expect(warnings).toHaveLength(1);
    expect(k.memory.hash).toBe(before);
  });

  it('refuses a whole large leaf as well', () => {
    const k = booted(kernel);
    expect(call(pageattr.set_memory_np(k, k.page_address(PAGE), 512))).toBe(-EINVAL);
  });

  it('changes base pages, with a flush of everything for each, and allocates nothing', () => {
    const { k, pfn, addr } = withPages(kernel);
    const { value, of } = watch(k, pageattr.set_memory_np(k, addr, 2));
    expect(value).toBe(0);
    expect([0, 1, 2].map((i) => leafText(k, pfn + i))).toEqual([
      'PTE 0x400000000000018e',
      'PTE 0x400000000000018e',
      'PTE 0xc00000000000018e',
    ]);
    expect(of('flush')).toEqual(Array(2).fill(expect.objectContaining({ cpus: 'all', pages: 'all' })));
    expect(of('allocated')).toEqual([]);
  });

  it('keeps the dirty bit of a page that becomes read-only, and sets it with the right to write', () => {
    const { k, pfn, addr } = withPages(kernel);
    call(pageattr.set_memory_ro(k, addr, 1));
    expect(leafText(k, pfn)).toBe('PTE 0xc00000000000018c');
    call(pageattr.set_memory_x(k, addr, 1));
    expect(leafText(k, pfn)).toBe('PTE 0xc00000000000018d');
    call(pageattr.set_memory_rw(k, addr, 1));
    expect(leafText(k, pfn)).toBe('PTE 0xc00000000000018f');
    call(pageattr.set_memory_nx(k, addr, 1));
    expect(leafText(k, pfn)).toBe('PTE 0xc00000000000018e');
  });

  it('leaves what came before a large leaf changed, and passes over holes', () => {
    const k = booted(kernel, {
      boot: 'kfence.sample_interval=100',
      ram: [{ start: 0, end: 511 * MiB, type: 'RAM' }],
    });
    const object = k.kfence_pool!.start + 2;
    call(pageattr.set_memory_rw(k, k.page_address(object), 1));
    expect(call(pageattr.set_memory_np(k, k.page_address(k.max_pfn - 1), 4))).toBe(0);
    expect(leafText(k, k.max_pfn - 1)).toBe('PTE 0x400000000000018e');
    const below = Math.floor(k.kfence_pool!.start / 512) * 512 - 1;
    expect(leafText(k, below)).toBe('PMD 0xc00000000000018e');
    expect(call(pageattr.set_memory_np(k, k.page_address(below), 1024))).toBe(-EINVAL);
    expect(leafText(k, object)).toBe('PTE 0xc00000000000018e');
  });

  it('returns 0 for no pages, and refuses vmalloc areas of large leaves', () => {
    const k = booted(kernel);
    expect(call(pageattr.set_memory_ro(k, k.page_address(PAGE), 0))).toBe(0);
    const small = call(vmalloc(k, 4))!;
    expect(call(pageattr.set_memory_ro(k, small, 4))).toBe(0);
    const huge = call(vmalloc(k, 512, VM_ALLOW_HUGE_VMAP))!;
    const { value, of } = watch(k, pageattr.set_memory_ro(k, huge, 1));
    expect(value).toBe(-EINVAL);
    expect(of('warn')).toHaveLength(1);
  });
});

describe('two CPUs that change one entry', () => {
  it('lose nothing, whenever they take turns: the change of an entry is atomic', () => {
    for (let turns = 1; turns < 8; turns++) {
      const { k, pfn, addr } = withPages('v7.2');
      k.interleaved = true;
      const first = pageattr.set_memory_ro(k, addr, 1);
      for (let step = 0; step < turns; step++) first.next(0);
      call(pageattr.set_memory_x(k, addr, 1));
      call(first);
      expect(leafText(k, pfn)).toBe('PTE 0xc00000000000018d');
    }
  });
});

describe('set_memory_rox()', () => {
  it('writes once since v6.12, and twice before', () => {
    for (const [kernel, writes] of [
      ['v6.1', 2],
      ['v6.12', 1],
    ] as const) {
      const { k, pfn, addr } = withPages(kernel);
      const { value, of } = watch(k, k.set_memory_rox(addr, 1));
      expect([value, of('write').length, leafText(k, pfn)]).toEqual([0, writes, 'PTE 0xc00000000000018d']);
    }
  });
});

describe('what there is not', () => {
  it('is set_memory_*() before v6.1: they return 0 and do nothing', () => {
    const k = booted('v5.10');
    const before = k.memory.hash;
    for (const set of SETTERS) expect(call(set(k, k.page_address(PAGE), 1))).toBe(0);
    expect(k.memory.hash).toBe(before);
  });

  it.each(['v5.10', 'v7.2'])(
    'is set_direct_map_*() on %s, and a page that is known not to be present',
    (kernel) => {
      const k = booted(kernel, { ram: 256 * MiB, ...PAGEALLOC });
      const pfn = free(k);
      expect(k.arch_has_set_direct_map).toBe(false);
      expect(call(k.set_direct_map_invalid_noflush(pfn))).toBe(0);
      expect(call(k.kernel_page_present(pfn))).toBe(true);
    },
  );
});

describe('__kernel_map_pages() on a radix kernel', () => {
  it('does nothing before v6.1: it is that of the hash table, which has no slots', () => {
    const k = booted('v5.10', PAGEALLOC);
    const before = k.memory.hash;
    const { died, of } = watch(k, __kernel_map_pages(k, PAGE, 1, 0));
    expect([died, k.memory.hash === before, of('guard').length]).toEqual([false, true, 1]);
  });

  it('drops the error of a large leaf on v6.1, and panics since v6.12', () => {
    const old = booted('v6.1', { config: { DEBUG_PAGEALLOC: 'y' } });
    expect(watch(old, __kernel_map_pages(old, PAGE, 1, 0)).died).toBe(false);
    for (const kernel of ['v6.12', 'v7.2', 'v6.1+kernel-map-pages-panics']) {
      const k = booted(kernel, { config: { DEBUG_PAGEALLOC: 'y' } });
      expect(watch(k, __kernel_map_pages(k, PAGE, 1, 0)).died).toBe(true);
      expect(k.death).toEqual({
        how: 'panic',
        text: '__kernel_map_pages: changing memory protections failed',
      });
    }
  });

  it('has a function of its own on v6.1, which drops the error too', () => {
    const k = booted('v6.1', { config: { DEBUG_PAGEALLOC: 'y' } });
    const { died, of } = watch(k, pageattr.radix__kernel_map_pages(k, PAGE, 1, 0));
    expect([died, of('warn').length, of('write').length]).toEqual([false, 1, 0]);
    const pages = withPages('v6.1');
    call(pageattr.radix__kernel_map_pages(pages.k, pages.pfn, 1, 0));
    expect(leafText(pages.k, pages.pfn)).toBe('PTE 0x400000000000018e');
    call(pageattr.radix__kernel_map_pages(pages.k, pages.pfn, 1, 1));
    expect(leafText(pages.k, pages.pfn)).toBe('PTE 0xc00000000000018e');
  });

  it('undoes itself', () => {
    const { k, pfn } = withPages('v7.2');
    const before = k.memory.hash;
    call(__kernel_map_pages(k, pfn, 4, 0));
    expect(k.memory.hash).not.toBe(before);
    call(__kernel_map_pages(k, pfn, 4, 1));
    expect(k.memory.hash).toBe(before);
  });
});

describe('KFENCE (S41)', () => {
  const kfence = { boot: 'kfence.sample_interval=100' };

  it('protects a page of its pool, and says so', () => {
    for (const kernel of WITH_SET_MEMORY) {
      const k = booted(kernel, kfence);
      const pfn = k.kfence_pool!.start;
      expect(call(k.arch_kfence_init_pool(k.kfence_pool!))).toBe(true);
      expect(call(kfence_protect_page(k, k.page_address(pfn), true))).toBe(true);
      expect(k.translate(k.page_address(pfn))).toBeUndefined();
    }
  });

  it('says so without having done it where its pool lies in large leaves: nothing is protected', () => {
    const k = booted('v6.1~radix-kfence-pool', kfence);
    const pfn = k.kfence_pool!.start;
    expect(k.kfence.get().enabled).toBe(true);
    const { value, of } = watch(k, kfence_protect_page(k, k.page_address(pfn), true));
    expect([value, of('write').length]).toEqual([true, 0]);
    expect(k.once.has('apply_to_pmd_range leaf')).toBe(true);
    expect(k.translate(k.page_address(pfn))).toBeDefined();
  });

  it('panics at boot there with the error honoured: the order of the two changes matters', () => {
    expect(() => booted('v6.12~radix-kfence-pool', kfence)).toThrow('changing memory protections failed');
  });

  it('does not start later on v7.2', () => {
    const k = booted('v7.2');
    expect(call(k.arch_kfence_init_pool({ start: 0, end: 512 }))).toBe(false);
    expect(call(booted('v6.12').arch_kfence_init_pool({ start: 0, end: 512 }))).toBe(true);
  });
});
