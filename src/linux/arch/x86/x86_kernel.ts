/** The x86-64 kernel's own variables: what set_memory.c, init.c, tlb.c and memtype.c share. */

import { JournalledCounters } from '../../../memory/journalled.ts';
import type { VirtualAddress } from '../../../mmu/format.ts';
import { EntryKind } from '../../../mmu/format.ts';
import { _PAGE_GLOBAL, _PAGE_PRESENT, X86Format } from '../../../mmu/x86_64.ts';
import { createRwSemaphore, createSpinlock, type RwSemaphore } from '../../kernel/locking/lock.ts';
import { Kernel } from '../../kernel.ts';
import type { Task } from '../../task.ts';
import {
  __PAGE_OFFSET_BASE_L4,
  __PAGE_OFFSET_BASE_L5,
  __START_KERNEL_map,
  KERNEL_IMAGE_SIZE,
} from './include/asm/page_types.ts';
import type { KernelImage } from './kernel_image.ts';
import { MemtypeTable } from './mm/pat/memtype_table.ts';
import {
  __kernel_map_pages,
  kernel_page_present,
  set_direct_map_default_noflush,
  set_direct_map_invalid_noflush,
  set_direct_map_valid_noflush,
  set_memory_nx,
  set_memory_rox,
  set_memory_rw,
} from './mm/pat/set_memory.ts';
import { flush_tlb_kernel_range } from './mm/tlb.ts';
import { vmalloc_end, vmalloc_start, vmap_pages_range_noflush, vunmap_range_noflush } from './mm/vmap.ts';

/** Frames [start, end) that the direct map was built for. */
export interface PfnRange {
  start: number;
  end: number;
}

/** Memory has struct pages in whole sections (SECTION_SIZE_BITS). */
const SECTION_SIZE = 2 ** 27;

/** A leaf entry as a walk finds it. */
export interface LeafEntry {
  level: number;
  low: number;
  high: number;
}

export class X86Kernel extends Kernel {
  readonly format: X86Format;
  readonly image: KernelImage;

  readonly ptrs_per_table: number;
  readonly index_mask: number;
  readonly pmd_size: number;
  readonly pud_size: number;
  readonly p4d_size: number;
  readonly pgdir_size: number;
  readonly pgtable_l5_enabled: boolean;
  /** The C-bit's place in the high half of an entry, or 0. */
  readonly sme_me_mask_high: number;

  page_offset: VirtualAddress;
  phys_base = 0;
  readonly init_mm: { pgd: number; mmap_lock: RwSemaphore };

  /** What an entry may have set. Everything, on the machines modelled here. */
  __supported_pte_mask = ~0;
  /** The same without G under PTI. */
  __default_kernel_pte_mask = ~0;
  direct_gbpages: boolean;
  /** Levels that boot and hot-add may use for leaves, as a mask of 1 << level. */
  page_size_mask = 0;
  after_bootmem = false;
  kernel_set_to_readonly = false;

  max_pfn_mapped = 0;
  pfn_mapped: PfnRange[] = [];

  readonly cpa_lock = this.lock(createSpinlock('cpa_lock'));
  readonly pgd_lock = this.lock(createSpinlock('pgd_lock'));
  readonly mem_enc_lock = this.lock(createRwSemaphore('mem_enc_lock'));
  /** By PG_LEVEL_*: none, 4K, 2M, 1G, 512G. */
  readonly direct_pages_count = this.journalled(new JournalledCounters(5));
  readonly memtypes = this.journalled(new MemtypeTable());

  constructor(
    parts: ConstructorParameters<typeof Kernel>[0] & { image: KernelImage; page_offset?: VirtualAddress },
  ) {
    super(parts);
    const { index_bits, paging_levels, features } = this.machine;
    this.pgtable_l5_enabled = paging_levels === 5;
    this.format = new X86Format({
      levels: paging_levels,
      indexBits: index_bits,
      encryptionBit: features.encryption_bit,
    });
    this.ptrs_per_table = 2 ** index_bits;
    this.index_mask = this.ptrs_per_table - 1;
    this.pmd_size = 2 ** (12 + index_bits);
    this.pud_size = 2 ** (12 + 2 * index_bits);
    this.p4d_size = 2 ** (12 + 3 * index_bits);
    this.pgdir_size = this.pgtable_l5_enabled ? 2 ** (12 + 4 * index_bits) : this.p4d_size;
    this.sme_me_mask_high = features.encryption_bit === undefined ? 0 : 1 << (features.encryption_bit - 32);
    this.image = parts.image;
    this.page_offset =
      parts.page_offset ?? (this.pgtable_l5_enabled ? __PAGE_OFFSET_BASE_L5 : __PAGE_OFFSET_BASE_L4);
    this.init_mm = {
      pgd: parts.image.init_top_pgt,
      mmap_lock: this.lock(createRwSemaphore('init_mm.mmap_lock')),
    };
    this.direct_gbpages = this.boot.gbpages;
    if (this.boot.pti === 'on') this.__default_kernel_pte_mask &= ~_PAGE_GLOBAL;
  }

