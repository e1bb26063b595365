/** Machines for the tests of loongarch. */

import { bootLoongarch } from '../../../../src/linux/arch/loongarch/boot.ts';
import { LOONGARCH } from '../../../../src/linux/arch/loongarch/index.ts';
import type { LoongarchKernel } from '../../../../src/linux/arch/loongarch/loongarch_kernel.ts';
import { parseConfig } from '../../../../src/linux/config.ts';
import { parseKernelVersion, presetsOf } from '../../../../src/linux/kernels.ts';
import type { WantedMachine } from '../../../../src/linux/machine.ts';
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
