import { describe, expect, it } from 'vitest';
import type { X86Kernel } from '../../../../src/linux/arch/x86/x86_kernel.ts';
import { dma_direct_alloc, dma_direct_free } from '../../../../src/linux/kernel/dma/direct.ts';
import { call, lines, refuse, watch } from '../../../support/calls.ts';
import { buddyOf, leaf, smallX86 } from '../../../support/small_x86.ts';

const TDX = { tdx: true, encryption_bit: 47 };

function held(k: X86Kernel): number {
  return buddyOf(k)
    .allocatedBlocks()
    .filter(({ owner }) => owner === 'dma').length;
}

/** Whether any page that is free can be read by the host. */
function exposed(k: X86Kernel): boolean {
  return [...k.host_visible.keys()].some((page) => buddyOf(k).isFree(page));
}

describe('memory for a device', () => {
  it('is shared with the host of a TDX guest until it is freed', () => {
    for (const kernel of ['v6.1', 'v6.12', 'v7.2']) {
      const k = smallX86({ kernel, features: TDX });
      const page = call(dma_direct_alloc(k, 1))!;
      expect([k.host_can_read(page), k.host_can_read(page + 1), k.host_can_read(page + 2)]).toEqual([
        true,
        true,
        false,
      ]);
      call(dma_direct_free(k, page, 1));
      expect([k.host_can_read(page), held(k), leaf(k, page)]).toEqual([false, 0, '4K P RW']);
    }
  });

  it('is private on a machine that is no guest', () => {
    const k = smallX86({ kernel: 'v7.2' });
    const page = call(dma_direct_alloc(k, 0))!;
    expect([k.host_can_read(page), leaf(k, page)]).toEqual([false, '2M P RW']);
  });

  it('that cannot be shared is lost since v6.9, and was freed before (S51)', () => {
    const allocate = (kernel: string) => {
      const k = smallX86({ kernel, features: TDX });
      // The page, a table, and then the host.
      return [call(dma_direct_alloc(k, 0), refuse(3)), held(k)];
    };
    expect(allocate('v6.1')).toEqual([undefined, 0]);
    expect(allocate('v6.12')).toEqual([undefined, 1]);
    expect(allocate('v6.12~dma-leaks-on-error')).toEqual([undefined, 0]);
  });

  it('that cannot be made private again is freed before v6.9 while the host can read it (S51)', () => {
    const free = (kernel: string) => {
      const k = smallX86({ kernel, features: TDX });
      const page = call(dma_direct_alloc(k, 0))!;
      const { events } = watch(k, dma_direct_free(k, page, 0), refuse(1));
      return [exposed(k), held(k), lines(events).length];
    };
    expect(free('v6.1')).toEqual([true, 0, 0]);
    expect(free('v7.2')).toEqual([false, 1, 2]);
  });
});
