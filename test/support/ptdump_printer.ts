/**
 * Page tables as the kernels print them in debugfs, from a walk of the tables: what mm/ptdump.c hands on entry by entry,
 * and what the note_page() of each architecture makes of it, in the wording of each version.
 */

import { FrameWords } from '../../src/memory/frame_words.ts';
import type { PageSource } from '../../src/memory/physical_memory.ts';
import { sizeName } from '../../src/mmu/describe.ts';
import { type EntryFormat, EntryKind, Restriction } from '../../src/mmu/format.ts';
import { openCore } from './open_core.ts';

/** One entry that is no table. Pages are of 4K, counted from the lowest unsigned address. */
export interface Note {
  page: number;
  level: number;
  low: number;
  high: number;
  /** Nothing is in it. */
  none: boolean;
  /** What the tables above take away. */
  inherited: number;
  /** Physical address, in 4K. */
  frame: number;
}

/** A marker's address, in pages, and its text. */
export type MarkerAt = readonly [page: number, name: string];

export interface Style {
  markers: readonly MarkerAt[];
  /** What must be the same within a line, apart from the level; "" for a line that says nothing. */
  key(note: Note, before: Note | undefined): string;
  /** A line about entries from the first up to `end`, which is 2^52 for the end of the address space. */
  line(first: Note, end: number): string;
  /** Whether entries with the key "" are left out. */
  skipsEmpty: boolean;
  /** How many markers may come at one place. */
  markersAtOnce: number;
  /** Whether that is so at the first place too. */
  beginsWithMarkers?: boolean;
  /** Where the last line ends. */
  end: number;
  /** v5.10 of arm64 begins as if it had seen a hole at 0 already. */
  begun?: boolean;
}

const ALL = 2 ** 52;

export function tablesOf(name: string, format: EntryFormat): { words: PageSource; close(): void } {
  const core = openCore(new URL(`../data/cores/${name}.core.gz`, import.meta.url));
  return { words: new FrameWords(core, !format.bigEndianTables), close: () => {} };
}

/** All entries under the root in ascending order; `firstPage` is what its first entry maps. */
export function* notesOf(
  words: PageSource,
  format: EntryFormat,
  table: number,
  firstPage: number,
  level = format.levels,
  inherited = 0,
): Generator<Note> {
  const pages = 2 ** (format.levelShift(level) - 12);
  const entries = 2 ** format.indexBits(level);
  for (let index = 0; index < entries; index++) {
    const address = table + 8 * index;
    const page = words.readPage(Math.floor(address / 4096))!;
    const low = page[(address % 4096) / 4]! | 0;
    const high = page[(address % 4096) / 4 + 1]! | 0;
    let at = firstPage + index * pages;
    if (format.signExtended && level === format.levels && index >= entries / 2) at += ALL - entries * pages;
    const kind = format.kind(level, low, high);
    if (kind === EntryKind.Table) {
      const taken = inherited | format.restrictions(level, low, high);
      yield* notesOf(words, format, format.tableAddress(level, low, high), at, level - 1, taken);
      continue;
    }
    const none = kind === EntryKind.None;
    const frame = none ? 0 : format.leafFrame(level, low, high) * 2 ** (format.pageShift - 12);
    yield { page: at, level, low, high, none, inherited, frame };
  }
}

export function printText(notes: Iterable<Note>, style: Style): string {
  const lines: string[] = [];
  let run: Note | undefined;
  let key = '';
  let marker = 0;
  const nextMarkers = (page: number, most: number) => {
    for (let count = 0; count < most && page >= (style.markers[marker + 1]?.[0] ?? ALL); count++) {
      marker++;
      lines.push(`---[ ${style.markers[marker]![1]} ]---`);
    }
  };
  const flush = (end: number) => {
    if (key !== '' || !style.skipsEmpty) lines.push(style.line(run!, end));
  };
  let before: Note | undefined;
  for (const note of notes) {
    const here = style.key(note, before);
    before = note;
    if (run === undefined && style.begun === true) {
      run = { page: 0, level: Number.NaN, low: 0, high: 0, none: true, inherited: 0, frame: 0 };
      if (here === '' && note.level === 4) continue;
    }
    if (run === undefined) {
      lines.push(`---[ ${style.markers[0]![1]} ]---`);
      if (style.beginsWithMarkers === true) nextMarkers(note.page, style.markersAtOnce);
    } else {
      const crossed = note.page >= (style.markers[marker + 1]?.[0] ?? ALL);
      if (here === key && note.level === run.level && !crossed) continue;
      flush(note.page);
      nextMarkers(note.page, style.markersAtOnce);
    }
    run = note;
    key = here;
  }
  flush(style.end);
  return `${lines.join('\n')}\n`;
}

