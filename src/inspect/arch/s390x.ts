/** s390x Linux: where swapper_pg_dir is, its depth, and what is where (arch/s390/boot/startup.c, setup_kernel_memory_layout). */

import { InputError } from '../../errors.ts';
import { FrameWords } from '../../memory/frame_words.ts';
import type { MachineMemory } from '../../memory/machine_memory.ts';
import { S390xFormat } from '../../mmu/s390x.ts';
import type { AddressRange } from '../../mmu/walk.ts';
import type { DirectMap, Region } from '../address_space.ts';
import { type Hints, type Located, rootNotTold, topTableSymbol } from '../located.ts';
import { directMapRegion, fillRegions } from '../regions.ts';

type Levels = 2 | 3 | 4 | 5;

const ASCE_ORIGIN = ~0xfffn;
/** TT of a region or segment table's entry, and DT of an ASCE: 0 is a segment table, 1 to 3 region-third to -first. */
const TYPE_SHIFT = 2;
const MIB = 2 ** 20;

export function locateS390x(memory: MachineMemory, hints: Hints, where: string): Located {
  const told = topTableSymbol(memory, hints);
  const { root, rootFrom } = rootOf(memory, hints, told, where);
  const levels = levelsOf(memory, hints, root, where);
  const format = new S390xFormat({ levels });
  const space = { start: 0, end: Math.min(2 ** (format.levelShift(levels) + 11), 2 ** 62) };
  return {
    arch: 's390x',
    format,
    root,
    space,
    directMapWithin: space,
    imageOffset: told === undefined ? undefined : -Number(imageOffsetOf(memory)),
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
  told: ReturnType<typeof topTableSymbol>,
  where: string,
): { root: number; rootFrom: string } {
  if (hints.root !== undefined) return { root: Number(BigInt(hints.root) & ASCE_ORIGIN), rootFrom: '--root' };
  if (told !== undefined) return { root: Number(told.symbol + imageOffsetOf(memory)), rootFrom: told.from };
  const asce = memory.cpus.find(({ CR1 }) => (CR1 ?? 0n) !== 0n)?.CR1;
  if (asce === undefined) throw rootNotTold(memory, where);
  return { root: Number(asce & ASCE_ORIGIN), rootFrom: 'control register 1' };
}

/** Physical minus virtual address of the image: 0 until v6.9, which moved it out of the identity map. */
function imageOffsetOf(memory: MachineMemory): bigint {
  const physical = memory.vmcoreinfo?.field('KERNELOFFPHYS');
  const virtual = memory.vmcoreinfo?.kerneloffset ?? 0n;
  return physical === undefined || !/^[0-9a-f]{1,16}$/i.test(physical)
    ? 0n
    : BigInt(`0x${physical}`) - virtual;
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
    known.push({ name: 'vmemmap', start: Number(vmemmap), end: Number(vmalloc) });
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
