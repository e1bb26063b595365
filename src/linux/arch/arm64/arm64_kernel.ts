/** The arm64 kernel's own variables: what pageattr.c, mmu.c, init.c and cpufeature.c share. */

import { JournalledValue } from '../../../memory/journalled.ts';
import { Arm64Format } from '../../../mmu/arm64.ts';
import type { VirtualAddress } from '../../../mmu/format.ts';
import type { AddressRange } from '../../../mmu/walk.ts';
import type { ChangeName, ChangeSet } from '../../changes.ts';
import { createRwSemaphore, type RwSemaphore } from '../../kernel/locking/lock.ts';
import { Kernel, type KernelSections, type StatePart } from '../../kernel.ts';
import type { Zone } from '../../mm/buddy.ts';
import type { FrameRange } from '../../mm/frame_allocator.ts';
import type { Entry, PageTableOps } from '../../mm/pgtable.ts';
import type { Task } from '../../task.ts';
import type { Arm64BootParameters } from './boot_parameters.ts';
import type { Arm64Change } from './changes.ts';
import type { Arm64Config } from './config.ts';
import { kfence_protect_page } from './include/asm/kfence.ts';
import { KIMAGE_VADDR, PAGE_END, vmalloc_end, vmalloc_start, vmemmap } from './include/asm/memory.ts';
import { arm64PageTableOps } from './include/asm/pgtable.ts';
import { flush_tlb_kernel_range } from './include/asm/tlbflush.ts';
import { parse_rodata } from './kernel/setup.ts';
import type { KernelImage } from './kernel_image.ts';
import { type Arm64Machine, vabits_actual } from './machine.ts';
import { arch_add_memory, arch_remove_memory } from './mm/hotplug.ts';
import { arch_kfence_init_pool } from './mm/mmu.ts';
import {
  __kernel_map_pages,
  can_set_direct_map,
  kernel_page_present,
  set_direct_map_default_noflush,
  set_direct_map_invalid_noflush,
  set_direct_map_valid_noflush,
  set_memory_decrypted,
  set_memory_encrypted,
  set_memory_nx,
  set_memory_ro,
  set_memory_rw,
  set_memory_x,
  validMasks,
} from './mm/pageattr.ts';

/** CONT_PTE_SHIFT and CONT_PMD_SHIFT less the size of one entry, by page shift. arch/arm64/Kconfig:284 (v7.2) */
const ARM64_CONT_SHIFTS: Readonly<Record<number, { pte: number; pmd: number }>> = {
  12: { pte: 4, pmd: 4 },
  14: { pte: 7, pmd: 5 },
  16: { pte: 5, pmd: 5 },
};

export class Arm64Kernel extends Kernel {
  declare readonly has: ChangeSet<ChangeName | Arm64Change>;
  declare readonly config: Arm64Config;
  declare readonly boot: Arm64BootParameters;
  declare readonly machine: Arm64Machine;
  readonly format: Arm64Format;
  readonly pgtable: PageTableOps = arm64PageTableOps(this);
  readonly image: KernelImage | undefined;

  /** Whether the geometry is the hardware's. */
  readonly hardware: boolean;
  readonly vabits_actual: number;
  /** Entries of a contiguous group; 1 where there are none. */
  readonly CONT_PTES: number;
  readonly CONT_PMDS: number;
  /** Where the direct map of these tables begins: _PAGE_OFFSET(vabits_actual). */
  readonly page_offset: VirtualAddress;
  /** The physical address that it begins with. The kernel's own memstart_addr may count from elsewhere. */
  memstart_addr = 0;
  /** An address of the image in its own mapping less its physical one; undefined if that is not known. */
  kimage_voffset: number | undefined;
  readonly init_mm: { pgd: number; mmap_lock: RwSemaphore };

  readonly rodata_full: boolean;
  readonly rodata_enabled: boolean;
  /** Whether the pool is mapped at boot; else, and with KFENCE built in, it may come later. */
  kfence_early_init: boolean;
  /** CONFIG_KFENCE. */
  kfence_configured: boolean;
  arm64_use_ng_mappings: boolean;
  linear_map_requires_bbml2 = false;
  readonly #finalized = this.journalled(new JournalledValue(false));
  page_alloc_available = false;
  num_online_cpus = 1;