  get root(): number {
    return this.init_mm.pgd;
  }

  /** Where kernel mappings lie: the upper half, or on a machine too small for two halves all there is. */
  get kernel_range(): { start: VirtualAddress; end: VirtualAddress } {
    const reach = this.pgdir_size * this.ptrs_per_table;
    if (!this.format.signExtended) return { start: this.page_offset, end: this.page_offset + reach };
    return { start: -reach / 2, end: 0 };
  }

  page_address(pfn: number): VirtualAddress {
    return this.page_offset + pfn * 4096;
  }

  /** __va(): direct-map address of a physical one. */
  __va(physical: number): VirtualAddress {
    return this.page_offset + physical;
  }

  /** __pa(): physical address behind a direct-map or image-mapping address. Of another, whatever the arithmetic gives. */
  __pa(address: VirtualAddress): number {
    if (address >= __START_KERNEL_map && address < 0) return address - __START_KERNEL_map + this.phys_base;
    return address - this.page_offset;
  }

  /** Whether `address` lies in the direct map or the image mapping and has a struct page behind it. */
  virt_addr_valid(address: VirtualAddress): boolean {
    const inImage = address >= __START_KERNEL_map && address < 0;
    if (inImage && address - __START_KERNEL_map >= KERNEL_IMAGE_SIZE) return false;
    const section = Math.floor(this.__pa(address) / SECTION_SIZE) * SECTION_SIZE;
    return this.machine.memory.some(
      ({ type, start, end }) => type === 'RAM' && start < section + SECTION_SIZE && end > section,
    );
  }

  pfn_range_is_mapped(start_pfn: number, end_pfn: number): boolean {
    for (const range of this.pfn_mapped) {
      if (start_pfn >= range.start && end_pfn <= range.end) return true;
    }
    return false;
  }

  debug_pagealloc_enabled(): boolean {
    return this.boot.debug_pagealloc;
  }

  translate(address: VirtualAddress): LeafEntry | undefined {
    const leaf = this.leafAt(address);
    return leaf !== undefined && (leaf.low & _PAGE_PRESENT) !== 0 ? leaf : undefined;
  }

  /** The leaf that maps `address`, present or not; undefined where there is none. */
  leafAt(address: VirtualAddress): LeafEntry | undefined {
    let table = this.root;
    for (let level = this.format.levels; level >= 1; level--) {
      const shift = this.format.levelShift(level);
      const entry = table + (Math.floor(address / 2 ** shift) & this.index_mask) * 8;
      const low = this.memory.low(entry);
      const high = this.memory.high(entry);
      const kind = this.format.kind(level, low, high);
      if (kind === EntryKind.Leaf || kind === EntryKind.NotPresentLeaf) return { level, low, high };
      if (kind !== EntryKind.Table) return undefined;
      table = this.format.tableAddress(level, low, high);
    }
    return undefined;
  }

  set_direct_map_invalid_noflush(pfn: number): Task<number> {
    return set_direct_map_invalid_noflush(this, pfn);
  }
  set_direct_map_default_noflush(pfn: number): Task<number> {
    return set_direct_map_default_noflush(this, pfn);
  }
  set_direct_map_valid_noflush(pfn: number, nr: number, valid: boolean): Task<number> {
    return set_direct_map_valid_noflush(this, pfn, nr, valid);
  }
  set_memory_nx(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_nx(this, addr, numpages);
  }
  set_memory_rw(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_rw(this, addr, numpages);
  }
  set_memory_rox(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_rox(this, addr, numpages);
  }
  __kernel_map_pages(pfn: number, numpages: number, enable: number): Task<void> {
    return __kernel_map_pages(this, pfn, numpages, enable);
  }
  kernel_page_present(pfn: number): Task<boolean> {
    return kernel_page_present(this, pfn);
  }
  flush_tlb_kernel_range(start: VirtualAddress, end: VirtualAddress): Task<void> {
    return flush_tlb_kernel_range(this, start, end);
  }
  /** x86/Kconfig:87 and x86/mm/init.c:1077 (v7.2): with STRICT_MODULE_RWX and PSE. */
  override get arch_has_execmem_rox(): boolean {
    return this.has['execmem-rox-cache'];
  }
  override get VMALLOC_START(): VirtualAddress {
    return vmalloc_start(this);
  }
  override get VMALLOC_END(): VirtualAddress {
    return vmalloc_end(this);
  }
  override vmap_pages_range_noflush(
    address: VirtualAddress,
    pages: readonly number[],
    order: number,
  ): Task<number> {
    return vmap_pages_range_noflush(this, address, pages, order);
  }
  override vunmap_range_noflush(start: VirtualAddress, end: VirtualAddress): Task<void> {
    return vunmap_range_noflush(this, start, end);
  }
}
