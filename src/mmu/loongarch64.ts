/**
 * loongarch64 page-table entries: bits, shifts, masks, nothing else.
 *
 *              63  62  61 60..48  47 ........ 12     11    10    9  8  7   6   5 4  3 2  1  0
 *    PTE      RPLV NX  NR  SOFT   page frame       SPECIAL PROT  M  W  P   G   MAT  PLV  D  V
 *    large    RPLV NX  NR  SOFT   frame    HG(12)  SPECIAL PROT  M  W  P  H=1  MAT  PLV  D  V
 *    table     window (63..60)    next table ...................... 0  0   0
 *
 * The hardware uses a translation if V is set, stores through it if D is. P, W, M (modified), PROT (none) and SPECIAL
 * are the kernel's, which sets V and D from P and W when a fault asks for it (so does the hardware, where it walks the
 * tables). PLV is the lowest privilege that may use the page, 3 is user space; RPLV says that no other may. H is the
 * bit that is G in a PTE; the G of a large leaf is HG. MAT is the memory type: 0 strongly-ordered uncached,
 * 1 coherent cached, 2 weakly-ordered uncached. (LoongArch reference manual, volume 1, 5.4; arch/loongarch/include/asm/
 * pgtable-bits.h.)
 *
 * An entry of a table names the next one by its *virtual* address in one of the direct-mapping windows, whose physical
 * address is the low 48 bits. Where Linux has nothing, it names a table that is shared, in which there is nothing:
 * walk with `sharedOnce`. Its empty PTE is 0, or G alone. A large leaf whose frame is no multiple of its size reads as
 * `Bad`.
 *
 * The windows themselves are one level above the root: what a `Leaf` there says holds for all 2^60 bytes of one.
 *
 * Values are in packed form (`EntryFlags`): entry bits below the frame, and never above 15, in place; 48..63 at 16..31.
 */

import { type EntryFlags, type EntryFormat, EntryKind } from './format.ts';

export const _PAGE_VALID = 1 << 0;
export const _PAGE_DIRTY = 1 << 1;
export const _PAGE_PLV = 3 << 2;
export const _CACHE_MASK = 3 << 4;
export const _PAGE_GLOBAL = 1 << 6;
/** The same bit as `_PAGE_GLOBAL`, above the PTEs. */
export const _PAGE_HUGE = 1 << 6;
export const _PAGE_PRESENT = 1 << 7;
export const _PAGE_WRITE = 1 << 8;
export const _PAGE_MODIFIED = 1 << 9;
export const _PAGE_PROTNONE = 1 << 10;
export const _PAGE_SPECIAL = 1 << 11;
export const _PAGE_HGLOBAL = 1 << 12;
export const _PAGE_NO_READ = 1 << 29;
export const _PAGE_NO_EXEC = 1 << 30;
export const _PAGE_RPLV = 1 << 31;

const LARGE_FLAGS = 0x1fff;
const SOFTWARE = 0x1fff_0000;
const USER_LEVEL = 3;
const WINDOW_SHIFT = 60;

/** Bits of the high half: of the address, of flags, and of a table's address between it and the window's number. */
const ADDRESS_HIGH = 0xffff;
const FLAGS_HIGH = 0xffff_0000 | 0;
const TABLE_BEYOND = 0x0fff_0000;

const MEMORY_TYPES = ['SUC', 'CC', 'WUC', 'MAT3'] as const;

/** From bit 7 on. */
const SOFTWARE_NAMES = ['P', 'W', 'M', 'PROTNONE', 'SPECIAL'] as const;

export interface Loongarch64Geometry {
  /** log2 of the base page: 4K, 16K or 64K. */
  pageShift: 12 | 14 | 16;
  /** Each level has tables of a page: 9, 11 or 13 index bits. */
  levels: number;
  /** Smaller than any hardware's, for all levels. */
  indexBits?: number;
}

/** As most kernels are built: three levels of pages of 16K, 47 bits of address in each half. */
export const LOONGARCH64_USUAL: Loongarch64Geometry = { pageShift: 14, levels: 3 };

/** The entry format of one loongarch64 machine. Pure: no method has an effect, all may be called on any 64 bits. */
export class Loongarch64Format implements EntryFormat {
  readonly name: string;
  readonly levels: number;
  readonly pageShift: 12 | 14 | 16;
  /** Each half of the address space has a root of its own. The kernel's maps the window that ends at 2^64. */
  readonly signExtended = false;
  readonly usualMemoryType = 'CC';
  readonly bigEndianTables = false;
  readonly #indexBits: number;

  constructor(geometry: Loongarch64Geometry = LOONGARCH64_USUAL) {
    this.name = `loongarch64, ${geometry.levels}-level, ${2 ** (geometry.pageShift - 10)}K pages`;
    this.levels = geometry.levels;
    this.pageShift = geometry.pageShift;
    this.#indexBits = geometry.indexBits ?? geometry.pageShift - 3;
  }

  indexBits(_level: number): number {
    return this.#indexBits;
  }

  levelShift(level: number): number {
    return level > this.levels ? WINDOW_SHIFT : this.pageShift + this.#indexBits * (level - 1);
  }

