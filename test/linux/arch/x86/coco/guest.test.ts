import { describe, expect, it } from 'vitest';
import {
  set_memory_decrypted,
  set_memory_encrypted,
} from '../../../../../src/linux/arch/x86/mm/pat/set_memory.ts';
import type { X86Kernel } from '../../../../../src/linux/arch/x86/x86_kernel.ts';
import { EFAULT, EIO, ENOMEM } from '../../../../../src/linux/errno.ts';
import { _PAGE_ENC } from '../../../../../src/mmu/x86_64.ts';
import { call, lines, refuse, watch } from '../../../../support/calls.ts';
import { leaf, smallX86 } from '../../../../support/small_x86.ts';

const TDX = { tdx: true, encryption_bit: 47 };
const VTOM = { vtom: true, encryption_bit: 46 };
const PAGE = 0x2000;

function isPrivate(k: X86Kernel, page: number): boolean {
  const { level, low, high } = k.leafAt(k.page_address(page))!;
  return (k.format.flags(level, low, high) & _PAGE_ENC) !== 0;
}

describe('a guest of TDX', () => {
  it('sets the shared bit of what the host may read, and of nothing else', () => {
    const k = smallX86({ kernel: 'v7.2', features: TDX });
    expect(isPrivate(k, PAGE)).toBe(true);
    expect(call(set_memory_decrypted(k, k.page_address(PAGE), 1))).toBe(0);
    const high = (page: number) => (k.leafAt(k.page_address(page))!.high & 0x000f_ffff) >>> 0;
    expect([high(PAGE), high(PAGE + 1)]).toEqual([2 ** 15, 0]);
    expect([isPrivate(k, PAGE), k.host_can_read(PAGE), k.host_can_read(PAGE + 1)]).toEqual([
      false,
      true,
      false,
    ]);
    expect(call(set_memory_encrypted(k, k.page_address(PAGE), 1))).toBe(0);
    expect([isPrivate(k, PAGE), k.host_can_read(PAGE)]).toEqual([true, false]);
  });

  it('changes the entries before the host agrees to share, and asks it first for what is to be private', () => {
    const k = smallX86({ kernel: 'v7.2', features: TDX });
    const { value, events } = watch(k, set_memory_decrypted(k, k.page_address(PAGE), 1), refuse(2));
    expect([value, isPrivate(k, PAGE), k.host_can_read(PAGE)]).toEqual([-EIO, false, false]);
    expect(lines(events)).toEqual(['CPA VMM failure to convert memory to shared: -5']);
    call(set_memory_decrypted(k, k.page_address(PAGE), 1));
    expect(call(set_memory_encrypted(k, k.page_address(PAGE), 1), refuse(1))).toBe(-EIO);
    expect([isPrivate(k, PAGE), k.host_can_read(PAGE)]).toEqual([false, true]);
  });

  it('may be told of a failure when the host has converted already', () => {
    const k = smallX86({ kernel: 'v7.2', features: TDX });
    call(set_memory_decrypted(k, k.page_address(PAGE), 1));
    expect(call(set_memory_encrypted(k, k.page_address(PAGE), 1), refuse(2))).toBe(-EIO);
    expect([isPrivate(k, PAGE), k.host_can_read(PAGE)]).toEqual([false, false]);
  });

  it('does not ask the host when the leaf cannot be split', () => {
    const k = smallX86({ kernel: 'v7.2', features: TDX });
    expect(call(set_memory_decrypted(k, k.page_address(PAGE), 1), refuse(1))).toBe(-ENOMEM);
    expect([isPrivate(k, PAGE), k.host_can_read(PAGE), leaf(k, PAGE)]).toEqual([true, false, '2M P RW']);
  });

  it('is not what v5.10 can be', () => {
    expect(() => smallX86({ kernel: 'v5.10', features: TDX })).toThrow(/TDX guests exist since v5.19/);
  });
});

describe('a guest of Hyper-V', () => {
  it('takes the pages out of the direct map while they change, since v6.9', () => {
    const writes = (kernel: string) => {
      const k = smallX86({ kernel, features: VTOM, level: 1, ram: 2 ** 25 });
      const { events, value } = watch(k, set_memory_decrypted(k, k.page_address(0x1800), 1));
      expect([value, leaf(k, 0x1800), k.host_can_read(0x1800)]).toEqual([0, '4K P RW', true]);
      return events.flatMap((event) => (event.kind === 'write' ? [event.low & 1] : []));
    };
    expect(writes('v7.2')).toEqual([0, 0, 1]);
    expect(writes('v6.12~vtom-not-present')).toEqual([1]);
  });

  it('has the pages present again when the host refuses (S52)', () => {
    const k = smallX86({ kernel: 'v7.2', features: VTOM });
    expect(call(set_memory_decrypted(k, k.page_address(PAGE), 1), refuse(3))).toBe(-EFAULT);
    expect([leaf(k, PAGE), isPrivate(k, PAGE), k.host_can_read(PAGE)]).toEqual(['4K P RW', false, false]);
  });

  it('keeps a large leaf large, not present and present again, so that no split can fail', () => {
    const k = smallX86({ kernel: 'v7.2', features: VTOM });
    expect(call(set_memory_decrypted(k, k.page_address(PAGE), 512), refuse(1))).toBe(-ENOMEM);
    expect([leaf(k, PAGE), k.host_can_read(PAGE)]).toEqual(['2M P RW', false]);
    expect(call(set_memory_decrypted(k, k.page_address(PAGE), 512))).toBe(0);
    expect([leaf(k, PAGE), k.host_can_read(PAGE + 511)]).toEqual(['2M P RW', true]);
  });

  it('of v6.1 is not modelled', () => {
    expect(() => smallX86({ kernel: 'v6.1', features: VTOM })).toThrow(/not modelled/);
  });
});
