/** What the texts of the architectures differ in: the contract of the files beside this one. */

import type { EntryFormat } from '../../mmu/format.ts';
import type { ArchName } from '../address_space.ts';
import type { Lines } from './lines.ts';

/** An address in pages of 4K, whatever the machine's pages are, from the lowest unsigned address: 0..2^52. */
export type Page4K = number;

export const PAGE_4K = 4096;
/** How many there are in 64 bits of address space, and where its upper half begins. */
export const ALL_PAGES = 2 ** 52;
export const UPPER_HALF = 2 ** 51;

/** What the columns behind the size say of the entries of a line. */
export interface Columns {
  readonly kind: 'leaf' | 'not-present' | 'hole';
  /** 1 for PTE, 2 for PMD, ... 5 for PGD, which is also the name of lower levels where the root is one; 0 if not told. */
  readonly level: number;
  /** An entry with the bits that the text shows, and zeros for all others; zeros for a hole. */
  readonly low: number;
  readonly high: number;
}

/** What all lines together tell of the machine. */
export interface TextMachine {
  readonly format: EntryFormat;
  /** The kernel's part of the address space. */
  readonly start: Page4K;
  readonly end: Page4K;
}

export interface LineFormat {
  readonly arch: ArchName;
  /** A whole line about a range. Groups: size, unit, all columns behind. Both addresses stand at the line's beginning. */
  readonly line: RegExp;
  /** Such a line for people, as an example. */
  readonly example: string;
  /** Whether the end is the last byte of the range, and not the first behind it. */
  readonly endIsLastByte: boolean;
  /** Whether holes have lines of their own. Otherwise they are what is between the lines. */
  readonly printsHoles: boolean;
  /** Whether all that comes before the first marker is the direct map. */
  readonly beginsWithDirectMap: boolean;
  /** Whether the direct map's first byte is physical address 0 in this architecture. */
  readonly directMapFromZero: boolean;
  /**
   * Physical address of the first page of a line, in 4K; NaN if it is not a multiple of that, undefined if all pages of
   * the line have one and the same. Absent where texts have none.
   */
  readonly readFrame?: (line: string) => Page4K | undefined;
  /** What these lines do not tell, for people, beside the entries themselves. */
  notTold(lines: Lines): readonly string[];
  /** undefined if they are none of this format. */
  readColumns(columns: string): Columns | undefined;
  /** undefined if there is nothing of a kernel's address space in the lines. */
  machine(lines: Lines): TextMachine | undefined;
}

/** The 16 digits at `at` of a line, NaN unless the low 12 bits are `low`. */
export function readPage(line: string, at: number, low = 0): Page4K {
  const lowHalf = Number.parseInt(line.slice(at + 8, at + 16), 16);
  if ((lowHalf & 0xfff) !== low) return Number.NaN;
  return Number.parseInt(line.slice(at, at + 8), 16) * 2 ** 20 + (lowHalf >>> 12);
}

/** Of formats with the physical address of each line's first page. */
export const FRAMES_BEHIND = 'physical addresses behind the first of a range, outside of the direct map';

const LEVELS: Readonly<Record<string, number>> = { PTE: 1, PMD: 2, PUD: 3, P4D: 4, PGD: 5 };

/** 1..5 for "PTE".."PGD", in capitals or not. */
export function levelOf(name: string): number {
  return LEVELS[name.toUpperCase()]!;
}

/** The first address of the upper half that is a boundary of a line, if there is one below the end. */
export function lowestKernelPage(lines: Lines): Page4K | undefined {
  for (let index = 0; index < lines.length; index++) {
    if (lines.start(index) >= UPPER_HALF) return lines.start(index);
    if (lines.end(index) >= UPPER_HALF && lines.end(index) < ALL_PAGES) return lines.end(index);
  }
  return undefined;
}
