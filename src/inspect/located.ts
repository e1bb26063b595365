/** What an architecture's file is given, and what it finds: where the page tables are and how they are laid out. */

import { InputError } from '../errors.ts';
import type { MachineMemory } from '../memory/machine_memory.ts';
import type { EntryFormat, VirtualAddress } from '../mmu/format.ts';
import type { AddressRange } from '../mmu/walk.ts';
import type { ArchName, DirectMap, Region } from './address_space.ts';
import type { SymbolTable } from './symbols/symbols.ts';

/** What the user says of a machine that does not tell by itself. */
export interface Hints {
  arch?: ArchName | undefined;
  /** Physical address of the top table; on s390x it may be an ASCE, on x86_64 a CR3. */
  root?: number | undefined;
  levels?: number | undefined;
  /** Virtual address of physical 0 in the direct map, or of what the architecture starts it with. */
  pageOffset?: VirtualAddress | undefined;
  symbols?: SymbolTable | undefined;
}

/** What an architecture's file finds. */
export interface Located {
  readonly arch: ArchName;
  readonly format: EntryFormat;
  /** Physical address of the top table. */
  readonly root: number;
  /** What is the kernel's of the address space. */
  readonly space: AddressRange;
  /** In what part of it the direct map is; undefined where page tables do not map it, and `windows` says what does. */
  readonly directMapWithin: AddressRange | undefined;
  /** What its offset is a multiple of, where that is more than 1M: mappings of vmalloc() are not. */
  readonly directMapStep?: number;
  readonly windows?: string;
  /** Virtual minus physical address of the kernel image, if that is known. */
  readonly imageOffset: number | undefined;
  /** Whether the kernel's own records of these tables count leaves that are not present, as on x86. */
  readonly countsNotPresent: boolean;
  /** What told where the top table is, for people: "VMCOREINFO". */
  readonly rootFrom: string;
  /** How the rest was found: "4 levels from CR4". */
  readonly found: readonly string[];
  /** What it rests on that may be wrong. */
  readonly doubts: readonly string[];
  /** The parts of `space`. `mapped` are those that are not empty, in ascending order. */
  regions(directMap: DirectMap | undefined, mapped: readonly AddressRange[]): Region[];
}

export type Locate = (memory: MachineMemory, hints: Hints, where: string) => Located;

/** For what a source does not tell: the option that does. */
export function notTold(what: string, hint: string, where: string): InputError {
  return new InputError({ code: 'missing', what, where, hint });
}

/** @throws InputError where the user gives a depth that the architecture does not have. */
export function checkLevels({ levels }: Hints, possible: readonly number[]): void {
  if (levels === undefined || possible.includes(levels)) return;
  throw new InputError({
    code: 'out-of-range',
    what: 'number of levels',
    where: '--levels',
    found: `${levels}`,
    expected: possible.join(', '),
  });
}

/** For a source that does not tell where the top table is; `what` of its VMCOREINFO would. */
export function rootNotTold(
  { vmcoreinfo }: MachineMemory,
  where: string,
  what = 'SYMBOL(swapper_pg_dir)',
): InputError {
  return notTold(
    vmcoreinfo === undefined ? 'VMCOREINFO' : `${what} in VMCOREINFO`,
    'so the top table is not known: --root ADDRESS (that of swapper_pg_dir) or --symbols gives it',
    where,
  );
}

/** Virtual address of the top table, unsigned, and who told it. */
export function topTableSymbol(
  { vmcoreinfo }: MachineMemory,
  { symbols }: Hints,
): { symbol: bigint; from: string } | undefined {
  const told = vmcoreinfo?.symbol('swapper_pg_dir');
  if (told !== undefined) return { symbol: told, from: 'VMCOREINFO' };
  const named = symbols?.address('swapper_pg_dir');
  return named === undefined ? undefined : { symbol: named, from: '--symbols' };
}
