/** loongarch64 Linux: where swapper_pg_dir is. Its direct map is no matter of tables: windows of addresses are. */

import type { MachineMemory } from '../../memory/machine_memory.ts';
import { Loongarch64Format } from '../../mmu/loongarch64.ts';
import type { Region } from '../address_space.ts';
import { checkLevels, type Hints, type Located, rootNotTold, topTableSymbol } from '../located.ts';
import { fillRegions } from '../regions.ts';
import { signed } from './signed.ts';

/** A window's address has the physical one in its low 48 bits. */
const IN_WINDOW = 0xffff_ffff_ffffn;

export function locateLoongarch64(memory: MachineMemory, hints: Hints, where: string): Located {
  const { vmcoreinfo } = memory;
  const told = topTableSymbol(memory, hints);
  if (hints.root === undefined && told === undefined) throw rootNotTold(memory, where);
  const root = hints.root ?? Number(told!.symbol & IN_WINDOW);
  const pageSize = vmcoreinfo?.field('PAGESIZE');
  const pageShift = pageSize === '4096' ? 12 : pageSize === '65536' ? 16 : 14;
  // More would map more than 64 bits.
  checkLevels(hints, pageShift === 12 ? [3, 4] : pageShift === 14 ? [2, 3, 4] : [2, 3]);
  const levels = hints.levels ?? (pageShift === 12 ? 4 : pageShift === 14 ? 3 : 2);
  const format = new Loongarch64Format({ pageShift, levels });
  const start = -(2 ** (format.levelShift(levels) + format.indexBits(levels)));
  return {
    arch: 'loongarch64',
    format,
    root,
    space: { start, end: 0 },
    directMapWithin: undefined,
    windows:
      'in no table: it is the window 0x9000000000000000 (cached) of the CPU, and 0x8000000000000000 (uncached): all of memory, readable, writable and executable, not by leaves; set_direct_map_*() and set_memory_*() on it return 0 and change nothing',
    imageOffset: undefined,
    countsNotPresent: false,
    rootFrom: hints.root === undefined ? told!.from : '--root',
    found: [],
    doubts: pageSize === undefined ? ['pages are taken to be of 16K, as nothing says so'] : [],
    regions: () => regions(memory, start),
  };
}

function regions(memory: MachineMemory, start: number): Region[] {
  const vmalloc = memory.vmcoreinfo?.number('VMALLOC_START');
  const vmemmap = memory.vmcoreinfo?.symbol('vmemmap');
  const known: Region[] = [];
  if (vmalloc !== undefined) {
    // Modules are below vmalloc, from the beginning.
    known.push({ name: 'modules', start, end: signed(vmalloc) });
    known.push({ name: 'vmalloc', start: signed(vmalloc), end: vmemmap === undefined ? 0 : signed(vmemmap) });
  }
  if (vmemmap !== undefined) known.push({ name: 'vmemmap', start: signed(vmemmap), end: 0 });
  return fillRegions(known, start);
}
