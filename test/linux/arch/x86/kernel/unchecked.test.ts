import { describe, expect, it } from 'vitest';
import { gart_iommu_init } from '../../../../../src/linux/arch/x86/kernel/amd_gart_64.ts';
import {
  kexec_mark_crashkres,
  kexec_mark_dm_crypt_keys,
  machine_kexec_cleanup,
  machine_kexec_prepare,
} from '../../../../../src/linux/arch/x86/kernel/machine_kexec_64.ts';
import { free_init_pages } from '../../../../../src/linux/arch/x86/mm/init.ts';
import { set_memory_ro } from '../../../../../src/linux/arch/x86/mm/pat/set_memory.ts';
import {
  efi_map_region,
  efi_setup_page_tables,
} from '../../../../../src/linux/arch/x86/platform/efi/efi_64.ts';
import { safe_copy_page, saveable_page } from '../../../../../src/linux/kernel/power/snapshot.ts';
import { write_page } from '../../../../../src/linux/mm/access.ts';
import { alloc_pages, GFP_KERNEL } from '../../../../../src/linux/mm/page_alloc.ts';
import { call, KERNELS, lines, refuseAll, refuseTables, watch } from '../../../../support/calls.ts';
import { buddyOf, leaf, smallX86 } from '../../../../support/small_x86.ts';

describe.each(KERNELS)('what x86 does on %s without looking whether it worked', (kernel) => {
  it('a crash kernel is read-only while it is loaded, if its leaves could be split', () => {
    const k = smallX86({ kernel });
    call(kexec_mark_crashkres(k, 0x804, 8, true));
    expect([leaf(k, 0x803), leaf(k, 0x804), leaf(k, 0x80b)]).toEqual(['4K P RW', '4K P', '4K P']);
    call(kexec_mark_crashkres(k, 0x804, 8, false));
    expect(leaf(k, 0x804)).toBe('4K P RW');
    const careless = smallX86({ kernel });
    call(kexec_mark_crashkres(careless, 0x804, 8, true), refuseTables);
    expect(leaf(careless, 0x804)).toBe('2M P RW');
  });

  it('keys for it that did not come back kill the machine when it is loaded again', () => {
    const k = smallX86({ kernel });
    call(kexec_mark_dm_crypt_keys(k, 0x800, 512, true));
    expect(leaf(k, 0x800)).toBe('2M RW');
    call(kexec_mark_dm_crypt_keys(k, 0x804, 2, false), refuseTables);
    expect(watch(k, write_page(k, 0x804)).died).toMatch(/write of a not-present page \(PMD\)/);
  });

  it('the page from which kexec jumps is freed writable', () => {
    const k = smallX86({ kernel });
    const page = call(machine_kexec_prepare(k))!;
    expect(leaf(k, page)).toBe('4K P');
    call(machine_kexec_cleanup(k, page));
    expect([leaf(k, page), buddyOf(k).isFree(page)]).toEqual(['4K P RW', true]);
  });

  it('the GART is a large leaf that is not present: hibernation skips it only because it is reserved (S7, S11)', () => {
    const k = smallX86({ kernel });
    call(gart_iommu_init(k, 0x800, 512), refuseAll);
    expect([leaf(k, 0x800), call(saveable_page(k, 0x800))]).toEqual(['2M RW', false]);
    const page = call(alloc_pages(k, GFP_KERNEL, 9))!;
    call(gart_iommu_init(k, page, 512), refuseAll);
    expect(call(saveable_page(k, page))).toBe(true);
    expect(watch(k, safe_copy_page(k, page), refuseAll).died).toMatch(/read of a not-present page \(PMD\)/);
  });

  it('the end of boot frees pages that are read-only if their leaf cannot be split, and dies of it at once (S54)', () => {
    const k = smallX86({ kernel });
    call(set_memory_ro(k, k.page_address(0x800), 512));
    expect(leaf(k, 0x800)).toBe('2M P');
    const begin = k.page_address(0x800);
    const { died } = watch(k, free_init_pages(k, begin, begin + 4096), refuseTables);
    expect(died).toMatch(/write of a read-only page \(PMD\)/);
    const fine = smallX86({ kernel });
    call(set_memory_ro(fine, fine.page_address(0x800), 512));
    call(free_init_pages(fine, begin, begin + 4096));
    expect([leaf(fine, 0x800), buddyOf(fine).isFree(0x800)]).toEqual(['4K P RW', true]);
  });
});

describe.each(KERNELS)("EFI's own tables on %s", (kernel) => {
  it('map what firmware needs, or there are no runtime services', () => {
    const k = smallX86({ kernel });
    const pgd = call(alloc_pages(k, GFP_KERNEL, 0))! * 4096;
    k.clear_page(pgd / 4096);
    expect(call(efi_setup_page_tables(k, pgd, 0x2000, 2))).toBe(0);
    const refused = watch(k, efi_setup_page_tables(k, pgd, 0x4_0000, 2), refuseAll);
    expect([refused.value, lines(refused.events)]).toEqual([
      1,
      ['Error ident-mapping new memmap (0x40000000)!'],
    ]);
    const region = watch(k, efi_map_region(k, pgd, 0x5_0000, -(2 ** 36), 1), refuseAll);
    expect(lines(region.events)[0]).toMatch(/^Error mapping PA 0x50000000/);
  });
});
