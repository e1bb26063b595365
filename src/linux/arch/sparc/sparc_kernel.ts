/** The sparc64 kernel's own variables. */

import type { VirtualAddress } from '../../../mmu/format.ts';
import { Sparc64Format } from '../../../mmu/sparc64.ts';
import type { AddressRange } from '../../../mmu/walk.ts';
import { createRwSemaphore, type RwSemaphore } from '../../kernel/locking/lock.ts';
import { Kernel } from '../../kernel.ts';
import type { PageTableOps } from '../../mm/pgtable.ts';
import { flush_pages } from '../../mm/tlb_flush.ts';
import type { Task } from '../../task.ts';
import { PAGE_OFFSET, SPARC_PAGE_TABLE_OPS, VMALLOC_END, VMALLOC_START } from './include/asm/pgtable_64.ts';
import { HARDWARE_INDEX_BITS, PAGE_SIZE, type SparcMachine } from './machine.ts';
import { __kernel_map_pages } from './mm/init_64.ts';

export class SparcKernel extends Kernel {
  declare readonly machine: SparcMachine;
  readonly format: Sparc64Format;
  readonly pgtable: PageTableOps = SPARC_PAGE_TABLE_OPS;
  readonly init_mm: { pgd: number; mmap_lock: RwSemaphore };
  /** Whether the geometry is smaller than the hardware's. */
  readonly small: boolean;

  constructor(parts: ConstructorParameters<typeof Kernel>[0] & { swapper_pg_dir: number }) {
    super(parts);
    const { index_bits } = this.machine;
    this.small = index_bits < HARDWARE_INDEX_BITS;
    this.format = new Sparc64Format({ indexBits: index_bits });
    this.init_mm = {
      pgd: parts.swapper_pg_dir,
      mmap_lock: this.lock(createRwSemaphore('init_mm.mmap_lock')),
    };
  }

  get root(): number {
    return this.init_mm.pgd;
  }

  /** Half of what the tables map. */
  get #half(): number {
    return PAGE_SIZE * 2 ** (this.format.levels * this.machine.index_bits - 1);
  }
  /** In a small geometry the whole upper half. */
  get page_offset(): VirtualAddress {
    return this.small ? -this.#half : PAGE_OFFSET;
  }
  __va(physical: number): VirtualAddress {
    return this.page_offset + physical;
  }
  page_address(pfn: number): VirtualAddress {
    return this.__va(pfn * PAGE_SIZE);
  }
  get direct_map(): AddressRange {
    const end = Math.max(0, ...this.machine.memory.map((range) => range.end));
    return { start: this.page_offset, end: this.__va(end) };
  }
  get kernel_range(): AddressRange {
    return { start: -this.#half, end: this.#half };
  }

  // Without ARCH_HAS_SET_MEMORY: the stubs of linux/set_memory.h.
  *set_memory_ro(_addr: VirtualAddress, _numpages: number): Task<number> {
    return 0;
  }
  *set_memory_rw(_addr: VirtualAddress, _numpages: number): Task<number> {
    return 0;
  }
  *set_memory_x(_addr: VirtualAddress, _numpages: number): Task<number> {
    return 0;
  }
  *set_memory_nx(_addr: VirtualAddress, _numpages: number): Task<number> {
    return 0;
  }
  __kernel_map_pages(pfn: number, numpages: number, enable: number): Task<void> {
    return __kernel_map_pages(this, pfn, numpages, enable);
  }
  /** Effect: the TSB and the TLBs of all CPUs forget the range. arch/sparc/kernel/smp_64.c:1123 (v7.2) */
  *flush_tlb_kernel_range(start: VirtualAddress, end: VirtualAddress): Task<void> {
    yield* flush_pages(this, 'all', start, (end - start) / PAGE_SIZE);
  }

  override get arch_has_set_direct_map(): boolean {
    return false;
  }
  override get arch_has_huge_vmalloc(): boolean {
    return false;
  }
  override get VMALLOC_START(): VirtualAddress {
    return this.small ? this.#half / 2 : VMALLOC_START;
  }
  override get VMALLOC_END(): VirtualAddress {
    return this.small ? this.#half : VMALLOC_END;
  }
}
