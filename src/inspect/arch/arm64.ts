/** arm64 Linux: where swapper_pg_dir is, its geometry, and what is where (Documentation/arch/arm64/memory.rst). */

import { InputError } from '../../errors.ts';
import { FrameWords } from '../../memory/frame_words.ts';
import type { MachineMemory } from '../../memory/machine_memory.ts';
import type { PageSource } from '../../memory/physical_memory.ts';
import { Arm64Format, PTE_SHARED } from '../../mmu/arm64.ts';
import type { VirtualAddress } from '../../mmu/format.ts';
import { type AddressRange, walk } from '../../mmu/walk.ts';
import type { DirectMap, Region } from '../address_space.ts';
import { directMapSize } from '../direct_map_vote.ts';
import { type Hints, type Located, rootNotTold, topTableSymbol } from '../located.ts';
import { directMapRegion, fillRegions } from '../regions.ts';
import { atLeast, parseRelease } from '../version.ts';
import { imageRange } from './image_range.ts';
import { findSelfMapped, physicalOf } from './self_mapped.ts';
import { signed } from './signed.ts';

const PAGE_SHIFTS = [12, 14, 16] as const;
const TCR_DS = 1n << 59n;
/** Images begin at multiples of this, virtual and physical. */
const IMAGE_STEP = 2 ** 16;

/** MAIR_EL1 as Linux programs it: eight memory types of a byte each, by AttrIndx. It changed between v5.11 and v6.1. */
const MAIR_OF_5_10 = 0x000c_0400_bb44_ffffn;
const MAIR_OF_6_1 = 0x0004_0044_ffffn;

interface Geometry {
  pageShift: 12 | 14 | 16;
  vaBits: number;
  lpa2: boolean;
  mair?: bigint | undefined;
}

export function locateArm64(memory: MachineMemory, hints: Hints, where: string): Located {
  const found: string[] = [];
  const doubts: string[] = [];
  const { vmcoreinfo } = memory;
  const mair = mairOf(memory);
  const told = geometryOf(memory, found, where);
  const toldRoot = topTableSymbol(memory, hints);
  const symbol = toldRoot?.symbol;
  const voffset = vmcoreinfo?.number('kimage_voffset');
  const geometries = (told === undefined ? allGeometries() : [told]).map((each) => ({ ...each, mair }));
  const tables = new FrameWords(memory, memory.littleEndian);

  let root: number | undefined;
  let rootFrom = toldRoot?.from ?? '';
  let format: Arm64Format | undefined;
  let imageOffset = voffset === undefined ? undefined : signed(voffset);
  if (hints.root !== undefined) {
    root = Math.floor(hints.root / 64) * 64;
    rootFrom = '--root';
  } else if (symbol !== undefined && voffset !== undefined) {
    root = Number(BigInt.asUintN(64, symbol - voffset)) + offsetInWiderTable(memory, told);
  } else if (symbol !== undefined) {
    const formats = geometries.map((geometry) => new Arm64Format(geometry));
    const address = signed(symbol);
    const self = findSelfMapped(tables, memory.ranges, formats, address, IMAGE_STEP);
    if (self !== undefined) {
      ({ root, format } = self);
      imageOffset = address - root;
      rootFrom = `${toldRoot?.from}, and the page that maps itself there`;
    }
  } else {
    const ttbr = memory.cpus.find(({ TTBR1_EL1 }) => (TTBR1_EL1 ?? 0n) !== 0n)?.TTBR1_EL1;
    if (ttbr !== undefined) {
      root = Number(ttbr & 0xffff_ffff_ffc0n);
      rootFrom = 'TTBR1_EL1';
      const kernels = told === undefined ? undefined : behindTrampoline(tables, new Arm64Format(told), root);
      if (kernels !== undefined) {
        root = kernels;
        rootFrom = 'TTBR1_EL1 of a CPU in user mode under KPTI, and two pages on';
      }
    }
  }
  if (root === undefined) {
    throw rootNotTold(memory, where, 'SYMBOL(swapper_pg_dir) and NUMBER(kimage_voffset)');
  }
  if (format === undefined) {
    const image = imageOffset === undefined ? undefined : root + imageOffset;
    const address = symbol === undefined ? image : signed(symbol);
    format = fittingFormat(tables, geometries, root, address, doubts);
  }
  if (told === undefined) found.push(`${format.name}, as the tables read best so`);
  const text = vmcoreinfo?.symbol('_stext');
  const image =
    text === undefined || imageOffset === undefined
      ? undefined
      : imageRange(tables, format, root, signed(text), imageOffset);
  return {
    arch: 'arm64',
    format,
    root,
    space: { start: -(2 ** vaBitsOf(format)), end: 0 },
    directMapWithin: linearRange(format),
    imageOffset,
    countsNotPresent: false,
    rootFrom,
    found,
    doubts,
    regions: (directMap) => regions(memory, format, image, directMap),
  };
}

