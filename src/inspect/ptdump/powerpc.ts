/**
 * The text of ppc64 (arch/powerpc/mm/ptdump/), where the end of a range is its last byte: v5.10, where the second line
 * is of pages that all have one address, then v6.1 to v6.12, the same, and v7.2.
 *
 *    0xc000000000000000-0xc00000003fffffff  0x0000000000000000         1G       r  w       pte  valid  present ...
 *    0xc008000000000000-0xc00800000fffffff [0x0000000000000000]       64K       r  w       pte  valid  present ...
 *    0xc000000000000000-0xc00000003fffffff  0x0000000000000000         1G PUD         r  w ...
 *
 * Two blanks before each flag; one that is clear is blanks, or is left out (those of the hash MMU and "special"). Only
 * v7.2 names the level. In older texts a leaf's size is known where nothing but a base page fits. Holes have no lines, and
 * v6.1 and later do not look whether the physical addresses follow one another.
 *
 * A page is 4K if the text has f_gix, a field of such kernels alone.
 */

import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_EXEC,
  _PAGE_NON_IDEMPOTENT,
  _PAGE_PRESENT,
  _PAGE_PRIVILEGED,
  _PAGE_PTE,
  _PAGE_READ,
  _PAGE_TOLERANT,
  _PAGE_WRITE,
  _RPAGE_SW2,
  Ppc64RadixFormat,
} from '../../mmu/ppc64_radix.ts';
import {
  type Columns,
  FRAMES_BEHIND,
  type LineFormat,
  levelOf,
  lowestKernelPage,
  type Page4K,
  readPage,
} from './line_format.ts';
import type { Lines } from './lines.ts';

const COLUMNS =
  /^(?:(PTE|PMD|PUD|P4D|PGD) )? {2}(user| {4}) {2}([r ]) {2}([w ]) {2}( X | {3}) {2}(pte| {3}) {2}(valid| {5}) {2}(present| {7}) {2}(hpte| {4}) {2}(dirty| {5}) {2}(accessed| {8}) {2}(non-idempotent| {14}) {2}(tolerant| {8})( {2}busy)?(?:( {2}combo)?( {2}4K_pfn)?|( {2}f_gix:[0-9a-f]{1,16})( {2}f_second)?)( {2}special)?(?: {2}unknown flags:[0-9a-f]{1,16})?$/;

/** Of the columns up to "tolerant". Where they end in blanks, an editor may have taken these away. */
const WIDTH = 87;

/** Quadrant 3, in pages: 52 bits of address space. */
const START: Page4K = 0xc_0000_0000_0000;
const END: Page4K = START + 2 ** 40;
/** In the place of the field that kernels with pages of 4K have there. */
const F_GIX = 1 << 28;
const PAGES_64K = 16;

/** The hash MMU's bits are not among those that are described. */
class Ppc64TextFormat extends Ppc64RadixFormat {
  override describe(level: number, low: number, high: number): readonly string[] {
    return super.describe(level, low, high & ~F_GIX);
  }
}

export const powerpcLines: LineFormat = {
  arch: 'ppc64',
  line: /^0x[0-9a-f]{16}-0x[0-9a-f]{16} (?: 0x[0-9a-f]{16} |\[0x[0-9a-f]{16}\]) *(\d{1,16})([ KMGTPE]) (.*)$/,
  example:
    '0xc000000000000000-0xc00000003fffffff  0x0000000000000000         1G PUD         r  w       pte  valid  ...',
  endIsLastByte: true,
  printsHoles: false,
  beginsWithDirectMap: false,
  directMapFromZero: false,

  readFrame: (line) => (line[38] === '[' ? undefined : readPage(line, 41)),

  notTold(lines) {
    const sizes = lines.said.some(({ level }) => level === 0);
    return sizes ? [FRAMES_BEHIND, 'how large leaves are'] : [FRAMES_BEHIND];
  },

  readColumns(columns) {
    const found = COLUMNS.exec(columns.padEnd(columns.startsWith('P') ? WIDTH + 4 : WIDTH));
    return found === null ? undefined : leaf(found);
  },

  machine(lines) {
    const lowest = lowestKernelPage(lines);
    if (lowest === undefined || lowest < START || lines.end(lines.length - 1) > END) return undefined;
    const small = lines.said.some(({ high }) => (high & F_GIX) !== 0) || !isAligned(lines);
    return { format: new Ppc64TextFormat({ pageShift: small ? 12 : 16 }), start: START, end: END };
  },
};

function isAligned(lines: Lines): boolean {
  for (let index = 0; index < lines.length; index++) {
    if (lines.start(index) % PAGES_64K !== 0 || lines.end(index) % PAGES_64K !== 0) return false;
  }
  return true;
}

function leaf(found: RegExpExecArray): Columns {
  const present = found[7] === 'valid';
  const low =
    (found[2] === 'user' ? 0 : _PAGE_PRIVILEGED) |
    (found[3] === 'r' ? _PAGE_READ : 0) |
    (found[4] === 'w' ? _PAGE_WRITE : 0) |
    (found[5] === ' X ' ? _PAGE_EXEC : 0) |
    (found[10] === 'dirty' ? _PAGE_DIRTY : 0) |
    (found[11] === 'accessed' ? _PAGE_ACCESSED : 0) |
    (found[12] === 'non-idempotent' ? _PAGE_NON_IDEMPOTENT : 0) |
    (found[13] === 'tolerant' ? _PAGE_TOLERANT : 0) |
    (found[19] === undefined ? 0 : _RPAGE_SW2);
  const high =
    (found[6] === 'pte' ? _PAGE_PTE : 0) |
    (present ? _PAGE_PRESENT : 0) |
    (found[17] === undefined ? 0 : F_GIX);
  const level = found[1] === undefined ? 0 : levelOf(found[1]);
  return { kind: present ? 'leaf' : 'not-present', level, low, high };
}
