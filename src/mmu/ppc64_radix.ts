/**
 * Entries of powerpc's radix tables (POWER9 and later): bits, shifts, masks, nothing else.
 *
 *              63  62   61  60..57  56 ......... 12  11  10   9   8  7  6  5 4  3    2 1 0
 *    leaf      V  L=1  SW0  res.    page frame      SW1 SW2 SW3  R  C  0  ATT  PRIV R W X
 *    table     V  L=0   -   59 .... next table ............... 8  reserved    NLS
 *
 * V is "valid" and L "leaf"; Linux calls them `_PAGE_PRESENT` and `_PAGE_PTE`, and what clears V alone leaves a
 * not-present leaf. R (bit 8) and C are Linux' accessed and dirty. ATT is the memory type: 0 normal, 1 strong access
 * order, 2 non-idempotent I/O, 3 tolerant I/O. NLS is log2 of the number of entries of the next table, which is as
 * aligned as it is large. (Power ISA 3.0B, book III, 5.7.10; arch/powerpc/include/asm/book3s/64/pgtable.h, radix.h.)
 *
 * Tables are big-endian whatever the kernel is. A leaf whose frame is no multiple of its size, and any address of more
 * than 52 bits, of which no machine has memory, read as `Bad`.
 *
 * Values are in packed form (`EntryFlags`): entry bits 0..11 in place, 57..63 at 25..31.
 */

import { PAGE_SIZE, type PageSource } from '../memory/physical_memory.ts';
import { type EntryFlags, type EntryFormat, EntryKind } from './format.ts';

export const _PAGE_EXEC = 1 << 0;
export const _PAGE_WRITE = 1 << 1;
export const _PAGE_READ = 1 << 2;
export const _PAGE_PRIVILEGED = 1 << 3;
export const _PAGE_SAO = 1 << 4;
export const _PAGE_NON_IDEMPOTENT = 1 << 5;
export const _PAGE_TOLERANT = _PAGE_SAO | _PAGE_NON_IDEMPOTENT;
export const _PAGE_DIRTY = 1 << 7;
export const _PAGE_ACCESSED = 1 << 8;
export const _RPAGE_SW3 = 1 << 9;
export const _RPAGE_SW2 = 1 << 10;
export const _RPAGE_SW1 = 1 << 11;
export const _RPAGE_SW0 = 1 << 29;
export const _PAGE_PTE = 1 << 30;
export const _PAGE_PRESENT = 1 << 31;

const FLAGS_LOW = 0xfff;
const FLAGS_HIGH = 0xfe00_0000 | 0;
const RESERVED = 0x1e00_0000;
const NEXT_LEVEL_SIZE = 0x1f;
const TABLE_RESERVED = 0xe0;

/** Address bits 32..51 in the high half, and those above that a leaf or a table could hold. */
const ADDRESS_HIGH = 0x000f_ffff;
const LEAF_BEYOND = 0x01f0_0000;
const TABLE_BEYOND = 0x0ff0_0000;

/** The level of leaves of 1G, the largest. */
const LARGEST_LEAF_LEVEL = 3;
const LEVELS = 4;
const ROOT_INDEX_BITS = 13;
const ROOT_PAGES = (2 ** ROOT_INDEX_BITS * 8) / PAGE_SIZE;

const LEVEL_NAMES = ['', 'PTE', 'PMD', 'PUD', 'PGD'] as const;
const MEMORY_TYPES = ['normal', 'SAO', 'non-idempotent', 'tolerant'] as const;

const NAMES_BELOW_TYPE = ['EXEC', 'WRITE', 'READ', 'PRIVILEGED'] as const;
/** From bit 6 on. */
const NAMES_ABOVE_TYPE = ['RSV6', 'DIRTY', 'ACCESSED', 'SW3', 'SW2', 'SW1'] as const;

export interface Ppc64RadixGeometry {
  /** log2 of the base page: 4K or 64K. A page table of 4K pages has 512 entries, one of 64K pages has 32. */
  pageShift: 12 | 16;
  /** Of the tables of all levels, for a machine smaller than any hardware. */
  indexBits?: number;
}

/** The entry format of one radix machine. Pure: no method has an effect, all may be called on any 64 bits. */
export class Ppc64RadixFormat implements EntryFormat {
  readonly name: string;
  readonly levels = LEVELS;
  readonly pageShift: 12 | 16;
  /** The root maps a window of 52 bits: the kernel's is the one at 0xc000000000000000. */
  readonly signExtended = false;
  readonly usualMemoryType = 'normal';
  readonly bigEndianTables = true;
  readonly #smallIndexBits: number | undefined;

  constructor(geometry: Ppc64RadixGeometry) {
    this.name = `ppc64 radix, ${2 ** (geometry.pageShift - 10)}K pages`;
    this.pageShift = geometry.pageShift;
    this.#smallIndexBits = geometry.indexBits;
  }

