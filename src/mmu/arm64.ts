/**
 * AArch64 page-table entries (VMSAv8-64, stage 1): bits, shifts, masks, nothing else.
 *
 *    63 62..59 58 57   56     55    54  53  52  51  50  49 ....... 12   11 10 9..8   7   6   5  4..2      1    0
 *     -  PBHA  SW SW SPECIAL DIRTY UXN PXN CONT DBM GP  output address  nG AF  SH   RO USER NS AttrIndx TABLE VALID
 *
 * Of a block (a leaf above the PTEs) bit 16 is nT. Where the address lies depends on how wide it is:
 *
 *    4K, 16K           47:12 in place          64K          47:16 in place
 *    4K, 16K, LPA2     49:12, and 51:50 in     64K, 52 bits 47:16, and 51:48 in
 *                      bits 9:8 (no SH then)                bits 15:12
 *
 * and address bits below the size of what the entry names are reserved. Bit 1 tells a table (1) from a block (0), and is
 * set in each page, whose entry is reserved otherwise. The bits that a table has instead of a leaf's:
 *
 *    63      62..61   60       59       10
 *    NSTable APTable  UXNTable PXNTable AF
 *
 * (ARM DDI 0487, D8.3; arch/arm64/include/asm/pgtable-hwdef.h and pgtable-prot.h, which name the software bits.)
 *
 * Names are the kernel's. Values are in packed form (`EntryFlags`): entry bits 0..11 and 16 in place, 50..63 at 18..31,
 * without those that are part of the address.
 */

import { type EntryFlags, type EntryFormat, EntryKind, Restriction } from './format.ts';

export const PTE_VALID = 1 << 0;
/** Not a block: a page, or the address of a table. */
export const PTE_TABLE_BIT = 1 << 1;
export const PTE_ATTRINDX_MASK = 7 << 2;
export const PTE_USER = 1 << 6;
export const PTE_RDONLY = 1 << 7;
export const PTE_SHARED = 3 << 8;
export const PTE_AF = 1 << 10;
export const PTE_NG = 1 << 11;
/** Of a block: not to be cached while blocks and tables change places (FEAT_BBM). The kernel has no name for it. */
export const BLOCK_NT = 1 << 16;
export const PTE_GP = 1 << 18;
/** Dirty bit modifier: the hardware may clear `PTE_RDONLY`. To Linux, the right to write (`PTE_WRITE`). */
export const PTE_DBM = 1 << 19;
export const PTE_CONT = 1 << 20;
export const PTE_PXN = 1 << 21;
export const PTE_UXN = 1 << 22;
export const PTE_DIRTY = 1 << 23;
export const PTE_SPECIAL = 1 << 24;

/** Of a table. */
export const TABLE_PXN = 1 << 27;
export const TABLE_UXN = 1 << 28;
export const TABLE_AP_NO_USER = 1 << 29;
export const TABLE_AP_RDONLY = 1 << 30;

const FLAGS_LOW = 0xfff;
const FLAGS_HIGH = 0xfffc_0000 | 0;
/** Address bits 47:32 and 49:48, in the high half. */
const ADDRESS_HIGH = 0xffff;
const ADDRESS_49_48 = 0x3_0000;

const LEVEL_NAMES = ['', 'PTE', 'PMD', 'PUD', 'P4D'] as const;

/** Packed bits that have a name by themselves in a leaf, and in a table. */
const LEAF_NAMES: Readonly<Record<number, string>> = {
  0: 'VALID',
  1: 'TABLE',
  5: 'NS',
  6: 'USER',
  7: 'RO',
  10: 'AF',
  11: 'nG',
  16: 'nT',
  18: 'GP',
  19: 'DBM',
  20: 'CONT',
  21: 'PXN',
  22: 'UXN',
  23: 'DIRTY',
  24: 'SPECIAL',
  25: 'SW57',
  26: 'SW58',
};
const TABLE_NAMES: Readonly<Record<number, string>> = {
  0: 'VALID',
  1: 'TABLE',
  10: 'AF',
  27: 'PXNTable',
  28: 'UXNTable',
  31: 'NSTable',
};

/** Fields of more than one bit, by their lowest. */
const LEAF_FIELDS: Readonly<Record<number, Field>> = {
  2: { name: 'AttrIndx', bits: 3 },
  8: { name: 'SH', bits: 2 },
  27: { name: 'PBHA', bits: 4 },
};
const TABLE_FIELDS: Readonly<Record<number, Field>> = { 29: { name: 'APTable', bits: 2 } };

interface Field {
  readonly name: string;
  readonly bits: number;
}

/** MAIR attributes by the names that the kernel and the architecture give them. */
const MAIR_NAMES: Readonly<Record<number, string>> = {
  0: 'Device-nGnRnE',
  4: 'Device-nGnRE',
  8: 'Device-nGRE',
  12: 'Device-GRE',
  68: 'Normal-NC',
  187: 'Normal-WT',
  240: 'Normal',
  255: 'Normal',
};

