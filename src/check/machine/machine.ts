/**
 * A machine to explore: a kernel booted in the world's geometry, with one leaf's worth of pages that all calls work on.
 *
 * In a small geometry these are all the pages of the leaf. In hardware's they stand for its 512 (or 512 x 512): page
 * i of the small leaf is page i of the large one, and the last stands for all the rest.
 */

import { NotModelledError } from '../../errors.ts';
import type { Architecture } from '../../linux/architecture.ts';
import type { BootParameters } from '../../linux/boot_parameters.ts';
import type { CallArgument, KernelBuild } from '../../linux/call.ts';
import type { Config } from '../../linux/config.ts';
import { parseConfig } from '../../linux/config.ts';
import { type Kernel, type KernelMark, type Rights, rightsOf } from '../../linux/kernel.ts';
import type { KernelVersion } from '../../linux/kernels.ts';
import type { Features, MemoryRange } from '../../linux/machine.ts';
import { __free_pages, alloc_pages, GFP_KERNEL } from '../../linux/mm/page_alloc.ts';
import { runTask, type Task } from '../../linux/task.ts';
import type { SimulatedMemory } from '../../memory/simulated_memory.ts';
import { EntryKind } from '../../mmu/format.ts';
import { Tlb } from '../../mmu/tlb.ts';
import { countLeaves } from '../../scenario/observers.ts';
import type { Action, Done, Event, PageState, PatternCall, State, World } from '../claim.ts';
import { callNamed, expandActions, expandPattern, isBuilt, kernelArgumentsOf } from './actions.ts';
import { NamedFrames } from './frames.ts';

export const HARDWARE_BITS = 9;
/** No allocator gives larger blocks. */
const MAX_ORDER = 10;
/** Frames beyond all RAM, and beyond where boot puts tables that are to take none of it. */
const BEYOND_RAM = 2 ** 29;
/** Blocks of memory of a small machine. */
const SMALL_BLOCKS = 2;
const NO_RIGHTS: Rights = { present: false, writable: false, executable: false };
/** Physical address of the first kept value, where no RAM is. */
const KEPT = 2 ** 51;
/** RAM of a full-size machine: no 1G leaf in the first, some in the second. */
export const FULL_RAM = { '4K': 2 ** 28, '2M': 2 ** 31, '1G': 2 ** 33 };

/** By the sizes that most architectures have, in the model's words: the level of a leaf. */
export const LEAF_LEVEL = { '4K': 1, '2M': 2, '1G': 3 };
/** What a user may set beside the claim's own world. */
export interface Surroundings {
  version: KernelVersion;
  /** Over the world's. */
  config?: readonly (readonly [string, string])[];
  boot?: string;
  features?: Features;
  /** Index bits per level. */
  geometry?: number;
  cpus?: number;
}

/** What the kernel is built and booted with, in a world. */
export function buildOf(
  world: World,
  { version, config, boot }: Surroundings,
  bits: number,
): { config: Config; boot: BootParameters } {
  const settings = [...Object.entries(world.config ?? {}), ...(config ?? [])] as [string, string][];
  const { arch } = version;
  const built = parseConfig(settings, '--config', arch);
  return { config: built, boot: arch.parseBoot(bootTextFor(world, boot, bits, arch), built, '--boot') };
}

/** What the user alone has built and booted, before a claim has said what its world needs. */
export function plainBuild(surroundings: Surroundings): KernelBuild & { boot: BootParameters } {
  const { version } = surroundings;
  return { version, has: version.has, ...buildOf({ leaf: '2M', calls: [] }, surroundings, HARDWARE_BITS) };
}

/** The kernel command line: the world's, then the user's. */
export function bootText(world: World, boot: string | undefined): string {
  return [world.boot ?? '', boot ?? ''].join(' ').trim();
}

/** The same for a machine of so many index bits: a small one has no leaves of level 2 unless it has no larger ones. */
export function bootTextFor(
  world: World,
  boot: string | undefined,
  bits: number,
  { largeLeaves, noPudLeaves }: Architecture,
): string {
  const words = [
    wantsLargeLeaves(world) && largeLeaves?.boot,
    needsSmallLeaves(world, bits) && noPudLeaves?.boot,
  ];
  return [...words.filter(Boolean), bootText(world, boot)].join(' ').trim();
}

/** What a machine of so many index bits must have. */
export function featuresFor(
  world: World,
  bits: number,
  { largeLeaves, noPudLeaves }: Architecture,
): Features {
  return {
    ...(wantsLargeLeaves(world) && largeLeaves?.features),
    ...(needsSmallLeaves(world, bits) && noPudLeaves?.features),
    ...world.features,
  };
}

