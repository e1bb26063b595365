/**
 * One machine running one kernel: what every modelled function gets as its first argument.
 *
 * Architecture-independent state lives here; an architecture's own is in its subclass. All of it can be marked and
 * undone, so that an exploration can go back.
 */

import { NotModelledError } from '../errors.ts';
import {
  JournalledCounters,
  JournalledMap,
  JournalledValue,
  SharedJournal,
  type Undoable,
} from '../memory/journalled.ts';
import type { SimulatedMemory } from '../memory/simulated_memory.ts';
import { type EntryFormat, EntryKind, type VirtualAddress } from '../mmu/format.ts';
import type { Tlb } from '../mmu/tlb.ts';
import type { AddressRange } from '../mmu/walk.ts';
import type { BootParameters } from './boot_parameters.ts';
import type { ChangeSet } from './changes.ts';
import type { Config, ConfigName } from './config.ts';
import type { ttm_tt } from './drivers/gpu/drm/ttm/ttm_pool.ts';
import type { Death, EventListener, KernelEvent } from './events.ts';
import type { bpf_prog_pack } from './kernel/bpf/core.ts';
import { createRwSemaphore, type Lock, type RwSemaphore, releaseLock } from './kernel/locking/lock.ts';
import type { module } from './kernel/module/main.ts';
import type { KernelVersion } from './kernels.ts';
import type { Machine } from './machine.ts';
import { ONE_ZONE, type Zone } from './mm/buddy.ts';
import type { execmem_area } from './mm/execmem.ts';
import type { FrameAllocator, FrameRange } from './mm/frame_allocator.ts';
import { KFENCE_OFF, type KfenceState } from './mm/kfence/state.ts';
import type { MemoryBlock } from './mm/memory_hotplug.ts';
import { PageFlags } from './mm/page_flags.ts';
import type { PageTableOps } from './mm/pgtable.ts';
import type { SecretmemFile } from './mm/secretmem.ts';
import type { kmem_cache } from './mm/slab.ts';
import type { vm_struct } from './mm/vmalloc.ts';
import type { Task } from './task.ts';

/** vmstat events and page statistics, as indices into `Kernel.vm_events`. */
export const DIRECT_MAP_LEVEL2_SPLIT = 0;
export const DIRECT_MAP_LEVEL3_SPLIT = 1;
export const DIRECT_MAP_LEVEL2_COLLAPSE = 2;
export const DIRECT_MAP_LEVEL3_COLLAPSE = 3;
export const NR_PAGETABLE = 4;
const NR_VM_EVENTS = 5;

/** What memory is kept in, whatever the page size. */
const FRAME_SIZE = 4096;

/** More CPUs than any scenario asks for. */
export const MAX_CPUS = 64;

/** A part of a kernel's state that changes with its journal's mark, and has a text for each value. */
export interface StatePart {
  readonly name: string;
  mark(): number;
  text(): string;
}

function mapsToo(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}

/** A leaf as a walk finds it. */
export interface LeafEntry {
  level: number;
  low: number;
  high: number;
}

/** What a leaf lets the kernel do. */
export interface Rights {
  present: boolean;
  writable: boolean;
  executable: boolean;
}

export function rightsOf(format: EntryFormat, { level, low, high }: LeafEntry): Rights {
  const flags = format.flags(level, low, high);
  return {
    present: format.kind(level, low, high) === EntryKind.Leaf,
    writable: format.writable(level, flags),
    executable: format.executable(level, flags),
  };
}

/** Index in a table at `level` of the entry for an address. */
export function tableIndex(format: EntryFormat, level: number, address: VirtualAddress): number {
  const entries = 2 ** format.indexBits(level);
  const index = Math.floor(address / 2 ** format.levelShift(level));
  return index - Math.floor(index / entries) * entries;
}

/** Where parts of the kernel image begin, physically, in bytes. */
export interface KernelSections {
  readonly text: number;
  readonly start_rodata: number;
  readonly init_begin: number;
  /** One past all that boot keeps for the image. */
  readonly end: number;
}

/** A point to go back to. */
export type KernelMark = readonly number[];

export abstract class Kernel {
  readonly memory: SimulatedMemory;
  readonly version: KernelVersion;
  /** Which changes this kernel has; the only way in which code tells kernels apart. */
  readonly has: ChangeSet;
  readonly config: Config;
  readonly boot: BootParameters;
  readonly machine: Machine;
  abstract readonly format: EntryFormat;