export interface Arm64Geometry {
  /** log2 of the page size, which hardware calls the granule. */
  pageShift: 12 | 14 | 16;
  /**
   * Width in bits of the addresses that the root translates, 36..52: 64 - TCR_EL1.T1SZ, which may be less than what the
   * kernel was built for.
   */
  vaBits: number;
  /** Whether TCR_EL1.DS is set: 52-bit addresses in pages of 4K and 16K. Of no meaning for 64K. */
  lpa2: boolean;
  /**
   * Whether entries for pages of 64K have 52-bit physical addresses (FEAT_LPA), which is supposed if not given: the bits
   * are zero otherwise. Of no meaning for 4K and 16K.
   */
  pa52?: boolean;
  /** MAIR_EL1, if known. Without it, the kernel's use of the first two indices is supposed. */
  mair?: bigint | undefined;
  /** log2 of a table's entries, for a machine smaller than hardware: `pageShift` - 3, a page full, if not given. */
  indexBits?: number | undefined;
}

/**
 * The entry format of the kernel's half (TTBR1) of one arm64 machine. The root maps the last 2**vaBits bytes of the
 * address space, which is the window to give to the walker, and may be smaller than a page: its address is the one that
 * TTBR1 has. Pure: no method has an effect, all may be called on any 64 bits.
 *
 * An entry without VALID that is not zero is a not-present leaf where a leaf may be, whatever its other bits: the kernel
 * takes away bit 0 only, and may set bits of an empty entry. Elsewhere it is bad, for it can be no leaf, and names no
 * table. Blocks may be where the architecture has them: up to 1G of 4K pages, 32M of 16K, 512M of 64K, and one level
 * more with 52-bit physical addresses.
 *
 * Permissions are those of a machine without permission indirection (TCR2_EL1.PIE), and with what tables forbid in force
 * (TCR_EL1.HPD1 clear).
 */
export class Arm64Format implements EntryFormat {
  readonly name: string;
  readonly levels: number;
  readonly pageShift: 12 | 14 | 16;
  readonly signExtended = false;
  readonly usualMemoryType = 'Normal';
  readonly bigEndianTables = false;
  readonly #vaBits: number;
  readonly #indexBits: number;
  readonly #maxBlockLevel: number;
  /** Whether bits 9:8 of an entry are of the address. */
  readonly lpa2: boolean;
  readonly #pa52: boolean;
  readonly #mair: bigint | undefined;
  readonly #addressHigh: number;
  readonly #flagsLow: number;

  constructor(geometry: Arm64Geometry) {
    const { pageShift, vaBits, lpa2, pa52 = true, mair, indexBits = pageShift - 3 } = geometry;
    this.pageShift = pageShift;
    this.levels = Math.ceil((vaBits - pageShift) / indexBits);
    this.#vaBits = vaBits;
    this.#indexBits = indexBits;
    this.lpa2 = lpa2 && pageShift < 16;
    this.#pa52 = pa52 && pageShift === 16;
    this.#mair = mair;
    this.#maxBlockLevel = (pageShift === 12 ? 3 : 2) + (this.lpa2 || this.#pa52 ? 1 : 0);
    this.#addressHigh = ADDRESS_HIGH | (this.lpa2 ? ADDRESS_49_48 : 0);
    this.#flagsLow = this.lpa2 ? FLAGS_LOW & ~PTE_SHARED : FLAGS_LOW;
    const size = `${2 ** (pageShift - 10)}K`;
    this.name = `arm64, ${size} pages, ${vaBits}-bit, ${this.levels}-level${this.lpa2 ? ', LPA2' : ''}`;
  }

