/** The x86-64 kernel's own variables: what set_memory.c, init.c, tlb.c and memtype.c share. */

import { NotModelledError } from '../../../errors.ts';
import { JournalledCounters, JournalledMap, JournalledValue } from '../../../memory/journalled.ts';
import type { VirtualAddress } from '../../../mmu/format.ts';
import type { AddressRange } from '../../../mmu/walk.ts';
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_GLOBAL,
  _PAGE_PRESENT,
  _PAGE_RW,
  X86Format,
} from '../../../mmu/x86_64.ts';
import type { ChangeName, ChangeSet } from '../../changes.ts';
import { createRwSemaphore, createSpinlock, type RwSemaphore } from '../../kernel/locking/lock.ts';
import { Kernel, type KernelSections, type LeafEntry, type StatePart } from '../../kernel.ts';
import type { Features, Machine } from '../../machine.ts';
import type { Zone } from '../../mm/buddy.ts';
import type { FrameRange } from '../../mm/frame_allocator.ts';
import { PageHighMem, pfn_valid } from '../../mm/page_flags.ts';
import type { PageTableOps } from '../../mm/pgtable.ts';
import type { Task } from '../../task.ts';
import type { X86BootParameters } from './boot_parameters.ts';
import type { X86Change } from './changes.ts';
import type { x86_guest } from './coco/guest.ts';
import { tdx_guest } from './coco/tdx/tdx.ts';
import type { X86Config } from './config.ts';
import { hv_vtom_guest } from './hyperv/ivm.ts';
import { arch_kfence_init_pool, kfence_protect_page } from './include/asm/kfence.ts';
import {
  __PAGE_OFFSET_BASE_L4,
  __PAGE_OFFSET_BASE_L5,
  __START_KERNEL_map,
  KERNEL_IMAGE_SIZE,
} from './include/asm/page_types.ts';
import { x86PageTableOps } from './include/asm/pgtable_ops.ts';
import type { KernelImage } from './kernel_image.ts';
import { arch_add_memory, arch_remove_memory } from './mm/hotplug.ts';
import { amd_guest } from './mm/mem_encrypt_amd.ts';
import { MemtypeTable } from './mm/pat/memtype_table.ts';
import {
  __kernel_map_pages,
  clear_mce_nospec,
  kernel_page_present,
  set_direct_map_default_noflush,
  set_direct_map_invalid_noflush,
  set_direct_map_valid_noflush,
  set_mce_nospec,
  set_memory_decrypted,
  set_memory_encrypted,
  set_memory_nx,
  set_memory_ro,
  set_memory_rox,
  set_memory_rw,
  set_memory_x,
  set_pages_array_uc,
  set_pages_array_wb,
  set_pages_array_wc,
} from './mm/pat/set_memory.ts';
import { flush_tlb_kernel_range } from './mm/tlb.ts';
import { vmalloc_end, vmalloc_start } from './mm/vmalloc_area.ts';
import { rmp_fault } from './virt/svm/sev.ts';

/** Frames [start, end) that the direct map was built for. */
export interface PfnRange {
  start: number;
  end: number;
}

/** The frames that a kernel has mapped, as pfn_range_is_mapped() looks them up. */
export interface MappedRanges {
  pfn_mapped: PfnRange[];
  max_pfn_mapped: number;
}

/** Memory has struct pages in whole sections (SECTION_SIZE_BITS). */
const SECTION_SIZE = 2 ** 27;

/** What an x86 machine may have. */
export interface X86Features extends Features {
  gbpages: boolean;
  /** Process-context identifiers. */
  pcid: boolean;
  /** Physical address bit of the memory-encryption bit (SME/SEV's C-bit), or undefined. */
  encryption_bit: number | undefined;
  /** A guest of Intel TDX, or of Hyper-V with a virtual top of memory: the bit says that a page is shared. */
  tdx?: boolean;
  vtom?: boolean;
  /** A host of SEV-SNP guests. */
  snp_host?: boolean;
  /** As on x86-32: memory for user space has no address in the direct map. */
  highmem?: boolean;
}

export interface X86Machine extends Machine {
  paging_levels: 4 | 5;
  features: X86Features;
}

/** @throws NotModelledError where the kernel cannot be such a guest, or was one in another way. */
function checkGuest({ has, version, machine: { features } }: X86Kernel): void {
  if (features.tdx && !has['guest-hooks'])
    throw new NotModelledError(`tdx on ${version.name}`, 'TDX guests exist since v5.19');
  if (features.vtom && !has['conversion-failure-warns'])
    throw new NotModelledError(
      `vtom on ${version.name}`,
      'shared memory was mapped a second time before v6.3',
    );
}

