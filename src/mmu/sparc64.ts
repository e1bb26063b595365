/**
 * Entries of sparc64's tables, as on sun4v machines (T1 and later): bits, shifts, masks, nothing else.
 *
 *              63 62  61 60 59 58  57    56   55 ... 13  12 11 10  9  8   7   6  5   4    3   2..0
 *    leaf      V NFO  M  A  R  WR  SPEC HUGE  page frame IE  E CP CV  P EXEC  W  - PRES RSV   SZ
 *    table     -                      0       next table 0 ................................... 0
 *
 * V is what the hardware wants to be set; PRES is the kernel's. M, A, R, WR and SPEC are its own too, and so is HUGE, which
 * tells a leaf above the PTEs from the bare address of a table. W allows stores, EXEC execution, P keeps user space out. CP
 * and CV say that memory is cached, E that accesses have side effects. SZ is the size of the translation, from 8K by factors
 * of 8 to 16G; an entry of a larger translation is one part of it. (UltraSPARC Architecture 2007, 14.3.1;
 * arch/sparc/include/asm/pgtable_64.h.)
 *
 * The hardware does not walk these tables: the kernel does, when a translation is missing in its TSB.
 *
 * Values are in packed form (`EntryFlags`): entry bits 0..12 in place, 56..63 at 24..31.
 */

import { type EntryFlags, type EntryFormat, EntryKind } from './format.ts';

export const _PAGE_SZALL_4V = 7 << 0;
export const _PAGE_PRESENT_4V = 1 << 4;
export const _PAGE_W_4V = 1 << 6;
export const _PAGE_EXEC_4V = 1 << 7;
export const _PAGE_P_4V = 1 << 8;
export const _PAGE_CV_4V = 1 << 9;
export const _PAGE_CP_4V = 1 << 10;
export const _PAGE_E_4V = 1 << 11;
export const _PAGE_IE_4V = 1 << 12;
export const _PAGE_PMD_HUGE = 1 << 24;
export const _PAGE_SPECIAL_4V = 1 << 25;
export const _PAGE_WRITE_4V = 1 << 26;
export const _PAGE_READ_4V = 1 << 27;
export const _PAGE_ACCESSED_4V = 1 << 28;
export const _PAGE_MODIFIED_4V = 1 << 29;
export const _PAGE_NFO_4V = 1 << 30;
export const _PAGE_VALID = 1 << 31;

const FLAGS_LOW = 0x1fff;
const FLAGS_HIGH = 0xff00_0000 | 0;
const ADDRESS_HIGH = 0x00ff_ffff;

const LEVELS = 4;
const PAGE_SHIFT = 13;
/** A table fills a page. */
const INDEX_BITS = 10;
const LARGEST_LEAF_LEVEL = 3;

const LEVEL_NAMES = ['', 'PTE', 'PMD', 'PUD', 'PGD'] as const;
/** From bit 3 on, and from bit 56 on. */
const NAMES_LOW = ['RSV3', 'PRESENT', 'SOFT5', 'W', 'EXEC', 'P', 'CV', 'CP', 'E', 'IE'] as const;
const NAMES_HIGH = ['HUGE', 'SPECIAL', 'WRITE', 'READ', 'ACCESSED', 'MODIFIED', 'NFO', 'VALID'] as const;

export interface Sparc64Geometry {
  /** Of the tables of all levels, for a machine smaller than any hardware. */
  indexBits: number;
}

/** The entry format of one sparc64 machine. Pure: no method has an effect, all may be called on any 64 bits. */
export class Sparc64Format implements EntryFormat {
  readonly name = 'sparc64, sun4v';
  readonly levels = LEVELS;
  readonly pageShift = PAGE_SHIFT;
  readonly signExtended = true;
  readonly usualMemoryType = 'cached';
  readonly bigEndianTables = true;
  readonly #indexBits: number;

  constructor(geometry: Sparc64Geometry = { indexBits: INDEX_BITS }) {
    this.#indexBits = geometry.indexBits;
  }

  indexBits(_level: number): number {
    return this.#indexBits;
  }

  levelShift(level: number): number {
    return PAGE_SHIFT + this.#indexBits * (level - 1);
  }

  levelName(level: number): string {
    return LEVEL_NAMES[level]!;
  }

  kind(level: number, low: number, high: number): EntryKind {
    if (low === 0 && high === 0) return EntryKind.None;
    const valid = (high & _PAGE_VALID) !== 0;
    if (level === 1) return valid ? EntryKind.Leaf : EntryKind.NotPresentLeaf;
    if ((high & _PAGE_PMD_HUGE) === 0) {
      return (low & FLAGS_LOW) === 0 && (high & FLAGS_HIGH) === 0 ? EntryKind.Table : EntryKind.Bad;
    }
    if (level > LARGEST_LEAF_LEVEL) return EntryKind.Bad;
    if (!valid) return EntryKind.NotPresentLeaf;
    return addressOf(low, high) % 2 ** this.levelShift(level) === 0 ? EntryKind.Leaf : EntryKind.Bad;
  }

  tableAddress(_level: number, low: number, high: number): number {
    return addressOf(low, high);
  }

  leafFrame(level: number, low: number, high: number): number {
    const large = level > 1 && level <= LARGEST_LEAF_LEVEL && (high & _PAGE_PMD_HUGE) !== 0;
    const size = 2 ** (large ? this.levelShift(level) : PAGE_SHIFT);
    return (Math.floor(addressOf(low, high) / size) * size) / 2 ** PAGE_SHIFT;
  }

  flags(_level: number, low: number, high: number): EntryFlags {
    return (low & FLAGS_LOW) | (high & FLAGS_HIGH);
  }

  attributes(level: number, low: number, high: number): bigint {
    const flags = this.flags(level, low, high);
    return (BigInt((flags & FLAGS_HIGH) >>> 0) << 32n) | BigInt(flags & FLAGS_LOW);
  }

  /** Tables take nothing away. */
  restrictions(_level: number, _low: number, _high: number): number {
    return 0;
  }

  describe(level: number, low: number, high: number): readonly string[] {
    const flags = this.flags(level, low, high);
    const size = flags & _PAGE_SZALL_4V;
    return [
      ...(size === 0 ? [] : [`SZ=${size}`]),
      ...NAMES_LOW.filter((_, bit) => (flags & (1 << (bit + 3))) !== 0),
      ...NAMES_HIGH.filter((_, bit) => (flags & (1 << (bit + 24))) !== 0),
    ];
  }

  writable(_level: number, flags: EntryFlags): boolean {
    return (flags & _PAGE_W_4V) !== 0;
  }

  executable(_level: number, flags: EntryFlags): boolean {
    return (flags & _PAGE_EXEC_4V) !== 0;
  }

  user(_level: number, flags: EntryFlags): boolean {
    return (flags & _PAGE_P_4V) === 0;
  }

  memoryType(_level: number, flags: EntryFlags): string {
    if ((flags & _PAGE_E_4V) !== 0) return 'side effects';
    return (flags & _PAGE_CP_4V) !== 0 ? 'cached' : 'uncached';
  }

  mergeable(level: number, flags: EntryFlags): EntryFlags {
    return level === 1 ? flags : flags & ~(_PAGE_PMD_HUGE | _PAGE_SZALL_4V);
  }
}

function addressOf(low: number, high: number): number {
  return (high & ADDRESS_HIGH) * 2 ** 32 + ((low & ~FLAGS_LOW) >>> 0);
}