/**
 * Under KPTI a CPU in user mode has tramp_pg_dir, which maps the code of its entry alone. swapper_pg_dir is
 * TRAMP_SWAPPER_OFFSET behind it. undefined for a table that maps memory itself.
 */
function behindTrampoline(tables: PageSource, format: Arm64Format, root: number): number | undefined {
  const linear = linearRange(format);
  const behind = root + 2 * 2 ** format.pageShift;
  if (directMapSize(tables, format, root, linear) > 0) return undefined;
  return directMapSize(tables, format, behind, linear) > 0 ? behind : undefined;
}

function geometryOf(memory: MachineMemory, found: string[], where: string): Geometry | undefined {
  const { vmcoreinfo, cpus } = memory;
  const pageShift = PAGE_SHIFTS.find((shift) => vmcoreinfo?.field('PAGESIZE') === `${2 ** shift}`);
  const t1sz = vmcoreinfo?.number('TCR_EL1_T1SZ');
  const vaBits = t1sz === undefined ? vmcoreinfo?.number('VA_BITS') : 64n - t1sz;
  if (pageShift !== undefined && vaBits !== undefined) {
    return geometry(pageShift, addressBits(Number(vaBits), where));
  }
  const tcr = cpus.find(({ TCR_EL1 }) => (TCR_EL1 ?? 0n) !== 0n)?.TCR_EL1;
  if (tcr === undefined) return undefined;
  found.push('geometry from TCR_EL1');
  // TG1: 1 is 16K, 2 is 4K, 3 is 64K.
  const granule = ({ 1: 14, 2: 12, 3: 16 } as const)[Number((tcr >> 30n) & 3n)] ?? 12;
  const bits = addressBits(64 - Number((tcr >> 16n) & 0x3fn), where);
  return { pageShift: granule, vaBits: bits, lpa2: (tcr & TCR_DS) !== 0n };
}

/** @throws InputError for a width that Linux cannot be built for. */
function addressBits(bits: number, where: string): number {
  if (bits >= 36 && bits <= 52) return bits;
  throw new InputError({
    code: 'out-of-range',
    what: 'width of virtual addresses',
    where,
    found: `${bits} bits`,
    expected: '36 to 52',
  });
}

/** Linux has 52 bits with pages of 4K or 16K only by LPA2, and uses LPA2 only then. */
function geometry(pageShift: 12 | 14 | 16, vaBits: number): Geometry {
  return { pageShift, vaBits, lpa2: vaBits === 52 && pageShift < 16 };
}

function mairOf({ vmcoreinfo, cpus }: MachineMemory): bigint | undefined {
  const told = cpus.find(({ MAIR_EL1 }) => (MAIR_EL1 ?? 0n) !== 0n)?.MAIR_EL1;
  const version = parseRelease(vmcoreinfo?.release);
  if (told !== undefined || version === undefined) return told;
  if (!atLeast(version, 5, 12)) return MAIR_OF_5_10;
  return atLeast(version, 6, 1) ? MAIR_OF_6_1 : undefined;
}

function allGeometries(): Geometry[] {
  const bits = { 12: [48, 39, 52], 14: [47, 48, 36, 52], 16: [48, 52, 42] } as const;
  return PAGE_SHIFTS.flatMap((shift) => bits[shift].map((vaBits) => geometry(shift, vaBits)));
}