export class X86Kernel extends Kernel {
  declare readonly has: ChangeSet<ChangeName | X86Change>;
  declare readonly config: X86Config;
  declare readonly boot: X86BootParameters;
  declare readonly machine: X86Machine;
  readonly format: X86Format;
  readonly pgtable: PageTableOps = x86PageTableOps(this);
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
  /** Whether that bit says that a page is shared with the host, as with TDX and vTOM. */
  readonly shared_bit: boolean;
  /** What the machine is told of private and shared pages. */
  readonly guest: x86_guest;
  /** Frames that the host of this guest can read. */
  readonly host_visible = new JournalledMap<number, true>(this.kept);
  /** The RMP table of a host of SEV-SNP: frames that are a guest's, with the level of their entry. */
  readonly rmp = new JournalledMap<number, number>(this.kept);

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

  readonly cpa_lock = this.lock(createSpinlock('cpa_lock'));
  readonly pgd_lock = this.lock(createSpinlock('pgd_lock'));
  readonly mem_enc_lock = this.lock(createRwSemaphore('mem_enc_lock'));
  /** By PG_LEVEL_*: none, 4K, 2M, 1G, 512G. */
  override readonly direct_pages_count = this.journalled(new JournalledCounters(5));
  readonly memtypes = this.journalled(new MemtypeTable());

  /** Which frames the direct map was built for. */
  readonly #mapped = new JournalledValue<MappedRanges>({ max_pfn_mapped: 0, pfn_mapped: [] }, this.kept);

