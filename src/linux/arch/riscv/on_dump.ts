/** A kernel started on the page tables of a real machine, copy-on-write. */

import { InputError } from '../../../errors.ts';
import { SimulatedMemory } from '../../../memory/simulated_memory.ts';
import { Riscv64Format } from '../../../mmu/riscv64.ts';
import { walk } from '../../../mmu/walk.ts';
import type { DumpedMachine } from '../../architecture.ts';
import { findKfencePool } from '../../mm/kfence/find_pool.ts';
import { KERNEL_LINK_ADDR, PAGE_SIZE } from './include/asm/page.ts';
import { riscvMachine } from './machine.ts';
import { type KernelMapping, RiscvKernel } from './riscv_kernel.ts';

const PMD = 2;

/** Effect: a running kernel whose tables are the dump's. @throws InputError */
export function kernelOnDump(dump: DumpedMachine): RiscvKernel {
  const levels = dump.levels;
  if (levels !== 3 && levels !== 4 && levels !== 5)
    throw new InputError({
      code: 'out-of-range',
      what: 'levels of the dump',
      where: 'dump',
      found: String(levels),
      expected: '3 (Sv39), 4 (Sv48) or 5 (Sv57)',
    });
  const kernel = new RiscvKernel({
    memory: new SimulatedMemory(dump.tables),
    version: dump.version,
    config: dump.config,
    boot: dump.boot,
    machine: riscvMachine({ ram: dump.memory, cpus: dump.cpus, levels, where: 'dump' }),
    frames: dump.frames,
    swapper_pg_dir: dump.root,
    page_offset: dump.page_offset,
    phys_offset: dump.phys_offset,
    kernel_map: kernelMappingIn(dump, levels),
    sections: undefined,
  });
  kernel.debug_pagealloc_key = dump.boot.debug_pagealloc;
  kernel.system_state = 'RUNNING';
  findKfencePool(kernel);
  return kernel;
}

/**
 * The kernel's mapping of itself: the longest stretch of the last 2G that is mapped by 2M leaves, as the kernel is and
 * stays. Modules and BPF programs may lie before it. Its end is rounded up to a leaf's.
 */
function kernelMappingIn(dump: DumpedMachine, levels: 3 | 4 | 5): KernelMapping | undefined {
  const format = new Riscv64Format({ levels });
  const range = { start: KERNEL_LINK_ADDR, end: 0 };
  let longest: KernelMapping | undefined;
  let current: KernelMapping | undefined;
  for (const { kind, level, address, frame, pages } of walk(dump.tables, format, dump.root, { range })) {
    if (kind !== 'leaf' || level !== PMD) continue;
    const phys_addr = frame * PAGE_SIZE;
    const size = pages * PAGE_SIZE;
    const offset = address - phys_addr;
    const goesOn =
      current !== undefined &&
      current.virt_addr + current.size === address &&
      current.virt_addr - current.phys_addr === offset;
    current = goesOn ? { ...current!, size: current!.size + size } : { virt_addr: address, phys_addr, size };
    if (longest === undefined || current.size > longest.size) longest = current;
  }
  return longest;
}
