/** Events and entries in a few words each, for the account of an interleaving. */

import type { KernelEvent } from '../linux/events.ts';
import { describeEntry, levelSizeName, sizeName } from '../mmu/describe.ts';
import { type EntryFormat, EntryKind, hexAddress, hexWord } from '../mmu/format.ts';
import type { EntryPlace } from '../mmu/table_index.ts';

type Written = Extract<KernelEvent, { kind: 'write' }>;

/** What the event says that its CPU did. Undefined for what is told otherwise, or not worth a line. */
export function eventWords(event: KernelEvent, format: EntryFormat): string | undefined {
  const pages = (of: { table: boolean; order: number }) => pagesWords(of, 2 ** format.pageShift);
  switch (event.kind) {
    case 'allocated':
      return `allocates ${pages(event)}`;
    case 'refused':
      return `is refused ${pages(event)}`;
    case 'freed':
      return `frees ${pages(event)}`;
    case 'split':
      return `splits ${levelSizeName(format, event.level)} at ${hexAddress(event.address)}`;
    case 'collapse':
      return `collapses to ${levelSizeName(format, event.level)} at ${hexAddress(event.address)}`;
    case 'lock':
      return `takes ${lockWords(event)}`;
    case 'unlock':
      return `drops ${event.lock}`;
    case 'flush':
      return flushWords(event);
    case 'clflush':
      return `CLFLUSH at ${hexAddress(event.address)}`;
    case 'wbinvd':
      return 'WBINVD';
    case 'printk':
      return `console: ${event.text}`;
    case 'warn':
      return `console: WARNING: ${event.text}`;
    case 'unreported':
      return `not reported without ${event.option}: ${event.text}`;
    case 'access':
      return event.stale ? 'only a stale translation in the TLB lets this pass' : undefined;
    case 'died':
      return event.death.how === 'oops' ? `oops: ${event.death.text}` : event.death.text;
    case 'write':
      return undefined;
  }
}

function pagesWords({ table, order }: { table: boolean; order: number }, page_size: number): string {
  return table ? 'a page table' : `${sizeName(page_size * 2 ** order)} of memory`;
}

function lockWords({ lock, mode }: { lock: string; mode: 'spin' | 'read' | 'write' }): string {
  if (mode === 'spin') return lock;
  return `${lock} for ${mode === 'read' ? 'reading' : 'writing'}`;
}

function flushWords({ cpus, pages }: Extract<KernelEvent, { kind: 'flush' }>): string {
  const whose = cpus === 'all' ? "all CPUs' TLBs" : 'own TLB';
  if (pages === 'all') return `flushes ${whose}`;
  return `flushes ${pages} page${pages === 1 ? '' : 's'} from ${whose}`;
}

/** The entry's name: "PTE 0xffff888003e00000". */
export function placeWords(format: EntryFormat, { level, address }: EntryPlace): string {
  return `${format.levelName(level)} ${hexAddress(address)}`;
}

export function writeWords(event: Written, place: EntryPlace | undefined, format: EntryFormat): string {
  const { entry, oldLow, oldHigh, low, high } = event;
  if (place === undefined) {
    return `writes the entry at physical 0x${entry.toString(16)}: ${hexWord(oldLow, oldHigh)} -> ${hexWord(low, high)}`;
  }
  const before = entryWords(format, place.level, oldLow, oldHigh);
  return `writes ${placeWords(format, place)}: ${before} -> ${entryWords(format, place.level, low, high)}`;
}

/** The entry, and how much it maps if that is more than a page. */
export function entryReadWords(format: EntryFormat, level: number, low: number, high: number): string {
  const isLarge = level > 1 && format.kind(level, low, high) !== EntryKind.None;
  return `${entryWords(format, level, low, high)}${isLarge ? ` (${levelSizeName(format, level)})` : ''}`;
}

/** The bits of an entry, or that it is a table. */
function entryWords(format: EntryFormat, level: number, low: number, high: number): string {
  if (format.kind(level, low, high) === EntryKind.Table) return 'a table';
  return describeEntry(format, level, low, high);
}
