/**
 * A machine to explore: a kernel booted in the world's geometry, with one leaf's worth of pages that all calls work on.
 *
 * In a small geometry these are all the pages of the leaf. In hardware's they stand for its 512 (or 512 x 512): page
 * i of the small leaf is page i of the large one, and the last stands for all the rest.
 */

import { NotModelledError } from '../../errors.ts';
import { bootX86 } from '../../linux/arch/x86/boot.ts';
import type { X86Kernel } from '../../linux/arch/x86/x86_kernel.ts';
import { type BootParameters, parseBootParameters } from '../../linux/boot_parameters.ts';
import type { CallArgument, KernelBuild } from '../../linux/call.ts';
import type { Config } from '../../linux/config.ts';
import { parseConfig } from '../../linux/config.ts';
import type { KernelMark } from '../../linux/kernel.ts';
import type { KernelVersion } from '../../linux/kernels.ts';
import type { Machine } from '../../linux/machine.ts';
import { qemuPcMemory } from '../../linux/machine.ts';
import { __free_pages, alloc_pages, GFP_KERNEL } from '../../linux/mm/page_alloc.ts';
import { runTask, type Task } from '../../linux/task.ts';
import type { SimulatedMemory } from '../../memory/simulated_memory.ts';
import { Tlb } from '../../mmu/tlb.ts';
import { countLeaves } from '../../scenario/observers.ts';
import type { Action, Done, Event, PageState, PatternCall, State, World } from '../claim.ts';
import { callNamed, expandActions, expandPattern, kernelArgumentsOf } from './actions.ts';
import { NamedFrames } from './frames.ts';

export const HARDWARE_BITS = 9;
const PAGE_SIZE = 4096;
/** Physical address of the first kept value, where no RAM is. */
const KEPT = 2 ** 51;
/** RAM of a full-size machine: no 1G leaf in the first, some in the second. */
export const FULL_RAM = { '4K': 2 ** 28, '2M': 2 ** 31, '1G': 2 ** 33 };
/** A frame in a 1G leaf of the second. */
export const FULL_1G_PFN = 0x100000;

/** What a user may set beside the claim's own world. */
export interface Surroundings {
  version: KernelVersion;
  /** Over the world's. */
  config?: readonly (readonly [string, string])[];
  boot?: string;
  /** Index bits per level. */
  geometry?: number;
  cpus?: number;
}