  /** The root is the PGD; a table between it and the PMD is the PUD. */
  levelName(level: number): string {
    if (level > this.levels) return 'DMW';
    return level === this.levels ? 'PGD' : ['', 'PTE', 'PMD', 'PUD', 'P4D'][level]!;
  }

  kind(level: number, low: number, high: number): EntryKind {
    if (low === 0 && high === 0) return EntryKind.None;
    const valid = (low & _PAGE_VALID) !== 0;
    if (level === 1) {
      if (low === _PAGE_GLOBAL && high === 0) return EntryKind.None;
      return valid ? EntryKind.Leaf : EntryKind.NotPresentLeaf;
    }
    if (!isLarge(level, low)) return this.#isLegalTable(low, high) ? EntryKind.Table : EntryKind.Bad;
    if (!valid) return EntryKind.NotPresentLeaf;
    return this.#largeAddress(low, high) % 2 ** this.levelShift(level) === 0 ? EntryKind.Leaf : EntryKind.Bad;
  }

  tableAddress(_level: number, low: number, high: number): number {
    return (high & ADDRESS_HIGH) * 2 ** 32 + ((low & ~0xfff) >>> 0);
  }

  leafFrame(level: number, low: number, high: number): number {
    if (isLarge(level, low)) {
      const pages = 2 ** (this.levelShift(level) - this.pageShift);
      return Math.floor(this.#largeAddress(low, high) / 2 ** this.levelShift(level)) * pages;
    }
    return (high & ADDRESS_HIGH) * 2 ** (32 - this.pageShift) + (low >>> this.pageShift);
  }

  flags(level: number, low: number, high: number): EntryFlags {
    return (low & (isLarge(level, low) ? LARGE_FLAGS : this.#belowFrame())) | ((high & FLAGS_HIGH) | 0);
  }

  attributes(level: number, low: number, high: number): bigint {
    const flags = this.flags(level, low, high);
    return (BigInt((flags & FLAGS_HIGH) >>> 0) << 32n) | BigInt(flags & ~FLAGS_HIGH);
  }

  /** Tables take nothing away. */
  restrictions(_level: number, _low: number, _high: number): number {
    return 0;
  }

  describe(level: number, low: number, high: number): readonly string[] {
    const flags = this.flags(level, low, high);
    const large = isLarge(level, low);
    if (level > 1 && !large) return flags === 0 ? [] : [`DMW=${(flags >>> 28).toString(16)}`];
    const names: string[] = [];
    const add = (bit: number, name: string) => {
      if ((flags & bit) !== 0) names.push(name);
    };
    add(_PAGE_VALID, 'V');
    add(_PAGE_DIRTY, 'D');
    add(_PAGE_PLV, `PLV${(flags & _PAGE_PLV) >>> 2}`);
    add(_CACHE_MASK, this.memoryType(level, flags));
    add(_PAGE_GLOBAL, large ? 'H' : 'G');
    for (const [bit, name] of SOFTWARE_NAMES.entries()) add(1 << (bit + 7), name);
    if (large) add(_PAGE_HGLOBAL, 'HG');
    const between = large ? 0 : flags & 0xf000;
    add(between, `LOW=${between.toString(16)}`);
    add(SOFTWARE, `SOFT=${((flags & SOFTWARE) >>> 16).toString(16)}`);
    add(_PAGE_NO_READ, 'NR');
    add(_PAGE_NO_EXEC, 'NX');
    add(_PAGE_RPLV, 'RPLV');
    return names;
  }

  /** Also where the first store has yet to set D. */
  writable(_level: number, flags: EntryFlags): boolean {
    return (flags & (_PAGE_DIRTY | _PAGE_WRITE)) !== 0;
  }

  executable(_level: number, flags: EntryFlags): boolean {
    const kernelMayUse = (flags & _PAGE_RPLV) === 0 || (flags & _PAGE_PLV) === 0;
    return kernelMayUse && (flags & _PAGE_NO_EXEC) === 0;
  }

  user(_level: number, flags: EntryFlags): boolean {
    return (flags & _PAGE_PLV) >>> 2 === USER_LEVEL;
  }

  memoryType(_level: number, flags: EntryFlags): (typeof MEMORY_TYPES)[number] {
    return MEMORY_TYPES[(flags & _CACHE_MASK) >>> 4]!;
  }

  mergeable(level: number, flags: EntryFlags): EntryFlags {
    if (level === 1) return flags;
    const global = (flags & _PAGE_HGLOBAL) !== 0 ? _PAGE_GLOBAL : 0;
    return (flags & ~(_PAGE_HUGE | _PAGE_HGLOBAL)) | global;
  }

  #belowFrame(): number {
    return (1 << this.pageShift) - 1;
  }

  #largeAddress(low: number, high: number): number {
    return (high & ADDRESS_HIGH) * 2 ** 32 + ((low & ~LARGE_FLAGS) >>> 0);
  }

  #isLegalTable(low: number, high: number): boolean {
    return (low & this.#belowFrame()) === 0 && (high & TABLE_BEYOND) === 0;
  }
}

function isLarge(level: number, low: number): boolean {
  return level > 1 && (low & _PAGE_HUGE) !== 0;
}
