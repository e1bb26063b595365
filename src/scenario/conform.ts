/**
 * Whether the model does what a real kernel did: replay a recording on the tables that it began with, and compare
 * every returned value, every changed entry, every allocation and the kernel's own counters, bit for bit.
 */

import { InputError, NotModelledError } from '../errors.ts';
import { ARCHITECTURES } from '../linux/arch/index.ts';
import type { Architecture } from '../linux/architecture.ts';
import type { CallArgument, CallParameter, KernelCall } from '../linux/call.ts';
import { parseConfig } from '../linux/config.ts';
import { errnoText } from '../linux/errno.ts';
import type { Kernel } from '../linux/kernel.ts';
import { parseKernelVersion } from '../linux/kernels.ts';
import { memoryFromInclusive } from '../linux/machine.ts';
import type { FrameAllocator } from '../linux/mm/frame_allocator.ts';
import { is_kfence_address } from '../linux/mm/kfence/core.ts';
import { VM_ALLOC } from '../linux/mm/vmalloc.ts';
import { runTask, type TablePurpose } from '../linux/task.ts';
import type { PageSource } from '../memory/physical_memory.ts';
import { describeEntry } from '../mmu/describe.ts';
import { type EntryFormat, hexAddress, hexWord, type VirtualAddress } from '../mmu/format.ts';
import { TableIndex } from '../mmu/table_index.ts';
import { Tlb } from '../mmu/tlb.ts';
import { callsOf, packedProt } from './script_calls.ts';
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
export type AcceptedRule =
  | 'set by the hardware'
  | 'page allocator under debug_pagealloc'
  | "KFENCE's objects";

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
  page_size = 4096;

  expect(added: readonly AddedTable[]): void {
    this.#placed.clear();
    this.freed.length = 0;
    for (const { level, va, table } of added) {
      this.#placed.set(`${level}:${Number(BigInt.asIntN(64, va))}`, Number(table) / this.page_size);
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

/** Replays one recording. */
export class Conformer {
  readonly #trace: Trace;
  readonly #kernel: Kernel;
  readonly #frames = new RecordedFrames();
  readonly #result: Conformance;
  readonly #stopAtFirst: boolean;
  /** Made when the first difference needs it. */
  #index: TableIndex | undefined;

  /** @throws InputError, NotModelledError if the recording is of something that the model does not have. */
  constructor(trace: Trace, tables: PageSource, options: { stopAtFirst: boolean }) {
    const { name } = trace;
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

  #createKernel(tables: PageSource): Kernel {
    const { header, name, calls } = this.#trace;
    const arch = ARCHITECTURES.find(
      (each) => each.name === header.arch || each.aliases.includes(header.arch),
    );
    if (arch === undefined)
      throw new NotModelledError(`architecture ${header.arch}`, 'the model has none', name);
    const debug = /(^|\s)debug_pagealloc=/.test(header.cmdline) ? 'y' : 'n';
    const config = parseConfig([['DEBUG_PAGEALLOC', debug]], name, arch);
    const ram = header.ram.map(([first, last]) => [Number(first), Number(last)] as const);
    const kernel = arch.onTables({
      tables,
      root: Number(header.root),
      levels: header.levels,
      page_size: header.pageSize,
      memory: memoryFromInclusive(ram, name),
      cpus: 1,
      version: versionOf(header.kernel, name, arch),
      config,
      boot: arch.parseBoot(header.cmdline, config, name),
      page_offset: toAddress(header.pageOffset),
      phys_offset: toAddress(header.physOffset),
      direct_pages_count: calls.find((call) => call.directPages !== undefined)?.directPages?.[0] ?? [],
      frames: this.#frames,
      facts: header.facts,
    });
    this.#frames.page_size = kernel.page_size;
    kernel.tlb = new Tlb(1, kernel.page_size);
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
      this.#noteArea(recorded, expected);
      this.#result.applied++;
      return;
    }
    const call = findCall(this.#kernel.version.arch, recorded.call);
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
      const counted = this.#kernel.direct_pages_count?.toArray() ?? [];
      this.#compare(recorded, 'direct_pages_count', String(recorded.directPages[1]), String(counted));
    }
    const freed = this.#frames.freed.filter((pfn) => pfn < UNPLACED_PFN).sort((a, b) => a - b);
    const { page_size } = this.#kernel;
    const removed = recorded.removed.map((table) => Number(table) / page_size).sort((a, b) => a - b);
    this.#compare(recorded, 'tables freed', hexList(removed), hexList(freed));
    this.#kernel.memory.commit();
  }

  #arguments(call: KernelCall, recorded: RecordedCall): CallArgument[] {
    const { args, lists } = recorded;
    // Of a function that the recorder did not know, there are registers only: its parameters in their order.
    const named = call.parameters.map(({ name }, at) => [name, args[name] ?? lists.regs?.[at]] as const);
    const known = Object.fromEntries(
      named.flatMap(([name, arg]) => (arg === undefined ? [] : [[name, arg]])),
    );
    return call.parameters.map((parameter) =>
      this.#argument(parameter, { ...recorded, args: { ...args, ...known } }),
    );
  }

  #argument(parameter: CallParameter, { i, args, lists }: RecordedCall): CallArgument {
    const { name, kind } = parameter;
    if (kind === 'pages') {
      const list = lists[name];
      if (list !== undefined) return list.map(Number);
    } else if (args[name] !== undefined) {
      const within = parameter.unaligned ? 0n : BigInt(this.#kernel.page_size - 1);
      if (kind === 'address') return toAddress(args[name] & ~within);
      return kind === 'prot' ? packedProt(this.#kernel, args[name]) : Number(args[name]);
    } else if (kind === 'page' && args.page !== undefined) {
      const { vmemmapBase, structPageSize } = this.#trace.header;
      const { vmemmap } = this.#kernel;
      const known = vmemmap === undefined ? undefined : BigInt.asUintN(64, BigInt(vmemmap));
      const base = vmemmapBase ?? known;
      if (base !== undefined) return Number((args.page - base) / BigInt(structPageSize ?? 64));
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
    for (const run of recorded.changed) expandChanged(this.#kernel.format, run, words);
    for (const table of recorded.added) expandAdded(this.#kernel.format, table, words);
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
    if (this.#kernel.changedByHardware(word.level, model, real)) return 'set by the hardware';
    if (model !== real && this.#isPageAllocators(recorded, word, model, real)) {
      return 'page allocator under debug_pagealloc';
    }
    if (model !== real && this.#isKfences(word, model, real)) return "KFENCE's objects";
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
      const pfn = Math.floor(address / this.#kernel.page_size);
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
    if (word.va >= start && word.va < start + pages * k.page_size) return false;
    return k.changedByPageAllocator(word.level, model, real);
  }

  /** Pages of KFENCE's pool are opened and closed as objects come and go. */
  #isKfences({ level, va }: Word, model: bigint, real: bigint): boolean {
    return is_kfence_address(this.#kernel, va) && this.#kernel.changedByKfence(level, model, real);
  }

  #apply(words: ReadonlyMap<number, Word>): void {
    for (const [address, { after }] of words) {
      this.#kernel.memory.write(address, Number(after & 0xffff_ffffn), Number(after >> 32n));
    }
    this.#kernel.memory.commit();
  }

  /** What vmalloc() and vfree() did to the kernel's list of areas, as far as the tables tell. */
  #noteArea({ call, args, ret }: RecordedCall, words: ReadonlyMap<number, Word>): void {
    const { vmap_areas, format, page_size } = this.#kernel;
    if (call === 'vfree' && args.addr !== undefined) vmap_areas.delete(toAddress(args.addr));
    if (call !== 'vmalloc' || ret === null) return;
    const pages = [...words.values()]
      .filter(({ level, va, after }) => level === 1 && va >= ret && after !== 0n)
      .sort((a, b) => a.va - b.va)
      .filter(({ va }, i) => va === ret + i * page_size)
      .map(({ after }) => format.leafFrame(1, Number(after & 0xffff_ffffn), Number(after >> 32n)));
    const size = (pages.length + 1) * page_size;
    vmap_areas.set(ret, { addr: ret, size, pages, flags: VM_ALLOC, page_order: 0, lazily_freed: false });
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

function expandChanged(format: EntryFormat, run: ChangedRun, words: Map<number, Word>): void {
  const bytes = 2 ** format.levelShift(run.level);
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

function expandAdded(format: EntryFormat, added: AddedTable, words: Map<number, Word>): void {
  const bytes = 2 ** format.levelShift(added.level);
  for (let index = 0; index < 2 ** format.indexBits(added.level); index++) {
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

function findCall(arch: Architecture, name: string): KernelCall {
  const call = callsOf(arch).get(name);
  if (call === undefined) throw new NotModelledError(`call ${name}`, 'the model has no such function');
  return call;
}

/** The preset for a release; another patch level of a known series counts as that series. */
function versionOf(release: string, where: string, arch: Architecture) {
  const series = /^\d+\.\d+/.exec(release)?.[0] ?? release;
  return parseKernelVersion(series, where, arch);
}

function hexList(pfns: readonly number[]): string {
  return pfns.length === 0 ? 'none' : pfns.map((pfn) => `pfn 0x${pfn.toString(16)}`).join(', ');
}
