/**
 * A report as plain JSON: what an address space is and what was found in it, for a page that has no machine at hand and
 * knows no architecture. Addresses are hexadecimal text, as a number of JSON cannot hold them. Imports nothing, as
 * both sides of the file read it.
 */

export interface ReportSnapshot {
  readonly format: 'directmap-report/1';
  /** Of the source, for people. */
  readonly name: string;
  /** "x86_64". */
  readonly arch: string;
  readonly pageBytes: number;
  readonly usualMemoryType: string;
  /** What is known of the machine as a whole, for people. */
  readonly facts: readonly Fact[];
  /** What leaves say, named by their place in this list elsewhere. */
  readonly attributes: readonly AttributesSnapshot[];
  readonly regions: readonly RegionSnapshot[];
  readonly findings: readonly FindingSnapshot[];
  readonly notChecked: readonly string[];
  readonly fragmentation: readonly FragmentationSnapshot[];
  /** null where there is no direct map in page tables, or nothing in it. */
  readonly map: MapSnapshot | null;
  /** null where the source shows no tables. */
  readonly tables: TablesSnapshot | null;
}

export interface Fact {
  readonly name: string;
  readonly value: string;
}

export interface AttributesSnapshot {
  /** "4K"; bytes of one leaf, and its level from 1. */
  readonly size: string;
  readonly bytes: number;
  readonly level: number;
  readonly present: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
  readonly user: boolean;
  readonly memoryType: string;
  readonly names: string;
  readonly access: string;
  /** In hexadecimal; null where the source shows no entries. */
  readonly bits: string | null;
  /** Who leaves such leaves, which are not present. */
  readonly leftBy: readonly string[];
}

export interface RegionSnapshot {
  readonly name: string;
  readonly start: string;
  /** The last address in it. */
  readonly last: string;
  /** Attributes, entries, base pages. */
  readonly leaves: readonly (readonly [number, number, number])[];
  /** Kinds of leaves beyond those listed. */
  readonly moreKinds: number;
  /** In base pages. */
  readonly holePages: number;
  readonly badPages: number;
  readonly missingPages: number;
  readonly sharedPages: number;
}

export interface FindingSnapshot {
  readonly rule: string;
  readonly severity: 'error' | 'warning' | 'note';
  readonly why: string;
  readonly pages: number;
  /** Of all places, of which `places` are the first. */
  readonly count: number;
  readonly places: readonly PlaceSnapshot[];
}

export interface PlaceSnapshot {
  readonly address: string;
  readonly pages: number;
  readonly what: string;
}

export interface FragmentationSnapshot {
  readonly size: string;
  readonly blocks: number;
  readonly lost: number;
  readonly mergeable: number;
  readonly firstMergeable: string | null;
  readonly differing: readonly { readonly what: string; readonly blocks: number; readonly first: string }[];
}

/** What a stretch is that is no leaf, in place of attributes. */
export const NO_LEAF = { hole: -1, bad: -2, missing: -3, shared: -4 } as const;

/** The stretches of the direct map, end to end, as far as anything is mapped. */
export interface MapSnapshot {
  readonly start: string;
  /** The addresses that are the direct map's by right, and how many base pages; not there if they are not known. */
  readonly windowStart?: string;
  readonly windowPages?: number;
  /** In base pages, of all stretches. */
  readonly pages: number;
  /** Of the direct map, beyond the stretches, as there were too many. */
  readonly omittedPages: number;
  /** The frame of the first page in a linear map; null where it is not known. */
  readonly firstFrame: number | null;
  /** Of each stretch, its attributes or one of `NO_LEAF`, and its base pages. */
  readonly kinds: readonly number[];
  readonly lengths: readonly number[];
  /** Number of a stretch and its first frame, where that is not the one of a linear map. */
  readonly oddFrames: readonly (readonly [number, number])[];
  /** Bytes of leaves above base pages that would fit, the smallest first. */
  readonly blockBytes: readonly number[];
}

/**
 * Page tables, complete and small: each table as runs of entries that follow one another, each run by a kind of entry.
 *
 * An entry is told apart from others of its kind by one number, its value: the first frame of a leaf, the physical
 * address of a table. The 64 bits are `base + value * scale` modulo 2^64, whatever the architecture: a base is what is
 * left of an entry when its value is taken out, and the scale is a power of two, negative where frames are inverted.
 */
export interface TablesSnapshot {
  /** From the root down. */
  readonly levels: readonly LevelSnapshot[];
  readonly signExtended: boolean;
  /** The part of the address space that is in it, in hexadecimal; `end` may be 2^64. */
  readonly start: string;
  readonly end: string;
  readonly kinds: readonly EntryKindSnapshot[];
  /** The root first. */
  readonly tables: readonly TableSnapshot[];
  /** Tables of this level and those below it are not in it, as there were too many; 0 if all are there. */
  readonly omittedFrom: number;
}

export interface EntryKindSnapshot {
  readonly kind: 'table' | 'leaf' | 'not-present' | 'hole' | 'bad' | 'missing';
  readonly level: number;
  /** The bits by name, in the format's order. */
  readonly names: readonly string[];
  /** In hexadecimal. */
  readonly base: string;
  readonly scale: number;
  /** Of a bad or a missing one: "reserved bits". */
  readonly why?: string;
  /** Of a table, what it takes away from all below it: 1 writing, 2 executing, 4 access by user space. */
  readonly restrictions?: number;
  /** Of a leaf: what it allows by itself. */
  readonly allows?: {
    readonly writable: boolean;
    readonly executable: boolean;
    readonly user: boolean;
    readonly memoryType: string;
  };
}

export interface TableSnapshot {
  /** Physical address. */
  readonly at: number;
  readonly level: number;
  /**
   * Four numbers for each run, in ascending order of index: index, count, number of the kind, value of the first entry.
   * From entry to entry the value of leaves grows by the base pages of one, and that of others stays. What no run covers is zero and maps nothing.
   */
  readonly runs: readonly number[];
}

export interface LevelSnapshot {
  readonly level: number;
  readonly name: string;
  readonly indexBits: number;
  /** log2 of the bytes that one entry covers. */
  readonly shift: number;
}
