/**
 * s390x table entries: what the hardware reads, nothing else.
 *
 *               63 ........ 31 .. 20 19..17  16  15..11   10   9   8  7 6  5   4  3 2  1 0
 *    PTE        frame .............................. 12 0  I   RO  NX  software
 *    segment    frame ..............  res.  AV   ACC F  FC=1  RO  NX       I   CS 0 0        a leaf of 1M (EDAT-1)
 *               page table .................. (from 11) FC=0  RO           I   CS 0 0
 *    region-3   frame .....   reserved      AV   ACC F  FC=1  RO  NX       I   CR 0 1        a leaf of 2G (EDAT-2)
 *    region     table one level down ... (from 12)  0  0  RO      TF    I      TT   TL
 *
 * I is "invalid", RO (P in the manuals) protects from writing, also what lies below a table, FC tells a leaf from a
 * table. TT is the type of the table that has the entry: 0 segment, 1..3 region-third to region-first. TF and TL are
 * the first and the last quarter of the table named. CS and CR say that all address spaces share it. AV makes ACC and F
 * a storage key; without it they are free, as all bits of no name are: Linux keeps there whether a page is young or
 * dirty, in places that changed with the version.
 * (z/Architecture Principles of Operation, "Dynamic Address Translation"; arch/s390/include/asm/pgtable.h.)
 *
 * Page tables have 256 entries (2K, two to a page), all others 2048 (16K). Where there is nothing Linux writes I alone,
 * in a region table with TT beside it; an entry of zeros is a valid one.
 *
 * A geometry may be smaller than the hardware's. Its large leaves keep their bits where the hardware has them, and count
 * in units of their own size above those: bit 20 of a segment's leaf is the first of its number, whatever it covers.
 *
 * `Bad` is what the hardware refuses, and what it may allow but Linux never writes: a table of fewer than four
 * quarters (a walk could not stay inside it), FC above region-third, an address of more than 52 bits (no machine has
 * such memory), and an invalid entry above the PTEs that is neither empty nor a leaf.
 *
 * Packed values (`EntryFlags`) are the entry's bits below its frame, in place.
 */

import { type EntryFlags, type EntryFormat, EntryKind, Restriction } from './format.ts';

export const _PAGE_NOEXEC = 0x100;
export const _PAGE_PROTECT = 0x200;
export const _PAGE_INVALID = 0x400;
/** Must be zero in a valid PTE. */
const PTE_ZERO = 0x800;

/** Above the PTEs; NOEXEC and PROTECT are where a PTE has them. */
export const _REGION_ENTRY_INVALID = 0x20;
export const _SEGMENT_ENTRY_LARGE = 0x400;

const TABLE_TYPE = 0x0c;
const TABLE_PART = 0xc3;
const WHOLE_TABLE = 0x03;
const COMMON = 0x10;
const ACCESS_VALID = 0x1_0000;

/** Address bits 32..51 in the high half, and those above, which no machine has. */
const ADDRESS_HIGH = 0x000f_ffff;
const BEYOND_HIGH = 0xfff0_0000 | 0;

const REGION_THIRD = 3;
/** Lowest bit of the frame of a leaf, by level: 4K, 1M, 2G. */
const FRAME_BIT = [0, 12, 20, 31] as const;
const PAGE_INDEX_BITS = 8;
const TABLE_INDEX_BITS = 11;
const LEVEL_NAMES = ['', 'PTE', 'segment', 'region-third', 'region-second', 'region-first'] as const;

type Names = readonly (readonly [bit: number, name: string])[];

const LEAF_NAMES: Names = [
  [_PAGE_NOEXEC, 'NX'],
  [_PAGE_PROTECT, 'RO'],
];
const PTE_NAMES: Names = [...LEAF_NAMES, [_PAGE_INVALID, 'I'], [PTE_ZERO, 'ZERO']];
const LARGE_NAMES: Names = [
  [_REGION_ENTRY_INVALID, 'I'],
  ...LEAF_NAMES,
  [_SEGMENT_ENTRY_LARGE, 'FC'],
  [ACCESS_VALID, 'AV'],
];
const TABLE_NAMES: Names = [
  [_REGION_ENTRY_INVALID, 'I'],
  [_PAGE_PROTECT, 'RO'],
];

export interface S390xGeometry {
  /** What the root is: 2 a segment table (31 bits of address), 3 region-third (42), 4 -second (53), 5 -first (64). */
  levels: 2 | 3 | 4 | 5;
  /** Bits of address that each level translates, where they are not the hardware's: 8 for page tables, 11 for others. */
  indexBits?: number | undefined;
}

/** The entry format of one s390x address space. Pure: no method has an effect, all may be called on any 64 bits. */
export class S390xFormat implements EntryFormat {
  readonly name: string;
  readonly levels: 2 | 3 | 4 | 5;
  readonly pageShift = 12;
  readonly signExtended = false;
  readonly usualMemoryType = 'RAM';
  readonly bigEndianTables = true;
  readonly #pageIndexBits: number;
  readonly #tableIndexBits: number;

  constructor({ levels, indexBits }: S390xGeometry) {
    this.name = `s390x, ${levels}-level`;
    this.levels = levels;
    this.#pageIndexBits = indexBits ?? PAGE_INDEX_BITS;
    this.#tableIndexBits = indexBits ?? TABLE_INDEX_BITS;
  }

  indexBits(level: number): number {
    return level === 1 ? this.#pageIndexBits : this.#tableIndexBits;
  }