  indexBits(level: number): number {
    if (this.#smallIndexBits !== undefined) return this.#smallIndexBits;
    if (level === LEVELS) return ROOT_INDEX_BITS;
    return level === 1 ? 21 - this.pageShift : 9;
  }

  levelShift(level: number): number {
    if (this.#smallIndexBits !== undefined) return this.pageShift + this.#smallIndexBits * (level - 1);
    return level === 1 ? this.pageShift : 21 + 9 * (level - 2);
  }

  levelName(level: number): string {
    return LEVEL_NAMES[level]!;
  }

  kind(level: number, low: number, high: number): EntryKind {
    const isLeaf = (high & _PAGE_PTE) !== 0;
    if ((high & _PAGE_PRESENT) === 0) {
      if (low === 0 && high === 0) return EntryKind.None;
      const couldBeLeaf = level === 1 || (isLeaf && level <= LARGEST_LEAF_LEVEL);
      return couldBeLeaf ? EntryKind.NotPresentLeaf : EntryKind.Bad;
    }
    if (isLeaf) return this.#isLegalLeaf(level, low, high) ? EntryKind.Leaf : EntryKind.Bad;
    return this.#isLegalTable(level, low, high) ? EntryKind.Table : EntryKind.Bad;
  }

  /** A multiple of 256, the size of a page table of 64K pages. */
  tableAddress(_level: number, low: number, high: number): number {
    return (high & ADDRESS_HIGH) * 2 ** 32 + ((low & ~0xff) >>> 0);
  }

  leafFrame(level: number, low: number, high: number): number {
    const shift = this.#isLeafAbove(level, high) ? this.levelShift(level) : this.pageShift;
    const addressLow = (low & (-1 << shift)) >>> 0;
    return (high & ADDRESS_HIGH) * 2 ** (32 - this.pageShift) + (addressLow >>> this.pageShift);
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
    const isTable = level > 1 && (flags & _PAGE_PTE) === 0;
    const names = isTable ? [`NLS=${flags & NEXT_LEVEL_SIZE}`] : leafNames(flags);
    const reserved = (flags & RESERVED) >>> 25;
    if (!isTable && reserved !== 0) names.push(`RSV=${reserved.toString(16)}`);
    if ((flags & _RPAGE_SW0) !== 0) names.push('SW0');
    if ((flags & _PAGE_PTE) !== 0) names.push('PTE');
    if ((flags & _PAGE_PRESENT) !== 0) names.push('PRESENT');
    return names;
  }

  writable(_level: number, flags: EntryFlags): boolean {
    return (flags & _PAGE_WRITE) !== 0;
  }

  executable(_level: number, flags: EntryFlags): boolean {
    return (flags & _PAGE_EXEC) !== 0;
  }

  user(_level: number, flags: EntryFlags): boolean {
    return (flags & _PAGE_PRIVILEGED) === 0;
  }

  memoryType(_level: number, flags: EntryFlags): (typeof MEMORY_TYPES)[number] {
    return MEMORY_TYPES[(flags & _PAGE_TOLERANT) >>> 4]!;
  }

  /** Leaves of all sizes have the same bits in the same places. */
  mergeable(_level: number, flags: EntryFlags): EntryFlags {
    return flags;
  }

  #isLeafAbove(level: number, high: number): boolean {
    return level > 1 && level <= LARGEST_LEAF_LEVEL && (high & _PAGE_PTE) !== 0;
  }

  #isLegalLeaf(level: number, low: number, high: number): boolean {
    if (level > LARGEST_LEAF_LEVEL || (high & LEAF_BEYOND) !== 0) return false;
    return (low & ((1 << this.levelShift(level)) - 1) & ~FLAGS_LOW) === 0;
  }

  #isLegalTable(level: number, low: number, high: number): boolean {
    if (level === 1 || (high & TABLE_BEYOND) !== 0 || (low & TABLE_RESERVED) !== 0) return false;
    const indexBits = this.indexBits(level - 1);
    const misaligned = low & ((8 << indexBits) - 1) & ~0xff;
    return (low & NEXT_LEVEL_SIZE) === indexBits && misaligned === 0;
  }
}

function leafNames(flags: EntryFlags): string[] {
  const type = (flags & _PAGE_TOLERANT) >>> 4;
  return [
    ...NAMES_BELOW_TYPE.filter((_, bit) => (flags & (1 << bit)) !== 0),
    ...(type === 0 ? [] : [MEMORY_TYPES[type]!.toUpperCase()]),
    ...NAMES_ABOVE_TYPE.filter((_, bit) => (flags & (1 << (bit + 6))) !== 0),
  ];
}

/**
 * Whether the root is that of a kernel with a hash MMU, which keeps tables of another shape, for itself alone: the
 * linear map is not in them. Their entries too have bit 63, but an address alone below it, where each entry of a
 * radix root says how large the next table is (NLS). Not of a root that is empty or cannot be read.
 */
export function isHashTable(source: PageSource, rootAddress: number): boolean {
  const firstPage = Math.floor(rootAddress / PAGE_SIZE);
  let used = false;
  for (let page = 0; page < ROOT_PAGES; page++) {
    const words = source.readPage(firstPage + page) ?? [];
    for (let at = 0; at < words.length; at += 2) {
      if ((words[at]! & NEXT_LEVEL_SIZE) !== 0) return false;
      used ||= words[at] !== 0 || words[at + 1] !== 0;
    }
  }
  return used;
}