/** What the kernel is built and booted with, in a world. */
export function buildOf(
  world: World,
  { config, boot }: Surroundings,
  bits: number,
): { config: Config; boot: BootParameters } {
  const settings = [...Object.entries(world.config ?? {}), ...(config ?? [])] as [string, string][];
  const built = parseConfig(settings, '--config');
  return { config: built, boot: parseBootParameters(bootTextFor(world, boot, bits), built, '--boot') };
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

/** The same for a machine of so many index bits: a small one has no 2M leaves unless it has no 1G ones. */
export function bootTextFor(world: World, boot: string | undefined, bits: number): string {
  const no1G = world.leaf === '2M' && bits < HARDWARE_BITS ? 'nogbpages' : '';
  return [no1G, bootText(world, boot)].join(' ').trim();
}

/** Index bits of the small machine that a world means. */
export function smallBits(world: World): number {
  const bits = world.geometry ?? (world.leaf === '1G' ? 1 : 2);
  return Math.min(bits, 3);
}

export class CheckedMachine implements State {
  readonly kernel: X86Kernel;
  readonly world: World;
  readonly actions: readonly Action[];
  readonly frames: NamedFrames;
  readonly bits: number;
  readonly pageCount: number;
  /** Blocks that an allocator gives out before the explored one, and that nobody uses. */
  readonly passedOver: number;
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
    this.bits = surroundings.geometry ?? smallBits(world);
    this.#small = this.bits === HARDWARE_BITS ? smallBits(world) : this.bits;
    const levels = world.leaf === '1G' ? 2 : 1;
    this.pageCount = 2 ** (this.#small * levels);
    const { kernel, free } = bootFor(world, surroundings, this.bits, memory);
    this.kernel = kernel;
    const { base, passedOver } = explorePages(kernel, world, this.bits);
    this.#base = base;
    this.passedOver = passedOver;
    this.#blockPages = 2 ** (this.bits * levels);
    const block = Array.from({ length: this.#blockPages }, (_, i) => this.#base + i);
    this.frames = new NamedFrames(kernel.memory, {
      pages: block,
      tables: tableFrames(free, this.#base, block.length),
      pagesFree: world.pagesFree ?? false,
    });
    if (world.pagesFree) releasePages(kernel, this.#base, this.bits * levels);
    kernel.frames = this.frames;
    if (world.tlb) kernel.tlb = new Tlb(this.cpus);
    this.actions = expandActions(kernel, world, this.pageCount, this);
    const patterns = [...(world.first ?? []), ...world.calls];
    this.#kept = [...new Set(patterns.flatMap(({ calls }) => calls.flatMap((call) => call.keep ?? [])))];
    for (const pattern of world.first ?? []) {
      for (const action of expandPattern(pattern, 1, this.pageCount)) this.run(action, 0, () => false);
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
    return Math.floor(page / small) * 2 ** this.bits + (page % small);
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
    const key = (frameOffset * 8 + level) * 2 ** 32 + flags;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const { format } = this.kernel;
    const words = level === 0 ? ['no entry'] : format.describe(level, low, high);
    const state: PageState = {
      level,
      flags,
      frameOffset,
      present: words.includes('P'),
      writable: words.includes('RW'),
      executable: level !== 0 && !words.includes('NX'),
      text: words.filter((word) => word !== 'PSE').join(' '),
    };
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
    return this.kernel.direct_pages_count.toArray();
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
      if (call.keep !== undefined && !isFailure(call, value)) this.#keep(call.keep, value);
      if (call.forget !== undefined) this.#keep(call.forget, undefined);
    }
    return returned;
  }

  #call(call: PatternCall, { first, pages }: Action): Task<number | undefined> {
    const { run } = callNamed(call.name);
    const fixed = call.at === undefined && call.with?.some((value) => typeof value === 'string') !== true;
    if (!fixed) return run(this.kernel, kernelArgumentsOf(call, this.#makers(first, pages)));
    const places = this.#arguments.get(call) ?? new Map<number, CallArgument[]>();
    this.#arguments.set(call, places);
    const place = first * (this.pageCount + 1) + pages;
    const args = places.get(place) ?? kernelArgumentsOf(call, this.#makers(first, pages));
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
  system_state: X86Kernel['system_state'];
}

/** A point to go back to. Most often nothing is held there and nobody is in an atomic context. */
export interface MachineMark {
  kernel: KernelMark;
  context: Context | undefined;
}

function contextOf(k: X86Kernel): Context | undefined {
  const cpus = k.machine.cpus;
  const holders = k.locks.map((lock) => ('owner' in lock ? [lock.owner] : [lock.writer, lock.readers]));
  const preempt = Array.from(k.preempt_count.subarray(0, cpus));
  const irqs = Array.from(k.irqs_disabled.subarray(0, cpus));
  const free = holders.every(([holder, readers = 0]) => holder === -1 && readers === 0);
  const plain = free && [...preempt, ...irqs].every((value) => value === 0) && k.system_state === 'RUNNING';
  return plain ? undefined : { holders, preempt, irqs, system_state: k.system_state };
}

function restoreContext(k: X86Kernel, { holders, preempt, irqs, system_state }: Context): void {
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
function isFailure(call: PatternCall, value: number | undefined): boolean {
  return value === undefined || (callNamed(call.name).returns === 'int' && value < 0);
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
  const machine: Machine = {
    memory: small ? smallRam(bits) : qemuPcMemory(FULL_RAM[world.leaf]),
    cpus: Math.max(world.cpus ?? 1, surroundings.cpus ?? 1),
    paging_levels: 4,
    index_bits: bits,
    features: { gbpages: true, pcid: false, encryption_bit: world.encryption_bit },
  };
  const booted = bootX86({ version, machine, config, boot, ...(memory === undefined ? {} : { memory }) });
  return booted;
}

/** All that the upper half of the address space has room for, or enough of it. */
export function smallRam(bits: number): Machine['memory'] {
  const pages = Math.min(3 * 2 ** (4 * bits - 2), 2 ** 12);
  return [{ start: 0, end: pages * PAGE_SIZE, type: 'RAM' }];
}

/**
 * First frame of the pages to explore, all in one leaf of the world's size, owned by nobody but the callers. Of free
 * blocks the first that is not mapped as part of the image, too; those before it stay taken.
 */
function explorePages(k: X86Kernel, world: World, bits: number): { base: number; passedOver: number } {
  if (world.leaf === '1G' && bits === HARDWARE_BITS) return { base: FULL_1G_PFN, passedOver: 0 };
  const order = world.leaf === '1G' ? 2 * bits : bits;
  let base = takeBlock(k, order);
  let passedOver = 0;
  for (; bits === HARDWARE_BITS && isOfImage(k, base); passedOver++) base = takeBlock(k, order);
  const leaf = k.leafAt(k.page_address(base));
  const level = { '4K': 1, '2M': 2, '1G': 3 }[world.leaf];
  if (leaf?.level !== level) {
    throw new NotModelledError(
      `a ${world.leaf} leaf to explore`,
      'this kernel, booted so, maps that memory otherwise',
    );
  }
  return { base, passedOver };
}

function takeBlock(k: X86Kernel, order: number): number {
  const task = alloc_pages(k, GFP_KERNEL, order);
  const { value } = k.memory.withoutJournal(() => runTask(task)) as { value: number | undefined };
  if (value === undefined) throw new NotModelledError('the explored pages', 'no leaf of that size is free');
  return value;
}

/** Whether pages lie between the kernel's text and its end: free since boot, they are mapped there, too. */
function isOfImage(k: X86Kernel, pfn: number): boolean {
  return pfn * PAGE_SIZE >= k.image.text && pfn * PAGE_SIZE < k.image.brk_end;
}

function releasePages(k: X86Kernel, base: number, order: number): void {
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
  for (let pfn = 2 ** 28; ; pfn++) yield pfn;
}
