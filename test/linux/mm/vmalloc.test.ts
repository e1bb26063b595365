import { describe, expect, it } from 'vitest';
import { set_memory_ro, set_memory_rox } from '../../../src/linux/arch/x86/mm/pat/set_memory.ts';
import type { X86Kernel } from '../../../src/linux/arch/x86/x86_kernel.ts';
import { read_kernel, write_kernel } from '../../../src/linux/mm/access.ts';
import { __GFP_ZERO, alloc_pages, GFP_KERNEL } from '../../../src/linux/mm/page_alloc.ts';
import {
  set_vm_flush_reset_perms,
  VM_ALLOW_HUGE_VMAP,
  VM_FLUSH_RESET_PERMS,
  vfree,
  vm_unmap_aliases,
  vmalloc,
  vmalloc_to_page,
} from '../../../src/linux/mm/vmalloc.ts';
import { call, KERNELS, lines, refuse, refuseAll, refuseTables, watch } from '../../support/calls.ts';
import { buddyOf, leaf, leafAt, smallX86 } from '../../support/small_x86.ts';

const RESET_HUGE = VM_FLUSH_RESET_PERMS | VM_ALLOW_HUGE_VMAP;

function vmallocOwned(k: X86Kernel): number {
  return buddyOf(k)
    .allocatedBlocks()
    .filter(({ owner }) => owner === 'vmalloc').length;
}