function wantsLargeLeaves({ leaf }: World): boolean {
  return leaf !== '4K';
}

function needsSmallLeaves({ leaf }: World, bits: number): boolean {
  return leaf === '2M' && bits < HARDWARE_BITS;
}

/** Index bits of the machine that is meant. */
export function bitsOf(world: World, { geometry }: Surroundings): number {
  return geometry ?? (world.fullSize === true ? HARDWARE_BITS : smallBits(world));
}

/** Index bits of the small machine that a world means. */
export function smallBits(world: World): number {
  const bits = world.geometry ?? (world.leaf === '1G' ? 1 : 2);
  return Math.min(bits, 3);
}

export class CheckedMachine implements State {
  readonly kernel: Kernel;
  readonly world: World;
  readonly actions: readonly Action[];
  readonly frames: NamedFrames;
  readonly bits: number;
  readonly pageCount: number;
  /** Blocks that an allocator gives out before the explored one, and that nobody uses. */
  readonly passedOver: number;
  /** Level of the leaf that maps the explored pages at first: smaller than the world's where boot makes no such leaves. */
  readonly leafLevel: number;
  /** The explored pages are the allocator's, and a scenario gets them from it. */
  readonly isTaken: boolean;
  readonly last: readonly (Action | undefined)[] = [];
  readonly idle = true;
  readonly #small: number;
  readonly #base: number;
  readonly #blockPages: number;
  readonly #states = new Map<number, PageState>();
  readonly #kept: readonly string[];
  /** Arguments of calls on pages, which never change. */
  readonly #arguments = new Map<PatternCall, Map<number, CallArgument[]>>();

