/** The powerpc kernel's own variables. Radix or hash: the same object, for most code is the same. */

import { NotModelledError } from '../../../errors.ts';
import { JournalledCounters } from '../../../memory/journalled.ts';
import type { VirtualAddress } from '../../../mmu/format.ts';
import { Ppc64HashFormat } from '../../../mmu/ppc64_hash.ts';
import { Ppc64RadixFormat } from '../../../mmu/ppc64_radix.ts';
import type { AddressRange } from '../../../mmu/walk.ts';
import type { ChangeName, ChangeSet } from '../../changes.ts';
import { createRwSemaphore, createSpinlock, type RwSemaphore } from '../../kernel/locking/lock.ts';
import { Kernel, type KernelSections, type LeafEntry } from '../../kernel.ts';
import type { FrameRange } from '../../mm/frame_allocator.ts';
import type { PageTableOps } from '../../mm/pgtable.ts';
import type { Task } from '../../task.ts';
import type { PowerpcBootParameters } from './boot_parameters.ts';
import type { PowerpcChange } from './changes.ts';
import type { PowerpcConfig } from './config.ts';
import { radixPageTableOps } from './include/asm/book3s/64/pgtable.ts';
import { arch_kfence_init_pool, kfence_protect_page } from './include/asm/kfence.ts';
import { KERN_VIRT_SIZE, kern_virt_start, PAGE_OFFSET, smallReach } from './include/asm/page.ts';
import type { KernelImage } from './kernel_image.ts';
import { hardwareIndexBits, type PowerpcMachine } from './machine.ts';
import { hashLeafAt } from './mm/book3s64/hash_native.ts';
import type { HashTable } from './mm/book3s64/hash_table.ts';
import { radix__flush_tlb_kernel_range } from './mm/book3s64/radix_tlb.ts';
import { arch_add_memory, arch_remove_memory } from './mm/mem.ts';
import * as pageattr from './mm/pageattr.ts';

/** 16M, the larger page of a hash kernel's linear map. */
const MMU_PAGE_16M_SHIFT = 24;

export interface PowerpcKernelParts {
  image: KernelImage;
}

export class PowerpcKernel extends Kernel {
  declare readonly has: ChangeSet<ChangeName | PowerpcChange>;
  declare readonly config: PowerpcConfig;
  declare readonly boot: PowerpcBootParameters;
  declare readonly machine: PowerpcMachine;
  readonly radix_enabled: boolean;
  readonly format: Ppc64RadixFormat | Ppc64HashFormat;
  readonly pgtable: PageTableOps;
  readonly image: KernelImage;
  /** Whether the geometry is smaller than the hardware's. */
  readonly small: boolean;
  /** The hash table and what boot knows of it; nothing on a radix kernel. */
  hash: HashTable | undefined;

  readonly init_mm: { pgd: number; mmap_lock: RwSemaphore };
  readonly page_table_lock = this.lock(createSpinlock('init_mm.page_table_lock'));
  readonly linear_map_hash_lock = this.lock(createSpinlock('linear_map_hash_lock'));
  /** A mutex. */
  readonly linear_mapping_mutex = this.lock(createRwSemaphore('linear_mapping_mutex'));
  /** Limits the size of leaves in the direct map. */
  memory_block_size = 2 ** 30;
  kfence_disabled = false;
  /** One past the last frame that boot has found. */
  max_pfn = 0;

  /** By level: none, base pages, 2M, 1G. A hash kernel does not show them. */
  declare readonly direct_pages_count?: JournalledCounters;

  constructor(parts: ConstructorParameters<typeof Kernel>[0] & PowerpcKernelParts) {
    super(parts);
    const { page_size, index_bits, features } = this.machine;
    this.image = parts.image;
    this.small = index_bits < hardwareIndexBits(page_size);
    this.radix_enabled = features.radix && !this.boot.disable_radix;
    const pageShift = page_size === 4096 ? 12 : 16;
    if (this.radix_enabled) {
      const format = new Ppc64RadixFormat({ pageShift, ...(this.small ? { indexBits: index_bits } : {}) });
      this.format = format;
      this.pgtable = radixPageTableOps(format);
      this.direct_pages_count = this.journalled(new JournalledCounters(4));
    } else {
      const largeShift = this.small ? pageShift + index_bits : MMU_PAGE_16M_SHIFT;
      this.format = new Ppc64HashFormat({ pageShift, largeShift });
      this.pgtable = HASH_PAGE_TABLES;
    }
    this.init_mm = {
      pgd: parts.image.swapper_pg_dir,
      mmap_lock: this.lock(createRwSemaphore('init_mm.mmap_lock')),
    };
  }

