/** x86-64 Linux: where the top table is, how many levels it has, and what is where (Documentation/arch/x86/x86_64/mm.rst). */

import { NotModelledError } from '../../errors.ts';
import { FrameWords } from '../../memory/frame_words.ts';
import type { MachineMemory } from '../../memory/machine_memory.ts';
import type { PageSource } from '../../memory/physical_memory.ts';
import type { VirtualAddress } from '../../mmu/format.ts';
import { type AddressRange, walkAddress } from '../../mmu/walk.ts';
import { X86Format } from '../../mmu/x86_64.ts';
import type { DirectMap, Region } from '../address_space.ts';
import { directMapSize } from '../direct_map_vote.ts';
import { checkLevels, type Hints, type Located, notTold, rootNotTold } from '../located.ts';
import { directMapRegion, fillRegions } from '../regions.ts';
import { physicalOf } from './self_mapped.ts';
import { signed } from './signed.ts';

/** __START_KERNEL_map: the kernel image's mapping of physical `phys_base`. */
const IMAGE_START = -(2 ** 31);
const IMAGE_END = -(2 ** 30);
/** The root and its user half, under PTI, are an aligned pair of pages. */
const PTI_USER_PGD = 0x1000;
const CR4_LA57 = 1n << 12n;
const ADDRESS_IN_CR3 = 0x000f_ffff_ffff_f000n;
/** KASLR moves the image by multiples of this, in virtual and in physical addresses. */
const KASLR_STEP = 2 ** 21;
/** Of the direct map, with KASLR or without: the bytes of a PUD entry. */
const DIRECT_MAP_STEP = 2 ** 30;
/** Where a source does not say how much memory there is. */
const NO_RAM_ABOVE = 2 ** 36;
const TIB = 2 ** 40;
const CPU_ENTRY_AREA = -2 * TIB;

export function locateX86_64(memory: MachineMemory, hints: Hints, where: string): Located {
  checkLevels(hints, [4, 5]);
  const tables = new FrameWords(memory, true);
  const found: string[] = [];
  const doubts: string[] = [];
  const encryptionBit = encryptionBitOf(memory);
  if (encryptionBit !== undefined) found.push(`memory encryption bit ${encryptionBit} from VMCOREINFO`);
  const formatOf = (levels: 4 | 5) => new X86Format({ levels, indexBits: 9, encryptionBit });

  const candidates = rootCandidates(memory, hints, tables, where, doubts);
  const levelsTold = levelsOf(memory, hints, found);
  const formats = (levelsTold === undefined ? ([4, 5] as const) : [levelsTold]).map(formatOf);
  for (const { root, how } of candidates) {
    const reading = readingOf(tables, formats, root);
    if (reading === undefined) continue;
    const { format, imageOffset } = reading;
    if (levelsTold === undefined) {
      found.push(`${format.levels} levels, as the kernel image is mapped by so many`);
    }
    return locatedAt(memory, format, { root, how }, imageOffset, found, doubts);
  }
  const [first] = candidates;
  if (first === undefined) throw rootNotTold(memory, where);
  if (levelsTold === undefined) {
    throw new NotModelledError(
      'the depth of these page tables',
      'neither 4 nor 5 levels map a kernel image from 0xffffffff80000000 on; --levels says which it is',
      where,
    );
  }
  // What is there is shown all the same.
  doubts.push('nothing is mapped at 0xffffffff80000000: is this the top table of a Linux kernel?');
  return locatedAt(memory, formatOf(levelsTold), first, undefined, found, doubts);
}

interface Reading {
  format: X86Format;
  imageOffset: number;
}

/**
 * By which depth there is an image. 4 levels find one in tables of 5, too, for espfix is where they look for it; but
 * no direct map then.
 */
function readingOf(tables: PageSource, formats: readonly X86Format[], root: number): Reading | undefined {
  const readings: Reading[] = [];
  for (const format of formats) {
    const imageOffset = imageOffsetOf(tables, format, root);
    if (imageOffset !== undefined) readings.push({ format, imageOffset });
  }
  if (readings.length < 2) return readings[0];
  const sizes = readings.map(({ format }) =>
    directMapSize(tables, format, root, { start: spaceStart(format), end: CPU_ENTRY_AREA }),
  );
  return readings[sizes.indexOf(Math.max(...sizes))];
}

function spaceStart({ levels }: X86Format): VirtualAddress {
  return -(2 ** (levels === 5 ? 56 : 47));
}