  /** Where pages come from. Replaced by a replay, which knows where the real kernel took them. */
  frames: FrameAllocator;
  /** Translations that CPUs may hold, if somebody wants to know. */
  tlb: Tlb | undefined;

  /** SUSPEND from when hibernation turns interrupts off until it turns them on. */
  system_state: 'BOOTING' | 'RUNNING' | 'SUSPEND' = 'BOOTING';
  /** The static key behind debug_pagealloc_enabled_static(): off until the page allocator has its memory. */
  debug_pagealloc_key = false;

  /** The CPU whose code runs now. */
  cpu = 0;
  /** Spinlocks held and preemption disabled, per CPU; 0 where sleeping is allowed. */
  readonly preempt_count = new Int32Array(MAX_CPUS);
  readonly irqs_disabled = new Uint8Array(MAX_CPUS);

  /** Whether several CPUs' tasks interleave, so that tasks must yield at every preemption point. */
  interleaved = false;
  /** Whether anybody listens to events; saves building them. */
  listening = false;
  death: Death | undefined;

  readonly vm_events = new JournalledCounters(NR_VM_EVENTS);
  /** WARN_ONCE and pr_warn_once sites that have fired. */
  readonly once = new JournalledMap<string, true>();
  /** The struct pages' flags. */
  readonly page_flags = new PageFlags();
  /** vmalloc's areas by address: those in use, and those unmapped whose translations a TLB may still hold. */
  readonly vmap_areas = new JournalledMap<VirtualAddress, vm_struct>();
  /** Open memfd_secret() files by descriptor. */
  readonly secretmem_files = new JournalledMap<number, SecretmemFile>();

  #listener: EventListener | undefined;
  readonly #undoables: Undoable[] = [];
  readonly #locks: Lock[] = [];

  /** The journal of what those keep who edit the direct map. */
  protected readonly kept = this.journalled(new SharedJournal());

  /** Executable memory that is kept for the next who wants some. The mutex is a semaphore that nobody reads under. */
  readonly execmem_cache = {
    mutex: this.lock(createRwSemaphore('execmem_cache.mutex')),
    busy_areas: new JournalledMap<VirtualAddress, execmem_area>(this.kept),
    free_areas: new JournalledMap<VirtualAddress, execmem_area>(this.kept),
  };

  readonly kfence = new JournalledValue<KfenceState>(KFENCE_OFF, this.kept);

  /** Loaded modules by number. */
  readonly modules = new JournalledMap<number, module>(this.kept);
  /** Packs of BPF programs by address. */
  readonly bpf_packs = new JournalledMap<VirtualAddress, bpf_prog_pack>(this.kept);

  /** SLAB's caches by number. */
  readonly kmem_caches = new JournalledMap<number, kmem_cache>(this.kept);
  /** The pages of a hibernation image that is being loaded. */
  readonly image_pages = new JournalledValue<readonly number[]>([], this.kept);

  /** Memory that was added while the kernel runs, by first frame. */
  readonly memory_blocks = new JournalledMap<number, MemoryBlock>(this.kept);

  /** Pages that graphics have, by number. */
  readonly ttm_pages = new JournalledMap<number, ttm_tt>(this.kept);

  constructor(parts: {
    memory: SimulatedMemory;
    version: KernelVersion;
    config: Config;
    boot: BootParameters;
    machine: Machine;
    frames: FrameAllocator;
  }) {
    this.memory = parts.memory;
    this.version = parts.version;
    this.has = parts.version.has;
    this.config = parts.config;
    this.boot = parts.boot;
    this.machine = parts.machine;
    this.frames = parts.frames;
    this.#undoables.push(this.memory, this.vm_events, this.once);
    this.#undoables.push(this.page_flags, this.vmap_areas, this.secretmem_files);
  }

  /** Direct-map address of a page frame: page_address(). */
  abstract page_address(pfn: number): VirtualAddress;
  /** Where the struct pages lie, of 64 bytes each, if that is known: a recording may name a page by its. */
  get vmemmap(): VirtualAddress | undefined {
    return undefined;
  }
  /** How entries are read and made, for the shared code. */
  abstract readonly pgtable: PageTableOps;
  /** Where the direct map lies: from the first frame's address to the last one's. */
  abstract get direct_map(): AddressRange;
  /** Addresses that are the direct map's by right, RAM behind them or not. */
  get direct_map_window(): AddressRange {
    return this.direct_map;
  }
  /** Where the kernel has mappings at all, of which the direct map is one. */
  abstract get kernel_range(): AddressRange;
  /** Physical address of the kernel's top table. */
  abstract readonly root: number;
  abstract readonly init_mm: { readonly mmap_lock: RwSemaphore };

