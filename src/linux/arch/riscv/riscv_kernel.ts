/** The riscv64 kernel's own variables: what init.c and pageattr.c share. */

import type { VirtualAddress } from '../../../mmu/format.ts';
import { _PAGE_PRESENT, Riscv64Format } from '../../../mmu/riscv64.ts';
import type { AddressRange } from '../../../mmu/walk.ts';
import type { ChangeName, ChangeSet } from '../../changes.ts';
import { createRwSemaphore, type RwSemaphore } from '../../kernel/locking/lock.ts';
import { Kernel, type KernelSections } from '../../kernel.ts';
import type { Features, Machine } from '../../machine.ts';
import type { Zone } from '../../mm/buddy.ts';
import type { FrameRange } from '../../mm/frame_allocator.ts';
import type { PageTableOps } from '../../mm/pgtable.ts';
import type { Task } from '../../task.ts';
import type { RiscvBootParameters } from './boot_parameters.ts';
import type { RiscvChange } from './changes.ts';
import type { RiscvConfig } from './config.ts';
import { arch_kfence_init_pool, kfence_protect_page } from './include/asm/kfence.ts';
import { KERNEL_LINK_ADDR, MODULES_LOWEST_VADDR } from './include/asm/page.ts';
import { riscvPageTableOps } from './include/asm/pgtable.ts';
import { arch_add_memory, arch_remove_memory } from './mm/hotplug.ts';
import {
  __kernel_map_pages,
  kernel_page_present,
  set_direct_map_default_noflush,
  set_direct_map_invalid_noflush,
  set_direct_map_valid_noflush,
  set_memory_nx,
  set_memory_ro,
  set_memory_rw,
  set_memory_x,
} from './mm/pageattr.ts';
import { flush_tlb_kernel_range } from './mm/tlbflush.ts';

/** What a riscv machine may have. */
export interface RiscvFeatures extends Features {
  /** The CPU is of T-Head and older than Svpbmt. */
  thead: boolean;
}

export interface RiscvMachine extends Machine {
  paging_levels: 3 | 4 | 5;
  features: RiscvFeatures;
}

/** Where the kernel runs: kernel_map, as far as it is asked for. */
export interface KernelMapping {
  virt_addr: VirtualAddress;
  phys_addr: number;
  /** Bytes. */
  size: number;
}

export interface RiscvKernelParts {
  /** Physical address of the top table. */
  swapper_pg_dir: number;
  page_offset: VirtualAddress;
  /** What lies at page_offset. */
  phys_offset: number;
  /** Nothing where there is no image, or it runs in the direct map. */
  kernel_map: KernelMapping | undefined;
  sections: KernelSections | undefined;
}

export class RiscvKernel extends Kernel {
  declare readonly has: ChangeSet<ChangeName | RiscvChange>;
  declare readonly config: RiscvConfig;
  declare readonly boot: RiscvBootParameters;
  declare readonly machine: RiscvMachine;
  readonly format: Riscv64Format;
  readonly pgtable: PageTableOps;
  readonly root: number;
  readonly init_mm: { readonly mmap_lock: RwSemaphore };

  readonly page_offset: VirtualAddress;
  /** Of the direct map: virtual less physical. */
  readonly va_pa_offset: number;
  readonly kernel_map: KernelMapping | undefined;
  readonly #sections: KernelSections | undefined;
  /** First frame of RAM, and one past the last. */
  readonly #ram: FrameRange;