interface Candidate {
  root: number;
  how: string;
}

/** What may be the top table, the likeliest first. */
function rootCandidates(
  memory: MachineMemory,
  hints: Hints,
  tables: PageSource,
  where: string,
  doubts: string[],
): Candidate[] {
  if (hints.root !== undefined) return [{ root: pageOf(BigInt(hints.root)), how: '--root' }];
  const { vmcoreinfo } = memory;
  const symbol = vmcoreinfo?.symbol('init_top_pgt') ?? vmcoreinfo?.symbol('swapper_pg_dir');
  if (symbol !== undefined) {
    const base = vmcoreinfo?.number('phys_base') ?? 0n;
    return [{ root: imageToPhysical(symbol, base), how: 'VMCOREINFO' }];
  }
  const named = hints.symbols?.address('init_top_pgt') ?? hints.symbols?.address('swapper_pg_dir');
  if (named !== undefined) return [symbolCandidate(memory, tables, named, where)];

  const roots = memory.cpus.flatMap(({ CR3 }, cpu) => {
    if (CR3 === undefined || CR3 === 0n) return [];
    const root = pageOf(CR3);
    const how = `CR3 of CPU ${cpu}`;
    if ((root & PTI_USER_PGD) === 0) return [{ root, how }];
    // A CPU in user mode under PTI, whose kernel has its half before; or an odd page by chance.
    return [
      { root: root - PTI_USER_PGD, how: `${how}, the kernel's half of its pair` },
      { root, how },
    ];
  });
  if (roots.length > 0) {
    doubts.push("the top table is that of the task which the CPU was in: its kernel half is everybody's");
  }
  return roots;
}

/**
 * From symbols alone neither phys_base is known nor, if they are System.map's, how far KASLR moved the image: both in
 * steps of 2M. The top table is the page which maps the image so that its symbol, moved by as much, leads to it.
 */
function symbolCandidate(
  memory: MachineMemory,
  tables: PageSource,
  symbol: bigint,
  where: string,
): Candidate {
  const linked = signed(symbol);
  const last = memory.ranges.at(-1);
  const limit = last === undefined ? NO_RAM_ABOVE : last.start + last.size;
  for (let root = (linked - IMAGE_START) % KASLR_STEP; root < limit; root += KASLR_STEP) {
    for (const levels of [4, 5] as const) {
      const format = new X86Format({ levels, indexBits: 9, encryptionBit: undefined });
      const offset = imageOffsetOf(tables, format, root);
      if (offset === undefined) continue;
      const moved = root + offset - linked;
      if (moved < 0 || moved >= IMAGE_END - IMAGE_START || moved % KASLR_STEP !== 0) continue;
      if (physicalOf(tables, format, root, root + offset) !== root) continue;
      return { root, how: '--symbols, and the page that maps itself there' };
    }
  }
  throw notTold(
    'a page that maps the symbol init_top_pgt to itself',
    `none does, at 0x${symbol.toString(16)} or moved by KASLR: are the symbols those of this kernel?`,
    where,
  );
}

function levelsOf(memory: MachineMemory, hints: Hints, found: string[]): 4 | 5 | undefined {
  if (hints.levels === 4 || hints.levels === 5) return hints.levels;
  const enabled = memory.vmcoreinfo?.number('pgtable_l5_enabled');
  if (enabled !== undefined) return enabled === 1n ? 5 : 4;
  const cr4 = memory.cpus.find(({ CR4 }) => CR4 !== undefined && CR4 !== 0n)?.CR4;
  if (cr4 === undefined) return undefined;
  const levels = (cr4 & CR4_LA57) !== 0n ? 5 : 4;
  found.push(`${levels} levels from CR4`);
  return levels;
}

function encryptionBitOf(memory: MachineMemory): number | undefined {
  const mask = memory.vmcoreinfo?.number('sme_mask') ?? 0n;
  return mask > 0xffff_ffffn ? mask.toString(2).length - 1 : undefined;
}

/** Virtual minus physical address of the image, if the tables map it. */
function imageOffsetOf(tables: PageSource, format: X86Format, root: number): number | undefined {
  for (let address = IMAGE_START; address < IMAGE_END; address += 2 ** 21) {
    const last = walkAddress(tables, format, root, address).at(-1);
    if (last === undefined || last.level > 2) return undefined;
    if (last.kind === 'leaf') return address - format.leafFrame(last.level, last.low, last.high) * 4096;
  }
  return undefined;
}

