/** ppc64 Linux with the radix MMU: where swapper_pg_dir is, and what is where (arch/powerpc/include/asm/book3s/64/radix.h). */

import { NotModelledError } from '../../errors.ts';
import { FrameWords } from '../../memory/frame_words.ts';
import type { MachineMemory } from '../../memory/machine_memory.ts';
import type { PageSource } from '../../memory/physical_memory.ts';
import { EntryKind } from '../../mmu/format.ts';
import { isHashTable, Ppc64RadixFormat } from '../../mmu/ppc64_radix.ts';
import { type AddressRange, walk } from '../../mmu/walk.ts';
import { type Hints, type Located, rootNotTold, topTableSymbol } from '../located.ts';
import { directMapRegion, fillRegions } from '../regions.ts';

/** Quadrant 3, the kernel's: 52 bits from here, in pieces of 2^51 bytes. */
const SPACE_START = -0x4000_0000_0000_0000;
const PIECE = 2 ** 51;
const PHYSICAL = 0x0fff_ffff_ffff_ffffn;

export function locatePpc64(memory: MachineMemory, hints: Hints, where: string): Located {
  const { vmcoreinfo } = memory;
  const told = topTableSymbol(memory, hints);
  if (hints.root === undefined && told === undefined) throw rootNotTold(memory, where);
  const root = hints.root ?? Number(told!.symbol & PHYSICAL);
  if (vmcoreinfo?.number('RADIX_MMU') === 0n || isHashTable(new FrameWords(memory, false), root)) {
    throw new NotModelledError(
      'the hash MMU',
      'the linear map is in the hash page table, which no table of Linux names; under a hypervisor it is not even in the memory of the guest',
      where,
    );
  }
  const end = SPACE_START + 2 * PIECE;
  const space = { start: SPACE_START, end };
  const toldSize = vmcoreinfo?.field('PAGESIZE');
  const toldShift = toldSize === undefined ? undefined : toldSize === '65536' ? 16 : 12;
  const seenShift = toldShift ?? pageShiftOf(new FrameWords(memory, false), root, space);
  const pageShift = seenShift ?? 12;
  return {
    arch: 'ppc64',
    format: new Ppc64RadixFormat({ pageShift }),
    root,
    space,
    directMapWithin: { start: SPACE_START, end: SPACE_START + PIECE },
    imageOffset: SPACE_START,
    countsNotPresent: false,
    rootFrom: hints.root === undefined ? told!.from : '--root',
    found:
      toldShift === seenShift
        ? []
        : [`pages of ${pageShift === 16 ? 64 : 4}K, as page tables are of that size`],
    doubts: seenShift === undefined ? ['pages are taken to be of 4K, as nothing says so'] : [],
    regions: (directMap) =>
      fillRegions(
        [
          ...directMapRegion(directMap),
          { name: 'vmalloc', start: SPACE_START + PIECE, end: SPACE_START + 1.25 * PIECE },
          { name: 'I/O', start: SPACE_START + 1.25 * PIECE, end: SPACE_START + 1.5 * PIECE },
          { name: 'vmemmap', start: SPACE_START + 1.5 * PIECE, end: end },
        ],
        SPACE_START,
        end,
      ),
  };
}

/** By the first entry that names a page table: one of pages of 64K is too small for pages of 4K. */
function pageShiftOf(tables: PageSource, root: number, range: AddressRange): 12 | 16 | undefined {
  const [small, large] = ([12, 16] as const).map((pageShift) => new Ppc64RadixFormat({ pageShift }));
  for (const { kind, level, low, high } of walk(tables, small!, root, { range, sharedOnce: true })) {
    if (kind === 'bad' && large!.kind(level, low, high) === EntryKind.Table) return 16;
    if ((kind === 'leaf' || kind === 'not-present') && level === 1) return 12;
  }
  return undefined;
}
