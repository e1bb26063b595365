/** Machines for the tests of loongarch. */

import { bootLoongarch } from '../../../../src/linux/arch/loongarch/boot.ts';
import { LOONGARCH } from '../../../../src/linux/arch/loongarch/index.ts';
import type { LoongarchKernel } from '../../../../src/linux/arch/loongarch/loongarch_kernel.ts';
import { parseConfig } from '../../../../src/linux/config.ts';
import type { Kernel } from '../../../../src/linux/kernel.ts';
import { parseKernelVersion, presetsOf } from '../../../../src/linux/kernels.ts';
import type { WantedMachine } from '../../../../src/linux/machine.ts';
import type { PageSource } from '../../../../src/memory/physical_memory.ts';
import { GiB } from '../powerpc/powerpc.ts';

export const KERNELS = presetsOf(LOONGARCH).map(({ name }) => name);
export const WITH_SET_MEMORY = ['v6.12', 'v7.2'];

export interface Options extends Partial<Omit<WantedMachine, 'where'>> {
  boot?: string;
  config?: Readonly<Record<string, string>>;
}

export function booted(kernel: string, options: Options = {}): LoongarchKernel {
  const { boot: line = '', config: settings = {}, ram = GiB, ...wanted } = options;
  const config = parseConfig(Object.entries(settings), 'test', LOONGARCH);
  return bootLoongarch({
    version: parseKernelVersion(kernel, 'test', LOONGARCH),
    machine: LOONGARCH.machine({ ...wanted, ram, where: 'test' }),
    config,
    boot: LOONGARCH.parseBoot(line, config, 'test'),
  }).kernel;
}

/** "PTE 0x1d3" of what page tables or a window map, or "-". */
export function leafText(k: LoongarchKernel, address: number): string {
  const leaf = k.leafAt(address);
  if (leaf === undefined) return '-';
  const { level, low, high } = leaf;
  return `${k.format.levelName(level)} 0x${k.format.attributes(level, low, high).toString(16)}`;
}

/** A kernel on the tables of a recorded machine, of 16K pages. */
export function onCore(tables: PageSource, root: number): Kernel {
  const config = parseConfig([], 'test', LOONGARCH);
  return LOONGARCH.onTables({
    tables,
    root,
    levels: 3,
    page_size: 16384,
    memory: [{ start: 0, end: 2 ** 28, type: 'RAM' }],
    cpus: 1,
    version: parseKernelVersion('v7.2', 'test', LOONGARCH),
    config,
    boot: LOONGARCH.parseBoot('', config, 'test'),
    page_offset: -7 * 2 ** 60,
    phys_offset: 0,
    direct_pages_count: [],
    frames: { allocate: () => undefined, free: () => {}, mark: () => 0, undo: () => {} },
    facts: {},
  });
}
