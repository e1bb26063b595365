/** The walk of an address in tables that are at hand, in the form in which the viewer shows walks. */

import type { PageSource } from '../../memory/physical_memory.ts';
import { describeProtection } from '../../mmu/describe.ts';
import { type EntryFormat, hexWord, Restriction, type VirtualAddress } from '../../mmu/format.ts';
import { type WalkStep, walkAddress } from '../../mmu/walk.ts';
import type { Step, Translation, Walk } from './viewer/page_tables.ts';

export function walkOf(tables: PageSource, format: EntryFormat, root: number, address: VirtualAddress): Walk {
  const found = walkAddress(tables, format, root, address);
  const steps = found.map((step) => stepOf(format, step, address));
  const stopped = found.length === 0 ? 'The address is not canonical: no table translates it.' : undefined;
  return { steps, translation: translationOf(format, found, address), stopped };
}

function stepOf(format: EntryFormat, step: WalkStep, address: VirtualAddress): Step {
  const { level, entryAddress, low, high, kind, why } = step;
  const isMissing = kind === 'missing';
  return {
    levelName: format.levelName(level),
    level,
    index: indexOf(format, level, address),
    entryAddress,
    raw: isMissing ? undefined : BigInt(hexWord(low, high)),
    kind: kind === 'shared' ? 'table' : kind,
    names: isMissing ? [] : format.describe(level, low, high),
    why,
    table: kind === 'table' ? format.tableAddress(level, low, high) : undefined,
  };
}

function indexOf(format: EntryFormat, level: number, address: VirtualAddress): number {
  const entries = 1n << BigInt(format.indexBits(level));
  return Number((BigInt.asUintN(64, BigInt(address)) >> BigInt(format.levelShift(level))) % entries);
}

function translationOf(
  format: EntryFormat,
  steps: readonly WalkStep[],
  address: VirtualAddress,
): Translation | undefined {
  const end = steps.at(-1);
  if (end === undefined || (end.kind !== 'leaf' && end.kind !== 'not-present')) return undefined;
  const { level, low, high } = end;
  const taken = steps
    .slice(0, -1)
    .reduce((sum, step) => sum | format.restrictions(step.level, step.low, step.high), 0);
  const flags = format.flags(level, low, high);
  const writable = format.writable(level, flags) && (taken & Restriction.NoWrite) === 0;
  const executable = format.executable(level, flags) && (taken & Restriction.NoExecute) === 0;
  const bytes = 2 ** format.levelShift(level);
  const inside = Math.floor((address - Math.floor(address / bytes) * bytes) / 2 ** format.pageShift);
  return {
    present: end.kind === 'leaf',
    bytes,
    frame: format.leafFrame(level, low, high) + inside,
    access: describeProtection(format, level, flags, { writable, executable }),
    user: format.user(level, flags) && (taken & Restriction.NoUser) === 0,
  };
}
