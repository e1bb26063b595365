/**
 * The text of s390x (arch/s390/mm/dump_pagetables.c):
 *
 *    0x0000000000100000-0x0000000080000000      2047M PMD RW NX
 *    0x0000000080000000-0x0000040000000000      4094G PUD I
 *
 * I is an entry that is nothing or an invalid one, which cannot be told apart: both are read as holes. Of a large leaf the
 * text does not tell whether it is invalid. The addresses begin with 0, and end with the last that the root translates.
 */

import { _PAGE_NOEXEC, _PAGE_PROTECT, _SEGMENT_ENTRY_LARGE, S390xFormat } from '../../mmu/s390x.ts';
import type { LineFormat } from './line_format.ts';

const COLUMNS = /^(ASCE|PGD|PUD|PMD|PTE) (?:I|(RO|RW) (NX|X))$/;
const LEVELS: Readonly<Record<string, number>> = { PTE: 1, PMD: 2, PUD: 3, PGD: 4, ASCE: 5 };
const LARGEST_LEAF_LEVEL = 3;

const FORMAT = new S390xFormat({ levels: 5 });

export const s390Lines: LineFormat = {
  arch: 's390x',
  line: /^0x[0-9a-f]{16}-0x[0-9a-f]{16} *(\d{1,16})([KMGTPE]) ((?:ASCE|PGD|PUD|PMD|PTE) (?:I|R. .{1,2}))$/,
  example: '0x0000000000100000-0x0000000080000000      2047M PMD RW NX',
  endIsLastByte: false,
  printsHoles: true,
  beginsWithDirectMap: false,
  directMapFromZero: true,

  notTold: () => ['physical addresses', 'which leaves are not present: they look like holes'],

  readColumns(columns) {
    const found = COLUMNS.exec(columns);
    if (found === null) return undefined;
    const level = LEVELS[found[1]!]!;
    if (found[2] === undefined) return { kind: 'hole', level, low: 0, high: 0 };
    if (level > LARGEST_LEAF_LEVEL) return undefined;
    const low =
      (level > 1 ? _SEGMENT_ENTRY_LARGE | (FORMAT.emptyEntry(level) & 0xc) : 0) |
      (found[2] === 'RO' ? _PAGE_PROTECT : 0) |
      (found[3] === 'NX' ? _PAGE_NOEXEC : 0);
    return { kind: 'leaf', level, low, high: 0 };
  },

  machine: (lines) => ({ format: FORMAT, start: 0, end: lines.end(lines.length - 1) }),
};