  get root(): number {
    return this.init_mm.pgd;
  }

  page_address(pfn: number): VirtualAddress {
    return PAGE_OFFSET + pfn * this.page_size;
  }
  __va(physical: number): VirtualAddress {
    return PAGE_OFFSET + physical;
  }
  __pa(address: VirtualAddress): number {
    return address - PAGE_OFFSET;
  }

  /** Whether the address is below all other regions of the kernel. */
  is_linear_map_address(address: VirtualAddress): boolean {
    return address >= PAGE_OFFSET && address < kern_virt_start(this);
  }

  get direct_map(): AddressRange {
    return { start: PAGE_OFFSET, end: PAGE_OFFSET + this.max_pfn * this.page_size };
  }
  /** The quarter of all addresses that has the linear map and what follows it, as far as a root maps it. */
  get kernel_range(): AddressRange {
    return {
      start: PAGE_OFFSET,
      end: PAGE_OFFSET + (this.small && this.radix_enabled ? smallReach(this) : 2 ** 52),
    };
  }

  override get sections(): KernelSections | undefined {
    const { stext, srwx_boundary, end } = this.image;
    if (end === 0) return undefined;
    return { text: stext, start_rodata: stext, init_begin: srwx_boundary, end };
  }
  /** The image has no mapping but the direct map. */
  override image_address(pfn: number): VirtualAddress {
    return this.page_address(pfn);
  }

  /** Of a hash kernel: the entry of the hash table that hardware would find. */
  override leafAt(address: VirtualAddress): LeafEntry | undefined {
    return this.radix_enabled ? super.leafAt(address) : hashLeafAt(this, address);
  }

  override get pagesAlike(): boolean {
    return this.radix_enabled;
  }

  override describeMachine(): string[] {
    return [...(this.page_size === 65536 ? ['64K pages'] : []), ...(this.radix_enabled ? [] : ['hash'])];
  }
  override describeBoot(): string[] {
    return this.boot.disable_radix ? ['disable_radix'] : [];
  }

  override changedByPageAllocator(level: number, model: bigint, real: bigint): boolean {
    return this.debug_pagealloc_key && this.changedByKfence(level, model, real);
  }
  /** set_memory_p() and set_memory_np() change _PAGE_PRESENT alone. */
  override changedByKfence(level: number, model: bigint, real: bigint): boolean {
    return this.radix_enabled && level === 1 && (model ^ real) === 1n << 63n;
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
  override set_memory_rox(addr: VirtualAddress, numpages: number): Task<number> {
    return pageattr.set_memory_rox(this, addr, numpages);
  }
  __kernel_map_pages(pfn: number, numpages: number, enable: number): Task<void> {
    return pageattr.__kernel_map_pages(this, pfn, numpages, enable);
  }
  flush_tlb_kernel_range(_start: VirtualAddress, _end: VirtualAddress): Task<void> {
    return radix__flush_tlb_kernel_range(this);
  }

  override arch_kfence_init_pool(_pool: FrameRange): Task<boolean> {
    return arch_kfence_init_pool(this);
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

  /** No version selects ARCH_HAS_SET_DIRECT_MAP. */
  override get arch_has_set_direct_map(): boolean {
    return false;
  }

  override get VMALLOC_START(): VirtualAddress {
    if (!this.radix_enabled) throw vmallocOfHash();
    return kern_virt_start(this);
  }
  override get VMALLOC_END(): VirtualAddress {
    if (!this.radix_enabled) throw vmallocOfHash();
    return this.small ? PAGE_OFFSET + smallReach(this) : kern_virt_start(this) + KERN_VIRT_SIZE;
  }
}

function vmallocOfHash(): NotModelledError {
  return new NotModelledError(
    'vmalloc on a hash kernel',
    'its tables have another shape, and its mappings enter the hash table when they are used',
  );
}

function noTables(): never {
  throw new NotModelledError(
    'page tables of a hash kernel',
    'the linear map is not in them, and the model does not have the rest',
  );
}

const HASH_PAGE_TABLES: PageTableOps = {
  none: noTables,
  present: noTables,
  leaf: noTables,
  table: noTables,
  kernelLeaf: noTables,
};