  constructor(
    parts: ConstructorParameters<typeof Kernel>[0] & { image: KernelImage; page_offset?: VirtualAddress },
  ) {
    super(parts);
    const { index_bits, paging_levels, features } = this.machine;
    this.pgtable_l5_enabled = paging_levels === 5;
    this.shared_bit = features.tdx === true || features.vtom === true;
    checkGuest(this);
    this.guest = features.tdx ? tdx_guest : features.vtom ? hv_vtom_guest : amd_guest;
    this.format = new X86Format({
      levels: paging_levels,
      indexBits: index_bits,
      encryptionBit: features.encryption_bit,
      sharedBit: this.shared_bit,
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

  get max_pfn_mapped(): number {
    return this.#mapped.get().max_pfn_mapped;
  }
  set max_pfn_mapped(max_pfn_mapped: number) {
    this.#mapped.set({ ...this.#mapped.get(), max_pfn_mapped });
  }
  get pfn_mapped(): PfnRange[] {
    return this.#mapped.get().pfn_mapped;
  }
  set pfn_mapped(pfn_mapped: PfnRange[]) {
    this.#mapped.set({ ...this.#mapped.get(), pfn_mapped });
  }

  get root(): number {
    return this.init_mm.pgd;
  }

  /** Where kernel mappings lie: the upper half, or on a machine too small for two halves all there is. */
  get kernel_range(): AddressRange {
    const reach = this.pgdir_size * this.ptrs_per_table;
    if (!this.format.signExtended) return { start: this.page_offset, end: this.page_offset + reach };
    return { start: -reach / 2, end: 0 };
  }

  /** NULL for a page of high memory that nobody has mapped. */
  /** Below 16M, below 4G, and the rest. arch_zone_limits_init(), mm/init.c:999 (v7.2) */
  override get zones(): readonly Zone[] {
    return [
      { name: 'DMA', end_pfn: 2 ** 12 },
      { name: 'DMA32', end_pfn: 2 ** 20 },
      { name: 'Normal', end_pfn: Number.POSITIVE_INFINITY },
    ];
  }
  page_address(pfn: number): VirtualAddress {
    if (this.has_highmem && PageHighMem(this, pfn)) return 0;
    return this.page_offset + pfn * 4096;
  }

  override get has_highmem(): boolean {
    return this.machine.features.highmem === true;
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
    if (pfn_valid(this, section / 4096)) return true;
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

  override translate(address: VirtualAddress): LeafEntry | undefined {
    const leaf = this.leafAt(address);
    return leaf !== undefined && (leaf.low & _PAGE_PRESENT) !== 0 ? leaf : undefined;
  }

  get direct_map(): AddressRange {
    return { start: this.page_offset, end: this.page_offset + this.max_pfn_mapped * 4096 };
  }
  /** 64 TiB, or 32 PiB with 5 levels, but for the image's own mapping. */
  /** Without KASLR, which recordings say. __VMEMMAP_BASE_L4 and L5, asm/pgtable_64_types.h:113 (v7.2) */
  override get vmemmap(): VirtualAddress {
    return this.pgtable_l5_enabled ? -0x2c_0000_0000_0000 : -0x1600_0000_0000;
  }
  override get direct_map_window(): AddressRange {
    const size = 2 ** (this.pgtable_l5_enabled ? 55 : 46);
    return { start: this.page_offset, end: Math.min(this.page_offset + size, __START_KERNEL_map) };
  }
  override get hiddenState(): readonly StatePart[] {
    const { memtypes } = this;
    const text = () => JSON.stringify([...memtypes.pages()].sort());
    return [...super.hiddenState, { name: 'types', mark: () => memtypes.mark(), text }];
  }
  override get sections(): KernelSections | undefined {
    const { text, start_rodata, init_begin, end, brk_end } = this.image;
    return end === text ? undefined : { text, start_rodata, init_begin, end: brk_end };
  }
  override image_address(pfn: number): VirtualAddress {
    return pfn * 4096 + __START_KERNEL_map - this.phys_base;
  }
  override describeMachine(): string[] {
    return this.pgtable_l5_enabled ? ['5-level'] : [];
  }
  override describeBoot(): string[] {
    const words = this.boot.gbpages ? [] : ['nogbpages'];
    return this.boot.pti === 'on' ? [...words, 'pti=on'] : words;
  }
  /** A in any present entry, D in a writable one. */
  override changedByHardware(_level: number, model: bigint, real: bigint): boolean {
    const set = real & ~model;
    if ((model & ~real) !== 0n || (model & BigInt(_PAGE_PRESENT)) === 0n) return false;
    const dirty = (model & BigInt(_PAGE_RW)) !== 0n ? _PAGE_DIRTY : 0;
    return set !== 0n && (set & ~BigInt(_PAGE_ACCESSED | dirty)) === 0n;
  }
  override changedByPageAllocator(level: number, model: bigint, real: bigint): boolean {
    if (!this.debug_pagealloc_key || level !== 1) return false;
    const flags = (entry: bigint) => this.format.flags(1, Number(entry & 0xffff_ffffn), Number(entry >> 32n));
    const dirty = this.has['np-clears-dirty'] ? _PAGE_DIRTY : 0;
    const unmapped = flags(model) & ~(_PAGE_PRESENT | _PAGE_RW | _PAGE_GLOBAL | dirty);
    const mapped = flags(model) | _PAGE_PRESENT | _PAGE_RW;
    const mappedAgain = unmapped | _PAGE_PRESENT | _PAGE_RW;
    // A mapped page may have been written since, whereupon the CPU sets D.
    return (
      flags(real) === unmapped ||
      [mapped, mappedAgain].some((each) => (flags(real) & ~_PAGE_DIRTY) === (each & ~_PAGE_DIRTY))
    );
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
  override set_memory_rox(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_rox(this, addr, numpages);
  }
  __kernel_map_pages(pfn: number, numpages: number, enable: number): Task<void> {
    return __kernel_map_pages(this, pfn, numpages, enable);
  }
  override kernel_page_present(pfn: number): Task<boolean> {
    return kernel_page_present(this, pfn);
  }
  flush_tlb_kernel_range(start: VirtualAddress, end: VirtualAddress): Task<void> {
    return flush_tlb_kernel_range(this, start, end);
  }
  override set_pages_array_uc(pages: readonly number[]): Task<number> {
    return set_pages_array_uc(this, pages);
  }
  override set_pages_array_wc(pages: readonly number[]): Task<number> {
    return set_pages_array_wc(this, pages);
  }
  override set_pages_array_wb(pages: readonly number[]): Task<number> {
    return set_pages_array_wb(this, pages);
  }
  override set_mce_nospec(pfn: number): Task<number> {
    return set_mce_nospec(this, pfn);
  }
  override clear_mce_nospec(pfn: number): Task<number> {
    return clear_mce_nospec(this, pfn);
  }
  override write_fault(pfn: number, level: number): string | undefined {
    return rmp_fault(this, pfn, level);
  }
  override host_can_read(pfn: number): boolean {
    return this.host_visible.has(pfn);
  }
  override set_memory_encrypted(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_encrypted(this, addr, numpages);
  }
  override set_memory_decrypted(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_decrypted(this, addr, numpages);
  }
  override arch_add_memory(range: FrameRange): Task<number> {
    return arch_add_memory(this, range);
  }
  override arch_remove_memory(range: FrameRange): Task<void> {
    return arch_remove_memory(this, range);
  }
  override arch_kfence_init_pool(pool: FrameRange): Task<boolean> {
    return arch_kfence_init_pool(this, pool);
  }
  override kfence_protect_page(addr: VirtualAddress, protect: boolean): Task<boolean> {
    return kfence_protect_page(this, addr, protect);
  }
  /** arch/x86/net/bpf_jit_comp.c:3681 (v7.2) */
  override get bpf_trampolines_in_packs(): boolean {
    return this.has['bpf-trampoline-pack'];
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
}
