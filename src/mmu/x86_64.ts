/**
 * x86-64 page-table entries: bits, shifts, masks, nothing else.
 *
 *    63 62..59 58..52   51 ............ 12   11  10   9   8   7   6  5   4   3   2  1  0
 *    NX  PKEY   SOFT    page frame number    SW3 SW2 SW1  G  PSE  D  A  PCD PWT US RW  P
 *
 * Bit 7 is PSE (a leaf) in a PUD or PMD and PAT in a PTE; the PAT bit of a large leaf is bit 12. In a not-present
 * leaf Linux stores the frame inverted (L1TF), so that a speculative load through it misses all RAM; bit 8 is
 * then PROTNONE instead of G. (Intel SDM vol. 3A, 4.5; arch/x86/include/asm/pgtable_types.h and pgtable-invert.h.)
 *
 * Names are the kernel's. Values are in packed form (`EntryFlags`): entry bits 0..12 in place, 52..63 at 20..31. The
 * memory-encryption bit (SME/SEV's C-bit), which lies inside the frame field at a place that the CPU chooses, is
 * packed as bit 13.
 */

import { type EntryFlags, type EntryFormat, EntryKind, Restriction } from './format.ts';

export const _PAGE_PRESENT = 1 << 0;
export const _PAGE_RW = 1 << 1;
export const _PAGE_USER = 1 << 2;
export const _PAGE_PWT = 1 << 3;
export const _PAGE_PCD = 1 << 4;
export const _PAGE_ACCESSED = 1 << 5;
export const _PAGE_DIRTY = 1 << 6;
export const _PAGE_PSE = 1 << 7;
export const _PAGE_PAT = 1 << 7;
export const _PAGE_GLOBAL = 1 << 8;
/** The same bit as `_PAGE_GLOBAL`, in an entry without `_PAGE_PRESENT`. */
export const _PAGE_PROTNONE = 1 << 8;
export const _PAGE_SOFTW1 = 1 << 9;
export const _PAGE_SOFTW2 = 1 << 10;
export const _PAGE_SOFTW3 = 1 << 11;
export const _PAGE_PAT_LARGE = 1 << 12;
/** The memory-encryption bit, packed; see above. */
export const _PAGE_ENC = 1 << 13;
export const _PAGE_NX = 1 << 31;

export const _PAGE_CACHE_MASK = _PAGE_PWT | _PAGE_PCD | _PAGE_PAT;

/** What no packed value may set: bits 14..19 stand for nothing. */
const FLAGS_LOW = 0x1fff;
const FLAGS_HIGH = 0xfff0_0000 | 0;
const FRAME_HIGH = 0x000f_ffff;

/** A none entry may have these two set (an erratum of Knights Landing sets them on entries that are otherwise clear). */
const KNL_ERRATUM_BITS = _PAGE_ACCESSED | _PAGE_DIRTY;

export const PG_LEVEL_NONE = 0;
export const PG_LEVEL_4K = 1;
export const PG_LEVEL_2M = 2;
export const PG_LEVEL_1G = 3;
export const PG_LEVEL_512G = 4;
export const PG_LEVEL_256T = 5;

/** The memory types of x86, by their usual names. */
export type X86MemoryType = 'WB' | 'WC' | 'UC-' | 'UC' | 'WP' | 'WT';

const LEVEL_NAMES = ['', 'PTE', 'PMD', 'PUD', 'P4D', 'PGD'] as const;

/** PAT slot (PAT << 2 | PCD << 1 | PWT) to memory type, as Linux programs the PAT register. */
const PAT_SLOTS: readonly X86MemoryType[] = ['WB', 'WC', 'UC-', 'UC', 'WB', 'WP', 'UC-', 'WT'];

export interface X86Geometry {
  /** Paging levels: 4, or 5 with LA57. */
  levels: 4 | 5;
  /** Index bits per level: 9 on hardware; 1 or 2 give a machine small enough to explore. */
  indexBits: number;
  /** Which physical address bit is the memory-encryption bit (47 or 51 on AMD), or undefined. */
  encryptionBit: number | undefined;
  /** Whether that bit says that a page is shared (TDX, vTOM) instead of encrypted. Flags always say encrypted. */
  sharedBit?: boolean | undefined;
}

export const X86_HARDWARE: X86Geometry = { levels: 4, indexBits: 9, encryptionBit: undefined };

/** The entry format of one x86-64 machine. Pure: no method has an effect, all may be called on any 64 bits. */
export class X86Format implements EntryFormat {
  readonly name: string;
  readonly levels: 4 | 5;
  readonly pageShift = 12;
  /** A machine that is too small for two halves maps one window. */
  readonly signExtended: boolean;
  readonly sizeWords = ['PSE'];
  readonly usualMemoryType = 'WB';
  readonly bigEndianTables = false;
  readonly #indexBits: number;
  readonly #encryptionHigh: number;
  readonly #sharedBit: boolean;

  constructor(geometry: X86Geometry = X86_HARDWARE) {
    this.name = `x86_64, ${geometry.levels}-level`;
    this.levels = geometry.levels;
    this.signExtended = geometry.indexBits === X86_HARDWARE.indexBits;
    this.#indexBits = geometry.indexBits;
    this.#sharedBit = geometry.sharedBit === true;
    this.#encryptionHigh = geometry.encryptionBit === undefined ? 0 : 1 << (geometry.encryptionBit - 32);
  }