export function hexPage(page: number): string {
  return `0x${(page === ALL ? 0n : BigInt(page) * 4096n).toString(16).padStart(16, '0')}`;
}

function rangeOf(first: Note, end: number): string {
  return `${hexPage(first.page)}-${hexPage(end)}`;
}

/** "     612K" */
function sizeOf(first: Note, end: number): string {
  return sizeName((end - first.page) * 4096).padStart(10);
}

const blanks = (width: number) => ' '.repeat(width);

function bit(word: number, mask: number, set: string, clear = blanks(set.length)): string {
  return (word & mask) === mask ? set : clear;
}

export const x86Style = (markers: readonly MarkerAt[]): Style => ({
  markers,
  skipsEmpty: false,
  markersAtOnce: 1,
  end: ALL,
  key({ low, high, none, level, inherited }) {
    if (none) return '';
    const frameLow = level > 1 && (low & 0x80) !== 0 ? 0x1fff : 0xfff;
    const noWrite = (low & 2) === 0 || (inherited & Restriction.NoWrite) !== 0;
    const noUser = (low & 4) === 0 || (inherited & Restriction.NoUser) !== 0;
    const noExecute = high < 0 || (inherited & Restriction.NoExecute) !== 0;
    return `${low & frameLow} ${high & 0xfff0_0000} ${noWrite} ${noUser} ${noExecute}`;
  },
  line(first, end) {
    const { low, high, level } = first;
    const name = ['', 'pte', 'pmd', 'pud', 'pgd'][level];
    const columns = [
      bit(low, 4, 'USR '),
      bit(low, 2, 'RW ', 'ro '),
      bit(low, 8, 'PWT '),
      bit(low, 16, 'PCD '),
      level > 1 ? bit(low, 0x80, 'PSE ') : blanks(4),
      bit(low, level > 1 ? 0x1000 : 0x80, 'PAT '),
      bit(low, 0x100, 'GLB '),
      high < 0 ? 'NX ' : 'x  ',
    ].join('');
    return `${rangeOf(first, end)}   ${sizeOf(first, end)} ${(low & 1) === 0 ? blanks(30) : columns}${name}`;
  },
});

export type Arm64Version = '5.10' | '6.1' | '6.12' | '7.2';

const ARM64_TYPES = ['MEM/NORMAL', 'MEM/NORMAL-TAGGED', 'MEM/NORMAL-NC', 'DEVICE/nGnRnE', 'DEVICE/nGnRE'];
const ARM64_TYPES_5_10 = [...ARM64_TYPES.slice(0, 3), undefined, ...ARM64_TYPES.slice(3), 'DEVICE/GRE'];

/** `levels` is that of the root, which is the PGD. */
export const arm64Style = (version: Arm64Version, levels: number, markers: readonly MarkerAt[]): Style => {
  const columnsOf = ({ low, high, level }: Note) => {
    const block = version === '7.2' ? (low & 3) === 1 : (low & 2) === 0;
    const type = (version === '5.10' ? ARM64_TYPES_5_10 : ARM64_TYPES)[(low >>> 2) & 7];
    const columns = [
      (low & 1) !== 0 ? ' ' : 'F',
      bit(low, 1 << 6, 'USR'),
      bit(low, 1 << 7, 'ro', 'RW'),
      bit(high, 1 << 21, 'NX', 'x '),
      bit(low, 3 << 8, 'SHD'),
      bit(low, 1 << 10, 'AF'),
      bit(low, 1 << 11, 'NG'),
      bit(high, 1 << 20, 'CON'),
      block ? 'BLK' : blanks(3),
      bit(high, 1 << 22, 'UXN'),
      bit(high, 1 << 18, 'GP'),
      ...(type === undefined ? [] : [type]),
    ];
    return `${level === levels ? 'PGD' : ['', 'PTE', 'PMD', 'PUD', 'P4D'][level]} ${columns.join(' ')}`;
  };
  return {
    markers,
    skipsEmpty: false,
    markersAtOnce: 2,
    end: ALL,
    begun: version === '5.10',
    key: (note) => (note.none ? '' : columnsOf(note)),
    line(first, end) {
      const name = Number.isNaN(first.level) ? 'PGD' : columnsOf(first).slice(0, 3);
      const columns = first.none ? name : columnsOf(first);
      return `${rangeOf(first, end)}   ${sizeOf(first, end)} ${columns}`;
    },
  };
};

