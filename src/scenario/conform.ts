/**
 * Whether the model does what a real kernel did: replay a recording on the tables that it began with, and compare
 * every returned value, every changed entry, every allocation and the kernel's own counters, bit for bit.
 */

import { InputError, NotModelledError } from '../errors.ts';
import { X86_CALLS } from '../linux/arch/x86/calls.ts';
import { kernelOnDump } from '../linux/arch/x86/on_dump.ts';
import type { X86Kernel } from '../linux/arch/x86/x86_kernel.ts';
import { parseBootParameters } from '../linux/boot_parameters.ts';
import type { CallArgument, CallParameter, KernelCall } from '../linux/call.ts';
import { GENERIC_CALLS } from '../linux/calls.ts';
import { parseConfig } from '../linux/config.ts';
import { errnoText } from '../linux/errno.ts';
import { parseKernelVersion } from '../linux/kernels.ts';
import { memoryFromInclusive } from '../linux/machine.ts';
import type { FrameAllocator } from '../linux/mm/frame_allocator.ts';
import { runTask, type TablePurpose } from '../linux/task.ts';
import type { PageSource } from '../memory/physical_memory.ts';
import { describeEntry } from '../mmu/describe.ts';
import { hexAddress, hexWord, type VirtualAddress } from '../mmu/format.ts';
import { TableIndex } from '../mmu/table_index.ts';
import { Tlb } from '../mmu/tlb.ts';
import { _PAGE_ACCESSED, _PAGE_DIRTY, _PAGE_GLOBAL, _PAGE_PRESENT, _PAGE_RW } from '../mmu/x86_64.ts';
import type { AddedTable, ChangedRun, RecordedCall, Trace } from './trace.ts';

/** A difference between recording and model, ready to print. */
export interface Difference {
  call: number;
  name: string;
  /** What differs: "return value", "PMD 0xffff888102000000", "direct_pages_count", ... */
  what: string;
  expected: string;
  found: string;
}

/** Differences that a named rule explains, and that are therefore taken over into the model. */
export type AcceptedRule = 'hardware sets A and D' | 'page allocator under debug_pagealloc';

export interface Conformance {
  name: string;
  calls: number;
  /** Calls that only help the recording; their changes were taken over, not predicted. */
  applied: number;
  entries: number;
  differences: Difference[];
  accepted: Map<AcceptedRule, number>;
  /** Where the replay had to end, because the model does not do what comes next. */
  stopped: { call: number; because: string } | undefined;
}

/** Helper calls of the recordings: allocators, whose choices are theirs. */
const HELPERS: ReadonlySet<string> = new Set(['__get_free_pages', 'free_pages', 'vmalloc', 'vfree']);

/** Where pages go that the recording does not place: beyond any RAM. */
const UNPLACED_PFN = 2 ** 38;

/** Hands out the frames that the real kernel's allocator chose. */
class RecordedFrames implements FrameAllocator {
  readonly #placed = new Map<string, number>();
  #unplaced = UNPLACED_PFN;
  readonly freed: number[] = [];

  expect(added: readonly AddedTable[]): void {
    this.#placed.clear();
    this.freed.length = 0;
    for (const { level, va, table } of added) {
      this.#placed.set(`${level}:${Number(BigInt.asIntN(64, va))}`, Number(table / 4096n));
    }
  }

  allocate(order: number, purpose: TablePurpose | undefined): number {
    const key = purpose === undefined ? '' : `${purpose.level}:${purpose.address}`;
    const placed = this.#placed.get(key);
    if (placed !== undefined) {
      this.#placed.delete(key);
      return placed;
    }
    this.#unplaced += 2 ** order;
    return this.#unplaced - 2 ** order;
  }

  free(pfn: number, _order: number): void {
    this.freed.push(pfn);
  }

  lose(pfn: number, _order: number): void {
    this.freed.push(pfn);
  }

  mark(): number {
    return 0;
  }

  undo(_mark: number): void {}
}

interface Word {
  level: number;
  va: VirtualAddress;
  before: bigint | undefined;
  after: bigint;
}

function toAddress(value: bigint): VirtualAddress {
  return Number(BigInt.asIntN(64, value));
}

/** A 64-bit protection value packed into 32 bits. */
function packProt(value: bigint): number {
  return Number(value & 0x1fffn) | (Number((value >> 32n) & 0xfff0_0000n) | 0);
}

/** Replays one recording. */
export class Conformer {
  readonly #trace: Trace;
  readonly #kernel: X86Kernel;
  readonly #frames = new RecordedFrames();
  readonly #result: Conformance;
  readonly #stopAtFirst: boolean;
  /** Made when the first difference needs it. */
  #index: TableIndex | undefined;