  /** The kernel image's parts, by their first byte. Undefined where there is none. */
  get sections(): KernelSections | undefined {
    return undefined;
  }
  /** The address of a page of the image in the image's own mapping. */
  image_address(_pfn: number): VirtualAddress {
    throw new NotModelledError(
      'image_address()',
      'the model has no mapping of its own for this kernel image',
    );
  }
  /** The kernel's counters of leaves by level, as /proc/meminfo shows them; undefined where it has none. */
  readonly direct_pages_count?: JournalledCounters;

  /**
   * Whether pages could change places: what is done to one touches no state that others have a part in. Not so in a hash
   * table, in whose groups they meet.
   */
  get pagesAlike(): boolean {
    return true;
  }
  /** The page allocator's zones, the lowest first. */
  get zones(): readonly Zone[] {
    return ONE_ZONE;
  }
  /** Bytes of a base page. */
  get page_size(): number {
    return 2 ** this.format.pageShift;
  }
  /** Effect: the page holds zeros. */
  clear_page(pfn: number): void {
    const frames = this.page_size / FRAME_SIZE;
    for (let i = 0; i < frames; i++) this.memory.clearPage(pfn * frames + i);
  }
  /** Words for a report: what tells this machine, and this boot, from another. */
  describeMachine(): string[] {
    return [];
  }
  describeBoot(): string[] {
    return [];
  }

  /** The leaf that maps `address`, present or not; undefined where there is none. */
  leafAt(address: VirtualAddress): LeafEntry | undefined {
    const { format, memory } = this;
    let table = this.root;
    for (let level = format.levels; level >= 1; level--) {
      const entry = table + tableIndex(format, level, address) * 8;
      const low = memory.low(entry);
      const high = memory.high(entry);
      const kind = format.kind(level, low, high);
      if (kind === EntryKind.Leaf || kind === EntryKind.NotPresentLeaf) return { level, low, high };
      if (kind !== EntryKind.Table) return undefined;
      table = format.tableAddress(level, low, high);
    }
    return undefined;
  }
  /** The translation that the hardware finds for `address` now: the leaf's level and halves, or undefined. */
  translate(address: VirtualAddress): LeafEntry | undefined {
    const leaf = this.leafAt(address);
    return leaf !== undefined && rightsOf(this.format, leaf).present ? leaf : undefined;
  }

  /** Whether `real` is `model`, an entry at `level`, after the CPU has used it: a recording may show it so. */
  changedByHardware(_level: number, _model: bigint, _real: bigint): boolean {
    return false;
  }
  /** Whether `real` is `model` after debug_pagealloc has mapped or unmapped its page. */
  changedByPageAllocator(_level: number, _model: bigint, _real: bigint): boolean {
    return false;
  }

  /** Whether `real` is `model` after KFENCE has opened or closed its page. Asked of its pool alone. */
  changedByKfence(_level: number, _model: bigint, _real: bigint): boolean {
    return false;
  }

  // What generic code asks of the architecture; the kernel's names.
  // Where there is no CONFIG_ARCH_HAS_SET_DIRECT_MAP, the first three do nothing and return 0 (linux/set_memory.h).
  *set_direct_map_invalid_noflush(_pfn: number): Task<number> {
    return 0;
  }
  *set_direct_map_default_noflush(_pfn: number): Task<number> {
    return 0;
  }
  *set_direct_map_valid_noflush(_pfn: number, _nr: number, _valid: boolean): Task<number> {
    return 0;
  }
  abstract set_memory_ro(addr: VirtualAddress, numpages: number): Task<number>;
  abstract set_memory_x(addr: VirtualAddress, numpages: number): Task<number>;
  abstract set_memory_nx(addr: VirtualAddress, numpages: number): Task<number>;
  abstract set_memory_rw(addr: VirtualAddress, numpages: number): Task<number>;
  /** linux/set_memory.h:12 (v7.2) */
  *set_memory_rox(addr: VirtualAddress, numpages: number): Task<number> {
    const ret = yield* this.set_memory_ro(addr, numpages);
    return ret !== 0 ? ret : yield* this.set_memory_x(addr, numpages);
  }
  abstract __kernel_map_pages(pfn: number, numpages: number, enable: number): Task<void>;
  /** Always true without CONFIG_ARCH_HAS_SET_DIRECT_MAP. */
  *kernel_page_present(_pfn: number): Task<boolean> {
    return true;
  }
  abstract flush_tlb_kernel_range(start: VirtualAddress, end: VirtualAddress): Task<void>;

