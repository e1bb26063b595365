/** One address or frame, explained: the walk to it, what is there, who else maps it, what the kernel would say of it. */

import { sizeName } from '../../mmu/describe.ts';
import type { VirtualAddress } from '../../mmu/format.ts';
import type { WalkStep } from '../../mmu/walk.ts';
import type { LeafAttributes, Region, Stretch } from '../address_space.ts';
import { signed } from '../arch/signed.ts';
import type { Machine } from '../machine.ts';
import { symbolAt } from '../symbols/symbol_at.ts';
import type { SymbolOffset, SymbolTable } from '../symbols/symbols.ts';
import { type Origin, originsOf } from './origins.ts';
import { kernelPagePresent, type Presence } from './presence.ts';

export interface ExplainedStep {
  readonly step: WalkStep;
  readonly levelName: string;
  readonly raw: bigint;
  /** The bits by name. */
  readonly names: string;
}

export interface Alias {
  readonly address: VirtualAddress;
  readonly region: Region;
  readonly leaf: LeafAttributes;
}

export interface Explanation {
  /** What was asked for, unsigned, to the byte. */
  readonly exact: bigint;
  /** Its page. */
  readonly address: VirtualAddress;
  readonly region: Region | undefined;
  /** Of the kernel image or a module; undefined where symbols do not tell. */
  readonly symbol: SymbolOffset | undefined;
  /** From the root down. Empty for an address that is not canonical. */
  readonly steps: readonly ExplainedStep[];
  /** What is at the end of the walk, if it is a leaf, present or not. */
  readonly leaf: LeafAttributes | undefined;
  /** The frame that the page is mapped to, or would be; in base pages. */
  readonly frame: number | undefined;
  /** The stretch of like leaves around it, and those before and behind that, where something is mapped. */
  readonly stretch: Stretch | undefined;
  readonly before: Stretch | undefined;
  readonly after: Stretch | undefined;
  /** Other addresses of the frame. */
  readonly aliases: readonly Alias[];
  readonly moreAliases: number;
  readonly presence: Presence;
  /** Of an entry that is not present: who leaves such ones. */
  readonly origins: readonly Origin[];
}

const MAX_ALIASES = 32;

/** `asked` is exact as a bigint only, signed or not. `symbols`: the user's, or those of `readKallsyms`. */
export function explain(
  machine: Machine,
  asked: VirtualAddress | bigint,
  symbols?: SymbolTable,
): Explanation {
  const exact = BigInt.asUintN(64, BigInt(asked));
  const page = signed(exact - (exact % BigInt(machine.pageBytes)));
  const steps = machine.walk(page);
  const last = steps.at(-1);
  const region = machine.regions.find(
    ({ start, end }) => start <= page && (page < end || (end === 0 && page < 0)),
  );
  const leaf = last === undefined ? undefined : leafOf(machine, last, steps);
  const frame = last === undefined || leaf === undefined ? undefined : frameOf(machine, last, page);
  return {
    exact,
    address: page,
    region,
    symbol: symbols && symbolAt(machine, exact, region, symbols),
    steps: steps.map((step) => explainStep(machine, step)),
    leaf,
    frame,
    ...neighbours(machine, page, region),
    ...aliasesOf(machine, frame, page),
    presence: kernelPagePresent(machine, directStep(machine, region, last, frame)),
    origins: leaf?.present === false ? originsOf(machine, leaf, region) : [],
  };
}

/** The end of the walk to the page's address in the direct map, if it is a page of memory that has one. */
function directStep(
  machine: Machine,
  region: Region | undefined,
  last: WalkStep | undefined,
  frame: number | undefined,
): WalkStep | undefined {
  if (region?.name === 'direct map') return last;
  const address = frame === undefined ? undefined : addressOfFrame(machine, frame);
  const { directMap } = machine;
  if (address === undefined || directMap === undefined) return undefined;
  return directMap.start <= address && address < directMap.end ? machine.walk(address).at(-1) : undefined;
}

/** The direct map's address of a frame, if it reaches so far. */
export function addressOfFrame(machine: Machine, frame: number): VirtualAddress | undefined {
  const { directMap, pageBytes } = machine;
  if (directMap?.offset === undefined) return undefined;
  const address = directMap.offset + frame * pageBytes;
  return directMap.start <= address && address < directMap.end ? address : undefined;
}

function explainStep({ format }: Machine, step: WalkStep): ExplainedStep {
  const { level, low, high } = step;
  return {
    step,
    levelName: format.levelName(level),
    raw: (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0),
    names: format.describe(level, low, high).join(' '),
  };
}

function leafOf(machine: Machine, last: WalkStep, steps: readonly WalkStep[]): LeafAttributes | undefined {
  if (last.kind !== 'leaf' && last.kind !== 'not-present') return undefined;
  const above = steps.slice(0, -1);
  const inherited = above.reduce(
    (bits, { level, low, high }) => bits | machine.format.restrictions(level, low, high),
    0,
  );
  return machine.attributesOf(last.level, last.low, last.high, last.kind === 'leaf', inherited);
}

function frameOf({ format, pageBytes }: Machine, last: WalkStep, page: VirtualAddress): number {
  const pages = 2 ** (format.levelShift(last.level) - format.pageShift);
  const inside = (((page / pageBytes) % pages) + pages) % pages;
  return format.leafFrame(last.level, last.low, last.high) + inside;
}

function neighbours(
  machine: Machine,
  page: VirtualAddress,
  region: Region | undefined,
): Pick<Explanation, 'stretch' | 'before' | 'after'> {
  let before: Stretch | undefined;
  let stretch: Stretch | undefined;
  if (region === undefined) return { stretch, before, after: undefined };
  for (const each of machine.stretches(region)) {
    const end = each.address + each.pages * machine.pageBytes;
    if (end <= page && end !== 0) {
      if (each.kind !== 'hole') before = each;
    } else if (each.address <= page) stretch = each;
    else if (each.kind !== 'hole') return { stretch, before, after: each };
  }
  return { stretch, before, after: undefined };
}

function aliasesOf(
  machine: Machine,
  frame: number | undefined,
  page: VirtualAddress,
): Pick<Explanation, 'aliases' | 'moreAliases'> {
  const aliases: Alias[] = [];
  let moreAliases = 0;
  if (frame === undefined) return { aliases, moreAliases };
  for (const region of machine.regions) {
    for (const stretch of machine.stretches(region)) {
      const { leaf } = stretch;
      if (leaf === undefined || stretch.frame === undefined) continue;
      if (frame < stretch.frame || frame >= stretch.frame + stretch.pages) continue;
      const address = stretch.address + (frame - stretch.frame) * machine.pageBytes;
      if (address === page) continue;
      if (aliases.length < MAX_ALIASES) aliases.push({ address, region, leaf });
      else moreAliases++;
    }
  }
  return { aliases, moreAliases };
}

/** "4K rw nx", "2M, not present". */
export function describeLeafAttributes(leaf: LeafAttributes): string {
  return `${sizeName(leaf.bytes)}${leaf.present ? ` ${leaf.access}` : ', not present'}`;
}
