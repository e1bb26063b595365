/** From events to steps: what each kernel call did. Calls on several CPUs may overlap. */

import { InputError } from '../errors.ts';
import type { KernelEvent } from '../linux/events.ts';
import type { Kernel } from '../linux/kernel.ts';
import type { ChangedWord } from '../memory/simulated_memory.ts';
import { levelSizeName, sizeName } from '../mmu/describe.ts';
import { EntryKind, hexAddress } from '../mmu/format.ts';
import type { EntryPlace, TableIndex } from '../mmu/table_index.ts';
import { entryChanges } from './entry_changes.ts';
import { countLeaves, leavesBySize } from './observers.ts';
import type { Cost, Step } from './outcome.ts';

/** Each call is kept with all that it changed. */
const MAX_STEPS = 100_000;

type WriteEvent = Extract<KernelEvent, { kind: 'write' }>;

/** The call that a CPU is in. */
interface OpenStep {
  readonly step: Step;
  /** Where memory's journal stood when it began. */
  readonly mark: number;
  /** What it wrote, by address, if other calls overlap it: the journal has theirs as well. */
  readonly written: Map<number, ChangedWord>;
  readonly freed: Set<number>;
  /** Frames that it got for tables. */
  readonly tables: Set<number>;
}

export class StepRecorder {
  readonly steps: Step[] = [];
  readonly cost: Cost;
  readonly #kernel: Kernel;
  readonly #index: TableIndex;
  readonly #keepJournal: boolean;
  readonly #open = new Map<number, OpenStep>();

  /** Memory's journal is forgotten call by call, unless it is to be kept. */
  constructor(kernel: Kernel, index: TableIndex, keepJournal: boolean) {
    this.#kernel = kernel;
    this.#index = index;
    this.#keepJournal = keepJournal;
    this.cost = {
      splits: {},
      collapses: {},
      tablesAllocated: 0,
      tablesFreed: 0,
      flushesOfAll: 0,
      flushesOfPages: 0,
      localFlushes: 0,
      leavesBefore: leavesBySize(kernel, countLeaves(kernel)),
      leavesAfter: {},
    };
  }

  /** A call begins on the CPU that runs now. */
  begin(call: string, at: { line: number; column: number }, where: string): Step {
    if (this.steps.length >= MAX_STEPS) throw tooManySteps(where);
    const { cpu, memory } = this.#kernel;
    const step: Step = {
      step: this.steps.length + 1,
      cpu,
      line: at.line,
      column: at.column,
      call,
      returned: undefined,
      value: undefined,
      changes: [],
      refused: [],
      allocations: 0,
      splits: [],
      collapses: [],
      flushes: [],
      messages: [],
      unreported: [],
      staleAccess: false,
      died: undefined,
      expected: undefined,
      notAsPromised: undefined,
    };
    this.steps.push(step);
    const mark = memory.mark();
    this.#open.set(cpu, { step, mark, written: new Map(), freed: new Set(), tables: new Set() });
    return step;
  }

  /** The call that runs on this CPU has ended: its changes are known. */
  end(): void {
    const { cpu, interleaved } = this.#kernel;
    const open = this.#open.get(cpu)!;
    this.#open.delete(cpu);
    if (interleaved) this.#noteOverlapping(open);
    else this.#noteChanges(open);
  }

