/** The s390 kernel's own variables: what pageattr.c, vmem.c, pgalloc.c and the decompressor share. */

import { JournalledCounters, JournalledValue } from '../../../memory/journalled.ts';
import type { VirtualAddress } from '../../../mmu/format.ts';
import { _PAGE_INVALID, S390xFormat } from '../../../mmu/s390x.ts';
import type { AddressRange } from '../../../mmu/walk.ts';
import type { ChangeName, ChangeSet } from '../../changes.ts';
import { createRwSemaphore, type RwSemaphore } from '../../kernel/locking/lock.ts';
import { Kernel, type KernelSections, type StatePart } from '../../kernel.ts';
import type { Zone } from '../../mm/buddy.ts';
import type { FrameRange } from '../../mm/frame_allocator.ts';
import type { Memblock } from '../../mm/memblock.ts';
import type { PageTableOps } from '../../mm/pgtable.ts';
import type { Task } from '../../task.ts';
import type { S390Change } from './changes.ts';
import type { S390Config } from './config.ts';
import { type KernelImage, sectionsOf } from './images.ts';
import { type LeafBits, leafBits, s390PageTableOps } from './include/asm/pgtable.ts';
import { flush_tlb_kernel_range } from './include/asm/tlbflush.ts';
import { type Layout, layoutOf, reachOf } from './layout.ts';
import { HARDWARE_INDEX_BITS, PAGE_SIZE, type S390Machine } from './machine.ts';
import {
  __kernel_map_pages,
  kernel_page_present,
  set_direct_map_default_noflush,
  set_direct_map_invalid_noflush,
  set_direct_map_valid_noflush,
  set_memory_4k,
  set_memory_nx,
  set_memory_ro,
  set_memory_rox,
  set_memory_rw,
  set_memory_x,
} from './mm/pageattr.ts';
import type { TablePage } from './mm/pgalloc.ts';
import { arch_add_memory, arch_remove_memory } from './mm/vmem.ts';

export class S390Kernel extends Kernel {
  declare readonly has: ChangeSet<ChangeName | S390Change>;
  declare readonly config: S390Config;
  declare readonly machine: S390Machine;
  readonly format: S390xFormat;
  readonly pgtable: PageTableOps;
  readonly image: KernelImage | undefined;

  /** Address of physical 0 in the direct map. */
  readonly identity_base: VirtualAddress;
  /** One past the highest physical address at which there may ever be memory. */
  readonly ident_map_size: number;
  readonly leaf_bits: readonly LeafBits[];
  readonly #layout: Layout;

  /** swapper_pg_dir. */
  root: number;
  readonly init_mm = { mmap_lock: this.lock(createRwSemaphore('init_mm.mmap_lock')) };
  /** Mutexes: semaphores that nobody reads under. */
  readonly cpa_mutex: RwSemaphore = this.lock(createRwSemaphore('cpa_mutex'));
  readonly vmem_mutex: RwSemaphore = this.lock(createRwSemaphore('vmem_mutex'));

  /** What boot takes tables from, until there is another allocator. */
  memblock: Memblock | undefined;
  slab_is_available = true;
  /** Pages of two page tables, those that came to have a free half last first. */
  readonly pgtable_list = this.journalled(new JournalledValue<readonly TablePage[]>([]));
  /** By level: none, 4K, 1M, 2G. */
  override readonly direct_pages_count = this.journalled(new JournalledCounters(4));

  constructor(
    parts: ConstructorParameters<typeof Kernel>[0] & {
      image: KernelImage | undefined;
      root: number;
      identity_base: VirtualAddress;
    },
  ) {
    super(parts);
    const { index_bits, paging_levels, memory } = this.machine;
    const indexBits = index_bits === HARDWARE_INDEX_BITS ? undefined : index_bits;
    this.format = new S390xFormat({ levels: paging_levels, indexBits });
    this.image = parts.image;
    this.root = parts.root;
    this.identity_base = parts.identity_base;
    this.ident_map_size = Math.max(0, ...memory.map(({ end }) => end));
    this.leaf_bits = leafBits(this);
    this.pgtable = s390PageTableOps(this);
    this.#layout = layoutOf(this);
  }

  /** Whether there is a lowcore at address 0, and what else has its place by address: not in a small geometry. */
  get has_lowcore(): boolean {
    return this.machine.index_bits === HARDWARE_INDEX_BITS;
  }
  get kernel_range(): AddressRange {
    return { start: 0, end: reachOf(this) };
  }
  get direct_map(): AddressRange {
    return { start: this.identity_base, end: this.identity_base + this.ident_map_size };
  }
  override get VMALLOC_START(): VirtualAddress {
    return this.#layout.VMALLOC_START;
  }
  override get VMALLOC_END(): VirtualAddress {
    return this.#layout.VMALLOC_END;
  }
  get MODULES_END(): VirtualAddress {
    return this.#layout.MODULES_END;
  }
  get max_mappable(): number {
    return this.#layout.max_mappable;
  }
  get max_physical(): number {
    return this.#layout.max_physical;
  }

