/** What KFENCE asks of the architecture (arch/riscv/include/asm/kfence.h). */

import { NotModelledError } from '../../../../../errors.ts';
import type { VirtualAddress } from '../../../../../mmu/format.ts';
import { _PAGE_PRESENT } from '../../../../../mmu/riscv64.ts';
import { before_read, set_entry, store_entry } from '../../../../mm/entry.ts';
import type { FrameRange } from '../../../../mm/frame_allocator.ts';
import { pte_alloc_one_kernel } from '../../../../mm/pagetable.ts';
import { table_below } from '../../../../mm/pagewalk.ts';
import { entry_in, entry_leaf } from '../../../../mm/pgtable.ts';
import type { Task } from '../../../../task.ts';
import { flush_tlb_kernel_range, local_flush_tlb_kernel_range } from '../../mm/tlbflush.ts';
import type { RiscvKernel } from '../../riscv_kernel.ts';
import { PAGE_KERNEL, PAGE_TABLE, pfn_entry } from './pgtable.ts';

const PTE = 1;
const PMD = 2;

function check_kfence(k: RiscvKernel): void {
  if (!k.has.kfence) throw new NotModelledError('KFENCE', `${k.version.name} does not have it for riscv64`);
}

/**
 * Effect: the pool is mapped by 4K, as it is since boot, or after its 2M leaves have been split. Failure: false, what
 * is split stays split. Context: may sleep. kfence.h:29 (v6.1), :12 (v7.2)
 */
export function* arch_kfence_init_pool(k: RiscvKernel, pool: FrameRange): Task<boolean> {
  check_kfence(k);
  if (k.has['kfence-pool-at-boot']) return true;
  for (let pfn = pool.start; pfn < pool.end; pfn++) {
    const addr = k.page_address(pfn);
    const pmd = yield* pmd_off_k(k, addr);
    if (entry_leaf(k, pmd, PMD) && !(yield* split_pmd_page(k, pmd, addr))) return false;
  }
  return true;
}

/** Effect: 4K pages stand where the leaf stood, with PAGE_KERNEL's rights whatever it had. kfence.h:11 (v6.1) */
function* split_pmd_page(k: RiscvKernel, pmd: number, addr: VirtualAddress): Task<boolean> {
  const bytes = 2 ** k.format.levelShift(PMD);
  const address = Math.floor(addr / bytes) * bytes;
  const first = (address - k.va_pa_offset) / k.page_size;
  const page = yield* pte_alloc_one_kernel(k, { level: PTE, address });
  if (page === undefined) return false;
  const table = page * k.page_size;
  for (let i = 0; i < 2 ** k.format.indexBits(PTE); i++) {
    const { low, high } = pfn_entry(k, PTE, first + i, PAGE_KERNEL(k));
    store_entry(k, table + i * 8, low, high);
  }
  const { low, high } = pfn_entry(k, PMD, page, PAGE_TABLE);
  yield* set_entry(k, pmd, low, high);
  if (k.listening) k.emit({ kind: 'split', cpu: k.cpu, level: PMD, address, table });
  yield* flush_tlb_kernel_range(k, addr, addr + bytes);
  return true;
}

/**
 * Effect: the page is not present, or present. True always. Caller's duty: it is mapped by 4K. Context: any; before
 * 'kfence-local-flush' other harts are waited for. kfence.h:49 (v6.1), :17 (v7.2)
 */
export function* kfence_protect_page(k: RiscvKernel, addr: VirtualAddress, protect: boolean): Task<boolean> {
  check_kfence(k);
  const pmd = yield* pmd_off_k(k, addr);
  const pte = entry_in(k, table_below(k, pmd, PMD, addr), PTE, addr);
  yield* before_read(k, pte);
  const low = k.memory.low(pte);
  const value = protect ? low & ~_PAGE_PRESENT : low | _PAGE_PRESENT;
  yield* set_entry(k, pte, value >>> 0, k.memory.high(pte));
  if (k.has['kfence-local-flush']) yield* local_flush_tlb_kernel_range(k, addr, addr + k.page_size);
  else yield* flush_tlb_kernel_range(k, addr, addr + k.page_size);
  return true;
}

/** The PMD entry of an address. */
function* pmd_off_k(k: RiscvKernel, addr: VirtualAddress): Task<number> {
  let table = k.root;
  for (let level = k.format.levels; level > PMD; level--) {
    const entry = entry_in(k, table, level, addr);
    yield* before_read(k, entry);
    table = table_below(k, entry, level, addr);
  }
  const pmd = entry_in(k, table, PMD, addr);
  yield* before_read(k, pmd);
  return pmd;
}