  /** @throws InputError, NotModelledError if the recording is of something that the model does not have. */
  constructor(trace: Trace, tables: PageSource, options: { stopAtFirst: boolean }) {
    const { header, name } = trace;
    if (header.arch !== 'x86_64') {
      throw new NotModelledError(`architecture ${header.arch}`, 'only x86_64 is modelled', name);
    }
    this.#trace = trace;
    this.#stopAtFirst = options.stopAtFirst;
    this.#result = {
      name,
      calls: 0,
      applied: 0,
      entries: 0,
      differences: [],
      accepted: new Map(),
      stopped: undefined,
    };
    this.#kernel = this.#createKernel(tables);
  }

  #createKernel(tables: PageSource): X86Kernel {
    const { header, name, calls } = this.#trace;
    const debug = /(^|\s)debug_pagealloc=/.test(header.cmdline) ? 'y' : 'n';
    const config = parseConfig([['DEBUG_PAGEALLOC', debug]], name);
    const boot = parseBootParameters(header.cmdline, config, name);
    const kernel = kernelOnDump({
      tables,
      root: Number(header.root),
      machine: {
        memory: memoryFromInclusive(
          header.ram.map(([first, last]) => [Number(first), Number(last)]),
          name,
        ),
        cpus: 1,
        paging_levels: header.levels === 5 ? 5 : 4,
        index_bits: 9,
        features: { gbpages: true, pcid: false, encryption_bit: undefined },
      },
      version: versionOf(header.kernel, name),
      config,
      boot,
      page_offset: toAddress(header.pageOffset),
      direct_pages_count: calls.find((call) => call.directPages !== undefined)?.directPages?.[0] ?? [
        0, 0, 0, 0, 0,
      ],
      frames: this.#frames,
    });
    kernel.tlb = new Tlb(1);
    return kernel;
  }

  run(): Conformance {
    for (const call of this.#trace.calls) {
      try {
        this.#replay(call);
      } catch (error) {
        if (!(error instanceof NotModelledError)) throw error;
        this.#result.stopped = { call: call.i, because: error.message };
        break;
      }
      if (this.#stopAtFirst && this.#result.differences.length > 0) break;
    }
    return this.#result;
  }

  #replay(recorded: RecordedCall): void {
    const expected = this.#expectedWords(recorded);
    this.#takeOverForeignChanges(recorded, expected);
    if (HELPERS.has(recorded.call)) {
      this.#apply(expected);
      this.#result.applied++;
      return;
    }
    const call = findCall(recorded.call);
    const missing = call.missing?.(this.#kernel);
    if (missing !== undefined && recorded.call !== 'set_memory_p') {
      throw new NotModelledError(recorded.call, missing);
    }
    this.#frames.expect(recorded.added);

    const mark = this.#kernel.memory.mark();
    let allocations = 0;
    const refused: number[] = [];
    const result = runTask(call.run(this.#kernel, this.#arguments(call, recorded)), () => {
      allocations++;
      if (!recorded.refuse.includes(allocations)) return true;
      refused.push(allocations);
      return false;
    });

    this.#result.calls++;
    const ret = result.ended === 'halted' ? 'the machine died' : errnoText(result.value ?? 0);
    this.#compare(recorded, 'return value', recorded.ret === null ? '0' : errnoText(recorded.ret), ret);
    this.#compareWords(recorded, expected, mark);
    this.#compare(recorded, 'allocations refused', String(recorded.refused), String(refused));
    if (recorded.allocations !== undefined) {
      this.#compare(recorded, 'allocations', String(recorded.allocations), String(allocations));
    }
    if (recorded.directPages !== undefined) {
      const counted = this.#kernel.direct_pages_count.toArray();
      this.#compare(recorded, 'direct_pages_count', String(recorded.directPages[1]), String(counted));
    }
    const freed = this.#frames.freed.filter((pfn) => pfn < UNPLACED_PFN).sort((a, b) => a - b);
    const removed = recorded.removed.map((table) => Number(table / 4096n)).sort((a, b) => a - b);
    this.#compare(recorded, 'tables freed', hexList(removed), hexList(freed));
    this.#kernel.memory.commit();
  }

  #arguments(call: KernelCall<X86Kernel>, recorded: RecordedCall): CallArgument[] {
    return call.parameters.map((parameter) => this.#argument(parameter, recorded));
  }

  #argument(parameter: CallParameter, { i, args, lists }: RecordedCall): CallArgument {
    const { name, kind } = parameter;
    if (kind === 'pages') {
      const list = lists[name];
      if (list !== undefined) return list.map(Number);
    } else if (args[name] !== undefined) {
      if (kind === 'address') return toAddress(args[name] & ~0xfffn);
      return kind === 'prot' ? packProt(args[name]) : Number(args[name]);
    } else if (kind === 'page' && args.page !== undefined) {
      const { vmemmapBase, structPageSize } = this.#trace.header;
      return Number((args.page - (vmemmapBase ?? 0xffffea0000000000n)) / BigInt(structPageSize ?? 64));
    }
    if (parameter.default !== undefined) return parameter.default;
    throw new InputError({
      code: 'missing',
      what: `argument "${name}"`,
      where: `${this.#trace.name}: call ${i}`,
      hint: `it is a ${kind}`,
    });
  }

  /** Every word that the recording says has changed, by physical address. */
  #expectedWords(recorded: RecordedCall): Map<number, Word> {
    const words = new Map<number, Word>();
    for (const run of recorded.changed) expandChanged(run, words);
    for (const table of recorded.added) expandAdded(table, words);
    return words;
  }

  /** What happened to the recorded entries between calls, as far as a named rule explains it. */
  #takeOverForeignChanges(recorded: RecordedCall, expected: ReadonlyMap<number, Word>): void {
    for (const [address, word] of expected) {
      if (word.before === undefined) continue;
      const rule = this.#ruleFor(recorded, word, this.#kernel.memory.word(address), word.before);
      if (rule !== undefined) this.#takeOver(address, word.before, rule);
    }
  }

  /** The rule by which the real entry may differ from the model's, if there is one. */
  #ruleFor(recorded: RecordedCall, word: Word, model: bigint, real: bigint): AcceptedRule | undefined {
    if (onlyHardwareBits(model, real)) return 'hardware sets A and D';
    if (model !== real && this.#isPageAllocators(recorded, word, model, real)) {
      return 'page allocator under debug_pagealloc';
    }
    return undefined;
  }

  #takeOver(address: number, value: bigint, rule: AcceptedRule): void {
    this.#result.accepted.set(rule, (this.#result.accepted.get(rule) ?? 0) + 1);
    this.#kernel.memory.write(address, Number(value & 0xffff_ffffn), Number(value >> 32n));
  }

  #compareWords(recorded: RecordedCall, expected: ReadonlyMap<number, Word>, mark: number): void {
    const { memory } = this.#kernel;
    const changed = new Map(memory.changedSince(mark).map((word) => [word.address, word]));
    for (const [address, word] of expected) {
      this.#result.entries++;
      const found = memory.word(address);
      const was = changed.get(address);
      const before = was === undefined ? found : (BigInt(was.oldHigh) << 32n) | BigInt(was.oldLow);
      changed.delete(address);
      if (word.before !== undefined && before !== word.before) {
        this.#differEntry(recorded, word, 'before', word.before, before);
      } else if (found !== word.after) {
        const rule = this.#ruleFor(recorded, word, found, word.after);
        if (rule !== undefined) this.#takeOver(address, word.after, rule);
        else this.#differEntry(recorded, word, 'after', word.after, found);
      }
    }
    for (const { address, oldLow, oldHigh, low, high } of changed.values()) {
      const pfn = Math.floor(address / 4096);
      if (pfn >= UNPLACED_PFN || this.#frames.freed.includes(pfn)) continue;
      this.#differ(
        recorded,
        this.#nameOf(address),
        `unchanged ${hexWord(oldLow, oldHigh)}`,
        hexWord(low, high),
      );
    }
  }

  /**
   * Under debug_pagealloc, pages that the kernel allocates or frees for itself are mapped or unmapped; accepted for
   * pages outside of the request, if one entry is what __kernel_map_pages() makes of the other.
   */
  #isPageAllocators(recorded: RecordedCall, word: Word, model: bigint, real: bigint): boolean {
    const k = this.#kernel;
    if (!k.debug_pagealloc_key || word.level !== 1) return false;
    const first = recorded.args.addr === undefined ? undefined : toAddress(recorded.args.addr);
    const start = first ?? k.page_address(Number(recorded.args.pfn ?? -1n));
    const pages = Number(recorded.args.pages ?? 1n);
    if (word.va >= start && word.va < start + pages * 4096) return false;
    const flags = (entry: bigint) => k.format.flags(1, Number(entry & 0xffff_ffffn), Number(entry >> 32n));
    const dirty = k.has['np-clears-dirty'] ? _PAGE_DIRTY : 0;
    const unmapped = flags(model) & ~(_PAGE_PRESENT | _PAGE_RW | _PAGE_GLOBAL | dirty);
    const mapped = flags(model) | _PAGE_PRESENT | _PAGE_RW;
    const mappedAgain = unmapped | _PAGE_PRESENT | _PAGE_RW;
    // A mapped page may have been written since, whereupon the CPU sets D.
    return (
      flags(real) === unmapped ||
      [mapped, mappedAgain].some((each) => (flags(real) & ~_PAGE_DIRTY) === (each & ~_PAGE_DIRTY))
    );
  }

  #apply(words: ReadonlyMap<number, Word>): void {
    for (const [address, { after }] of words) {
      this.#kernel.memory.write(address, Number(after & 0xffff_ffffn), Number(after >> 32n));
    }
    this.#kernel.memory.commit();
  }

  #compare(recorded: RecordedCall, what: string, expected: string, found: string): void {
    if (expected !== found) this.#differ(recorded, what, expected, found);
  }

  #differEntry(recorded: RecordedCall, word: Word, when: string, expected: bigint, found: bigint): void {
    const { format } = this.#kernel;
    const show = (value: bigint) => {
      const low = Number(value & 0xffff_ffffn);
      const high = Number(value >> 32n);
      return `${hexWord(low, high)} ${describeEntry(format, word.level, low, high)}`;
    };
    const what = `${format.levelName(word.level)} ${hexAddress(word.va)} ${when}`;
    this.#differ(recorded, what, show(expected), show(found));
  }

  /** "PMD 0xffff888102000000", or where it lies if it hangs in no table. */
  #nameOf(entry: number): string {
    const { memory, format, root, kernel_range } = this.#kernel;
    this.#index ??= new TableIndex(memory, format, root, kernel_range);
    const place = this.#index.placeOf(entry);
    if (place === undefined) return `entry at physical 0x${entry.toString(16)}`;
    return `${format.levelName(place.level)} ${hexAddress(place.address)}`;
  }

  #differ(recorded: RecordedCall, what: string, expected: string, found: string): void {
    this.#result.differences.push({ call: recorded.i, name: recorded.call, what, expected, found });
  }
}