  constructor(parts: ConstructorParameters<typeof Kernel>[0] & RiscvKernelParts) {
    super(parts);
    const { paging_levels, index_bits, memory } = this.machine;
    this.format = new Riscv64Format({ levels: paging_levels, indexBits: index_bits });
    this.pgtable = riscvPageTableOps(this);
    this.root = parts.swapper_pg_dir;
    this.init_mm = { mmap_lock: this.lock(createRwSemaphore('init_mm.mmap_lock')) };
    this.page_offset = parts.page_offset;
    this.va_pa_offset = parts.page_offset - parts.phys_offset;
    this.kernel_map = parts.kernel_map;
    this.#sections = parts.sections;
    const ram = memory.filter(({ type }) => type === 'RAM');
    this.#ram = {
      start: Math.max(parts.phys_offset, Math.min(...ram.map(({ start }) => start))) / this.page_size,
      end: Math.max(...ram.map(({ end }) => end)) / this.page_size,
    };
  }

  /** Bytes that the tables can map. */
  get #reach(): number {
    return 2 ** (this.format.levelShift(this.format.levels) + this.format.indexBits(this.format.levels));
  }

  /** The upper half, or on a machine too small for two halves all there is. */
  get kernel_range(): AddressRange {
    if (this.format.signExtended) return { start: -this.#reach / 2, end: 0 };
    return { start: this.page_offset, end: this.page_offset + this.#reach };
  }

  get direct_map(): AddressRange {
    let last = Math.floor(this.#ram.end);
    for (const [, added] of this.memory_blocks.entries()) last = Math.max(last, added.end);
    return {
      start: this.page_address(Math.floor(this.#ram.start)),
      end: Math.min(this.page_address(last), this.page_offset + this.KERN_VIRT_SIZE),
    };
  }

  /** What the direct map may take: the rest of the address space at first, then a quarter of it. */
  get KERN_VIRT_SIZE(): number {
    if (!this.format.signExtended) return this.#reach;
    return this.has['page-offset-d8'] ? this.#reach / 4 : -this.page_offset;
  }

  /** Below 4G and the rest. arch_zone_limits_init(), mm/init.c:79 (v7.2) */
  override get zones(): readonly Zone[] {
    return [
      { name: 'DMA32', end_pfn: 2 ** 20 },
      { name: 'Normal', end_pfn: Number.POSITIVE_INFINITY },
    ];
  }
  page_address(pfn: number): VirtualAddress {
    return this.__va(pfn * this.page_size);
  }

  /** Direct-map address of a physical one. */
  __va(physical: number): VirtualAddress {
    return physical + this.va_pa_offset;
  }

  /** page.h:111 (v7.2) */
  is_kernel_mapping(address: VirtualAddress): boolean {
    const map = this.kernel_map;
    return map !== undefined && address >= map.virt_addr && address < map.virt_addr + map.size;
  }
  /** page.h:114 (v7.2) */
  is_linear_mapping(address: VirtualAddress): boolean {
    return address >= this.page_offset && address < this.page_offset + this.KERN_VIRT_SIZE;
  }
  /** Modules lie below the kernel, or where it runs in the direct map, in vmalloc's part. mm/vmalloc.c:800 (v7.2) */
  is_vmalloc_or_module_addr(address: VirtualAddress): boolean {
    if (address >= this.VMALLOC_START && address < this.VMALLOC_END) return true;
    const map = this.kernel_map;
    return map !== undefined && address >= MODULES_LOWEST_VADDR && address < map.virt_addr;
  }
  /** The direct map's address of what the kernel's mapping has at `address`. */
  lm_alias(address: VirtualAddress): VirtualAddress {
    const { virt_addr, phys_addr } = this.kernel_map!;
    return this.__va(address - virt_addr + phys_addr);
  }

  override get sections(): KernelSections | undefined {
    return this.#sections;
  }
  override image_address(pfn: number): VirtualAddress {
    if (this.kernel_map === undefined) return this.page_address(pfn);
    return pfn * this.page_size - this.kernel_map.phys_addr + this.kernel_map.virt_addr;
  }
  override describeMachine(): string[] {
    const mode = `Sv${12 + 9 * this.format.levels}`;
    return this.machine.features.thead ? [mode, 'T-Head'] : [mode];
  }
  /** The page allocator changes V alone, once of all the leaf that it meets. */
  override changedByPageAllocator(level: number, model: bigint, real: bigint): boolean {
    const whole = !this.has['kernel-map-pages-atomic'];
    return this.debug_pagealloc_key && (level === 1 || whole) && (model ^ real) === BigInt(_PAGE_PRESENT);
  }
  override changedByKfence(level: number, model: bigint, real: bigint): boolean {
    return level === 1 && (model ^ real) === BigInt(_PAGE_PRESENT);
  }

  override set_direct_map_invalid_noflush(pfn: number): Task<number> {
    return set_direct_map_invalid_noflush(this, pfn);
  }
  override set_direct_map_default_noflush(pfn: number): Task<number> {
    return set_direct_map_default_noflush(this, pfn);
  }
  override set_direct_map_valid_noflush(pfn: number, nr: number, valid: boolean): Task<number> {
    return set_direct_map_valid_noflush(this, pfn, nr, valid);
  }
  set_memory_ro(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_ro(this, addr, numpages);
  }
  set_memory_x(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_x(this, addr, numpages);
  }
  set_memory_nx(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_nx(this, addr, numpages);
  }
  set_memory_rw(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_rw(this, addr, numpages);
  }
  __kernel_map_pages(pfn: number, numpages: number, enable: number): Task<void> {
    return __kernel_map_pages(this, pfn, numpages, enable);
  }
  override *kernel_page_present(pfn: number): Task<boolean> {
    // Before, riscv had none: its config has no CONFIG_HIBERNATION.
    return this.has['kernel-page-present-always'] ? yield* kernel_page_present(this, pfn) : true;
  }
  flush_tlb_kernel_range(start: VirtualAddress, end: VirtualAddress): Task<void> {
    return flush_tlb_kernel_range(this, start, end);
  }
  override arch_kfence_init_pool(pool: FrameRange): Task<boolean> {
    return arch_kfence_init_pool(this, pool);
  }
  override kfence_protect_page(addr: VirtualAddress, protect: boolean): Task<boolean> {
    return kfence_protect_page(this, addr, protect);
  }
  override arch_add_memory(range: FrameRange): Task<number> {
    return arch_add_memory(this, range);
  }
  override arch_remove_memory(range: FrameRange): Task<void> {
    return arch_remove_memory(this, range);
  }
  /** riscv/Kconfig:119 (v6.12) */
  override get arch_has_huge_vmalloc(): boolean {
    return this.has['riscv-huge-vmalloc'];
  }

  /** The eighth below the direct map; on a machine smaller than hardware, what the tables can map behind it. */
  override get VMALLOC_START(): VirtualAddress {
    if (this.format.signExtended) return this.page_offset - this.KERN_VIRT_SIZE / 2;
    return Math.max(this.page_offset + (this.#reach / 4) * 3, this.direct_map.end);
  }
  /** One past the last address. */
  override get VMALLOC_END(): VirtualAddress {
    return this.format.signExtended ? this.page_offset : this.page_offset + this.#reach;
  }
}

/** The kernel's mapping of itself, at `offset` from where it is linked, a multiple of 2M. */
export function kernelMapping(start: number, end: number, offset: number): KernelMapping {
  return { virt_addr: KERNEL_LINK_ADDR + offset, phys_addr: start, size: end - start };
}
