/**
 * Who maps firmware's memory in the tables that are EFI's own (arch/x86/platform/efi/efi_64.c). Line numbers are those of
 * v7.2. `pgd` is the physical address of their top table.
 */

import { hexAddress, type VirtualAddress } from '../../../../../mmu/format.ts';
import type { Task } from '../../../../task.ts';
import { kernel_map_pages_in_pgd } from '../../mm/pat/set_memory.ts';
import type { X86Kernel } from '../../x86_kernel.ts';

/** Effect: the memory map is mapped where it lies. Failure: 1, and there will be no runtime services. :195 */
export function* efi_setup_page_tables(
  k: X86Kernel,
  pgd: number,
  pfn: number,
  num_pages: number,
): Task<number> {
  const err = yield* kernel_map_pages_in_pgd(k, pgd, pfn, pfn * k.page_size, num_pages, 0);
  if (err === 0) return 0;
  k.printk('err', `Error ident-mapping new memmap (0x${(pfn * k.page_size).toString(16)})!`);
  return 1;
}

/** Effect: a region of firmware's is mapped, or a line in the log says that it is not. :302 */
export function* efi_map_region(
  k: X86Kernel,
  pgd: number,
  pfn: number,
  va: VirtualAddress,
  num_pages: number,
): Task<void> {
  if ((yield* kernel_map_pages_in_pgd(k, pgd, pfn, va, num_pages, 0)) === 0) return;
  k.printk('warn', `Error mapping PA 0x${(pfn * k.page_size).toString(16)} -> VA ${hexAddress(va)}!`);
}