export const riscvStyle = (version: '5.10' | '6.12', levels: number, markers: readonly MarkerAt[]): Style => {
  const columnsOf = ({ low, high, level }: Note) => {
    const letters = [...'DAGUXWRV'].map((letter, index) => bit(low, 0x80 >> index, letter, '.'));
    const software = (low >>> 8) & 3;
    const type = (high >>> 29) & 3;
    const beside =
      version === '5.10'
        ? [(low & 0x100) !== 0 ? 'RSW' : blanks(3)]
        : [
            high < 0 ? 'N' : '.',
            type === 0 ? '  ..  ' : `MT(${['', 'NC', 'IO', '??'][type]})`,
            software === 0 ? '  ..  ' : `RSW(${software})`,
          ];
    const name = level === levels ? 'PGD' : ['', 'PTE', 'PMD', 'PUD', 'P4D'][level];
    return [name, ...beside, ...letters].join(' ');
  };
  return {
    markers,
    skipsEmpty: true,
    markersAtOnce: Number.POSITIVE_INFINITY,
    end: ALL,
    key: (note) => (note.none ? '' : columnsOf(note)),
    line: (first, end) =>
      `${rangeOf(first, end)}    ${hexPage(first.frame)} ${sizeOf(first, end)} ${columnsOf(first)}`,
  };
};

export const s390Style = (markers: readonly MarkerAt[], end: number): Style => {
  const columnsOf = ({ low, level, none }: Note) => {
    const name = ['', 'PTE', 'PMD', 'PUD', 'PGD', 'ASCE'][level];
    if (none || (level === 1 && (low & 0x400) !== 0)) return `${name} I`;
    return `${name} ${bit(low, 0x200, 'RO', 'RW')} ${bit(low, 0x100, 'NX', 'X')}`;
  };
  return {
    markers,
    skipsEmpty: false,
    markersAtOnce: Number.POSITIVE_INFINITY,
    end,
    key: columnsOf,
    line: (first, to) => `${rangeOf(first, to)} ${sizeOf(first, to)} ${columnsOf(first)}`,
  };
};

export const powerpcStyle = (
  version: '5.10' | '6.12' | '7.2',
  pageShift: 12 | 16,
  markers: readonly MarkerAt[],
): Style => {
  const flagsOf = ({ low, high }: Note) =>
    [
      bit(low, 8, blanks(4), 'user'),
      bit(low, 4, 'r'),
      bit(low, 2, 'w'),
      bit(low, 1, ' X '),
      bit(high, 1 << 30, 'pte'),
      high < 0 ? 'valid' : blanks(5),
      high < 0 ? 'present' : blanks(7),
      blanks(4),
      bit(low, 0x80, 'dirty'),
      bit(low, 0x100, 'accessed'),
      bit(low, 0x20, 'non-idempotent'),
      bit(low, 0x30, 'tolerant'),
      ...(pageShift === 12 ? ['f_gix:0'] : []),
      ...((low & 0x400) !== 0 ? ['special'] : []),
    ].join('  ');
  let breaks = 0;
  return {
    markers,
    skipsEmpty: true,
    markersAtOnce: Number.POSITIVE_INFINITY,
    end: ALL,
    key(note, before) {
      if (note.none) return '';
      const adjacent = before !== undefined && before.frame + note.page - before.page === note.frame;
      if (version === '5.10' && !adjacent) breaks++;
      return `${breaks} ${flagsOf(note)}`;
    },
    line(first, end) {
      const range = `${hexPage(first.page)}-${hexPage(end - 1).slice(0, -3)}fff`;
      const level = version === '7.2' ? ['', 'PTE ', 'PMD ', 'PUD ', 'PGD '][first.level] : '';
      return `${range}  ${hexPage(first.frame)}  ${sizeOf(first, end)} ${level}  ${flagsOf(first)}`;
    },
  };
};