  // Stubs of asm-generic/set_memory.h, or of the drivers that call them where memory has one type only.
  *set_pages_array_uc(_pages: readonly number[]): Task<number> {
    return 0;
  }
  *set_pages_array_wc(_pages: readonly number[]): Task<number> {
    return 0;
  }
  *set_pages_array_wb(_pages: readonly number[]): Task<number> {
    return 0;
  }

  // Stubs of linux/set_memory.h and linux/mem_encrypt.h, for an architecture without the feature.
  *set_memory_encrypted(_addr: VirtualAddress, _numpages: number): Task<number> {
    return 0;
  }
  *set_memory_decrypted(_addr: VirtualAddress, _numpages: number): Task<number> {
    return 0;
  }
  /** Whether KASAN keeps its tags in the memory itself, so that it writes pages that are allocated or freed. */
  kasan_hw_tags_enabled(): boolean {
    return false;
  }
  /** Whether the host of a confidential guest can read the page. */
  host_can_read(_pfn: number): boolean {
    return false;
  }
  /** Why a write to a page through a leaf at `level` kills the machine although the leaf allows it, if it does. */
  write_fault(_pfn: number, _level: number): string | undefined {
    return undefined;
  }
  *set_mce_nospec(_pfn: number): Task<number> {
    return 0;
  }
  *clear_mce_nospec(_pfn: number): Task<number> {
    return 0;
  }

  // asm/kfence.h. An architecture without KFENCE, or whose KFENCE is not modelled, refuses.
  /** The pool that boot has set aside, where kfence.sample_interval= wants one. */
  kfence_pool: FrameRange | undefined;
  /** Effect: the pool's pages can be protected one by one, if that is true which it returns. */
  arch_kfence_init_pool(_pool: FrameRange): Task<boolean> {
    throw new NotModelledError('KFENCE', 'the model does not have it for this architecture');
  }
  /** Effect: the page is not present, or present. False if that is known to have failed. */
  kfence_protect_page(_addr: VirtualAddress, _protect: boolean): Task<boolean> {
    throw new NotModelledError('KFENCE', 'the model does not have it for this architecture');
  }

  /** Effect: the frames are in the direct map. Failure: an errno. mm/memory_hotplug.c calls it. */
  arch_add_memory(_range: FrameRange): Task<number> {
    throw new NotModelledError('memory hotplug', 'the model does not have it for this architecture');
  }
  /** Effect: the frames are in the direct map no more, as far as the architecture can do it. */
  arch_remove_memory(_range: FrameRange): Task<void> {
    throw new NotModelledError('memory hotplug', 'the model does not have it for this architecture');
  }

  /** Whether editing the direct map works on this machine. set_memory.h:53 (v7.2) */
  can_set_direct_map(): boolean {
    return true;
  }
  /** Whether memory for user space has no address in the direct map. */
  get has_highmem(): boolean {
    return false;
  }
  /** CONFIG_ARCH_HAS_SET_DIRECT_MAP. */
  get arch_has_set_direct_map(): boolean {
    return true;
  }

  /** CONFIG_HAVE_ARCH_HUGE_VMALLOC. */
  get arch_has_huge_vmalloc(): boolean {
    return true;
  }

  /** Whether the architecture takes trampolines of BPF from packs (arch_alloc_bpf_trampoline()). */
  get bpf_trampolines_in_packs(): boolean {
    return false;
  }

  /** CONFIG_ARCH_HAS_EXECMEM_ROX, and a CPU that it works on. */
  get arch_has_execmem_rox(): boolean {
    return false;
  }

