import { describe, expect, it } from 'vitest';
import type { X86Kernel } from '../../../../src/linux/arch/x86/x86_kernel.ts';
import { EINVAL } from '../../../../src/linux/errno.ts';
import {
  BPF_PROG_PACK_PAGES,
  bpf_jit_binary_load,
  bpf_prog_free,
  bpf_prog_load,
  bpf_prog_pack_alloc,
  bpf_prog_pack_free,
  bpf_trampoline_alloc,
} from '../../../../src/linux/kernel/bpf/core.ts';
import { rightsOf } from '../../../../src/linux/kernel.ts';
import { vmalloc_to_page } from '../../../../src/linux/mm/vmalloc.ts';
import { call, KERNELS, refuseTables, watch } from '../../../support/calls.ts';
import { buddyOf, leaf, smallX86 } from '../../../support/small_x86.ts';

const PAGE = 4096;

function rights(k: X86Kernel, addr: number): string {
  const { writable, executable } = rightsOf(k.format, k.translate(addr)!);
  return `${writable ? 'W' : ''}${executable ? 'X' : ''}` || '-';
}

/** Grants the tables of vmalloc's addresses alone: the direct map cannot be split. */
function refuseSplits(k: X86Kernel) {
  return ({ purpose }: { purpose: { address: number } | undefined }) =>
    purpose === undefined || purpose.address >= k.VMALLOC_START;
}

function held(k: X86Kernel): number {
  return buddyOf(k)
    .allocatedBlocks()
    .filter(({ owner }) => owner === 'vmalloc').length;
}

describe.each(KERNELS)('a BPF program of %s', (kernel) => {
  it('is read-only in both of its mappings, and executable in its own if it is compiled', () => {
    const k = smallX86({ kernel });
    const interpreted = call(bpf_prog_load(k, 1))!;
    const compiled = call(bpf_jit_binary_load(k, 1))!;
    expect([rights(k, interpreted), rights(k, compiled)]).toEqual(['-', 'X']);
    for (const addr of [interpreted, compiled]) expect(leaf(k, vmalloc_to_page(k, addr)!)).toBe('4K P');
  });

  it('is freed writable', () => {
    const k = smallX86({ kernel });
    const addr = call(bpf_jit_binary_load(k, 2))!;
    const page = vmalloc_to_page(k, addr + PAGE)!;
    call(bpf_prog_free(k, addr));
    expect([leaf(k, page), buddyOf(k).isFree(page), held(k)]).toEqual(['4K P RW', true, 0]);
  });

  it('that cannot be protected is used or not, as the kernel looks or not', () => {
    const k = smallX86({ kernel });
    const policy = refuseSplits(k);
    const interpreted = call(bpf_prog_load(k, 1), policy);
    const compiled = call(bpf_jit_binary_load(k, 1), policy);
    expect(interpreted === undefined).toBe(k.has['bpf-prog-lock-checked']);
    expect(compiled === undefined).toBe(k.has['bpf-jit-lock-checked']);
    if (compiled !== undefined) expect(leaf(k, vmalloc_to_page(k, compiled)!)).toBe('2M P RW');
    expect(held(k)).toBe(Number(interpreted !== undefined) + Number(compiled !== undefined));
  });

  it('of many shares a pack, which is freed with the last', () => {
    const k = smallX86({ kernel });
    expect(BPF_PROG_PACK_PAGES(k)).toBe(512);
    const first = call(bpf_prog_pack_alloc(k, 3))!;
    const second = call(bpf_prog_pack_alloc(k, 2))!;
    expect([second - first, held(k), k.bpf_packs.size]).toEqual([3 * PAGE, 512, 1]);
    expect([rights(k, first), rights(k, first + 511 * PAGE)]).toEqual(['X', 'X']);
    call(bpf_prog_pack_free(k, first, 3));
    expect(call(bpf_prog_pack_alloc(k, 3))).toBe(first);
    call(bpf_prog_pack_free(k, first, 3));
    call(bpf_prog_pack_free(k, second, 2));
    expect([held(k), k.bpf_packs.size]).toEqual([0, 0]);
    expect(call(bpf_prog_pack_free(k, second, 2))).toBe(-EINVAL);
  });

  it('larger than a pack has pages of its own', () => {
    const k = smallX86({ kernel });
    const large = call(bpf_prog_pack_alloc(k, 513))!;
    expect([held(k), k.bpf_packs.size]).toEqual([513, 0]);
    call(bpf_prog_pack_free(k, large, 513));
    expect(held(k)).toBe(0);
  });

  it('has a trampoline that is writable before the change bpf-trampoline-ro', () => {
    const k = smallX86({ kernel });
    expect(rights(k, call(bpf_trampoline_alloc(k))!)).toBe(k.has['bpf-trampoline-ro'] ? 'X' : 'WX');
    const refused = call(bpf_trampoline_alloc(smallX86({ kernel })), refuseTables);
    expect(refused).toBeUndefined();
    expect(k.bpf_packs.size).toBe(k.has['bpf-trampoline-pack'] ? 1 : 0);
    call(bpf_prog_free(k, [...k.vmap_areas.keys()][0]!));
    expect(held(k)).toBe(0);
  });
});

describe('a pack', () => {
  it('is in use half protected where nobody looks, and not where somebody does', () => {
    const k = smallX86({ kernel: 'v6.1' });
    const { value } = watch(k, bpf_prog_pack_alloc(k, 1), refuseSplits(k));
    expect(leaf(k, vmalloc_to_page(k, value!)!)).toBe('2M P RW');
    const checked = smallX86({ kernel: 'v6.1+bpf-jit-lock-checked' });
    expect(call(bpf_prog_pack_alloc(checked, 1), refuseSplits(checked))).toBeUndefined();
    expect(held(checked)).toBe(0);
  });
});
