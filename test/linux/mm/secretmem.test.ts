import { describe, expect, it } from 'vitest';
import { X86 } from '../../../src/linux/arch/x86/index.ts';
import type { X86Kernel } from '../../../src/linux/arch/x86/x86_kernel.ts';
import { EBADF, ENOSYS } from '../../../src/linux/errno.ts';
import { parseKernelVersion } from '../../../src/linux/kernels.ts';
import {
  memfd_secret,
  secretmem_active,
  secretmem_fault,
  secretmem_free_folio,
  secretmem_page,
  secretmem_release,
  VM_FAULT_LOCKED,
  VM_FAULT_OOM,
  VM_FAULT_SIGBUS,
} from '../../../src/linux/mm/secretmem.ts';
import type { Task } from '../../../src/linux/task.ts';
import { call, KERNELS, refuse, refuseAll, watch } from '../../support/calls.ts';
import { buddyOf, leaf, smallX86 } from '../../support/small_x86.ts';

const WITH_SECRETMEM = KERNELS.filter((name) => parseKernelVersion(name, '', X86).has.secretmem);
const boot = 'secretmem.enable=1';

function held(k: X86Kernel): number {
  return buddyOf(k)
    .allocatedBlocks()
    .filter(({ owner }) => owner === 'secretmem').length;
}

describe('memfd_secret()', () => {
  it('exists since v5.14, works by default since v6.5, and can be turned off and on', () => {
    const fd = (kernel: string, options = {}) => memfd_secret(smallX86({ kernel, ...options }));
    expect(KERNELS.map((kernel) => fd(kernel))).toEqual([-ENOSYS, -ENOSYS, -ENOSYS, 3, 3]);
    expect(KERNELS.map((kernel) => fd(kernel, { boot }))).toEqual([-ENOSYS, -ENOSYS, 3, 3, 3]);
    expect(fd('v7.2', { boot: 'secretmem.enable=0' })).toBe(-ENOSYS);
    expect(fd('v7.2', { config: 'SECRETMEM=n' })).toBe(-ENOSYS);
  });

  it('makes secret memory active until the last file is closed', () => {
    const k = smallX86({ kernel: 'v7.2' });
    const [first, second] = [memfd_secret(k), memfd_secret(k)];
    call(secretmem_release(k, first));
    expect([secretmem_active(k), memfd_secret(k)]).toEqual([true, first]);
    call(secretmem_release(k, first));
    call(secretmem_release(k, second));
    expect([secretmem_active(k), call(secretmem_release(k, second))]).toEqual([false, -EBADF]);
  });
});

describe.each(WITH_SECRETMEM)('secret memory of %s', (kernel) => {
  it('is not in the direct map, nor in a TLB, and comes back zeroed', () => {
    const k = smallX86({ kernel, boot, tlb: true });
    const fd = memfd_secret(k);
    expect(call(secretmem_fault(k, fd, 5))).toBe(VM_FAULT_LOCKED);
    const page = secretmem_page(k, fd, 5)!;
    expect(leaf(k, page)).toBe('4K');
    expect(k.tlb?.lookup(0, k.page_address(page))).toBeUndefined();
    expect(call(secretmem_fault(k, fd, 5), refuseAll)).toBe(VM_FAULT_LOCKED);
    call(secretmem_release(k, fd), refuseAll);
    expect([leaf(k, page), buddyOf(k).isFree(page)]).toEqual(['4K P RW', true]);
  });

  it('leaves the direct map as it was, up to splits, when a split is refused (S5)', () => {
    const refusing = (refused: number) => {
      const k = smallX86({ kernel, boot, level: 3 });
      const result = call(secretmem_fault(k, memfd_secret(k), 0), refuse(refused));
      return [result, leaf(k, 0x3ffff), held(k)];
    };
    expect(refusing(1)).toEqual([VM_FAULT_OOM, '1G P RW', 0]);
    expect(refusing(2)).toEqual([VM_FAULT_OOM, '1G P RW', 0]);
    expect(refusing(3)).toEqual([VM_FAULT_OOM, '2M P RW', 0]);
    expect(refusing(5)).toEqual([VM_FAULT_LOCKED, '2M P RW', 1]);
  });

  it('restores the page when the page cache has no memory: that needs none (S6)', () => {
    const k = smallX86({ kernel, boot, level: 3 });
    let asked = 0;
    const result = watch(k, secretmem_fault(k, memfd_secret(k), 0), () => ++asked < 4);
    expect(result.value).toBe(VM_FAULT_OOM);
    expect(asked).toBe(4);
    expect(held(k)).toBe(0);
    const freed = result.events.find(({ kind }) => kind === 'freed') as { pfn: number };
    expect(leaf(k, freed.pfn)).toBe('4K P RW');
  });

  it('kills the machine when a page that could not be mapped again is zeroed', () => {
    const k = smallX86({ kernel, boot });
    k.memory.write(pmdOf(k, 0x2000), 0, 0);
    expect(watch(k, secretmem_free_folio(k, 0x2000)).died).toMatch(/write of an unmapped page \(no PMD\)/);
  });

  it('is not faulted in for a file that is closed', () => {
    expect(call(secretmem_fault(smallX86({ kernel, boot }), 3, 0))).toBe(VM_FAULT_SIGBUS);
  });

  it('never frees a page that is not present when two tasks fault the same offset', () => {
    expect(raceEverFreesNotPresent(kernel)).toBe(false);
    expect(raceEverFreesNotPresent(`${kernel}~secretmem-default-before-free`)).toBe(true);
  });
});

/** Physical address of the PMD entry of a frame in the 2M direct map. */
function pmdOf(k: X86Kernel, pfn: number): number {
  const { low } = k.leafAt(k.page_address(pfn))!;
  for (let entry = 0x40_0000; ; entry += 8) if (k.memory.low(entry) === low) return entry;
}

/** Two faults of one offset: the loser stands before the page cache when the winner comes. */
function raceEverFreesNotPresent(kernel: string): boolean {
  const k = smallX86({ kernel, boot });
  const fd = memfd_secret(k);
  const loser: Task<number> = secretmem_fault(k, fd, 0);
  let step = loser.next(0);
  while (step.done !== true && held(k) === 0) step = loser.next(1);
  const page = buddyOf(k)
    .allocatedBlocks()
    .find(({ owner }) => owner === 'secretmem')!.pfn;
  while (leaf(k, page) !== '4K') step = loser.next(1);
  expect(call(secretmem_fault(k, fd, 0))).toBe(VM_FAULT_LOCKED);
  k.interleaved = true;
  let seen = false;
  while (step.done !== true) {
    step = loser.next(1);
    seen ||= buddyOf(k).isFree(page) && leaf(k, page) === '4K';
  }
  expect(step.value).toBe(VM_FAULT_LOCKED);
  return seen;
}