  constructor(world: World, surroundings: Surroundings, memory?: SimulatedMemory) {
    this.world = world;
    this.bits = bitsOf(world, surroundings);
    this.#small = this.bits === HARDWARE_BITS ? smallBits(world) : this.bits;
    const levels = world.leaf === '1G' ? 2 : 1;
    this.pageCount = 2 ** (this.#small * levels);
    const { kernel, free } = bootFor(world, surroundings, this.bits, memory);
    this.kernel = kernel;
    this.#blockPages = pagesOf(kernel, levels + 1);
    const { base, passedOver, leafLevel, isTaken } = explorePages(kernel, world, this.#blockPages, this.bits);
    this.#base = base;
    this.passedOver = passedOver;
    this.leafLevel = leafLevel;
    this.isTaken = isTaken;
    const block = Array.from({ length: this.#blockPages }, (_, i) => this.#base + i);
    this.frames = new NamedFrames(kernel.memory, {
      page_size: kernel.page_size,
      pages: block,
      tables: tableFrames(free, this.#base, block.length),
      pagesFree: world.pagesFree ?? false,
    });
    if (world.pagesFree && isTaken) releasePages(kernel, this.#base, Math.log2(this.#blockPages));
    kernel.frames = this.frames;
    if (world.tlb) kernel.tlb = new Tlb(this.cpus, kernel.page_size);
    this.actions = expandActions(kernel, world, this.pageCount, this);
    const patterns = [...(world.first ?? []), ...world.calls];
    this.#kept = [...new Set(patterns.flatMap(({ calls }) => calls.flatMap((call) => call.keep ?? [])))];
    for (const pattern of world.first ?? []) {
      const missing = pattern.calls.find(({ name }) => !isBuilt(kernel, name));
      if (missing !== undefined)
        throw new NotModelledError(`${missing.name}()`, 'the claim begins with it, and this kernel has none');
      for (const action of expandPattern(kernel.version.arch, pattern, 1, this.pageCount))
        this.run(action, 0, () => false);
    }
  }

  get cpus(): number {
    return this.kernel.machine.cpus;
  }

  // ---- the pages

  /** Frame of an explored page; of one past the last, the frame after the block. */
  pfnOf(page: number): number {
    return this.#base + this.offsetOf(page);
  }

  /** How many pages of the block lie before an explored one; of one past the last, all. */
  offsetOf(page: number): number {
    if (this.bits === this.#small) return page;
    if (page === this.pageCount) return this.#blockPages;
    const small = 2 ** this.#small;
    return Math.floor(page / small) * pagesOf(this.kernel, 2) + (page % small);
  }

  /** Real pages in `pages` explored ones from `first`: a run to the end of a small leaf is one to the large one's. */
  countOf(first: number, pages: number): number {
    return this.offsetOf(first + pages) - this.offsetOf(first);
  }

  get pages(): readonly PageState[] {
    const pages: PageState[] = [];
    for (let page = 0; page < this.pageCount; page++) pages.push(this.pageState(page));
    return pages;
  }

  pageState(page: number): PageState {
    const pfn = this.pfnOf(page);
    const leaf = this.kernel.leafAt(this.kernel.page_address(pfn));
    if (leaf === undefined) return this.#state(0, 0, 0, 0, 0);
    const { level, low, high } = leaf;
    const { format } = this.kernel;
    const leafPages = 2 ** (format.levelShift(level) - format.pageShift);
    const offset = format.leafFrame(level, low, high) + (pfn % leafPages) - pfn;
    return this.#state(level, format.flags(level, low, high), offset, low, high);
  }

  #state(level: number, flags: number, frameOffset: number, low: number, high: number): PageState {
    const { format } = this.kernel;
    const present = level !== 0 && format.kind(level, low, high) === EntryKind.Leaf ? 1 : 0;
    const key = (frameOffset * 16 + level * 2 + present) * 2 ** 32 + flags;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const words = level === 0 ? ['no entry'] : format.describe(level, low, high);
    const rights = level === 0 ? NO_RIGHTS : rightsOf(format, { level, low, high });
    const text = words.filter((word) => format.sizeWords?.includes(word) !== true).join(' ');
    const state: PageState = { level, flags, frameOffset, ...rights, text };
    this.#states.set(key, state);
    return state;
  }

  // ---- State

  canAccess(cpu: number, page: number, write: boolean): boolean {
    const { kernel } = this;
    const address = kernel.page_address(this.pfnOf(page));
    const usable = (leaf: { level: number; low: number; high: number } | undefined) =>
      leaf !== undefined &&
      (!write || kernel.format.writable(leaf.level, kernel.format.flags(leaf.level, leaf.low, leaf.high)));
    return usable(kernel.tlb?.lookup(cpu, address)) || usable(kernel.translate(address));
  }

  kernelPagePresent(page: number): boolean {
    const result = runTask(this.kernel.kernel_page_present(this.pfnOf(page)));
    return result.ended === 'returned' && result.value;
  }

  get counted(): readonly number[] {
    return this.kernel.direct_pages_count?.toArray() ?? [];
  }

  countLeaves(): readonly number[] {
    return countLeaves(this.kernel);
  }

  // ---- going back

  mark(): MachineMark {
    return { kernel: this.kernel.mark(), context: contextOf(this.kernel) };
  }

  /** As `Kernel.undo`, and whatever was held at `mark` is held again. */
  undo({ kernel, context }: MachineMark): void {
    this.kernel.undo(kernel);
    if (context !== undefined) restoreContext(this.kernel, context);
  }

  // ---- actions

  /** What was kept under a name, or undefined. */
  kept(name: string): number | undefined {
    const address = KEPT + this.#kept.indexOf(name) * 8;
    const { memory } = this.kernel;
    if (memory.low(address) === 0 && memory.high(address) === 0) return undefined;
    return Number(BigInt.asIntN(64, memory.word(address))) - 1;
  }

  #keep(name: string, value: number | undefined): void {
    const address = KEPT + this.#kept.indexOf(name) * 8;
    const word = value === undefined ? 0n : BigInt.asUintN(64, BigInt(value) + 1n);
    this.kernel.memory.write(address, Number(word & 0xffff_ffffn), Number(word >> 32n));
  }

  /** Whether all that the action needs has been kept, and there is room for what it keeps. */
  enabled(action: Action): boolean {
    return action.calls.every(({ with: values = [], at, keep }) => {
      const needs = [at, ...values].filter((each) => typeof each === 'string');
      return (
        needs.every((name) => this.kept(name) !== undefined) &&
        (keep === undefined || this.kept(keep) === undefined)
      );
    });
  }

  /** The calls of an action, one after the other. What they return is put into `returned` as they do. */
  *task(action: Action, returned: (number | undefined)[] = []): Task<readonly (number | undefined)[]> {
    for (const call of action.calls) {
      const value = yield* this.#call(call, action);
      returned.push(value);
      if (call.keep !== undefined && !isFailure(this.kernel.version.arch, call, value))
        this.#keep(call.keep, value);
      if (call.forget !== undefined) this.#keep(call.forget, undefined);
    }
    return returned;
  }

  #call(call: PatternCall, { first, pages }: Action): Task<number | undefined> {
    const { arch } = this.kernel.version;
    const { run } = callNamed(arch, call.name);
    const fixed = call.at === undefined && call.with?.some((value) => typeof value === 'string') !== true;
    if (!fixed) return run(this.kernel, kernelArgumentsOf(arch, call, this.#makers(first, pages)));
    const places = this.#arguments.get(call) ?? new Map<number, CallArgument[]>();
    this.#arguments.set(call, places);
    const place = first * (this.pageCount + 1) + pages;
    const args = places.get(place) ?? kernelArgumentsOf(arch, call, this.#makers(first, pages));
    places.set(place, args);
    return run(this.kernel, args);
  }

  #makers(first: number, pages: number) {
    return {
      page: () => this.pfnOf(first),
      address: () => this.kernel.page_address(this.pfnOf(first)),
      count: () => (pages === 0 ? this.pageCount : this.countOf(first, pages)),
      kept: (name: string) => this.kept(name) ?? 0,
      number: (value: number) => value,
    };
  }

  /**
   * Runs an action to its end on one CPU. `refuse(n)` says whether the n-th allocation, from 1, is refused. Events are
   * collected if `listen`.
   */
  run(
    action: Action,
    cpu: number,
    refuse: (allocation: number) => boolean,
    listen = false,
  ): Omit<Done, 'before'> {
    const { kernel } = this;
    const events: Event[] = [];
    if (listen) kernel.listen((event) => events.push(event));
    kernel.once.undo(0);
    const before = kernel.cpu;
    kernel.cpu = cpu;
    let allocations = 0;
    let refused = 0;
    const returned: (number | undefined)[] = [];
    runTask(this.task(action, returned), () => {
      const no = refuse(++allocations);
      if (no) refused++;
      return !no;
    });
    kernel.cpu = before;
    if (listen) kernel.listen(undefined);
    return { cpu, action, returned, allocations, refused, died: kernel.death, events };
  }
}

/** Of the kernel, what its journals do not have: locks, contexts. */
interface Context {
  holders: readonly (readonly number[])[];
  preempt: readonly number[];
  irqs: readonly number[];
  system_state: Kernel['system_state'];
}

/** A point to go back to. Most often nothing is held there and nobody is in an atomic context. */
export interface MachineMark {
  kernel: KernelMark;
  context: Context | undefined;
}

function contextOf(k: Kernel): Context | undefined {
  const cpus = k.machine.cpus;
  const holders = k.locks.map((lock) => ('owner' in lock ? [lock.owner] : [lock.writer, lock.readers]));
  const preempt = Array.from(k.preempt_count.subarray(0, cpus));
  const irqs = Array.from(k.irqs_disabled.subarray(0, cpus));
  const free = holders.every(([holder, readers = 0]) => holder === -1 && readers === 0);
  const plain = free && [...preempt, ...irqs].every((value) => value === 0) && k.system_state === 'RUNNING';
  return plain ? undefined : { holders, preempt, irqs, system_state: k.system_state };
}

function restoreContext(k: Kernel, { holders, preempt, irqs, system_state }: Context): void {
  k.locks.forEach((lock, i) => {
    const [holder = -1, readers = 0] = holders[i]!;
    if ('owner' in lock) lock.owner = holder;
    else {
      lock.writer = holder;
      lock.readers = readers;
    }
  });
  k.preempt_count.set(preempt);
  k.irqs_disabled.set(irqs);
  k.system_state = system_state;
}

/** Nothing to keep: NULL, or an errno. */
function isFailure(arch: Architecture, call: PatternCall, value: number | undefined): boolean {
  return value === undefined || (callNamed(arch, call.name).returns === 'int' && value < 0);
}

function bootFor(
  world: World,
  surroundings: Surroundings,
  bits: number,
  memory: SimulatedMemory | undefined,
) {
  const { version } = surroundings;
  const { config, boot } = buildOf(world, surroundings, bits);
  const small = bits < HARDWARE_BITS;
  const machine = version.arch.machine({
    ram: small ? smallRam(world, bits, version.arch) : FULL_RAM[world.leaf],
    cpus: Math.max(world.cpus ?? 1, surroundings.cpus ?? 1),
    page_size: pageSizeOf(version.arch),
    features: { ...featuresFor(world, bits, version.arch), ...surroundings.features },
    where: 'the claim',
    ...(small && { index_bits: bits }),
  });
  return version.arch.boot({ version, machine, config, boot, ...(memory === undefined ? {} : { memory }) });
}

/**
 * Memory of a small machine: as much as the upper half of the address space has room for, or enough of it. Where only
 * the lack of memory keeps boot from larger leaves than wanted, each block that one could map lacks its last PMD entry's worth.
 */
export function smallRam(world: World, bits: number, arch: Architecture): readonly MemoryRange[] {
  if (!needsSmallLeaves(world, bits) || arch.noPudLeaves !== undefined) {
    const pages = 2 ** (3 * bits);
    return [{ start: 0, end: pages * pageSizeOf(arch), type: 'RAM' }];
  }
  const page_size = pageSizeOf(arch);
  const block = 2 ** (2 * bits) * page_size;
  return Array.from({ length: SMALL_BLOCKS }, (_, i) => ({
    start: i * block,
    end: (i + 1) * block - 2 ** bits * page_size,
    type: 'RAM' as const,
  }));
}

/** Of every machine that is explored: the smallest that there is. */
export function pageSizeOf({ pageSizes }: Architecture): number {
  return pageSizes[0]!;
}

/** Pages that an entry at `level` maps. */
function pagesOf({ format }: Kernel, level: number): number {
  return 2 ** (format.levelShift(level) - format.pageShift);
}

/** The pages to explore. */
interface Explored {
  /** Their first frame. */
  base: number;
  /** Blocks that the allocator gave before. */
  passedOver: number;
  leafLevel: number;
  /** They are allocated. */
  isTaken: boolean;
}

/**
 * First frame of the pages to explore, all in one leaf of the world's size if there is one, owned by nobody but the callers.
 * Of free blocks the first that is not mapped as part of the image, too; those before it stay taken.
 */
function explorePages(k: Kernel, world: World, pages: number, bits: number): Explored {
  const wanted = LEAF_LEVEL[world.leaf];
  const full = bits === HARDWARE_BITS;
  const order = Math.log2(pages);
  for (let passedOver = 0; order <= MAX_ORDER; passedOver++) {
    const base = takeBlock(k, order);
    if (base === undefined) break;
    if (full && isOfImage(k, base)) continue;
    const level = k.leafAt(k.page_address(base))?.level;
    if (level !== undefined && isExplorable(k, level, wanted))
      return { base, passedOver, leafLevel: level, isTaken: true };
    break;
  }
  const found = full ? anyBlock(k, pages, wanted) : undefined;
  if (found !== undefined) return found;
  throw new NotModelledError(
    `a ${world.leaf} leaf to explore`,
    'this kernel, booted so, maps that memory otherwise',
  );
}

/** A block of RAM that a leaf of the wanted size maps, or one no worse: whoever has it. */
function anyBlock(k: Kernel, pages: number, wanted: number): Explored | undefined {
  let worse: Explored | undefined;
  for (const { type, start, end } of k.machine.memory) {
    const size = pages * k.page_size;
    if (type !== 'RAM') continue;
    for (let at = Math.ceil(start / size) * size; at + size <= end; at += size) {
      const base = at / k.page_size;
      const leafLevel = k.leafAt(k.page_address(base))?.level;
      if (leafLevel === undefined || isOfImage(k, base)) continue;
      if (leafLevel === wanted) return { base, passedOver: 0, leafLevel, isTaken: false };
      if (isExplorable(k, leafLevel, wanted)) worse ??= { base, passedOver: 0, leafLevel, isTaken: false };
    }
  }
  return worse;
}

/**
 * Smaller leaves than wanted are no worse. Larger ones are what a kernel does that was told to debug and does not mind, or
 * a window that no table makes.
 */
function isExplorable({ boot, format }: Kernel, level: number, wanted: number): boolean {
  return level <= wanted || (wanted === 1 && boot.debug_pagealloc) || level > format.levels;
}

function takeBlock(k: Kernel, order: number): number | undefined {
  const task = alloc_pages(k, GFP_KERNEL, order);
  return (k.memory.withoutJournal(() => runTask(task)) as { value: number | undefined }).value;
}

/** Whether pages lie between the kernel's text and its end: free since boot, they are mapped there, too. */
function isOfImage(k: Kernel, pfn: number): boolean {
  const { text, end } = k.sections ?? { text: 0, end: 0 };
  return pfn * k.page_size >= text && pfn * k.page_size < end;
}

function releasePages(k: Kernel, base: number, order: number): void {
  k.memory.withoutJournal(() => runTask(__free_pages(k, base, order)));
}

/** Frames that boot left free, without the explored ones; then frames beyond all RAM. */
function* tableFrames(
  free: readonly { start: number; end: number }[],
  base: number,
  pages: number,
): Generator<number> {
  for (const { start, end } of [...free].reverse()) {
    for (let pfn = end - 1; pfn >= start; pfn--) if (pfn < base || pfn >= base + pages) yield pfn;
  }
  for (let pfn = BEYOND_RAM; ; pfn++) yield pfn;
}
