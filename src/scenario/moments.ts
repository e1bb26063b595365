/** From the stream of events to the moments of a run that a reader goes through one by one. */

import type { KernelEvent } from '../linux/events.ts';
import type { Kernel } from '../linux/kernel.ts';
import { EntryKind, hexAddress, type VirtualAddress } from '../mmu/format.ts';
import { TableIndex } from '../mmu/table_index.ts';
import { eventWords, writeWords } from './event_words.ts';
import type { Step } from './outcome.ts';
import type { RunPosition, RunWatcher } from './run.ts';

/** Something that can be seen to happen. Plain data. */
export interface Moment {
  /** The step of the outcome that it belongs to; 0 where it is none's. */
  readonly step: number;
  readonly cpu: number;
  readonly kind: 'call' | 'return' | KernelEvent['kind'];
  /** In a few words: "writes PMD 0xffff888004200000: P RW A D PSE G NX -> - RW A D NX". */
  readonly text: string;
  /** Of an allocation, granted or refused: its number in the run, as `Choices` takes it. */
  readonly allocation?: number;
  /** Within an interleave(): which one, and which of its steps, both from 0. */
  readonly turn?: { readonly interleaving: number; readonly step: number };
  /** What it is about, "0xffff888004200000". */
  readonly address?: string;
  /** How many things had happened before, told or not. */
  readonly at: number;
}

/** Moments that are told of one run. */
export const MAX_MOMENTS = 50_000;

/** Listens to a run and writes its moments down. */
export class MomentLog implements RunWatcher {
  readonly moments: Moment[] = [];
  /** Whether there were more than can be told. */
  isCut = false;
  readonly #kernel: Kernel;
  readonly #index: TableIndex;
  readonly #steps = new Map<number, Step>();
  /** What each CPU's call was kept from so far: it is told once a call. */
  readonly #guards = new Map<number, Set<string>>();
  #count = 0;
  #position: RunPosition = { allocations: 0, interleaving: undefined };

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#index = new TableIndex(kernel.memory, kernel.format, kernel.root, kernel.kernel_range);
  }

  callBegins(step: Step): void {
    this.#steps.set(step.cpu, step);
    this.#guards.set(step.cpu, new Set());
    this.#add('call', step.cpu, step.call);
  }

  callEnds(step: Step): void {
    const { returned } = step;
    const text =
      returned === undefined ? 'never returns' : returned === 'void' ? 'returns' : `returns ${returned}`;
    this.#add('return', step.cpu, text);
    this.#steps.delete(step.cpu);
  }

  event(event: KernelEvent, position: RunPosition): void {
    this.#position = position;
    const text = event.kind === 'write' ? this.#written(event) : this.#words(event);
    if (text === undefined) this.#count++;
    else this.#add(event.kind, event.cpu, text, event);
  }

  #add(kind: Moment['kind'], cpu: number, text: string, event?: KernelEvent): void {
    const at = this.#count++;
    if (this.moments.length >= MAX_MOMENTS) {
      this.isCut = true;
      return;
    }
    const { allocations, interleaving } = this.#position;
    const address = event && this.#addressOf(event);
    const isAllocation = kind === 'allocated' || kind === 'refused';
    this.moments.push({
      step: this.#steps.get(cpu)?.step ?? 0,
      cpu,
      kind,
      text,
      ...(isAllocation && { allocation: allocations }),
      ...(interleaving && { turn: { interleaving: interleaving.number, step: interleaving.steps - 1 } }),
      ...(address !== undefined && { address: hexAddress(address) }),
      at,
    });
  }

  /** Nobody else sees the writes to a table that is not linked yet: they are not told. */
  #written(event: Extract<KernelEvent, { kind: 'write' }>): string | undefined {
    const { entry, oldLow, oldHigh, low, high } = event;
    const place = this.#index.placeOf(entry);
    if (place === undefined || (low === oldLow && high === oldHigh)) return undefined;
    const { format } = this.#kernel;
    const text = writeWords(event, place, format);
    if (place.level > 1 && format.kind(place.level, low, high) === EntryKind.Table) {
      this.#index.update([{ address: entry, oldLow, oldHigh, low, high }]);
    }
    return text;
  }

  #words(event: KernelEvent): string | undefined {
    switch (event.kind) {
      case 'guard':
        return this.#guarded(event);
      case 'access':
        return `${event.write ? 'writes' : 'reads'} ${hexAddress(event.address)}${event.stale ? ', which only a stale translation in the TLB lets pass' : ''}`;
      default:
        return eventWords(event, this.#kernel.format);
    }
  }

  #guarded({ cpu, where, because }: Extract<KernelEvent, { kind: 'guard' }>): string | undefined {
    const text = `${where}: ${because}`;
    const told = this.#guards.get(cpu);
    if (told?.has(text) === true) return undefined;
    told?.add(text);
    return text;
  }

  #addressOf(event: KernelEvent): VirtualAddress | undefined {
    switch (event.kind) {
      case 'write':
        return this.#index.placeOf(event.entry)?.address;
      case 'split':
      case 'collapse':
      case 'access':
      case 'clflush':
        return event.address;
      case 'refused':
        return event.table ? event.address : undefined;
      case 'allocated':
      case 'freed':
        return this.#kernel.page_address(event.pfn);
      case 'flush':
        return event.pages === 'all' ? undefined : event.address;
      default:
        return undefined;
    }
  }
}