  /** Interleaved calls that have not ended never will. */
  cutOff(): void {
    for (const open of this.#open.values()) this.#noteOverlapping(open);
    this.#open.clear();
  }

  #noteChanges({ step, mark, freed }: OpenStep): void {
    const { memory, format } = this.#kernel;
    const changed = memory.changedSince(mark);
    this.#index.update(changed);
    step.changes = entryChanges(changed, this.#index, format, freed);
    if (!this.#keepJournal) memory.commit();
  }

  #noteOverlapping(open: OpenStep): void {
    const index = { placeOf: (entry: number) => this.#placeFor(open, entry) };
    const changed = wordsThatDiffer(open.written);
    open.step.changes = entryChanges(changed, index, this.#kernel.format, open.freed);
  }

  /** A table is new to the call that made it, whatever else has changed meanwhile. */
  #placeFor({ tables }: OpenStep, entry: number): EntryPlace | undefined {
    const place = this.#index.placeOf(entry);
    return place && { ...place, isNew: tables.has(Math.floor(entry / this.#kernel.page_size)) };
  }

  record(event: KernelEvent): void {
    const open = this.#open.get(event.cpu);
    if (open === undefined) return;
    const { step } = open;
    const { format } = this.#kernel;
    switch (event.kind) {
      case 'write':
        if (this.#kernel.interleaved) this.#noteWrite(open, event);
        break;
      case 'allocated':
        step.allocations++;
        if (event.table) {
          open.tables.add(event.pfn);
          this.cost.tablesAllocated++;
        }
        break;
      case 'refused':
        step.allocations++;
        step.refused.push({
          what: event.table
            ? 'page table'
            : `${sizeName(this.#kernel.page_size * 2 ** event.order)} of memory`,
          purpose: event.table ? this.#purposeOf(event.level, event.address) : '',
        });
        break;
      case 'freed':
        open.freed.add(event.pfn);
        if (event.table) this.cost.tablesFreed++;
        break;
      case 'split': {
        const level = levelSizeName(format, event.level);
        step.splits.push({ level, address: hexAddress(event.address) });
        this.cost.splits[level] = (this.cost.splits[level] ?? 0) + 1;
        break;
      }
      case 'collapse': {
        const level = levelSizeName(format, event.level);
        step.collapses.push({ level, address: hexAddress(event.address) });
        this.cost.collapses[level] = (this.cost.collapses[level] ?? 0) + 1;
        break;
      }
      case 'flush':
        step.flushes.push({ cpus: event.cpus, pages: event.pages });
        if (event.cpus === 'local') this.cost.localFlushes++;
        else if (event.pages === 'all') this.cost.flushesOfAll++;
        else this.cost.flushesOfPages++;
        break;
      case 'printk':
        step.messages.push(event.text);
        break;
      case 'warn':
        step.messages.push(`WARNING: ${event.text}`);
        break;
      case 'unreported':
        step.unreported.push({ option: event.option, text: event.text });
        break;
      case 'access':
        step.staleAccess ||= event.stale;
        break;
      default:
    }
  }

  #noteWrite({ written }: OpenStep, event: WriteEvent): void {
    const { entry: address, oldLow, oldHigh, low, high } = event;
    const first = written.get(address);
    if (first === undefined) written.set(address, { address, oldLow, oldHigh, low, high });
    else written.set(address, { ...first, low, high });
    const level = this.#index.placeOf(address)?.level ?? 0;
    if (level > 1 && this.#kernel.format.kind(level, low, high) === EntryKind.Table) {
      this.#index.update([{ address, oldLow, oldHigh, low, high }]);
    }
  }

  /** What a table of `level` at `address` was wanted for. */
  #purposeOf(level: number, address: number): string {
    const size = levelSizeName(this.#kernel.format, level + 1);
    const splits = this.#kernel.leafAt(address)?.level === level + 1;
    return splits
      ? `to split the ${size} leaf at ${hexAddress(address)}`
      : `for ${size} at ${hexAddress(address)}`;
  }
}

function wordsThatDiffer(written: ReadonlyMap<number, ChangedWord>): ChangedWord[] {
  return [...written.values()].filter((word) => word.low !== word.oldLow || word.high !== word.oldHigh);
}

function tooManySteps(where: string): InputError {
  return new InputError({
    code: 'out-of-range',
    what: 'number of kernel calls',
    where,
    found: `more than ${MAX_STEPS}`,
    expected: `at most ${MAX_STEPS} in one run`,
  });
}
