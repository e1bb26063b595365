/**
 * The text of arm64 (arch/arm64/mm/ptdump.c):
 *
 *    0xffff000000000000-0xffff000000200000           2M PTE       RW NX SHD AF            UXN    MEM/NORMAL-TAGGED
 *
 * A bit that is clear is blanks, so columns count, not words; a hole has none of them. VALID's column is blank or F, the
 * latter for a leaf that is not present. The text has neither frames nor the page size: that is the largest that all
 * addresses agree with.
 *
 * v5.10 begins with a line from 0 to the first change, and without the direct map's marker. It and v6.1 call the root PGD
 * and have no other name for a level that is folded into it; later kernels do so for what is folded at boot. Up to v6.12
 * BLK is a clear TABLE_BIT, then a valid block; the level tells it anyway.
 *
 * DBM and DIRTY have no columns, nor has what tables take away. With LPA2, SHD are two address bits.
 */

import {
  Arm64Format,
  PTE_AF,
  PTE_CONT,
  PTE_GP,
  PTE_NG,
  PTE_PXN,
  PTE_RDONLY,
  PTE_SHARED,
  PTE_TABLE_BIT,
  PTE_USER,
  PTE_UXN,
  PTE_VALID,
} from '../../mmu/arm64.ts';
import { ALL_PAGES, type Columns, type LineFormat, levelOf, lowestKernelPage } from './line_format.ts';
import type { Lines } from './lines.ts';

const COLUMNS =
  /^(PGD|P4D|PUD|PMD|PTE)(?: ([ F]) (USR| {3}) (ro|RW) (NX|x ) (SHD| {3}) (AF| {2}) (NG| {2}) (CON| {3}) (BLK| {3}) (UXN| {3}) (GP| {2})(?: (DEVICE\/nGnRnE|DEVICE\/nGnRE|DEVICE\/GRE|MEM\/NORMAL-NC|MEM\/NORMAL|MEM\/NORMAL-TAGGED))?)?$/;

/** Memory types as the text names them, and the attribute of each, at the index at which it is here. */
const TYPES = [
  ['MEM/NORMAL', 0xffn],
  ['MEM/NORMAL-TAGGED', 0xf0n],
  ['MEM/NORMAL-NC', 0x44n],
  ['DEVICE/nGnRnE', 0x00n],
  ['DEVICE/nGnRE', 0x04n],
  ['DEVICE/GRE', 0x0cn],
  // v5.10 has one that its text leaves out.
  [undefined, 0xbbn],
] as const;
const MAIR = TYPES.reduce((mair, [, attribute], index) => mair | (attribute << BigInt(8 * index)), 0n);

const PAGE_SHIFTS = [16, 14, 12] as const;
const VA_BITS = [36, 52] as const;

/** The indices above are not the kernel's. */
class Arm64TextFormat extends Arm64Format {
  override describe(level: number, low: number, high: number): readonly string[] {
    return super.describe(level, low, high).filter((name) => !name.startsWith('AttrIndx'));
  }
}

export const arm64Lines: LineFormat = {
  arch: 'arm64',
  line: /^0x[0-9a-f]{16}-0x[0-9a-f]{16} {3} *(\d{1,16})([KMGTPE]) ((?:PGD|P4D|PUD|PMD|PTE)(?: .*)?)$/,
  example:
    '0xffff000000000000-0xffff000000200000           2M PTE       RW NX SHD AF            UXN    MEM/NORMAL',
  endIsLastByte: false,
  printsHoles: true,
  beginsWithDirectMap: true,
  directMapFromZero: false,

  notTold: () => [
    'physical addresses',
    'the DBM and DIRTY bits',
    'the page size: it is taken to be the largest that all addresses are multiples of',
  ],

  readColumns(columns) {
    const found = COLUMNS.exec(columns);
    if (found === null) return undefined;
    const level = levelOf(found[1]!);
    return found[2] === undefined ? { kind: 'hole', level, low: 0, high: 0 } : leaf(level, found);
  },

  machine(lines) {
    const lowest = lowestKernelPage(lines);
    if (lowest === undefined) return undefined;
    let vaBits: number = VA_BITS[0];
    while (2 ** (vaBits - 12) < ALL_PAGES - lowest) vaBits++;
    if (vaBits > VA_BITS[1]) return undefined;
    const pageShift = PAGE_SHIFTS.find((shift) => agrees(lines, shift, vaBits)) ?? 12;
    const format = new Arm64TextFormat({ pageShift, vaBits, lpa2: false, mair: MAIR });
    return { format, start: ALL_PAGES - 2 ** (vaBits - 12), end: ALL_PAGES };
  },
};

/** Whether all lines of the upper half begin and end where entries of their levels do. */
function agrees(lines: Lines, pageShift: 12 | 14 | 16, vaBits: number): boolean {
  const format = new Arm64Format({ pageShift, vaBits, lpa2: false });
  const sizes = lines.said.map(({ level }) => 2 ** (format.levelShift(Math.min(level, format.levels)) - 12));
  for (let index = 0; index < lines.length; index++) {
    const size = sizes[lines.saidAt(index)]!;
    if (lines.end(index) % size !== 0 || lines.start(index) % size !== 0) return false;
  }
  return true;
}

function leaf(level: number, found: RegExpExecArray): Columns {
  const type = TYPES.findIndex(([name]) => name === found[13]);
  const present = found[2] === ' ';
  const low =
    (present ? PTE_VALID : 0) |
    (level === 1 ? PTE_TABLE_BIT : 0) |
    (type << 2) |
    (found[3] === 'USR' ? PTE_USER : 0) |
    (found[4] === 'ro' ? PTE_RDONLY : 0) |
    (found[6] === 'SHD' ? PTE_SHARED : 0) |
    (found[7] === 'AF' ? PTE_AF : 0) |
    (found[8] === 'NG' ? PTE_NG : 0);
  const high =
    (found[5] === 'NX' ? PTE_PXN : 0) |
    (found[9] === 'CON' ? PTE_CONT : 0) |
    (found[11] === 'UXN' ? PTE_UXN : 0) |
    (found[12] === 'GP' ? PTE_GP : 0);
  return { kind: present ? 'leaf' : 'not-present', level, low, high };
}