function expandChanged(run: ChangedRun, words: Map<number, Word>): void {
  const bytes = 2 ** (12 + 9 * (run.level - 1));
  for (let i = 0; i < run.count; i++) {
    const step = BigInt(i);
    words.set(Number(run.table) + (run.index + i) * 8, {
      level: run.level,
      va: toAddress(run.va) + i * bytes,
      before: BigInt.asUintN(64, run.before + step * run.beforeStride),
      after: BigInt.asUintN(64, run.after + step * run.afterStride),
    });
  }
}

function expandAdded(added: AddedTable, words: Map<number, Word>): void {
  const bytes = 2 ** (12 + 9 * (added.level - 1));
  for (let index = 0; index < 512; index++) {
    words.set(Number(added.table) + index * 8, {
      level: added.level,
      va: toAddress(added.va) + index * bytes,
      before: undefined,
      after: 0n,
    });
  }
  for (const run of added.runs) {
    for (let i = 0; i < run.count; i++) {
      const word = words.get(Number(added.table) + (run.index + i) * 8);
      if (word !== undefined) word.after = BigInt.asUintN(64, run.first + BigInt(i) * run.stride);
    }
  }
}

/** Whether `real` is `model` with A or D set by the CPU: A in any present entry, D in a writable one. */
function onlyHardwareBits(model: bigint, real: bigint): boolean {
  const set = real & ~model;
  if ((model & ~real) !== 0n || (model & 1n) === 0n) return false;
  const allowed = BigInt(_PAGE_ACCESSED) | ((model & BigInt(_PAGE_RW)) !== 0n ? BigInt(_PAGE_DIRTY) : 0n);
  return set !== 0n && (set & ~allowed) === 0n;
}

function findCall(name: string): KernelCall<X86Kernel> {
  const call = [...X86_CALLS, ...GENERIC_CALLS].find((each) => each.name === name);
  if (call === undefined) throw new NotModelledError(`call ${name}`, 'the model has no such function');
  return call;
}

/** The preset for a release; another patch level of a known series counts as that series. */
function versionOf(release: string, where: string) {
  const series = /^\d+\.\d+/.exec(release)?.[0] ?? release;
  return parseKernelVersion(series, where);
}

function hexList(pfns: readonly number[]): string {
  return pfns.length === 0 ? 'none' : pfns.map((pfn) => `pfn 0x${pfn.toString(16)}`).join(', ');
}
