/**
 * A kernel's address space in the form in which all of this room reads it, whether it comes from page tables or from
 * the text that a kernel printed of its own.
 */

import type { EntryFormat, VirtualAddress } from '../mmu/format.ts';
import type { AddressRange, RunKind, WalkProblem } from '../mmu/walk.ts';

export type ArchName = 'x86_64' | 'arm64' | 'riscv64' | 's390x' | 'ppc64' | 'loongarch64';

/**
 * What the leaves of a stretch have in common. There is one object for each combination in an address space, so that
 * two stretches of one space say the same exactly if these are the same object.
 */
export interface LeafAttributes {
  /** From the leaves up: 1 is base pages. */
  readonly level: number;
  /** Bytes that one leaf maps. */
  readonly bytes: number;
  readonly present: boolean;
  /** What may be done through it: what the leaf allows and no table above takes away. By the kernel, but for `user`. */
  readonly writable: boolean;
  readonly executable: boolean;
  readonly user: boolean;
  /** By its usual name in the architecture: "WB", "UC-", "Normal", "Device-nGnRE". */
  readonly memoryType: string;
  /** The bits by name, as people write them: "P RW A D G NX". */
  readonly names: string;
  /** In short, without the memory type where it is the usual one: "rw nx", "ro x UC". */
  readonly access: string;
  /** The entry with zeros for its frame; undefined where the source shows no entries. */
  readonly bits: bigint | undefined;
  /** Leaves that are equal in this, whatever their size, could be one large leaf if frames and addresses allow. */
  readonly mergeKey: string;
}

/** The longest part of the address space whose entries say the same. */
export interface Stretch {
  readonly kind: RunKind;
  readonly address: VirtualAddress;
  /** In base pages. */
  readonly pages: number;
  /** How many entries it is made of; 0 where the source does not tell. Of a hole that a range cuts, 1 or more. */
  readonly count: number;
  /** Frame (in base pages) of the first page; undefined but for leaves, and where the source does not tell. */
  readonly frame: number | undefined;
  /** Of a `leaf` or `not-present` stretch only. */
  readonly leaf: LeafAttributes | undefined;
  /** Of a `bad` or `missing` stretch only. */
  readonly why: WalkProblem | undefined;
  /**
   * Physical address of the first entry's table, and the entry: zeros of a `missing` stretch, as the table is not there.
   * undefined where the source shows no entries.
   */
  readonly entry: { readonly table: number; readonly low: number; readonly high: number } | undefined;
}

/** What a part of the address space is for. */
export type RegionName =
  | 'direct map'
  | 'vmalloc'
  | 'vmemmap'
  | 'kernel image'
  | 'modules'
  | 'fixmap'
  | 'CPU entry area'
  | 'espfix'
  | 'EFI'
  | 'KASAN shadow'
  | 'I/O'
  | 'other';

export interface Region extends AddressRange {
  readonly name: RegionName;
}

/** Where the direct map is, and how its addresses come from physical ones. */
export interface DirectMap extends AddressRange {
  /** Virtual minus physical address, the same for all of it; undefined where the source does not tell. */
  readonly offset: number | undefined;
}

export interface AddressSpace {
  /** "x86_64". */
  readonly arch: string;
  /** How entries are read; undefined where the source shows none. */
  readonly format?: EntryFormat;
  /** Bytes of a base page. */
  readonly pageBytes: number;
  /** Of ordinary memory: "WB", "Normal". */
  readonly usualMemoryType: string;
  /** Sorted by address, disjoint, and together all of the kernel's half. */
  readonly regions: readonly Region[];
  /** undefined where there is none in page tables, or none was found. */
  readonly directMap: DirectMap | undefined;
  /** Whether the machine has memory at a physical address. Not there where the source cannot tell. */
  isMemory?(physical: number): boolean;
  /**
   * All that is mapped in a range, or in all regions, in ascending order; holes included. Each call reads anew. An
   * address space that was changing while it was read may contradict itself.
   */
  stretches(range?: AddressRange): Iterable<Stretch>;
}
