/** riscv64 machines for tests, booted by the model itself. */

import { bootRiscv, type RiscvBootOptions } from '../../../../src/linux/arch/riscv/boot.ts';
import { RISCV } from '../../../../src/linux/arch/riscv/index.ts';
import type { RiscvKernel } from '../../../../src/linux/arch/riscv/riscv_kernel.ts';
import { parseConfig, splitConfig } from '../../../../src/linux/config.ts';
import { parseKernelVersion } from '../../../../src/linux/kernels.ts';
import type { MemoryRange } from '../../../../src/linux/machine.ts';

export const GiB = 2 ** 30;
export const MiB = 2 ** 20;

export interface MachineOptions {
  /** Bytes, or [start, end) ranges; 1 GiB if not given. */
  ram?: number | readonly (readonly [start: number, end: number])[];
  levels?: 3 | 4 | 5;
  index_bits?: number;
  cpus?: number;
  thead?: boolean;
  boot?: string;
  /** "NAME=y,NAME=n" */
  config?: string;
  lateEdits?: boolean;
}

export function bootOptions(kernel: string, options: MachineOptions = {}): RiscvBootOptions {
  const config = parseConfig(splitConfig(options.config ?? 'DEBUG_PAGEALLOC=y', 'test'), 'test', RISCV);
  const { ram = GiB, levels, index_bits, cpus, thead, lateEdits } = options;
  return {
    version: parseKernelVersion(kernel, 'test', RISCV),
    machine: RISCV.machine({
      ram:
        typeof ram === 'number' ? ram : ram.map(([start, end]): MemoryRange => ({ start, end, type: 'RAM' })),
      levels,
      index_bits,
      cpus,
      features: thead === undefined ? undefined : { thead },
      where: 'test',
    }),
    config,
    boot: RISCV.parseBoot(options.boot ?? '', config, 'test'),
    ...(lateEdits === undefined ? {} : { lateEdits }),
  };
}

export function bootMachine(kernel: string, options: MachineOptions = {}): RiscvKernel {
  return bootRiscv(bootOptions(kernel, options)).kernel;
}

/** A block of 2^order pages, aligned, owned by the test. */
export function ownPages(k: RiscvKernel, order: number): number {
  const pfn = k.frames.allocate(order, undefined);
  if (pfn === undefined) throw new Error(`no block of order ${order}`);
  return pfn;
}

const LEVELS = ['', 'PTE', 'PMD', 'PUD', 'P4D', 'PGD'];

/** "PMD e7": the leaf of the direct map that maps a page, and its bits without the frame; "none". */
export function leafOf(k: RiscvKernel, pfn: number): string {
  return leafAt(k, k.page_address(pfn));
}

export function leafAt(k: RiscvKernel, address: number): string {
  const leaf = k.leafAt(address);
  if (leaf === undefined) return 'none';
  const { level, low, high } = leaf;
  return `${LEVELS[level]} ${k.format.attributes(level, low, high).toString(16)}`;
}