  /** A mutex: a semaphore that nobody reads under. */
  readonly pgtable_split_lock = this.lock(createRwSemaphore('pgtable_split_lock'));

  constructor(
    parts: ConstructorParameters<typeof Kernel>[0] & {
      image: KernelImage | undefined;
      /** Physical address of the top table. */
      pgd: number;
      mair?: bigint | undefined;
    },
  ) {
    super(parts);
    const { page_size, index_bits, paging_levels, features } = this.machine;
    const pageShift = Math.log2(page_size) as 12 | 14 | 16;
    this.hardware = index_bits === pageShift - 3;
    this.vabits_actual = this.hardware
      ? vabits_actual(page_size, features)
      : pageShift + paging_levels * index_bits;
    this.format = new Arm64Format({
      pageShift,
      vaBits: this.vabits_actual,
      lpa2: this.hardware && this.vabits_actual > 48,
      pa52: features.va_bits > 48,
      mair: parts.mair,
      indexBits: index_bits,
    });
    const { pte, pmd } = this.hardware
      ? ARM64_CONT_SHIFTS[pageShift]!
      : { pte: index_bits - 1, pmd: index_bits - 1 };
    this.CONT_PTES = 2 ** pte;
    this.CONT_PMDS = 2 ** pmd;
    this.page_offset = -(2 ** this.vabits_actual);
    this.image = parts.image;
    if (parts.image !== undefined) this.kimage_voffset = KIMAGE_VADDR(this) - parts.image.text;
    this.init_mm = { pgd: parts.pgd, mmap_lock: this.lock(createRwSemaphore('init_mm.mmap_lock')) };
    const { rodata_full, rodata_enabled } = parse_rodata(this);
    this.rodata_full = rodata_full;
    this.rodata_enabled = rodata_enabled;
    this.kfence_configured = this.config.KFENCE && this.has.kfence;
    this.kfence_early_init = this.kfence_configured && this.boot.kfence_sample_interval !== 0;
    this.arm64_use_ng_mappings = features.nonglobal;
  }

  get root(): number {
    return this.init_mm.pgd;
  }
  /** Whether it is known what all CPUs have. */
  get system_capabilities_finalized(): boolean {
    return this.#finalized.get();
  }
  set system_capabilities_finalized(finalized: boolean) {
    this.#finalized.set(finalized);
  }
  override get hiddenState(): readonly StatePart[] {
    const finalized = this.#finalized;
    const part = { name: 'caps', mark: () => finalized.mark(), text: () => String(finalized.get()) };
    return [...super.hiddenState, part];
  }
  get direct_map(): AddressRange {
    const ram = this.machine.memory.filter(({ type }) => type === 'RAM');
    const start = Math.min(...ram.map((range) => range.start));
    const end = Math.max(...ram.map((range) => range.end));
    return { start: this.__va(start), end: this.__va(end) };
  }
  get kernel_range(): AddressRange {
    return { start: this.page_offset, end: 0 };
  }
  /** Below 4G, where no device wants less, and the rest. arch_zone_limits_init(), mm/init.c:121 (v7.2) */
  override get zones(): readonly Zone[] {
    return [
      { name: 'DMA', end_pfn: 2 ** 32 / this.page_size },
      { name: 'Normal', end_pfn: Number.POSITIVE_INFINITY },
    ];
  }
  page_address(pfn: number): VirtualAddress {
    return this.__va(pfn * this.page_size);
  }
  __va(physical: number): VirtualAddress {
    return physical - this.memstart_addr + this.page_offset;
  }
  /** __virt_to_phys() of an address in the direct map. */
  __pa(address: VirtualAddress): number {
    return address - this.page_offset + this.memstart_addr;
  }
  /** Whether an address lies where the direct map may be. memory.h:338 (v7.2) */
  __is_lm_address(address: VirtualAddress): boolean {
    return address >= this.page_offset && address < PAGE_END(this);
  }

  get PMD_SIZE(): number {
    return 2 ** this.format.levelShift(2);
  }
  get PUD_SIZE(): number {
    return 2 ** this.format.levelShift(3);
  }
  get CONT_PTE_SIZE(): number {
    return this.CONT_PTES * this.page_size;
  }
  get CONT_PMD_SIZE(): number {
    return this.CONT_PMDS * this.PMD_SIZE;
  }

