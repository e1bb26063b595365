/**
 * RISC-V page-table entries of Sv39, Sv48 and Sv57: bits, shifts, masks, nothing else.
 *
 *    63 62..61   60   59  58..54   53 ............ 10   9..8  7 6 5 4 3 2 1 0
 *     N  PBMT   SW60 SW59 reserved page frame number    RSW   D A G U X W R V
 *
 * An entry with V and none of R, W and X names a table; with any of them it is a leaf, at whatever level. N (Svnapot)
 * makes a base page one of 16 that share a mapping of 64K: each of the 16 entries has the frame of the first, its lowest
 * four bits replaced by 8. (RISC-V privileged architecture, 12.3 to 12.6; arch/riscv/include/asm/pgtable-bits.h and
 * pgtable-64.h.)
 *
 * Cores of T-Head that are older than Svpbmt have their own memory types in bits 63..60. Linux writes three of them, all
 * with bit 60, which no other kernel mapping sets: 7 for memory (in entries that name tables too), 3 for not cached, 9
 * for I/O. They are told by these values. (arch/riscv/include/asm/errata_list.h.)
 *
 * Names are the kernel's. Values are in packed form (`EntryFlags`): entry bits 0..9 in place, 54..63 at 22..31.
 */

import { type EntryFlags, type EntryFormat, EntryKind } from './format.ts';

export const _PAGE_PRESENT = 1 << 0;
export const _PAGE_READ = 1 << 1;
export const _PAGE_WRITE = 1 << 2;
export const _PAGE_EXEC = 1 << 3;
export const _PAGE_USER = 1 << 4;
export const _PAGE_GLOBAL = 1 << 5;
export const _PAGE_ACCESSED = 1 << 6;
export const _PAGE_DIRTY = 1 << 7;
export const _PAGE_SOFT = 3 << 8;
export const _PAGE_MTMASK_SVPBMT = 3 << 29;
export const _PAGE_NAPOT = 1 << 31;

/** With any of these, an entry is a leaf. */
export const _PAGE_LEAF = _PAGE_READ | _PAGE_WRITE | _PAGE_EXEC;

const FLAGS_LOW = 0x3ff;
const FLAGS_HIGH = 0xffc0_0000 | 0;
/** Entry bits 54..58. */
const RESERVED = 0x1f << 22;
/** What must be clear in an entry that names a table. */
const RESERVED_IN_TABLE = _PAGE_USER | _PAGE_ACCESSED | _PAGE_DIRTY;
const NAPOT_FRAMES = 16;

const LEVEL_NAMES = ['', 'PTE', 'PMD', 'PUD', 'P4D'] as const;

/** The memory types of Svpbmt; the last is reserved. */
const PBMT = ['PMA', 'NC', 'IO', 'reserved'] as const;
export type RiscvMemoryType = (typeof PBMT)[number];

/** T-Head's, by bits 63..60. */
const THEAD_TYPES: Readonly<Record<number, RiscvMemoryType>> = { 3: 'NC', 7: 'PMA', 9: 'IO' };
const THEAD_MEMORY = 7;

const HARDWARE_INDEX_BITS = 9;

export interface RiscvGeometry {
  /** 3 is Sv39, 4 is Sv48, 5 is Sv57. */
  levels: 3 | 4 | 5;
  /** Index bits per level: 9 on hardware, the default; 1 to 3 give a machine small enough to explore. */
  indexBits?: number;
}

/**
 * The entry format of one 64-bit RISC-V machine. Pure: no method has an effect, all may be called on any 64 bits.
 *
 * An entry without V that is not zero is a not-present leaf if it has any of R, W and X, for the kernel takes away V
 * only, or if it is a base page's. Above those, without R, W and X, it is bad: neither a leaf nor a table.
 *
 * W without R is bad: the shadow-stack pages that Zicfiss makes of it are of user space only.
 */
export class Riscv64Format implements EntryFormat {
  readonly name: string;
  readonly levels: 3 | 4 | 5;
  readonly pageShift = 12;
  /** A machine that is too small for two halves maps one window. */
  readonly signExtended: boolean;
  readonly usualMemoryType = 'PMA';
  readonly bigEndianTables = false;
  readonly #indexBits: number;

  constructor({ levels, indexBits = HARDWARE_INDEX_BITS }: RiscvGeometry) {
    this.levels = levels;
    this.signExtended = indexBits === HARDWARE_INDEX_BITS;
    this.#indexBits = indexBits;
    this.name = `riscv64, Sv${12 + 9 * levels}`;
  }

  indexBits(_level: number): number {
    return this.#indexBits;
  }

  levelShift(level: number): number {
    return this.pageShift + this.#indexBits * (level - 1);
  }

  /** The root is the PGD, however few levels there are. */
  levelName(level: number): string {
    return level === this.levels ? 'PGD' : LEVEL_NAMES[level]!;
  }

