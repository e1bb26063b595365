/**
 * The text of x86 (arch/x86/mm/dump_pagetables.c), the same from v5.10 to v7.2:
 *
 *    0xffff888000000000-0xffff888000099000         612K     RW                 GLB NX pte
 *
 * Behind the size come 30 characters, a clear bit as blanks. All are blank unless P is set, so an entry that is not
 * present looks like a hole. Two blank lines of one level with no marker between them tell that one of both is such an
 * entry, though not which; so all are read as holes. A run ends as well where bits change that have no column (A, D, the
 * software's) or where the tables above take something away: lines that follow one another may look the same.
 */

import {
  _PAGE_GLOBAL,
  _PAGE_NX,
  _PAGE_PAT,
  _PAGE_PAT_LARGE,
  _PAGE_PCD,
  _PAGE_PRESENT,
  _PAGE_PSE,
  _PAGE_PWT,
  _PAGE_RW,
  _PAGE_USER,
  PG_LEVEL_1G,
  X86_HARDWARE,
  X86Format,
} from '../../mmu/x86_64.ts';
import { ALL_PAGES, type Columns, type LineFormat, levelOf, lowestKernelPage } from './line_format.ts';

const COLUMNS =
  /^(?: {30}|(USR| {3}) (RW|ro) (PWT| {3}) (PCD| {3}) (PSE| {3}) (PAT| {3}) (GLB| {3}) (NX|x ) )(pgd|p4d|pud|pmd|pte)$/;

/** The kernel's half with four levels, and with five. */
const HALF_4_LEVEL = ALL_PAGES - 2 ** 35;
const HALF_5_LEVEL = ALL_PAGES - 2 ** 44;

export const x86Lines: LineFormat = {
  arch: 'x86_64',
  line: /^0x[0-9a-f]{16}-0x[0-9a-f]{16} {3} *(\d{1,16})([BKMGTPE]) (.{33})$/,
  example: '0xffff888000000000-0xffff888000099000         612K     RW                 GLB NX pte',
  endIsLastByte: false,
  printsHoles: true,
  beginsWithDirectMap: false,
  directMapFromZero: true,

  notTold: () => [
    'physical addresses',
    'the A and D bits',
    'which leaves are not present: they look like holes',
  ],

  readColumns(columns) {
    const found = COLUMNS.exec(columns);
    if (found === null) return undefined;
    const level = levelOf(found[9]!);
    return found[2] === undefined ? { kind: 'hole', level, low: 0, high: 0 } : leaf(level, found);
  },

  machine(lines) {
    const lowest = lowestKernelPage(lines);
    if (lowest === undefined) return undefined;
    const five = lowest < HALF_4_LEVEL;
    const format = new X86Format({ ...X86_HARDWARE, levels: five ? 5 : 4 });
    return { format, start: five ? HALF_5_LEVEL : HALF_4_LEVEL, end: ALL_PAGES };
  },
};

function leaf(level: number, found: RegExpExecArray): Columns | undefined {
  const large = found[5] === 'PSE';
  if (level > PG_LEVEL_1G || large !== level > 1) return undefined;
  const pat = large ? _PAGE_PAT_LARGE : _PAGE_PAT;
  const low =
    _PAGE_PRESENT |
    (found[1] === 'USR' ? _PAGE_USER : 0) |
    (found[2] === 'RW' ? _PAGE_RW : 0) |
    (found[3] === 'PWT' ? _PAGE_PWT : 0) |
    (found[4] === 'PCD' ? _PAGE_PCD : 0) |
    (large ? _PAGE_PSE : 0) |
    (found[6] === 'PAT' ? pat : 0) |
    (found[7] === 'GLB' ? _PAGE_GLOBAL : 0);
  return { kind: 'leaf', level, low, high: found[8] === 'NX' ? _PAGE_NX : 0 };
}