  indexBits(_level: number): number {
    return this.#indexBits;
  }

  levelShift(level: number): number {
    return this.pageShift + this.#indexBits * (level - 1);
  }

  /** On a 4-level machine the root is the PGD and there is no P4D. */
  levelName(level: number): string {
    return level === this.levels ? 'PGD' : LEVEL_NAMES[level]!;
  }

  kind(level: number, low: number, high: number): EntryKind {
    if ((low & ~KNL_ERRATUM_BITS) === 0 && high === 0) return EntryKind.None;
    if (level === 1) return (low & _PAGE_PRESENT) !== 0 ? EntryKind.Leaf : EntryKind.NotPresentLeaf;
    if ((low & _PAGE_PRESENT) === 0) return level <= PG_LEVEL_1G ? EntryKind.NotPresentLeaf : EntryKind.Bad;
    if ((low & _PAGE_PSE) === 0) return EntryKind.Table;
    if (level > PG_LEVEL_1G) return EntryKind.Bad;
    return (low & this.#mustBeZero(level)) === 0 ? EntryKind.Leaf : EntryKind.Bad;
  }

  tableAddress(_level: number, low: number, high: number): number {
    return ((high & FRAME_HIGH & ~this.#encryptionHigh) * 2 ** 20 + (low >>> 12)) * 4096;
  }

  leafFrame(level: number, low: number, high: number): number {
    const large = level > 1 && (low & _PAGE_PSE) !== 0;
    const inverted = (low & _PAGE_PRESENT) === 0 && (low !== 0 || high !== 0);
    const frameLow = (inverted ? ~low : low) & (-1 << (large ? this.levelShift(level) : this.pageShift));
    const frameHigh = (inverted ? ~high : high) & FRAME_HIGH & ~this.#encryptionHigh;
    return frameHigh * 2 ** 20 + (frameLow >>> 12);
  }

  flags(level: number, low: number, high: number): EntryFlags {
    const large = level > 1 && (low & _PAGE_PSE) !== 0;
    const set = (high & this.#encryptionHigh) !== 0;
    const encrypted = this.#encryptionHigh !== 0 && set !== this.#sharedBit ? _PAGE_ENC : 0;
    return (low & (large ? FLAGS_LOW : 0xfff)) | encrypted | (high & FLAGS_HIGH);
  }

  attributes(level: number, low: number, high: number): bigint {
    const flags = this.flags(level, low, high);
    const encrypted = (high & this.#encryptionHigh) >>> 0;
    return (
      (BigInt((flags & FLAGS_HIGH) >>> 0) << 32n) | (BigInt(encrypted) << 32n) | BigInt(flags & FLAGS_LOW)
    );
  }

  restrictions(_level: number, low: number, high: number): number {
    const noWrite = (low & _PAGE_RW) === 0 ? Restriction.NoWrite : 0;
    const noExecute = (high & FLAGS_HIGH) < 0 ? Restriction.NoExecute : 0;
    return noWrite | noExecute | ((low & _PAGE_USER) === 0 ? Restriction.NoUser : 0);
  }

  describe(level: number, low: number, high: number): readonly string[] {
    const flags = this.flags(level, low, high);
    const bit7 = level === 1 ? 'PAT' : 'PSE';
    const bit8 = (flags & _PAGE_PRESENT) !== 0 ? 'G' : 'PROTNONE';
    const lowNames = ['P', 'RW', 'US', 'PWT', 'PCD', 'A', 'D', bit7, bit8, 'SW1', 'SW2', 'SW3', 'PAT', 'C'];
    const names = lowNames.filter((_, bit) => (flags & (1 << bit)) !== 0);
    const software = (high >>> 20) & 0x7ff;
    if (software !== 0) names.push(`SOFT=${software.toString(16)}`);
    if ((flags & _PAGE_NX) !== 0) names.push('NX');
    return names;
  }

  writable(_level: number, flags: EntryFlags): boolean {
    return (flags & _PAGE_RW) !== 0;
  }

  executable(_level: number, flags: EntryFlags): boolean {
    return (flags & _PAGE_NX) === 0;
  }

  user(_level: number, flags: EntryFlags): boolean {
    return (flags & _PAGE_USER) !== 0;
  }

  memoryType(level: number, flags: EntryFlags): X86MemoryType {
    const pat = (flags & (level === 1 ? _PAGE_PAT : _PAGE_PAT_LARGE)) !== 0 ? 4 : 0;
    return PAT_SLOTS[pat | ((flags & (_PAGE_PCD | _PAGE_PWT)) >>> 3)]!;
  }

  mergeable(level: number, flags: EntryFlags): EntryFlags {
    if (level === 1) return flags;
    const pat = (flags & _PAGE_PAT_LARGE) !== 0 ? _PAGE_PAT : 0;
    return (flags & ~(_PAGE_PSE | _PAGE_PAT_LARGE)) | pat;
  }

  /** Address bits below a large leaf's size, other than its PAT bit, are reserved. */
  #mustBeZero(level: number): number {
    return ((1 << this.levelShift(level)) - 1) & ~0x1fff;
  }
}