  indexBits(level: number): number {
    return level === this.levels ? this.#vaBits - this.levelShift(level) : this.#indexBits;
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
    const mayBeLeaf = level <= this.#maxBlockLevel;
    if ((low & PTE_VALID) === 0) return mayBeLeaf ? EntryKind.NotPresentLeaf : EntryKind.Bad;
    const block = (low & PTE_TABLE_BIT) === 0;
    if (block && (level === 1 || !mayBeLeaf)) return EntryKind.Bad;
    if (this.#hasReservedBits(block ? level : 1, low, high)) return EntryKind.Bad;
    return block || level === 1 ? EntryKind.Leaf : EntryKind.Table;
  }

  tableAddress(_level: number, low: number, high: number): number {
    return this.#address(low, high, 1);
  }

  leafFrame(level: number, low: number, high: number): number {
    return this.#address(low, high, level) / 2 ** this.pageShift;
  }

  flags(level: number, low: number, high: number): EntryFlags {
    return (low & this.#lowFlags(level, low)) | (high & FLAGS_HIGH);
  }

  attributes(level: number, low: number, high: number): bigint {
    const highBits = BigInt((high & FLAGS_HIGH) >>> 0);
    return (highBits << 32n) | BigInt(low & this.#lowFlags(level, low));
  }

  restrictions(_level: number, _low: number, high: number): number {
    const noWrite = (high & TABLE_AP_RDONLY) !== 0 ? Restriction.NoWrite : 0;
    const noExecute = (high & TABLE_PXN) !== 0 ? Restriction.NoExecute : 0;
    return noWrite | noExecute | ((high & TABLE_AP_NO_USER) !== 0 ? Restriction.NoUser : 0);
  }

  /** A field is named with its value, unless that is 0: "AttrIndx=1". Bits without a meaning have their number. */
  describe(level: number, low: number, high: number): readonly string[] {
    const flags = this.flags(level, low, high);
    const table = this.kind(level, low, high) === EntryKind.Table;
    const names = table ? TABLE_NAMES : LEAF_NAMES;
    const fields = table ? TABLE_FIELDS : LEAF_FIELDS;
    const described: string[] = [];
    for (let bit = 0; bit < 32; bit++) {
      const field = fields[bit];
      if (field !== undefined) {
        const value = (flags >>> bit) & (2 ** field.bits - 1);
        if (value !== 0) described.push(fieldText(field, value));
        bit += field.bits - 1;
      } else if ((flags & (1 << bit)) !== 0) {
        if (level === 1 && bit === 1) continue;
        described.push(names[bit] ?? `BIT${bit < 18 ? bit : bit + 32}`);
      }
    }
    return described;
  }

  /** As the entry stands: with PTE_DBM too, the hardware may make a read-only leaf writable when it is written. */
  writable(_level: number, flags: EntryFlags): boolean {
    return (flags & PTE_RDONLY) === 0;
  }

  executable(_level: number, flags: EntryFlags): boolean {
    return (flags & PTE_PXN) === 0;
  }

  user(_level: number, flags: EntryFlags): boolean {
    return (flags & PTE_USER) !== 0;
  }

  /**
   * By what MAIR_EL1 has at the entry's index. Memory with tags (MTE) is "Normal" too: its caching is the same, Linux
   * maps all RAM so and the kernel image not, and the index is among the names.
   */
  memoryType(_level: number, flags: EntryFlags): string {
    const index = (flags & PTE_ATTRINDX_MASK) >>> 2;
    if (this.#mair === undefined) return index <= 1 ? 'Normal' : `index ${index}`;
    const attribute = Number((this.#mair >> BigInt(8 * index)) & 0xffn);
    return MAIR_NAMES[attribute] ?? `MAIR 0x${attribute.toString(16).padStart(2, '0')}`;
  }

  mergeable(_level: number, flags: EntryFlags): EntryFlags {
    return flags & ~(PTE_TABLE_BIT | PTE_CONT | BLOCK_NT);
  }

  /** Which bits of the low half are flags. */
  #lowFlags(level: number, low: number): number {
    const block = level > 1 && (low & PTE_TABLE_BIT) === 0;
    return block && this.#hasNt(level) ? this.#flagsLow | BLOCK_NT : this.#flagsLow;
  }

  /** Whether bit 16 of a block is not of its address: blocks smaller than any of the hardware's may begin there. */
  #hasNt(level: number): boolean {
    return this.levelShift(level) > 16;
  }

  /** The address in an entry, down to a multiple of what an entry at `level` covers. */
  #address(low: number, high: number, level: number): number {
    const inPlace = (high & this.#addressHigh) * 2 ** 32 + ((low & (-1 << this.pageShift)) >>> 0);
    const size = 2 ** this.levelShift(level);
    const address = inPlace - (inPlace % size);
    if (this.lpa2) return address + ((low & PTE_SHARED) >>> 8) * 2 ** 50;
    return this.#pa52 ? address + ((low & 0xf000) >>> 12) * 2 ** 48 : address;
  }

  /** Whether there are address bits below the size of what is named, or above the widest address. */
  #hasReservedBits(level: number, low: number, high: number): boolean {
    if ((high & ADDRESS_49_48 & ~this.#addressHigh) !== 0) return true;
    const flags = level > 1 && this.#hasNt(level) ? FLAGS_LOW | BLOCK_NT : FLAGS_LOW;
    const apart = this.#pa52 ? 0xf000 : 0;
    const shift = this.levelShift(level);
    const below = shift < 32 ? (1 << shift) - 1 : -1;
    if ((low & below & ~flags & ~apart) !== 0) return true;
    return shift > 32 && (high & this.#addressHigh & (2 ** (shift - 32) - 1)) !== 0;
  }
}

function fieldText({ name }: Field, value: number): string {
  return name === 'SH' && value === 3 ? name : `${name}=${value}`;
}
