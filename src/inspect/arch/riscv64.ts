/** riscv64 Linux: where swapper_pg_dir is, its depth, and what is where (Documentation/arch/riscv/vm-layout.rst). */

import { FrameWords } from '../../memory/frame_words.ts';
import type { MachineMemory } from '../../memory/machine_memory.ts';
import { Riscv64Format } from '../../mmu/riscv64.ts';
import type { DirectMap, Region, RegionName } from '../address_space.ts';
import { directMapSize } from '../direct_map_vote.ts';
import { checkLevels, type Hints, type Located, rootNotTold, topTableSymbol } from '../located.ts';
import { directMapRegion, fillRegions } from '../regions.ts';
import { findSelfMapped } from './self_mapped.ts';
import { signed } from './signed.ts';

type Levels = 3 | 4 | 5;
const ALL_LEVELS: readonly Levels[] = [3, 4, 5];

/** KERNEL_LINK_ADDR, since v5.13: before, the kernel ran in its linear map. */
const IMAGE_START = -(2 ** 31);
const IMAGE_STEP = 2 ** 21;

/** Right below vmemmap, and the fixmap right below that. */
const PCI_IO_SIZE = 2 ** 24;
const FIXMAP_SIZE = 3 * 2 ** 21;

export function locateRiscv64(memory: MachineMemory, hints: Hints, where: string): Located {
  checkLevels(hints, ALL_LEVELS);
  const { vmcoreinfo } = memory;
  const found: string[] = [];
  const doubts: string[] = [];
  const tables = new FrameWords(memory, true);
  const toldLevels = levelsOf(memory, hints);
  const levels = toldLevels === undefined ? ALL_LEVELS : [toldLevels];
  const told = topTableSymbol(memory, hints);
  const symbol = told?.symbol;
  const kernelOffset = vmcoreinfo?.number('va_kernel_pa_offset');

  let root: number | undefined;
  let rootFrom = told?.from ?? '';
  let format: Riscv64Format | undefined;
  let imageOffset = kernelOffset === undefined ? undefined : signed(kernelOffset);
  if (hints.root !== undefined) {
    root = Math.floor(hints.root / 4096) * 4096;
    rootFrom = '--root';
  } else if (symbol !== undefined && kernelOffset !== undefined) {
    root = Number(BigInt.asUintN(64, symbol - kernelOffset));
  } else if (symbol !== undefined) {
    const formats = levels.map((each) => new Riscv64Format({ levels: each }));
    const self = findSelfMapped(tables, memory.ranges, formats, signed(symbol), IMAGE_STEP);
    if (self !== undefined) {
      ({ root, format } = self);
      imageOffset = signed(symbol) - root;
      rootFrom = `${told?.from}, and the page that maps itself there`;
    }
  } else {
    const satp = memory.cpus.find((cpu) => (cpu.satp ?? 0n) !== 0n)?.satp;
    if (satp !== undefined) {
      root = Number(satp & 0xfff_ffff_ffffn) * 4096;
      rootFrom = 'satp, that of the task which the CPU was in';
    }
  }
  if (root === undefined) throw rootNotTold(memory, where);
  if (format === undefined) {
    const best = deepest(tables, root, levels);
    format = best.format;
    if (best.size > 0) found.push(`${format.levels} levels, as most is mapped by so many`);
    else if (toldLevels === undefined) doubts.push('the depth is supposed: by none is there a direct map');
  }
  const start = -(2 ** (format.levelShift(format.levels) + 8));
  return {
    arch: 'riscv64',
    format,
    root,
    space: { start, end: 0 },
    directMapWithin: { start, end: IMAGE_START },
    imageOffset,
    countsNotPresent: false,
    rootFrom,
    found,
    doubts,
    regions: (directMap) => regions(memory, start, directMap),
  };
}

function levelsOf(memory: MachineMemory, hints: Hints): Levels | undefined {
  const bits = memory.vmcoreinfo?.number('VA_BITS');
  const satp = memory.vmcoreinfo?.number('satp') ?? memory.cpus.find((cpu) => (cpu.satp ?? 0n) !== 0n)?.satp;
  // MODE of satp: 8 is Sv39, 9 Sv48, 10 Sv57.
  const told = satp === undefined ? undefined : Number(satp >> 60n) - 5;
  const levels = hints.levels ?? (bits === undefined ? told : (Number(bits) - 12) / 9);
  return ALL_LEVELS.find((each) => each === levels);
}

/** The depth at which most memory is mapped at one offset, and how much; 0 where there is no choice. */
function deepest(
  tables: FrameWords,
  root: number,
  levels: readonly Levels[],
): { format: Riscv64Format; size: number } {
  const formats = levels.map((each) => new Riscv64Format({ levels: each }));
  if (formats.length === 1) return { format: formats[0]!, size: 0 };
  const sizes = formats.map((format) => {
    const start = -(2 ** (format.levelShift(format.levels) + 8));
    return directMapSize(tables, format, root, { start, end: 0 });
  });
  const size = Math.max(...sizes);
  return { format: formats[sizes.indexOf(size)]!, size };
}

function regions(memory: MachineMemory, start: number, directMap: DirectMap | undefined): Region[] {
  const { vmcoreinfo } = memory;
  const known = directMapRegion(directMap);
  const add = (name: RegionName, from: string, to: string) => {
    const [first, end] = [vmcoreinfo?.number(from), vmcoreinfo?.number(to)];
    if (first !== undefined && end !== undefined)
      known.push({ name, start: signed(first), end: signed(end) });
  };
  add('vmemmap', 'VMEMMAP_START', 'VMEMMAP_END');
  const vmemmap = vmcoreinfo?.number('VMEMMAP_START');
  if (vmemmap !== undefined) {
    const io = signed(vmemmap) - PCI_IO_SIZE;
    known.push({ name: 'I/O', start: io, end: io + PCI_IO_SIZE });
    known.push({ name: 'fixmap', start: io - FIXMAP_SIZE, end: io });
  }
  add('vmalloc', 'VMALLOC_START', 'VMALLOC_END');
  add('modules', 'MODULES_VADDR', 'MODULES_END');
  const link = vmcoreinfo?.number('KERNEL_LINK_ADDR');
  if (link !== undefined) known.push({ name: 'kernel image', start: signed(link), end: 0 });
  return fillRegions(known, start);
}
