import { describe, expect, it } from 'vitest';
import { alloc_insn_page, create_trampoline, free_insn_page } from '../../../src/linux/kernel/kprobes.ts';
import { rightsOf } from '../../../src/linux/kernel.ts';
import { call, KERNELS, watch } from '../../support/calls.ts';
import { smallX86 } from '../../support/small_x86.ts';

describe.each(KERNELS)('instructions made by %s', (kernel) => {
  it('are read-only and executable, for a probe and for ftrace', () => {
    const k = smallX86({ kernel });
    for (const addr of [call(alloc_insn_page(k))!, call(create_trampoline(k, 2))!]) {
      expect(rightsOf(k.format, k.translate(addr)!)).toEqual({
        present: true,
        writable: false,
        executable: true,
      });
      call(free_insn_page(k, addr));
      expect(k.translate(addr) === undefined).toBe(!k.has['execmem-rox-cache']);
    }
  });

  it('are used although the direct map cannot be split, where nobody looks', () => {
    const k = smallX86({ kernel });
    call(create_trampoline(k, 1));
    const { value } = watch(k, create_trampoline(k, 1), ({ purpose }) => purpose === undefined);
    // execmem cannot make what it has in its cache writable without a split, and gives nothing.
    expect(value === undefined).toBe(k.has['execmem-rox-cache']);
  });
});