function locatedAt(
  memory: MachineMemory,
  format: X86Format,
  { root, how }: Candidate,
  imageOffset: number | undefined,
  found: string[],
  doubts: string[],
): Located {
  const start = spaceStart(format);
  const vmalloc = signed(memory.vmcoreinfo?.number('VMALLOC_START') ?? 0n);
  const isBetween = start < vmalloc && vmalloc < CPU_ENTRY_AREA;
  return {
    arch: 'x86_64',
    format,
    root,
    space: { start, end: 0 },
    directMapWithin: { start, end: isBetween ? vmalloc : CPU_ENTRY_AREA },
    directMapStep: DIRECT_MAP_STEP,
    imageOffset,
    countsNotPresent: true,
    rootFrom: how,
    found,
    doubts,
    regions: (directMap, mapped) => regions(memory, format, directMap, mapped),
  };
}

/**
 * KASLR moves the direct map, vmalloc and vmemmap, and keeps their order; what is above them stays in its place. Only
 * kernels without it have a KASAN shadow.
 */
function regions(
  memory: MachineMemory,
  format: X86Format,
  directMap: DirectMap | undefined,
  mapped: readonly AddressRange[],
): Region[] {
  const five = format.levels === 5;
  const kasan = five ? -0x21_0000_0000_0000 : -0x1400_0000_0000;
  const isMoved =
    directMap !== undefined && directMap.offset !== (five ? -0xef_0000_0000_0000 : -0x7780_0000_0000);
  const top = isMoved ? CPU_ENTRY_AREA : kasan;
  const fixed: Region[] = [
    { name: 'KASAN shadow', start: top, end: -4 * TIB },
    { name: 'CPU entry area', start: CPU_ENTRY_AREA, end: CPU_ENTRY_AREA + TIB / 2 },
    { name: 'espfix', start: -TIB, end: -TIB / 2 },
    { name: 'EFI', start: -68 * 2 ** 30, end: -4 * 2 ** 30 },
    { name: 'kernel image', start: IMAGE_START, end: IMAGE_END },
    { name: 'modules', start: IMAGE_END, end: -(2 ** 24) },
    { name: 'fixmap', start: -(2 ** 24), end: 0 },
  ];
  const moved = directMapRegion(directMap);
  const from = directMap?.end ?? -(2 ** (five ? 56 : 47));
  const vmemmap = vmemmapStart(memory, five, isMoved, top, mapped);
  const vmalloc = vmallocStart(memory, five, isMoved, from, mapped);
  if (vmalloc < vmemmap) moved.push({ name: 'vmalloc', start: Math.max(vmalloc, from), end: vmemmap });
  if (vmemmap < top) moved.push({ name: 'vmemmap', start: vmemmap, end: top });
  return fillRegions([...moved, ...fixed], -(2 ** (five ? 56 : 47)));
}

/** Told since v6.9. Before, if KASLR moved it: from the first that is mapped behind the direct map on. */
function vmallocStart(
  memory: MachineMemory,
  five: boolean,
  isMoved: boolean,
  behind: VirtualAddress,
  mapped: readonly AddressRange[],
): VirtualAddress {
  const told = memory.vmcoreinfo?.number('VMALLOC_START');
  if (told !== undefined) return signed(told);
  const first = mapped.find(({ start }) => start >= behind)?.start ?? behind;
  if (isMoved) return Math.max(behind, Math.floor(first / 2 ** 30) * 2 ** 30);
  return five ? -0x60_0000_0000_0000 : -0x3700_0000_0000;
}

/** Where KASLR moved it to is not told before v7.0: it is the last that is mapped below the CPU entry area. */
function vmemmapStart(
  memory: MachineMemory,
  five: boolean,
  isMoved: boolean,
  top: VirtualAddress,
  mapped: readonly AddressRange[],
): VirtualAddress {
  const told = memory.vmcoreinfo?.symbol('vmemmap');
  if (told !== undefined) return signed(told);
  if (!isMoved) return five ? -0x2c_0000_0000_0000 : -0x1600_0000_0000;
  const last = mapped.findLast(({ start }) => start < top);
  return last === undefined ? top : Math.floor(last.start / 2 ** 30) * 2 ** 30;
}

function imageToPhysical(symbol: bigint, physBase: bigint): number {
  return Number(BigInt.asIntN(64, symbol) - BigInt(IMAGE_START) + physBase);
}

function pageOf(register: bigint): number {
  return Number(register & ADDRESS_IN_CR3);
}