  debug_pagealloc_enabled(): boolean {
    return this.boot.debug_pagealloc;
  }
  is_realm_world(): boolean {
    return this.has.realm && this.machine.features.realm;
  }
  /** The address bit of a realm's shared pages: the highest of its physical addresses. kernel/rsi.c:150 (v7.2) */
  get PROT_NS_SHARED(): Entry {
    return this.is_realm_world() ? { low: 0, high: 1 << 15 } : { low: 0, high: 0 };
  }

  override get sections(): KernelSections | undefined {
    if (this.image === undefined) return undefined;
    const { text, start_rodata, init_begin, end } = this.image;
    return { text, start_rodata, init_begin, end };
  }
  override image_address(pfn: number): VirtualAddress {
    if (this.kimage_voffset === undefined) return super.image_address(pfn);
    return pfn * this.page_size + this.kimage_voffset;
  }
  override describeMachine(): string[] {
    const { bbml2, secondaries_bbml2, realm } = this.machine.features;
    const words = this.page_size === 4096 ? [] : [`${this.page_size / 1024}K pages`];
    if (this.hardware && this.vabits_actual !== 48) words.push(`${this.vabits_actual}-bit`);
    if (bbml2) words.push(this.machine.cpus === 1 || secondaries_bbml2 ? 'bbml2' : 'bbml2 on CPU 0 alone');
    if (realm) words.push('realm');
    return words;
  }
  override describeBoot(): string[] {
    const words = [this.rodata_full ? 'rodata=full' : this.rodata_enabled ? 'rodata=on' : 'rodata=off'];
    if (this.kfence_early_init) words.push('kfence');
    if (this.boot.crashkernel !== undefined && !this.has['crashkernel-keeps-blocks'])
      words.push('crashkernel');
    return words;
  }

  /** Valid where it was not, or the other way, and nothing else. */
  override changedByPageAllocator(level: number, model: bigint, real: bigint): boolean {
    return this.debug_pagealloc_key && level === 1 && this.#onlyValidityDiffers(model, real);
  }
  override changedByKfence(level: number, model: bigint, real: bigint): boolean {
    return level === 1 && this.#onlyValidityDiffers(model, real);
  }
  #onlyValidityDiffers(model: bigint, real: bigint): boolean {
    const made = [true, false].map((enable) => {
      const { set, clear } = validMasks(this, enable);
      return (model & ~BigInt(clear)) | BigInt(set);
    });
    return made.includes(real);
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
  override set_memory_encrypted(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_encrypted(this, addr, numpages);
  }
  override set_memory_decrypted(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_decrypted(this, addr, numpages);
  }
  /** Of a realm, only what it maps by addresses that mean shared. */
  override host_can_read(pfn: number): boolean {
    const leaf = this.leafAt(this.page_address(pfn));
    return leaf !== undefined && (leaf.high & this.PROT_NS_SHARED.high) !== 0;
  }
  __kernel_map_pages(pfn: number, numpages: number, enable: number): Task<void> {
    return __kernel_map_pages(this, pfn, numpages, enable);
  }
  override kernel_page_present(pfn: number): Task<boolean> {
    return kernel_page_present(this, pfn);
  }
  override can_set_direct_map(): boolean {
    return can_set_direct_map(this);
  }
  override arch_kfence_init_pool(pool: FrameRange): Task<boolean> {
    return arch_kfence_init_pool(this, pool);
  }
  override arch_add_memory(range: FrameRange): Task<number> {
    return arch_add_memory(this, range);
  }
  override arch_remove_memory(range: FrameRange): Task<void> {
    return arch_remove_memory(this, range);
  }
  override kfence_protect_page(addr: VirtualAddress, protect: boolean): Task<boolean> {
    return kfence_protect_page(this, addr, protect);
  }
  flush_tlb_kernel_range(start: VirtualAddress, end: VirtualAddress): Task<void> {
    return flush_tlb_kernel_range(this, start, end);
  }
  override get VMALLOC_START(): VirtualAddress {
    return vmalloc_start(this);
  }
  override get vmemmap(): VirtualAddress {
    return vmemmap(this);
  }
  override get VMALLOC_END(): VirtualAddress {
    return vmalloc_end(this);
  }
}