  // vmalloc's part of the kernel's tables. An architecture without them refuses vmalloc.
  get VMALLOC_START(): VirtualAddress {
    throw new NotModelledError('vmalloc', 'the model has no vmalloc area for this architecture');
  }
  get VMALLOC_END(): VirtualAddress {
    throw new NotModelledError('vmalloc', 'the model has no vmalloc area for this architecture');
  }

  /** Be free again after an `undo`. */
  protected lock<L extends Lock>(lock: L): L {
    this.#locks.push(lock);
    return lock;
  }

  /** What of its state lies beside memory and locks: with them it tells two states apart. */
  get hiddenState(): readonly StatePart[] {
    const { page_flags, vmap_areas, secretmem_files, kept } = this;
    return [
      { name: 'flags', mark: () => page_flags.mark(), text: () => JSON.stringify(page_flags.changed()) },
      { name: 'areas', mark: () => vmap_areas.mark(), text: () => JSON.stringify([...vmap_areas.entries()]) },
      { name: 'kept', mark: () => kept.mark(), text: () => kept.text() },
      {
        name: 'files',
        mark: () => secretmem_files.mark(),
        text: () => JSON.stringify([...secretmem_files.entries()], mapsToo),
      },
    ];
  }

  /** Take part in `mark` and `undo`. */
  protected journalled<T extends Undoable>(part: T): T {
    this.#undoables.push(part);
    return part;
  }

  /** Every lock that there is. */
  get locks(): readonly Lock[] {
    return this.#locks;
  }

  mark(): KernelMark {
    return this.#parts().map((part) => part.mark());
  }

  /**
   * Take back everything since `mark`. Caller's duty: no task was suspended between its first and last step when the
   * mark was made, and `frames` and `tlb` are the ones of then.
   */
  undo(mark: KernelMark): void {
    this.#parts().forEach((part, i) => {
      part.undo(mark[i]!);
    });
    this.death = undefined;
    if (this.system_state === 'SUSPEND') this.system_state = 'RUNNING';
    for (const lock of this.#locks) releaseLock(lock);
    this.preempt_count.fill(0);
    this.irqs_disabled.fill(0);
  }

  #parts(): Undoable[] {
    const parts = [...this.#undoables, this.frames];
    if (this.tlb !== undefined) parts.push(this.tlb);
    return parts;
  }

  /** Call `listener` for every event from now on; undefined stops that. */
  listen(listener: EventListener | undefined): void {
    this.#listener = listener;
    this.listening = listener !== undefined;
  }

  emit(event: KernelEvent): void {
    this.#listener?.(event);
  }

  printk(level: 'info' | 'warn' | 'err', text: string): void {
    if (this.listening) this.emit({ kind: 'printk', cpu: this.cpu, level, text });
  }

  /** A WARN: reported, and the kernel goes on. */
  warn(text: string): void {
    if (this.listening) this.emit({ kind: 'warn', cpu: this.cpu, text });
  }

  /** The condition that kept a call from having to do what can fail. */
  guard(where: string, because: string): void {
    if (this.listening) this.emit({ kind: 'guard', cpu: this.cpu, where, because });
  }

  /** True the first time that it is asked for `site` since boot. */
  first(site: string): boolean {
    if (this.once.has(site)) return false;
    this.once.set(site, true);
    return true;
  }

  warn_once(site: string, text: string): void {
    if (this.first(site)) this.warn(text);
  }

  pr_warn_once(site: string, text: string): void {
    if (this.first(site)) this.printk('warn', text);
  }

  /** The machine dies. Caller's duty: to `yield* halt()` next. */
  die(death: Death): void {
    this.death = death;
    if (this.listening) this.emit({ kind: 'died', cpu: this.cpu, death });
  }

  /** Whether the code that runs now may not sleep. */
  get atomic(): boolean {
    return this.preempt_count[this.cpu]! > 0 || this.irqs_disabled[this.cpu]! !== 0;
  }

  /** A sleep where none is allowed. */
  might_sleep(what: string): void {
    if (this.atomic && this.system_state === 'RUNNING') {
      this.brokenRule('DEBUG_ATOMIC_SLEEP', `BUG: sleeping function called from invalid context: ${what}`);
    }
  }

  /** Prints `text` if the kernel is built with the option that notices. */
  brokenRule(option: ConfigName, text: string): void {
    if (this.config[option]) this.printk('err', text);
    else if (this.listening) this.emit({ kind: 'unreported', cpu: this.cpu, text, option });
  }
}
