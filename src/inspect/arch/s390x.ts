/** s390x Linux: where swapper_pg_dir is, its depth, and what is where (arch/s390/boot/startup.c, setup_kernel_memory_layout). */

import { InputError } from '../../errors.ts';
import { FrameWords } from '../../memory/frame_words.ts';
import type { MachineMemory } from '../../memory/machine_memory.ts';
import type { Vmcoreinfo } from '../../memory/vmcoreinfo.ts';
import { S390xFormat } from '../../mmu/s390x.ts';
import type { AddressRange } from '../../mmu/walk.ts';
import type { DirectMap, Region } from '../address_space.ts';
import { type Hints, type Located, rootNotTold, topTableSymbol } from '../located.ts';
import { directMapRegion, fillRegions } from '../regions.ts';
import { findSelfMapped } from './self_mapped.ts';

type Levels = 2 | 3 | 4 | 5;

const ASCE_ORIGIN = ~0xfffn;
/** TT of a region or segment table's entry, and DT of an ASCE: 0 is a segment table, 1 to 3 region-third to -first. */
const TYPE_SHIFT = 2;
const MIB = 2 ** 20;

export function locateS390x(memory: MachineMemory, hints: Hints, where: string): Located {
  const { root, rootFrom, imageOffset } = rootOf(memory, hints, where);
  const levels = levelsOf(memory, hints, root, where);
  const format = new S390xFormat({ levels });
  const space = { start: 0, end: Math.min(2 ** (format.levelShift(levels) + 11), 2 ** 62) };
  return {
    arch: 's390x',
    format,
    root,
    space,
    directMapWithin: space,
    imageOffset,
    countsNotPresent: false,
    rootFrom,
    found: [],
    doubts: [],
    regions: (directMap, mapped) => regions(memory, space, directMap, mapped),
  };
}

function rootOf(
  memory: MachineMemory,
  hints: Hints,
  where: string,
): { root: number; rootFrom: string; imageOffset: number | undefined } {
  const told = topTableSymbol(memory, hints);
  const imageOffset = memory.vmcoreinfo === undefined ? undefined : imageOffsetOf(memory.vmcoreinfo);
  if (hints.root !== undefined) {
    return { root: Number(BigInt(hints.root) & ASCE_ORIGIN), rootFrom: '--root', imageOffset };
  }
  if (told !== undefined && imageOffset !== undefined) {
    return { root: Number(told.symbol) - imageOffset, rootFrom: told.from, imageOffset };
  }
  if (told !== undefined) {
    const address = Number(told.symbol);
    const formats = ([3, 4, 2] as const).map((levels) => new S390xFormat({ levels }));
    const self = findSelfMapped(new FrameWords(memory, false), memory.ranges, formats, address, MIB);
    if (self !== undefined) {
      const rootFrom = `${told.from}, and the page that maps itself there`;
      return { root: self.root, rootFrom, imageOffset: address - self.root };
    }
  }
  // Linux runs in home space mode. Control register 1 is that of a user's space most of the time.
  const asce = memory.cpus.find(({ CR13 }) => (CR13 ?? 0n) !== 0n)?.CR13;
  if (asce === undefined) throw rootNotTold(memory, where);
  return { root: Number(asce & ASCE_ORIGIN), rootFrom: 'control register 13', imageOffset };
}

/** Virtual minus physical address of the image: 0 until v6.9, which moved it out of the identity map by whole MiB. */
function imageOffsetOf(vmcoreinfo: Vmcoreinfo): number {
  const physical = vmcoreinfo.field('KERNELOFFPHYS') ?? '';
  if (!/^[0-9a-f]{1,16}$/i.test(physical)) return 0;
  return Number((vmcoreinfo.kerneloffset ?? 0n) - BigInt(`0x${physical}`));
}

/** Every entry says which table it is in, empty ones too. */
function levelsOf(memory: MachineMemory, hints: Hints, root: number, where: string): Levels {
  if (hints.root !== undefined && hints.root % 4096 !== 0) {
    return (((hints.root >> TYPE_SHIFT) & 3) + 2) as Levels;
  }
  const words = new FrameWords(memory, false).readPage(Math.floor(root / 4096));
  if (words === undefined) {
    throw new InputError({
      code: 'out-of-range',
      what: 'top table',
      where,
      found: `physical 0x${root.toString(16)}`,
      expected: 'an address that the source holds; --root gives another',
    });
  }
  return (((words[0]! >>> TYPE_SHIFT) & 3) + 2) as Levels;
}

function regions(
  memory: MachineMemory,
  space: AddressRange,
  directMap: DirectMap | undefined,
  mapped: readonly AddressRange[],
): Region[] {
  const { vmcoreinfo } = memory;
  const known = directMapRegion(directMap);
  const vmemmap = vmcoreinfo?.symbol('vmemmap');
  const vmalloc = vmcoreinfo?.number('VMALLOC_START');
  const text = vmcoreinfo?.symbol('_stext');
  if (vmemmap !== undefined && vmalloc !== undefined && vmemmap < vmalloc) {
    const end = vmemmapEnd(vmcoreinfo, Number(vmemmap), directMap) ?? Number(vmalloc);
    known.push({ name: 'vmemmap', start: Number(vmemmap), end: Math.min(end, Number(vmalloc)) });
  }
  const image = mapped.find(
    ({ start, end }) => text !== undefined && start <= Number(text) && Number(text) < end,
  );
  const imageStart = image === undefined ? undefined : Math.max(image.start, Number(text) - MIB);
  if (vmalloc !== undefined) {
    const end = imageStart !== undefined && imageStart > Number(vmalloc) ? imageStart : space.end;
    known.push({ name: 'vmalloc', start: Number(vmalloc), end });
  }
  if (image !== undefined && imageStart !== undefined && imageStart >= (directMap?.end ?? 0)) {
    known.push({ name: 'kernel image', start: imageStart, end: image.end });
  }
  return fillRegions(known, space.start, space.end);
}

/** Behind the struct pages of the last section of memory; single pages follow, for lowcores and copies of real memory. */
function vmemmapEnd(
  vmcoreinfo: Vmcoreinfo | undefined,
  start: number,
  directMap: DirectMap | undefined,
): number | undefined {
  const structPage = vmcoreinfo?.size('page');
  const sectionBits = vmcoreinfo?.number('SECTION_SIZE_BITS');
  if (directMap === undefined || structPage === undefined || sectionBits === undefined) return undefined;
  const section = 2 ** Number(sectionBits);
  return start + ((Math.ceil(directMap.end / section) * section) / 4096) * structPage;
}