describe.each(KERNELS)('vmalloc of %s', (kernel) => {
  it('maps single pages, PAGE_KERNEL, at the start of its area', () => {
    const k = smallX86({ kernel });
    const addr = call(vmalloc(k, 3))!;
    expect(addr).toBe(-0x3700_0000_0000);
    const page = vmalloc_to_page(k, addr + 4096)!;
    const found = k.translate(addr + 4096)!;
    expect([found.low - page * 4096, found.high]).toEqual([0x163, 0x8000_0000]);
    expect([0, 1, 2, 3].map((i) => leafAt(k, addr + i * 4096))).toEqual([
      '4K P RW',
      '4K P RW',
      '4K P RW',
      'none',
    ]);
    expect(call(vmalloc(k, 1))).toBe(addr + 4 * 4096);
  });

  it('gives everything back when any of its allocations is refused', () => {
    for (let at = 1; at <= 6; at++) {
      const k = smallX86({ kernel });
      expect(call(vmalloc(k, 3), refuse(at))).toBeUndefined();
      expect(vmallocOwned(k)).toBe(0);
    }
    const k = smallX86({ kernel });
    expect(call(vmalloc(k, 3), refuse(7))).toBeDefined();
  });

  it('leaves stale translations until the next vm_unmap_aliases()', () => {
    const k = smallX86({ kernel, tlb: true });
    const addr = call(vmalloc(k, 1))!;
    call(read_kernel(k, addr));
    call(vfree(k, addr));
    expect(leafAt(k, addr)).toBe('none');
    expect(watch(k, read_kernel(k, addr)).events).toMatchObject([{ kind: 'access', stale: true }]);
    expect(call(vmalloc(k, 1))).not.toBe(addr);
    call(vm_unmap_aliases(k));
    expect(watch(k, read_kernel(k, addr)).died).toMatch(/unmapped page/);
    expect(watch(k, vm_unmap_aliases(k)).events).toEqual([]);
  });

  it('flushes at once under debug_pagealloc', () => {
    const boot = 'debug_pagealloc=on';
    const k = smallX86({ kernel, boot, level: 1, config: 'DEBUG_PAGEALLOC=y', ram: 2 ** 25, tlb: true });
    const addr = call(vmalloc(k, 1))!;
    call(read_kernel(k, addr));
    call(vfree(k, addr));
    expect(watch(k, read_kernel(k, addr)).died).toMatch(/unmapped page/);
  });

  it('resets the direct map when an area with VM_FLUSH_RESET_PERMS is freed, and not otherwise', () => {
    for (const reset of [true, false]) {
      const k = smallX86({ kernel });
      const addr = call(vmalloc(k, 2))!;
      if (reset) set_vm_flush_reset_perms(k, addr);
      const page = vmalloc_to_page(k, addr)!;
      expect(call(set_memory_ro(k, addr, 2))).toBe(0);
      expect([leafAt(k, addr), leaf(k, page)]).toEqual(['4K P', '4K P']);
      call(vfree(k, addr));
      expect(leaf(k, page)).toBe(reset ? '4K P RW' : '4K P');
    }
  });

  it('flushes vmalloc addresses and the direct map together, between the two passes', () => {
    const k = smallX86({ kernel });
    const addr = call(vmalloc(k, 2, VM_FLUSH_RESET_PERMS))!;
    call(set_memory_ro(k, addr, 2));
    const { events } = watch(k, vfree(k, addr));
    const flushes = events.filter(({ kind }) => kind === 'flush');
    expect(flushes).toMatchObject([{ cpus: 'all', pages: 'all' }]);
    const order = events.map(({ kind }) => kind).filter((kind) => kind === 'write' || kind === 'flush');
    expect(order.join(' ')).toBe('write write write write flush write write');
  });

  it('merely keeps a page mapped when it cannot be taken out of the direct map at first (S9)', () => {
    const k = smallX86({ kernel });
    const addr = call(vmalloc(k, 1, VM_FLUSH_RESET_PERMS))!;
    const page = vmalloc_to_page(k, addr)!;
    call(vfree(k, addr), refuse(1));
    expect(leaf(k, page)).toBe('2M P RW');
    expect(buddyOf(k).isFree(page)).toBe(true);
  });

  it('frees pages that are read-only when a read-only large leaf cannot be split (S23)', () => {
    const k = smallX86({ kernel });
    const addr = call(vmalloc(k, 512, RESET_HUGE))!;
    const page = vmalloc_to_page(k, addr)!;
    if (!k.has['huge-vmalloc']) {
      expect(leafAt(k, addr)).toBe('4K P RW');
      return;
    }
    expect(leafAt(k, addr)).toBe('2M P RW');
    expect(call(set_memory_ro(k, addr, 512))).toBe(0);
    expect([leafAt(k, addr), leaf(k, page)]).toEqual(['2M P', '2M P']);
    expect(watch(k, vfree(k, addr), refuseAll).died).toBeUndefined();
    expect(leaf(k, page)).toBe('2M P');
    expect(buddyOf(k).isFree(page)).toBe(true);
    const nextOwner = watch(k, alloc_pages(k, GFP_KERNEL | __GFP_ZERO, 9));
    expect(nextOwner.died).toMatch(/write of a read-only page \(PMD\)/);
  });

  it('does no such thing when one split of the two passes succeeds', () => {
    const k = smallX86({ kernel });
    const addr = call(vmalloc(k, 512, RESET_HUGE))!;
    const page = vmalloc_to_page(k, addr)!;
    call(set_memory_ro(k, addr, 512));
    call(vfree(k, addr), refuse(1));
    expect(leaf(k, page)).toBe('4K P RW');
    expect(leaf(k, page + 511)).toBe('4K P RW');
  });

  it('falls back to single pages when a large one cannot be had', () => {
    const k = smallX86({ kernel });
    const addr = call(vmalloc(k, 512, VM_ALLOW_HUGE_VMAP), ({ order }) => order === 0)!;
    expect(leafAt(k, addr)).toBe('4K P RW');
    call(write_kernel(k, addr + 511 * 4096));
  });

  it('replaces an empty table by a large leaf', () => {
    const k = smallX86({ kernel });
    const small = call(vmalloc(k, 8))!;
    call(vfree(k, small));
    call(vm_unmap_aliases(k));
    const addr = call(vmalloc(k, 512, VM_ALLOW_HUGE_VMAP))!;
    expect(addr).toBe(small);
    expect(leafAt(k, addr)).toBe(k.has['huge-vmalloc'] ? '2M P RW' : '4K P RW');
    call(vfree(k, addr));
    expect(leafAt(k, addr)).toBe('none');
  });

  it('reports an address that is no area', () => {
    const k = smallX86({ kernel });
    const { events } = watch(k, vfree(k, 0));
    expect(lines(events)).toEqual(['Trying to vfree() nonexistent vm area (0x0)']);
  });

  it('is as it was after an undo', () => {
    const k = smallX86({ kernel });
    call(vmalloc(k, 1));
    const { hash } = k.memory;
    const mark = k.mark();
    const addr = call(vmalloc(k, 2, VM_FLUSH_RESET_PERMS))!;
    call(set_memory_ro(k, addr, 2));
    call(vfree(k, addr));
    k.undo(mark);
    expect(k.memory.hash).toBe(hash);
    expect(call(vmalloc(k, 2))).toBe(addr);
  });
});

describe('vmalloc', () => {
  it('unmaps an area that set_memory_rox() has collapsed to a large leaf', () => {
    const k = smallX86({ kernel: 'v7.2' });
    const addr = call(vmalloc(k, 512, VM_FLUSH_RESET_PERMS))!;
    const atBlock = vmalloc_to_page(k, addr)! % 512 === 0;
    call(set_memory_rox(k, addr, 512));
    expect(leafAt(k, addr)).toBe(atBlock ? '2M P' : '4K P');
    expect(atBlock).toBe(true);
    call(vfree(k, addr));
    expect(leafAt(k, addr)).toBe('none');
  });

  it('fails when there are no addresses left', () => {
    const k = smallX86({ kernel: 'v6.12' });
    const { value, events } = watch(k, vmalloc(k, 2 ** 33));
    expect([value, lines(events)]).toEqual([
      undefined,
      [`vmalloc error: size ${(2 ** 33 + 1) * 4096}, vm_struct allocation failed`],
    ]);
  });

  it('needs no table when the tables are there', () => {
    const k = smallX86({ kernel: 'v6.12' });
    call(vmalloc(k, 1));
    expect(call(vmalloc(k, 1), refuseTables)).toBeDefined();
  });
});
