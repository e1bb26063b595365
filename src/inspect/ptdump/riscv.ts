/**
 * The text of riscv64 (arch/riscv/mm/ptdump.c), up to v6.1 and from v6.12 on:
 *
 *    0xffffffd800000000-0xffffffd800200000    0x0000000080000000         2M PMD     D A G . . W R V
 *    0xffffffd800000000-0xffffffd800200000    0x0000000080000000         2M PMD .   ..     ..   D A G . . W R V
 *
 * The physical address is that of the first page; whether the others follow it is not checked. Holes have no lines.
 * Level names depend on the mode, PGD being the highest, and the mode on where the kernel's addresses begin.
 *
 * T-Head's memory types from before Svpbmt show in the columns of N and MT, where no other machine has "??": memory is
 * MT(??), and I/O is N alone. The older text has no columns for a memory type, so all is shown as memory.
 */

import {
  _PAGE_MTMASK_SVPBMT,
  _PAGE_NAPOT,
  _PAGE_PRESENT,
  Riscv64Format,
  type RiscvMemoryType,
} from '../../mmu/riscv64.ts';
import {
  ALL_PAGES,
  type Columns,
  FRAMES_BEHIND,
  type LineFormat,
  levelOf,
  lowestKernelPage,
  readPage,
} from './line_format.ts';

const COLUMNS =
  /^(PTE|PMD|PUD|P4D|PGD) (?:([N.]) (?:MT\((NC|IO|\?\?)\)| {2}\.\. {2}) (?:RSW\(([1-3])\)| {2}\.\. {2})|(RSW| {3})) ([D.]) ([A.]) ([G.]) ([U.]) ([X.]) ([W.]) ([R.]) ([V.])$/;

/** Bits 62..61, in the high half. */
const TYPES: Readonly<Record<string, number>> = { NC: 1 << 29, IO: 2 << 29, '??': 3 << 29 };
const TYPE_UNKNOWN = 3 << 29;

/** The kernel's half has 2^26, 2^35 or 2^44 pages. */
const MODES = [
  { levels: 3, pages: 2 ** 26 },
  { levels: 4, pages: 2 ** 35 },
  { levels: 5, pages: 2 ** 44 },
] as const;

class TheadTextFormat extends Riscv64Format {
  override memoryType(_level: number, flags: number): RiscvMemoryType {
    if ((flags & _PAGE_NAPOT) !== 0) return 'IO';
    return (flags & _PAGE_MTMASK_SVPBMT) === TYPES.NC ? 'NC' : 'PMA';
  }

  override describe(level: number, low: number, high: number): readonly string[] {
    return [...super.describe(level, low, 0), `THEAD-${this.memoryType(level, high)}`];
  }
}

export const riscvLines: LineFormat = {
  arch: 'riscv64',
  line: /^0x[0-9a-f]{16}-0x[0-9a-f]{16} {4}0x[0-9a-f]{16} +(\d{1,16})([KMGTPE]) (.{20,40})$/,
  example: '0xffffffd800000000-0xffffffd800200000    0x0000000080000000         2M PMD     D A G . . W R V',
  endIsLastByte: false,
  printsHoles: false,
  beginsWithDirectMap: false,
  directMapFromZero: false,

  readFrame: (line) => readPage(line, 43),

  notTold: () => [FRAMES_BEHIND],

  readColumns(columns) {
    const found = COLUMNS.exec(columns);
    return found === null ? undefined : leaf(found);
  },

  machine(lines) {
    const lowest = lowestKernelPage(lines);
    const mode = MODES.find(({ pages }) => lowest !== undefined && lowest >= ALL_PAGES - pages);
    if (mode === undefined) return undefined;
    const isThead = lines.said.some(({ high }) => (high & _PAGE_MTMASK_SVPBMT) === TYPE_UNKNOWN);
    const format = isThead ? new TheadTextFormat(mode) : new Riscv64Format(mode);
    return { format, start: ALL_PAGES - mode.pages, end: ALL_PAGES };
  },
};

function leaf(found: RegExpExecArray): Columns {
  const [, level, napot, type, software, softwareBit, ...letters] = found;
  // D A G U X W R V are bits 7 to 0.
  let low = letters.reduce((bits, letter) => 2 * bits + (letter === '.' ? 0 : 1), 0);
  low |= (softwareBit === 'RSW' ? 1 : Number(software ?? 0)) << 8;
  const high = (napot === 'N' ? _PAGE_NAPOT : 0) | (type === undefined ? 0 : TYPES[type]!);
  const kind = (low & _PAGE_PRESENT) !== 0 ? 'leaf' : 'not-present';
  return { kind, level: levelOf(level!), low, high };
}
