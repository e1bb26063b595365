/** Writes down, step by step and in words, what the CPUs of an interleave() did. */

import { InputError } from '../errors.ts';
import type { KernelEvent } from '../linux/events.ts';
import type { Kernel } from '../linux/kernel.ts';
import type { PreemptionPoint } from '../linux/task.ts';
import type { VirtualAddress } from '../mmu/format.ts';
import type { EntryPlace, TableIndex } from '../mmu/table_index.ts';
import { entryRead } from './entry_read.ts';
import { entryReadWords, eventWords, placeWords, writeWords } from './event_words.ts';
import type { ResumePoint, StepWatcher } from './interleaver.ts';
import type { InterleavedStep, Interleaving } from './outcome.ts';

/** How many steps all the interleavings of a run may take. */
export const MAX_INTERLEAVED_STEPS = 100_000;

/** The call that a CPU is in. */
interface CallInProgress {
  readonly page: VirtualAddress | undefined;
  /** Frames that it got for tables. */
  readonly tables: Set<number>;
  /** Whether other pages may be meant: those that it allocated, or is about to free. */
  strayed: boolean;
}

export class InterleavingLog implements StepWatcher {
  readonly interleaving: Interleaving;
  readonly #kernel: Kernel;
  readonly #index: TableIndex;
  readonly #calls = new Map<number, CallInProgress>();
  readonly #maxSteps: number;
  readonly #where: string;

  #at: ResumePoint;
  #step: InterleavedStep;
  #busy = false;
  #callEnded = false;
  #accessed: VirtualAddress | undefined;
  /** The call in which the step began, as it was then. */
  #call: Readonly<CallInProgress> | undefined;

  /** An interleaving of more than `maxSteps` steps is refused, with `where` as its place. */
  constructor(
    kernel: Kernel,
    index: TableIndex,
    interleaving: Interleaving,
    maxSteps: number,
    where: string,
  ) {
    this.#kernel = kernel;
    this.#index = index;
    this.interleaving = interleaving;
    this.#maxSteps = maxSteps;
    this.#where = where;
    this.#step = { step: 0, cpu: 0, point: '', did: [] };
  }

  begins(cpu: number, at: ResumePoint): void {
    const { steps } = this.interleaving;
    if (steps.length >= this.#maxSteps) throw tooManySteps(this.#where);
    this.#at = at;
    this.#busy = false;
    this.#callEnded = false;
    this.#accessed = undefined;
    const call = this.#calls.get(cpu);
    this.#call = call && { ...call };
    this.#step = { step: steps.length + 1, cpu, point: 'start', did: [] };
    steps.push(this.#step);
  }

  /** The CPU that runs now begins a call, which is about `page` if it is about one. */
  callBegins(text: string, page: VirtualAddress | undefined): void {
    this.#calls.set(this.#step.cpu, { page, tables: new Set(), strayed: false });
    this.#note(text);
  }

  callReturns(value: string): void {
    this.#callEnded = true;
    this.#note(value === 'void' ? 'returns' : `returns ${value}`);
  }

  record(event: KernelEvent): void {
    this.#busy = true;
    this.#followCall(event);
    if (event.kind === 'access') this.#accessed ??= event.address;
    const words = event.kind === 'write' ? this.#written(event) : eventWords(event, this.#kernel.format);
    if (words !== undefined) this.#note(words);
  }

  ends(next: PreemptionPoint | undefined): boolean {
    const at = this.#at;
    if (at === undefined) return true;
    const waited = at.at === 'lock' && next?.at === 'lock' && next.what === at.what && !this.#busy;
    if (waited) this.#note(`waits for ${at.what}`);
    this.#step.point = at.at === 'read' ? this.#notePlaceRead(at, next) : this.#pointWords(at);
    return !waited;
  }

  #note(words: string): void {
    this.#busy = true;
    this.#step.did.push(words);
  }

  #followCall(event: KernelEvent): void {
    const call = this.#calls.get(event.cpu);
    if (call === undefined) return;
    if (event.kind === 'allocated' && event.table) call.tables.add(event.pfn);
    if (event.kind === 'allocated' || event.kind === 'collapse') call.strayed = true;
  }

  /** Nobody else sees the writes to a table that is not linked yet: they are not told. */
  #written(event: Extract<KernelEvent, { kind: 'write' }>): string | undefined {
    const { entry } = event;
    const announced = this.#at?.at === 'write' && this.#at.what === entry;
    const own = this.#calls.get(event.cpu)?.tables.has(Math.floor(entry / this.#kernel.page_size)) === true;
    if (own && !announced) return undefined;
    return writeWords(event, this.#index.placeOf(entry), this.#kernel.format);
  }

  #pointWords(at: PreemptionPoint): string {
    if (at.at === 'lock') return `lock ${at.what}`;
    if (at.at === 'flush') return 'flush';
    const place = this.#index.placeOf(Number(at.what));
    return place === undefined ? at.at : `${at.at} ${placeWords(this.#kernel.format, place)}`;
  }

  /** The read came before all else in the step. Nothing that others can see was written since. */
  #notePlaceRead(at: PreemptionPoint, next: PreemptionPoint | undefined): string {
    const { format, memory } = this.#kernel;
    const entry = entryRead(this.#kernel, this.#index, at, {
      accessed: this.#accessed,
      next: this.#callEnded ? undefined : next,
      page: this.#call?.strayed === false ? this.#call.page : undefined,
    });
    const place = entry === undefined ? undefined : this.#index.placeOf(entry);
    if (entry === undefined || place === undefined) {
      this.#step.did.unshift('walks the tables');
      return 'read';
    }
    const words = entryReadWords(format, place.level, memory.low(entry), memory.high(entry));
    this.#step.did.unshift(`reads ${this.#nameInCall(place)}: ${words}`);
    return `read ${placeWords(format, place)}`;
  }

  /** Without its address if it maps the page that the call is about. */
  #nameInCall(place: EntryPlace): string {
    const { format } = this.#kernel;
    const page = this.#call?.page;
    const bytes = 2 ** format.levelShift(place.level);
    const isThePage = page !== undefined && Math.floor(page / bytes) * bytes === place.address;
    return isThePage ? format.levelName(place.level) : placeWords(format, place);
  }
}

function tooManySteps(where: string): InputError {
  return new InputError({
    code: 'out-of-range',
    what: 'number of interleaved steps',
    where,
    found: `more than ${MAX_INTERLEAVED_STEPS}`,
    expected: `at most ${MAX_INTERLEAVED_STEPS} in one run`,
  });
}
