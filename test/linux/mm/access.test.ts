import { describe, expect, it } from 'vitest';
import { set_memory_ro } from '../../../src/linux/arch/x86/mm/pat/set_memory.ts';
import { EFAULT } from '../../../src/linux/errno.ts';
import {
  copy_from_kernel_nofault,
  read_page,
  write_page,
  write_pages,
} from '../../../src/linux/mm/access.ts';
import { call, watch } from '../../support/calls.ts';
import { smallX86 } from '../../support/small_x86.ts';

const PFN = 0x2345;

describe('an access of the kernel', () => {
  it('kills the machine when the page is not present, and names the address and the level', () => {
    const k = smallX86({ kernel: 'v6.12' });
    call(k.set_direct_map_invalid_noflush(PFN));
    const { died } = watch(k, read_page(k, PFN));
    expect(died).toBe(
      'unable to handle page fault for address 0xffff888002345000: read of a not-present page (PTE)',
    );
  });

  it('kills the machine when it writes to a read-only leaf, and not when it reads', () => {
    const k = smallX86({ kernel: 'v6.12' });
    call(set_memory_ro(k, k.page_address(0x2200), 512));
    call(read_page(k, 0x2201));
    const { died } = watch(k, write_page(k, 0x2201));
    expect(died).toMatch(/0xffff888002201000: write of a read-only page \(PMD\)$/);
  });

  it('kills the machine where nothing is mapped', () => {
    const k = smallX86({ kernel: 'v6.12' });
    expect(watch(k, read_page(k, 2 ** 20)).died).toMatch(/read of an unmapped page \(no PUD\)$/);
  });

  it('succeeds through a translation that the TLB still holds, and says that it is stale', () => {
    const k = smallX86({ kernel: 'v6.12', tlb: true });
    call(read_page(k, PFN));
    call(k.__kernel_map_pages(PFN + 1, 1, 0));
    call(read_page(k, PFN));
    call(k.set_direct_map_invalid_noflush(PFN));
    const { died, events } = watch(k, read_page(k, PFN));
    expect(died).toBeUndefined();
    expect(events).toMatchObject([{ kind: 'access', write: false, stale: true }]);
    call(k.flush_tlb_kernel_range(k.page_address(PFN), k.page_address(PFN + 1)));
    expect(watch(k, read_page(k, PFN)).died).toBeDefined();
  });

  it('walks again when the translation held forbids it', () => {
    const k = smallX86({ kernel: 'v6.12', tlb: true });
    call(k.set_direct_map_invalid_noflush(PFN));
    call(k.flush_tlb_kernel_range(k.page_address(PFN), k.page_address(PFN + 1)));
    call(set_memory_ro(k, k.page_address(PFN + 1), 1));
    call(read_page(k, PFN + 1));
    call(k.set_direct_map_default_noflush(PFN + 1));
    const { died, events } = watch(k, write_page(k, PFN + 1));
    expect(died).toBeUndefined();
    expect(events).toMatchObject([{ stale: false }]);
  });

  it('returns -EFAULT and no more, when it may fault', () => {
    const k = smallX86({ kernel: 'v6.12' });
    expect(call(copy_from_kernel_nofault(k, k.page_address(PFN)))).toBe(0);
    call(k.set_direct_map_invalid_noflush(PFN));
    expect(call(copy_from_kernel_nofault(k, k.page_address(PFN)))).toBe(-EFAULT);
    expect(k.death).toBeUndefined();
  });

  it('reaches every leaf of a range once', () => {
    const k = smallX86({ kernel: 'v6.12', level: 3 });
    expect(watch(k, write_pages(k, 0, 2 ** 18)).events).toHaveLength(1);
    call(k.set_direct_map_invalid_noflush(PFN));
    const { died, events } = watch(k, write_pages(k, 0, 2 ** 18));
    expect(died).toContain('0xffff888002345000');
    expect(events.filter(({ kind }) => kind === 'access')).toHaveLength(17 + 0x145);
  });
});