  levelShift(level: number): number {
    return level === 1
      ? this.pageShift
      : this.pageShift + this.#pageIndexBits + this.#tableIndexBits * (level - 2);
  }

  levelName(level: number): string {
    return LEVEL_NAMES[level]!;
  }

  /** What Linux writes into an entry that maps nothing: the low half; the high half is zero. */
  emptyEntry(level: number): number {
    return level === 1 ? _PAGE_INVALID : _REGION_ENTRY_INVALID | tableType(level);
  }

  kind(level: number, low: number, high: number): EntryKind {
    const invalid = (low & (level === 1 ? _PAGE_INVALID : _REGION_ENTRY_INVALID)) !== 0;
    if (invalid) {
      if (low === this.emptyEntry(level) && high === 0) return EntryKind.None;
      return level === 1 || isLarge(level, low) ? EntryKind.NotPresentLeaf : EntryKind.Bad;
    }
    if ((high & BEYOND_HIGH) !== 0) return EntryKind.Bad;
    if (level === 1) return (low & PTE_ZERO) === 0 ? EntryKind.Leaf : EntryKind.Bad;
    if ((low & TABLE_TYPE) !== tableType(level)) return EntryKind.Bad;
    if (isLarge(level, low)) return EntryKind.Leaf;
    if (level === 2) return EntryKind.Table;
    return (low & (TABLE_PART | _SEGMENT_ENTRY_LARGE)) === WHOLE_TABLE ? EntryKind.Table : EntryKind.Bad;
  }

  tableAddress(level: number, low: number, high: number): number {
    return (high & ADDRESS_HIGH) * 2 ** 32 + ((low & (level === 2 ? ~0x7ff : ~0xfff)) >>> 0);
  }

  leafFrame(level: number, low: number, high: number): number {
    const bit = FRAME_BIT[isLarge(level, low) ? level : 1]!;
    const number = (high & ADDRESS_HIGH) * 2 ** (32 - bit) + (low >>> bit);
    return number * 2 ** (bit === this.pageShift ? 0 : this.levelShift(level) - this.pageShift);
  }

  /** The halves of a leaf without flags, by its first frame: what `leafFrame` reads. */
  leafAddress(level: number, frame: number): { low: number; high: number } {
    const number = level === 1 ? frame : frame / 2 ** (this.levelShift(level) - this.pageShift);
    const address = number * 2 ** FRAME_BIT[level]!;
    return { low: address >>> 0, high: Math.floor(address / 2 ** 32) };
  }

  flags(level: number, low: number, _high: number): EntryFlags {
    if (isLarge(level, low)) return low & ((1 << FRAME_BIT[level]!) - 1);
    return low & (level === 2 ? 0x7ff : 0xfff);
  }

  attributes(level: number, low: number, high: number): bigint {
    return BigInt(this.flags(level, low, high));
  }

  /** NX counts in leaves only. */
  restrictions(_level: number, low: number, _high: number): number {
    return (low & _PAGE_PROTECT) !== 0 ? Restriction.NoWrite : 0;
  }

  /** Bits that the hardware does not define go together as "SOFT=3d", first; TT is there where it is wrong. */
  describe(level: number, low: number, high: number): readonly string[] {
    const flags = this.flags(level, low, high);
    const large = isLarge(level, low);
    let rest = flags;
    const fields: string[] = [];
    const field = (name: string, mask: number, shift: number, usual: number) => {
      const value = (flags & mask) >>> shift;
      if (value !== usual) fields.push(`${name}=${value.toString(16)}`);
      rest &= ~mask;
    };
    if (level > 1) field('TT', TABLE_TYPE, 2, tableType(level) >>> 2);
    if (level > 2 && !large) {
      field('TL', 0x03, 0, 3);
      field('TF', 0xc0, 6, 0);
    }
    if (large && (flags & ACCESS_VALID) !== 0) field('KEY', 0xf800, 11, -1);

    const known = [...(level === 1 ? PTE_NAMES : large ? LARGE_NAMES : TABLE_NAMES)];
    if (level === 2 || large) known.unshift([COMMON, 'COMM']);
    const names = known.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
    for (const [bit] of known) rest &= ~bit;
    const software = rest === 0 ? [] : [`SOFT=${rest.toString(16)}`];
    return [...software, ...fields, ...names];
  }

  writable(_level: number, flags: EntryFlags): boolean {
    return (flags & _PAGE_PROTECT) === 0;
  }

  executable(_level: number, flags: EntryFlags): boolean {
    return (flags & _PAGE_NOEXEC) === 0;
  }

  /** Entries do not tell: user space has tables of its own, and cannot reach the kernel's. */
  user(_level: number, _flags: EntryFlags): boolean {
    return false;
  }

  /** There is one only. */
  memoryType(_level: number, _flags: EntryFlags): 'RAM' {
    return 'RAM';
  }

  /** What the hardware does not read need not agree. */
  mergeable(_level: number, flags: EntryFlags): EntryFlags {
    return flags & (_PAGE_PROTECT | _PAGE_NOEXEC);
  }
}

/** TT, in place, of the entries of a table at `level`: 0 in a segment table. */
function tableType(level: number): number {
  return (level - 2) << 2;
}

function isLarge(level: number, low: number): boolean {
  return (level === 2 || level === REGION_THIRD) && (low & _SEGMENT_ENTRY_LARGE) !== 0;
}