  /** Below 2G and the rest. arch_zone_limits_init(), mm/init.c:91 (v7.2) */
  override get zones(): readonly Zone[] {
    return [
      { name: 'DMA', end_pfn: 2 ** 19 },
      { name: 'Normal', end_pfn: Number.POSITIVE_INFINITY },
    ];
  }
  page_address(pfn: number): VirtualAddress {
    return this.identity_base + pfn * PAGE_SIZE;
  }
  /** __va(): direct-map address of a physical one. */
  __va(physical: number): VirtualAddress {
    return this.identity_base + physical;
  }
  override get sections(): KernelSections | undefined {
    return this.image === undefined ? undefined : sectionsOf(this.image);
  }
  override image_address(pfn: number): VirtualAddress {
    if (this.image === undefined) return super.image_address(pfn);
    return pfn * PAGE_SIZE - this.image.stext + this.image.va;
  }
  /** The page tables of a kernel whose tables share pages are state that memory does not show. */
  override get hiddenState(): readonly StatePart[] {
    const { pgtable_list } = this;
    const list = {
      name: 'tables',
      mark: () => pgtable_list.mark(),
      text: () => JSON.stringify(pgtable_list.get()),
    };
    return [...super.hiddenState, list];
  }
  override describeMachine(): string[] {
    const { edat1, edat2, nx } = this.machine.features;
    const words = edat2 ? [] : [edat1 ? 'no 2G leaves' : 'no large leaves'];
    if (!nx) words.push('no NX');
    return this.machine.paging_levels === 3 ? words : [...words, '4-level'];
  }
  override changedByPageAllocator(level: number, model: bigint, real: bigint): boolean {
    return this.debug_pagealloc_key && this.changedByKfence(level, model, real);
  }
  override changedByKfence(level: number, model: bigint, real: bigint): boolean {
    return level === 1 && (model ^ real) === BigInt(_PAGE_INVALID);
  }

  /** s390/Kconfig does not select it, in any version. */
  override get arch_has_huge_vmalloc(): boolean {
    return false;
  }
  override get arch_has_set_direct_map(): boolean {
    return this.has['set-direct-map'];
  }
  override set_direct_map_invalid_noflush(pfn: number): Task<number> {
    if (!this.arch_has_set_direct_map) return super.set_direct_map_invalid_noflush(pfn);
    return set_direct_map_invalid_noflush(this, pfn);
  }
  override set_direct_map_default_noflush(pfn: number): Task<number> {
    if (!this.arch_has_set_direct_map) return super.set_direct_map_default_noflush(pfn);
    return set_direct_map_default_noflush(this, pfn);
  }
  override set_direct_map_valid_noflush(pfn: number, nr: number, valid: boolean): Task<number> {
    if (!this.arch_has_set_direct_map) return super.set_direct_map_valid_noflush(pfn, nr, valid);
    return set_direct_map_valid_noflush(this, pfn, nr, valid);
  }
  override kernel_page_present(pfn: number): Task<boolean> {
    return this.arch_has_set_direct_map ? kernel_page_present(this, pfn) : super.kernel_page_present(pfn);
  }
  set_memory_ro(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_ro(this, addr, numpages);
  }
  set_memory_rw(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_rw(this, addr, numpages);
  }
  set_memory_x(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_x(this, addr, numpages);
  }
  set_memory_nx(addr: VirtualAddress, numpages: number): Task<number> {
    return set_memory_nx(this, addr, numpages);
  }
  override set_memory_rox(addr: VirtualAddress, numpages: number): Task<number> {
    if (!this.has['set-memory-rox']) return super.set_memory_rox(addr, numpages);
    return set_memory_rox(this, addr, numpages);
  }
  __kernel_map_pages(pfn: number, numpages: number, enable: number): Task<void> {
    return __kernel_map_pages(this, pfn, numpages, enable);
  }
  flush_tlb_kernel_range(start: VirtualAddress, end: VirtualAddress): Task<void> {
    return flush_tlb_kernel_range(this, start, end);
  }
  override arch_add_memory(range: FrameRange): Task<number> {
    return arch_add_memory(this, range);
  }
  override arch_remove_memory(range: FrameRange): Task<void> {
    return arch_remove_memory(this, range);
  }

  /** Effect: the pool is mapped by 4K entries since v6.15, if there was memory for them: nobody looks. asm/kfence.h:13 */
  override *arch_kfence_init_pool({ start, end }: FrameRange): Task<boolean> {
    if (this.has['kfence-splits-in-init-pool'])
      yield* set_memory_4k(this, this.page_address(start), end - start);
    return true;
  }
  /** Never fails, as far as it knows. asm/kfence.h:25 */
  override *kfence_protect_page(addr: VirtualAddress, protect: boolean): Task<boolean> {
    yield* __kernel_map_pages(this, (addr - this.identity_base) / PAGE_SIZE, 1, protect ? 0 : 1);
    return true;
  }
}