  kind(level: number, low: number, high: number): EntryKind {
    if (low === 0 && high === 0) return EntryKind.None;
    const leaf = (low & _PAGE_LEAF) !== 0;
    if ((low & _PAGE_PRESENT) === 0) return leaf || level === 1 ? EntryKind.NotPresentLeaf : EntryKind.Bad;
    if ((high & RESERVED) !== 0) return EntryKind.Bad;
    if (leaf) return isLegalLeaf(low, high, this.#pages(level)) ? EntryKind.Leaf : EntryKind.Bad;
    return level > 1 && isLegalTable(low, high) ? EntryKind.Table : EntryKind.Bad;
  }

  tableAddress(_level: number, low: number, high: number): number {
    return frameOf(low, high) * 4096;
  }

  /** Of any of the 16 entries of a 64K mapping (N), the first frame of the mapping. */
  leafFrame(level: number, low: number, high: number): number {
    const frame = frameOf(low, high);
    const pages = level === 1 && isNapot(high) ? NAPOT_FRAMES : this.#pages(level);
    return frame - (frame % pages);
  }

  /** How many base pages a leaf maps. */
  #pages(level: number): number {
    return 2 ** (this.#indexBits * (level - 1));
  }

  flags(_level: number, low: number, high: number): EntryFlags {
    return (low & FLAGS_LOW) | (high & FLAGS_HIGH);
  }

  attributes(_level: number, low: number, high: number): bigint {
    return (BigInt((high & FLAGS_HIGH) >>> 0) << 32n) | BigInt(low & FLAGS_LOW);
  }

  /** Tables take nothing away. */
  restrictions(_level: number, _low: number, _high: number): number {
    return 0;
  }

  describe(_level: number, low: number, high: number): readonly string[] {
    const names = ['V', 'R', 'W', 'X', 'U', 'G', 'A', 'D'].filter((_, bit) => (low & (1 << bit)) !== 0);
    const software = (low & _PAGE_SOFT) >>> 8;
    if (software !== 0) names.push(`RSW=${software}`);
    for (let bit = 54; bit <= 58; bit++) {
      if ((high & (1 << (bit - 32))) !== 0) names.push(`BIT${bit}`);
    }
    if ((high & (1 << 27)) !== 0) names.push('SW59');
    const thead = theadType(high);
    if (thead !== undefined) return [...names, `THEAD-${thead}`];
    if ((high & (1 << 28)) !== 0) names.push('SW60');
    const type = (high & _PAGE_MTMASK_SVPBMT) >>> 29;
    if (type !== 0) names.push(type === 3 ? 'PBMT=3' : PBMT[type]!);
    if (isNapot(high)) names.push('N');
    return names;
  }

  writable(_level: number, flags: EntryFlags): boolean {
    return (flags & _PAGE_WRITE) !== 0;
  }

  /** The kernel never executes user pages. */
  executable(_level: number, flags: EntryFlags): boolean {
    return (flags & (_PAGE_EXEC | _PAGE_USER)) === _PAGE_EXEC;
  }

  user(_level: number, flags: EntryFlags): boolean {
    return (flags & _PAGE_USER) !== 0;
  }

  memoryType(_level: number, flags: EntryFlags): RiscvMemoryType {
    return theadType(flags) ?? PBMT[(flags & _PAGE_MTMASK_SVPBMT) >>> 29]!;
  }

  mergeable(_level: number, flags: EntryFlags): EntryFlags {
    return isNapot(flags) ? flags & ~_PAGE_NAPOT : flags;
  }
}

function frameOf(low: number, high: number): number {
  return (high & 0x003f_ffff) * 2 ** 22 + (low >>> 10);
}

/** The half of the word with the high bits, or packed flags: bits 54..63 are in the same place in both. */
type HighBits = number;

function theadType(high: HighBits): RiscvMemoryType | undefined {
  return THEAD_TYPES[high >>> 28];
}

function isNapot(high: HighBits): boolean {
  return (high & _PAGE_NAPOT) !== 0 && theadType(high) === undefined;
}

/** `pages` is how many base pages a leaf at its level maps. */
function isLegalLeaf(low: number, high: number, pages: number): boolean {
  if ((low & (_PAGE_READ | _PAGE_WRITE)) === _PAGE_WRITE) return false;
  if (theadType(high) === undefined && (high & _PAGE_MTMASK_SVPBMT) === _PAGE_MTMASK_SVPBMT) return false;
  const frame = frameOf(low, high);
  if (isNapot(high)) return pages === 1 && frame % NAPOT_FRAMES === NAPOT_FRAMES / 2;
  return frame % pages === 0;
}

function isLegalTable(low: number, high: number): boolean {
  const type = high & (_PAGE_MTMASK_SVPBMT | _PAGE_NAPOT);
  return (low & RESERVED_IN_TABLE) === 0 && (type === 0 || high >>> 28 === THEAD_MEMORY);
}
