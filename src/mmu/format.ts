/**
 * What a 64-bit page-table entry means: the contract that every architecture's file in this folder fulfils, and
 * that the walker, the inspector and the printers rely on. Hardware words only; nothing here knows of Linux.
 *
 * Levels are numbered from the leaves up: 1 holds base pages (PTE), 2 the tables above (PMD), and so on.
 *
 * A virtual address is a JavaScript number: the 64-bit address read as *signed*, and always a multiple of the base
 * page size. Kernel addresses are therefore negative, and exact up to 65 bits. `hexAddress` prints one.
 */

/** A page-aligned virtual address, the 64 bits read as a signed number. */
export type VirtualAddress = number;

/**
 * An entry's bits other than its frame, packed into 32 as its format packs them: x86-64 leaves bits 0..12 where they
 * are and moves 52..63 to 20..31. Always a signed 32-bit number, as the bit operators produce.
 */
export type EntryFlags = number;

/** What an entry is to a walker. A constant object, not an enum, so that the type can be erased. */
export const EntryKind = {
  /** Nothing: the walk ends here. */
  None: 0,
  /** The address of a table one level down. */
  Table: 1,
  /** A translation that the hardware uses. */
  Leaf: 2,
  /** Names a frame, but the hardware does not use it: not present. */
  NotPresentLeaf: 3,
  /** No reading of it is legal at this level: reserved bits are set. */
  Bad: 4,
} as const;
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind];

/** What entries above a leaf take away from it: bits that are or-ed together on the way down. */
export const Restriction = { NoWrite: 1, NoExecute: 2, NoUser: 4 } as const;

export interface EntryFormat {
  /** For people, e.g. "x86_64, 4-level". */
  readonly name: string;
  /** The level of the root table. */
  readonly levels: number;
  /** log2 of the base page size. */
  readonly pageShift: number;
  /** Whether the root's upper half maps negative addresses; otherwise it maps one window of its own size. */
  readonly signExtended: boolean;
  /** The memory type of ordinary, cached memory: "WB", "Normal". Printers leave it out. */
  readonly usualMemoryType: string;
  /** Whether tables are big-endian in memory, whatever the kernel's data are. */
  readonly bigEndianTables: boolean;

  /** log2 of the number of entries of a table at `level`. */
  indexBits(level: number): number;
  /** log2 of the bytes that one entry at `level` covers. */
  levelShift(level: number): number;
  /** "PTE", "PMD", ... */
  levelName(level: number): string;

  /** What is written into an entry that maps nothing, where that is not 0: the low half; the high half is zero. */
  emptyEntry?(level: number): number;
  kind(level: number, low: number, high: number): EntryKind;
  /** Physical address of the table that a `Table` entry names. */
  tableAddress(level: number, low: number, high: number): number;
  /** First page frame that a leaf names, present or not. */
  leafFrame(level: number, low: number, high: number): number;
  /** Everything but the frame. */
  flags(level: number, low: number, high: number): EntryFlags;
  /** The entry with zeros for its frame: all 64 bits of what `flags` packs. */
  attributes(level: number, low: number, high: number): bigint;
  /** What a `Table` entry takes away from all leaves below it: a set of `Restriction` bits. */
  restrictions(level: number, low: number, high: number): number;

  /** Words of `describe` that only say how large a leaf is; none if not given. */
  readonly sizeWords?: readonly string[];

  /** The bits that are set, by name, lowest first, as people write them: P, RW, NX, ... */
  describe(level: number, low: number, high: number): readonly string[];
  writable(level: number, flags: EntryFlags): boolean;
  /** By the kernel, where user and kernel differ. */
  executable(level: number, flags: EntryFlags): boolean;
  /** Whether user space may access it. */
  user(level: number, flags: EntryFlags): boolean;
  /** The memory type that a leaf asks for, by its usual name in this architecture. */
  memoryType(level: number, flags: EntryFlags): string;
  /**
   * The flags without what only says how large the leaf is, in the place that they have at level 1: where two leaves
   * agree in this, one large leaf could stand for both.
   */
  mergeable(level: number, flags: EntryFlags): EntryFlags;
}

/** "0xffff888000000000" for a virtual address as used here. */
export function hexAddress(address: VirtualAddress | bigint): string {
  return `0x${BigInt.asUintN(64, BigInt(address)).toString(16)}`;
}

/** "0x8000000000000163", without leading zeros, for the two halves of a word. */
export function hexWord(low: number, high: number): string {
  return `0x${((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)).toString(16)}`;
}
