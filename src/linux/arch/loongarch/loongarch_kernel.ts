/** The loongarch64 kernel's own variables. */

import { JournalledMap } from '../../../memory/journalled.ts';
import type { VirtualAddress } from '../../../mmu/format.ts';
import { Loongarch64Format } from '../../../mmu/loongarch64.ts';
import type { AddressRange } from '../../../mmu/walk.ts';
import type { ChangeName, ChangeSet } from '../../changes.ts';
import { createRwSemaphore, type RwSemaphore } from '../../kernel/locking/lock.ts';
import { Kernel, type KernelSections, type LeafEntry, type StatePart } from '../../kernel.ts';
import type { FrameRange } from '../../mm/frame_allocator.ts';
import type { PageTableOps } from '../../mm/pgtable.ts';
import type { Task } from '../../task.ts';
import type { LoongarchChange } from './changes.ts';
import { PAGE_OFFSET, vm_map_base, vm_map_end, vmalloc_end, vmalloc_start } from './include/asm/addrspace.ts';
import { arch_kfence_init_pool, kfence_protect_page } from './include/asm/kfence.ts';
import { loongarchPageTableOps, WINDOW_LOW } from './include/asm/pgtable.ts';
import type { KernelImage } from './kernel_image.ts';
import { hardwareIndexBits, type LoongarchMachine } from './machine.ts';
import * as pageattr from './mm/pageattr.ts';
import { flush_tlb_kernel_range } from './mm/tlb.ts';

/** Bytes of one of the sixteen windows that the top four bits of an address select. */
const WINDOW = 2 ** 60;

export class LoongarchKernel extends Kernel {
  declare readonly has: ChangeSet<ChangeName | LoongarchChange>;
  declare readonly machine: LoongarchMachine;
  readonly format: Loongarch64Format;
  readonly pgtable: PageTableOps = loongarchPageTableOps(this);
  readonly image: KernelImage;
  /** Whether the geometry is smaller than the hardware's. */
  readonly small: boolean;
  readonly init_mm: { pgd: number; mmap_lock: RwSemaphore };
  /** By level: physical address of the table that empty entries above name; nothing where they are 0. */
  invalid_tables: readonly (number | undefined)[] = [];
  /** page_address() of the pages for which it is not in the window. */
  readonly page_addresses = this.journalled(new JournalledMap<number, VirtualAddress>());

  constructor(parts: ConstructorParameters<typeof Kernel>[0] & { image: KernelImage }) {
    super(parts);
    const { page_size, paging_levels: levels, index_bits } = this.machine;
    this.image = parts.image;
    this.small = index_bits < hardwareIndexBits(page_size);
    const pageShift = Math.log2(page_size) as 12 | 14 | 16;
    this.format = new Loongarch64Format({
      pageShift,
      levels,
      ...(this.small ? { indexBits: index_bits } : {}),
    });
    this.init_mm = {
      pgd: parts.image.swapper_pg_dir,
      mmap_lock: this.lock(createRwSemaphore('init_mm.mmap_lock')),
    };
  }

  get root(): number {
    return this.init_mm.pgd;
  }

  page_address(pfn: number): VirtualAddress {
    return this.page_addresses.get(pfn) ?? PAGE_OFFSET + pfn * this.page_size;
  }

  /** Found in a dump's tables. */
  memory_map: VirtualAddress | undefined;
  override get vmemmap(): VirtualAddress | undefined {
    return this.memory_map;
  }

  get direct_map(): AddressRange {
    const end = Math.max(0, ...this.machine.memory.map((range) => range.end));
    return { start: PAGE_OFFSET, end: PAGE_OFFSET + end };
  }
  /** What page tables map. The direct map is not in it. */
  get kernel_range(): AddressRange {
    return { start: vm_map_base(this), end: vm_map_end(this) };
  }
  override get sections(): KernelSections | undefined {
    const { text, data, end } = this.image;
    return end === 0 ? undefined : { text, start_rodata: text, init_begin: data, end };
  }
  /** The image has no mapping but the direct map. */
  override image_address(pfn: number): VirtualAddress {
    return PAGE_OFFSET + pfn * this.page_size;
  }

  /**
   * Of an address in the window of the direct map: what the window allows, as if it were one leaf above all tables. Of one
   * that page tables map, what they say. The other windows are not modelled.
   */
  override leafAt(address: VirtualAddress): LeafEntry | undefined {
    if (address >= PAGE_OFFSET && address < PAGE_OFFSET + WINDOW)
      return { level: this.format.levels + 1, low: WINDOW_LOW, high: 0 };
    return address < vm_map_base(this) ? undefined : super.leafAt(address);
  }

  override get hiddenState(): readonly StatePart[] {
    const { page_addresses } = this;
    const part: StatePart = {
      name: 'page addresses',
      mark: () => page_addresses.mark(),
      text: () => JSON.stringify([...page_addresses.entries()]),
    };
    return [...super.hiddenState, part];
  }

  override describeMachine(): string[] {
    return this.page_size === 16384 ? [] : [`${this.page_size / 1024}K pages`];
  }

  override set_direct_map_invalid_noflush(pfn: number): Task<number> {
    return pageattr.set_direct_map_invalid_noflush(this, pfn);
  }
  override set_direct_map_default_noflush(pfn: number): Task<number> {
    return pageattr.set_direct_map_default_noflush(this, pfn);
  }
  override set_direct_map_valid_noflush(pfn: number, nr: number, valid: boolean): Task<number> {
    return pageattr.set_direct_map_valid_noflush(this, pfn, nr, valid);
  }
  set_memory_ro(addr: VirtualAddress, numpages: number): Task<number> {
    return pageattr.set_memory_ro(this, addr, numpages);
  }
  set_memory_rw(addr: VirtualAddress, numpages: number): Task<number> {
    return pageattr.set_memory_rw(this, addr, numpages);
  }
  set_memory_x(addr: VirtualAddress, numpages: number): Task<number> {
    return pageattr.set_memory_x(this, addr, numpages);
  }
  set_memory_nx(addr: VirtualAddress, numpages: number): Task<number> {
    return pageattr.set_memory_nx(this, addr, numpages);
  }
  /** Without ARCH_SUPPORTS_DEBUG_PAGEALLOC it is empty. mm/page_poison.c:101 (v7.2) */
  *__kernel_map_pages(_pfn: number, _numpages: number, _enable: number): Task<void> {
    this.guard('__kernel_map_pages()', 'the architecture does not support debug_pagealloc');
  }
  override kernel_page_present(pfn: number): Task<boolean> {
    return pageattr.kernel_page_present(this, pfn);
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

  /** Memory that is added is in the window already. mm/init.c:104 (v7.2) */
  override *arch_add_memory(_range: FrameRange): Task<number> {
    this.guard('arch_add_memory()', 'a window maps all addresses, with memory behind them or not');
    return 0;
  }
  override *arch_remove_memory(_range: FrameRange): Task<void> {
    this.guard('arch_remove_memory()', 'a window maps all addresses, with memory behind them or not');
  }

  override get arch_has_set_direct_map(): boolean {
    return this.has['loongarch-set-memory'];
  }
  override get arch_has_huge_vmalloc(): boolean {
    return false;
  }
  override get VMALLOC_START(): VirtualAddress {
    return vmalloc_start(this);
  }
  override get VMALLOC_END(): VirtualAddress {
    return vmalloc_end(this);
  }
}