/** A kernel of 52 bits with 64K pages on a CPU of 48 uses the last 64 of the 1024 entries of its top table. */
function offsetInWiderTable(memory: MachineMemory, told: Geometry | undefined): number {
  const wide = memory.vmcoreinfo?.number('VA_BITS') === 52n && told?.pageShift === 16 && told.vaBits === 48;
  return wide ? (1024 - 64) * 8 : 0;
}

/** The geometry by which the top table's own address leads to it, or else by which the direct map is largest. */
function fittingFormat(
  tables: FrameWords,
  geometries: readonly Geometry[],
  root: number,
  address: VirtualAddress | undefined,
  doubts: string[],
): Arm64Format {
  const formats = geometries.map((each) => new Arm64Format(each));
  if (formats.length === 1) return formats[0]!;
  const leadsToItself = (format: Arm64Format) =>
    address !== undefined && physicalOf(tables, format, root, address) === root;
  const itself = formats.find(leadsToItself);
  if (itself !== undefined) return itself;
  const sizes = formats.map((format) => directMapSize(tables, format, root, linearRange(format)));
  const size = Math.max(...sizes);
  const largest = formats.filter((_, index) => sizes[index] === size);
  const shared = largest.filter((format) => isSharedAsLinuxDoes(tables, format, root));
  const fitting = shared.length > 0 ? shared : largest;
  if (size === 0) doubts.push('the size of pages and the depth are supposed: by none is there a direct map');
  else if (fitting.length > 1) doubts.push(`as ${fitting[1]!.name} the tables read as well`);
  return fitting[0]!;
}

/** Linux shares all its memory. With LPA2 the bits that say so are bits 51:50 of the address, where no memory is. */
function isSharedAsLinuxDoes(tables: FrameWords, format: Arm64Format, root: number): boolean {
  for (const { kind, low } of walk(tables, format, root, { range: linearRange(format) })) {
    if (kind === 'leaf') return (low & PTE_SHARED) === (format.lpa2 ? 0 : PTE_SHARED);
  }
  return false;
}

function vaBitsOf(format: Arm64Format): number {
  return format.levelShift(format.levels) + format.indexBits(format.levels);
}

/** The lower half of what up to 48 bits map; of 52, all below the upper half of 48, or of 47 with pages of 16K. */
function linearRange(format: Arm64Format): AddressRange {
  const vaBits = vaBitsOf(format);
  const smallest = vaBits <= 48 ? vaBits : format.pageShift === 14 ? 47 : 48;
  return { start: -(2 ** vaBits), end: -(2 ** (smallest - 1)) };
}

function regions(
  memory: MachineMemory,
  format: Arm64Format,
  image: AddressRange | undefined,
  directMap: DirectMap | undefined,
): Region[] {
  const { vmcoreinfo } = memory;
  const linear = linearRange(format);
  const known = directMapRegion(directMap);
  if (image !== undefined) known.push({ name: 'kernel image', ...image });
  const modules = vmcoreinfo?.number('MODULES_VADDR');
  const modulesEnd = vmcoreinfo?.number('MODULES_END');
  if (modules !== undefined && modulesEnd !== undefined) {
    known.push({ name: 'modules', start: signed(modules), end: signed(modulesEnd) });
  }
  const vmalloc = vmcoreinfo?.number('VMALLOC_START');
  const vmallocEnd = vmcoreinfo?.number('VMALLOC_END');
  const vmemmap = vmcoreinfo?.number('VMEMMAP_START');
  const vmemmapEnd = vmcoreinfo?.number('VMEMMAP_END');
  if (vmalloc !== undefined && vmallocEnd !== undefined) {
    const [start, end] = [signed(vmalloc), signed(vmallocEnd)];
    // The image lies in it.
    if (image === undefined || image.end <= start || image.start >= end)
      known.push({ name: 'vmalloc', start, end });
    else {
      known.push({ name: 'vmalloc', start, end: image.start }, { name: 'vmalloc', start: image.end, end });
    }
  }
  if (vmemmap !== undefined && vmemmapEnd !== undefined) {
    known.push({ name: 'vmemmap', start: signed(vmemmap), end: signed(vmemmapEnd) });
  }
  return fillRegions(
    known.filter(({ start, end }) => start < (end === 0 ? 1 : end)),
    linear.start,
  );
}
