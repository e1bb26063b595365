/**
 * One machine running one kernel: what every modelled function gets as its first argument.
 *
 * Architecture-independent state lives here; an architecture's own is in its subclass. All of it can be marked and
 * undone, so that an exploration can go back.
 */

import { NotModelledError } from '../errors.ts';
import { JournalledCounters, JournalledMap, type Undoable } from '../memory/journalled.ts';
import type { SimulatedMemory } from '../memory/simulated_memory.ts';
import type { EntryFormat, VirtualAddress } from '../mmu/format.ts';
import type { Tlb } from '../mmu/tlb.ts';
import type { BootParameters } from './boot_parameters.ts';
import type { ChangeSet } from './changes.ts';
import type { Config, ConfigName } from './config.ts';
import type { Death, EventListener, KernelEvent } from './events.ts';
import { createRwSemaphore, type Lock, type RwSemaphore, releaseLock } from './kernel/locking/lock.ts';
import type { KernelVersion } from './kernels.ts';
import type { Machine } from './machine.ts';
import type { execmem_area } from './mm/execmem.ts';
import type { FrameAllocator } from './mm/frame_allocator.ts';
import { PageFlags } from './mm/page_flags.ts';
import type { SecretmemFile } from './mm/secretmem.ts';
import type { vm_struct } from './mm/vmalloc.ts';
import type { Task } from './task.ts';

/** vmstat events and page statistics, as indices into `Kernel.vm_events`. */
export const DIRECT_MAP_LEVEL2_SPLIT = 0;
export const DIRECT_MAP_LEVEL3_SPLIT = 1;
export const DIRECT_MAP_LEVEL2_COLLAPSE = 2;
export const DIRECT_MAP_LEVEL3_COLLAPSE = 3;
export const NR_PAGETABLE = 4;
const NR_VM_EVENTS = 5;

/** More CPUs than any scenario asks for. */
export const MAX_CPUS = 64;

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

  /** Executable memory that is kept for the next who wants some. The mutex is a semaphore that nobody reads under. */
  readonly execmem_cache = {
    mutex: this.lock(createRwSemaphore('execmem_cache.mutex')),
    busy_areas: this.journalled(new JournalledMap<VirtualAddress, execmem_area>()),
    free_areas: this.journalled(new JournalledMap<VirtualAddress, execmem_area>()),
  };

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
  /** Physical address of the kernel's top table. */
  abstract readonly root: number;
  abstract readonly init_mm: { readonly mmap_lock: RwSemaphore };

  // What generic code asks of the architecture; the kernel's names.
  abstract set_direct_map_invalid_noflush(pfn: number): Task<number>;
  abstract set_direct_map_default_noflush(pfn: number): Task<number>;
  abstract set_direct_map_valid_noflush(pfn: number, nr: number, valid: boolean): Task<number>;
  abstract set_memory_nx(addr: VirtualAddress, numpages: number): Task<number>;
  abstract set_memory_rw(addr: VirtualAddress, numpages: number): Task<number>;
  abstract set_memory_rox(addr: VirtualAddress, numpages: number): Task<number>;
  abstract __kernel_map_pages(pfn: number, numpages: number, enable: number): Task<void>;
  abstract kernel_page_present(pfn: number): Task<boolean>;
  abstract flush_tlb_kernel_range(start: VirtualAddress, end: VirtualAddress): Task<void>;
  /** The translation that the hardware finds for `address` now: the leaf's level and halves, or undefined. */
  abstract translate(address: VirtualAddress): { level: number; low: number; high: number } | undefined;

  /** Whether editing the direct map works on this machine. set_memory.h:53 (v7.2) */
  can_set_direct_map(): boolean {
    return true;
  }
  /** CONFIG_ARCH_HAS_SET_DIRECT_MAP. */
  get arch_has_set_direct_map(): boolean {
    return true;
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
  /** Effect: the pages are mapped from `address`, PAGE_KERNEL, by leaves of 2^order pages. Failure: -ENOMEM. */
  vmap_pages_range_noflush(
    _address: VirtualAddress,
    _pages: readonly number[],
    _order: number,
  ): Task<number> {
    throw new NotModelledError('vmalloc', 'the model has no vmalloc area for this architecture');
  }
  /** Effect: nothing is mapped in [start, end). Tables stay. */
  vunmap_range_noflush(_start: VirtualAddress, _end: VirtualAddress): Task<void> {
    throw new NotModelledError('vmalloc', 'the model has no vmalloc area for this architecture');
  }

  /** Be free again after an `undo`. */
  protected lock<L extends Lock>(lock: L): L {
    this.#locks.push(lock);
    return lock;
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
