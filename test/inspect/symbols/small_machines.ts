/** Machines of a few pages, whose kernel image can be written to: x86_64, s390x and ppc64. */

import { Machine } from '../../../src/inspect/machine.ts';
import type { MachineMemory } from '../../../src/memory/machine_memory.ts';
import { PAGE_SIZE } from '../../../src/memory/physical_memory.ts';
import { Vmcoreinfo } from '../../../src/memory/vmcoreinfo.ts';
import { words } from './synthetic_kallsyms.ts';

const IMAGE = 0x20_0000;
export const IMAGE_BYTES = 0x20_0000;

export interface SmallArch {
  name: 'x86_64' | 's390x' | 'ppc64';
  elfMachine: number;
  littleEndian: boolean;
  /** Where the image is: IMAGE_BYTES of virtual memory. */
  image: bigint;
  vmcoreinfo: readonly string[];
  /** Entries of page tables by physical address. */
  entries: readonly (readonly [at: number, entry: bigint])[];
}

/** 2M of image, all of memory at the direct map, and in the modules' range three pages with a gap before the third. */
export const X86_64: SmallArch = {
  name: 'x86_64',
  elfMachine: 62,
  littleEndian: true,
  image: 0xffff_ffff_8100_0000n,
  vmcoreinfo: [
    'SYMBOL(init_top_pgt)=ffffffff80e01000',
    'NUMBER(phys_base)=-14680064',
    'NUMBER(pgtable_l5_enabled)=0',
  ],
  entries: [
    [0x1000 + 8 * 273, 0x2063n],
    [0x2000, 0x1e3n],
    [0x1000 + 8 * 511, 0x3063n],
    [0x3000 + 8 * 510, 0x4063n],
    [0x4000 + 8 * 8, BigInt(IMAGE) | 0x1e3n],
    [0x3000 + 8 * 511, 0x5063n],
    [0x5000, 0x6063n],
    [0x6000, 0x7163n],
    [0x6008, 0x9163n],
    [0x6018, 0x8163n],
  ],
};

/** One leaf of 2G, in which addresses are physical ones. */
export const S390X: SmallArch = {
  name: 's390x',
  elfMachine: 22,
  littleEndian: false,
  image: BigInt(IMAGE),
  vmcoreinfo: ['SYMBOL(swapper_pg_dir)=4000'],
  entries: Array.from({ length: 2048 }, (_, index) => [0x4000 + 8 * index, index === 0 ? 0x404n : 0x24n]),
};

/** One leaf of 1G, at the beginning of the kernel's quadrant. */
export const PPC64: SmallArch = {
  name: 'ppc64',
  elfMachine: 21,
  littleEndian: true,
  image: 0xc000_0000_0000_0000n + BigInt(IMAGE),
  vmcoreinfo: ['SYMBOL(swapper_pg_dir)=c000000000010000', 'PAGESIZE=65536'],
  entries: [
    [0x1_0000, 0x8000_0000_0002_0009n],
    [0x2_0000, 0xc000_0000_0000_018en],
  ],
};

/** A kernel of `arch` with something in its image, by offset there. `lost` are offsets of pages that no one has. */
export function smallMachine(
  arch: SmallArch,
  image: readonly (readonly [offset: number, bytes: Uint8Array])[],
  vmcoreinfo: readonly string[] = [],
  lost: readonly number[] = [],
): Machine {
  const memory = new Uint8Array(IMAGE + IMAGE_BYTES);
  const littleEndianTables = arch.name === 'x86_64';
  for (const [at, entry] of arch.entries) memory.set(words([entry], 8, littleEndianTables), at);
  for (const [offset, bytes] of image) memory.set(bytes, IMAGE + offset);
  const lostFrames = new Set(lost.map((offset) => Math.floor((IMAGE + offset) / PAGE_SIZE)));
  const source: MachineMemory = {
    kind: 'test',
    machine: arch.elfMachine,
    littleEndian: arch.littleEndian,
    vmcoreinfo: new Vmcoreinfo([...arch.vmcoreinfo, ...vmcoreinfo].join('\n')),
    cpus: [],
    ranges: [{ start: 0, size: memory.length }],
    leftOut: undefined,
    readFrame(pfn) {
      if (lostFrames.has(pfn) || pfn < 0 || (pfn + 1) * PAGE_SIZE > memory.length) return undefined;
      return memory.subarray(pfn * PAGE_SIZE, (pfn + 1) * PAGE_SIZE);
    },
  };
  return new Machine(source, {}, 'test');
}
