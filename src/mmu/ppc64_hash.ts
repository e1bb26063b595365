/**
 * Entries of powerpc's hash table: bits, shifts, masks, nothing else. The table is no tree. An entry is two doublewords,
 * and a translation is found by hashing its virtual page number: it is one of the eight of the primary group, or, with
 * SECONDARY set, of the secondary one.
 *
 *            63..62  61 ............. 7   6 5   4      3     2       1        0
 *    first     B     page number (AVPN)    -  BOLTED  LOCK  LARGE SECONDARY VALID
 *
 *            63   62  61..60  59 ..... 12  11..9  8 7  6543  2  1 0
 *    second  PP0  TS   KEY    page frame    KEY   R C  WIMG  N   PP
 *
 * B is the size of the segment; since ISA 3.0 it is at 59..58 of the second doubleword. PP0 and PP are who may do what:
 * 000 the kernel alone, 110 the kernel alone and only reading, 010 and 011 both, writing and reading. N is "no execute". A
 * large page has its size in the low bits of the frame, which are zero for those of 16M. (Power ISA 2.07 and 3.0B, book III,
 * 5.7.7 of either; arch/powerpc/include/asm/book3s/64/mmu-hash.h.)
 *
 * What the contract calls an entry is the second doubleword of a valid pair: zero where there is none. Level 1 are base
 * pages and level 2 the larger ones that the linear map may be made of, and there are no tables.
 *
 * Values are in packed form (`EntryFlags`): entry bits 0..11 in place, 60..63 at 28..31.
 */

import { type EntryFlags, type EntryFormat, EntryKind } from './format.ts';

export const HPTES_PER_GROUP = 8;
/** Bytes of the two doublewords. */
export const HPTE_SIZE = 16;

// The low half of the first doubleword.
export const HPTE_V_VALID = 1 << 0;
export const HPTE_V_SECONDARY = 1 << 1;
export const HPTE_V_LARGE = 1 << 2;
export const HPTE_V_LOCK = 1 << 3;
export const HPTE_V_BOLTED = 1 << 4;

// The second, packed.
export const HPTE_R_PP = 3 << 0;
export const HPTE_R_N = 1 << 2;
export const HPTE_R_G = 1 << 3;
export const HPTE_R_M = 1 << 4;
export const HPTE_R_I = 1 << 5;
export const HPTE_R_W = 1 << 6;
export const HPTE_R_C = 1 << 7;
export const HPTE_R_R = 1 << 8;
export const HPTE_R_KEY_LO = 7 << 9;
export const HPTE_R_KEY_HI = 3 << 28;
export const HPTE_R_TS = 1 << 30;
export const HPTE_R_PP0 = 1 << 31;

const FLAGS_LOW = 0xfff;
const FLAGS_HIGH = 0xf000_0000 | 0;
/** Address bits 32..51 in the high half, and those above, but for the two that may be the size of the segment. */
const ADDRESS_HIGH = 0x000f_ffff;
const BEYOND = 0x03f0_0000;

const NAMES = ['N', 'G', 'M', 'I', 'W', 'C', 'R'] as const;

export interface Ppc64HashGeometry {
  pageShift: 12 | 16;
  /** log2 of the larger page: 24 for 16M. */
  largeShift: number;
}

/** The entry format of one hash machine. Pure: no method has an effect, all may be called on any 64 bits. */
export class Ppc64HashFormat implements EntryFormat {
  readonly name: string;
  readonly levels = 2;
  readonly pageShift: 12 | 16;
  readonly signExtended = false;
  readonly usualMemoryType = 'normal';
  readonly bigEndianTables = true;
  readonly #largeShift: number;

  constructor(geometry: Ppc64HashGeometry) {
    this.name = `ppc64 hash, ${2 ** (geometry.pageShift - 10)}K pages`;
    this.pageShift = geometry.pageShift;
    this.#largeShift = geometry.largeShift;
  }

  indexBits(_level: number): number {
    return this.#largeShift - this.pageShift;
  }

  levelShift(level: number): number {
    return level === 1 ? this.pageShift : this.#largeShift;
  }

  levelName(level: number): string {
    return level === 1 ? 'HPTE' : 'large HPTE';
  }

  kind(level: number, low: number, high: number): EntryKind {
    if (low === 0 && high === 0) return EntryKind.None;
    const misaligned = low & ((1 << this.levelShift(level)) - 1) & ~0xf_ffff;
    return (high & BEYOND) !== 0 || misaligned !== 0 ? EntryKind.Bad : EntryKind.Leaf;
  }

  /** There are no tables. */
  tableAddress(_level: number, _low: number, _high: number): number {
    return 0;
  }

  leafFrame(level: number, low: number, high: number): number {
    const addressLow = (low & (-1 << this.levelShift(level))) >>> 0;
    return (high & ADDRESS_HIGH) * 2 ** (32 - this.pageShift) + (addressLow >>> this.pageShift);
  }

  flags(_level: number, low: number, high: number): EntryFlags {
    return (low & FLAGS_LOW) | (high & FLAGS_HIGH);
  }

  attributes(level: number, low: number, high: number): bigint {
    const flags = this.flags(level, low, high);
    return (BigInt((flags & FLAGS_HIGH) >>> 0) << 32n) | BigInt(flags & FLAGS_LOW);
  }

  restrictions(_level: number, _low: number, _high: number): number {
    return 0;
  }

  describe(level: number, low: number, high: number): readonly string[] {
    const flags = this.flags(level, low, high);
    const pp = (flags & HPTE_R_PP) | ((flags & HPTE_R_PP0) !== 0 ? 4 : 0);
    const key = ((flags & HPTE_R_KEY_LO) >>> 9) | ((flags & HPTE_R_KEY_HI) >>> 25);
    const names = [`PP=${pp.toString(2).padStart(3, '0')}`];
    names.push(...NAMES.filter((_, bit) => (flags & (1 << (bit + 2))) !== 0));
    if (key !== 0) names.push(`KEY=${key}`);
    if ((flags & HPTE_R_TS) !== 0) names.push('TS');
    return names;
  }

  writable(_level: number, flags: EntryFlags): boolean {
    return (flags & HPTE_R_PP0) === 0 && (flags & HPTE_R_PP) !== 3;
  }

  executable(_level: number, flags: EntryFlags): boolean {
    return (flags & HPTE_R_N) === 0;
  }

  user(_level: number, flags: EntryFlags): boolean {
    return (flags & HPTE_R_PP0) === 0 && (flags & HPTE_R_PP) !== 0;
  }

  memoryType(_level: number, flags: EntryFlags): string {
    const wimg = flags & (HPTE_R_W | HPTE_R_I | HPTE_R_M | HPTE_R_G);
    if (wimg === HPTE_R_M || wimg === 0) return 'normal';
    if (wimg === HPTE_R_I) return 'tolerant';
    if (wimg === (HPTE_R_I | HPTE_R_G)) return 'non-idempotent';
    return wimg === (HPTE_R_W | HPTE_R_I | HPTE_R_M)
      ? 'SAO'
      : `WIMG=${(wimg >>> 3).toString(2).padStart(4, '0')}`;
  }

  mergeable(_level: number, flags: EntryFlags): EntryFlags {
    return flags;
  }
}
