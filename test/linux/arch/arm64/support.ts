/** arm64 kernels for tests: booted, or as boot has left them half way. */

import type { Arm64Kernel } from '../../../../src/linux/arch/arm64/arm64_kernel.ts';
import { ARM64 } from '../../../../src/linux/arch/arm64/index.ts';
import { parseConfig, splitConfig } from '../../../../src/linux/config.ts';
import { parseKernelVersion } from '../../../../src/linux/kernels.ts';
import type { Features, MemoryRange } from '../../../../src/linux/machine.ts';
import { EntryKind, type VirtualAddress } from '../../../../src/mmu/format.ts';
import { Tlb } from '../../../../src/mmu/tlb.ts';

export const KiB = 2 ** 10;
export const MiB = 2 ** 20;
export const GiB = 2 ** 30;

/** What no part of the image and no table of boot lies in: 32M from the 96th of RAM on. */
export const FREE_BLOCK = (GiB + 96 * MiB) / (4 * KiB);

export interface Wanted {
  kernel: string;
  boot?: string;
  config?: string;
  features?: Features;
  ram?: number | readonly MemoryRange[];
  cpus?: number;
  page_size?: number;
  levels?: number;
  index_bits?: number;
  tlb?: boolean;
}

/** 192M of RAM if nothing else is said: enough for an image and some CONT groups of blocks. */
export function arm64({
  kernel,
  boot = '',
  config = '',
  ram = 192 * MiB,
  tlb,
  ...machine
}: Wanted): Arm64Kernel {
  const built = parseConfig(splitConfig(config, 'test'), 'test', ARM64);
  const { kernel: k } = ARM64.boot({
    version: parseKernelVersion(kernel, 'test', ARM64),
    machine: ARM64.machine({ ram, ...machine, where: 'test' }),
    config: built,
    boot: ARM64.parseBoot(boot, built, 'test'),
  });
  if (tlb) k.tlb = new Tlb(machine.cpus ?? 1, k.page_size);
  return k as Arm64Kernel;
}

/** "PMD CONT RO invalid", "PTE", "none": the leaf for an address, without what all of them have. */
export function leafAt(k: Arm64Kernel, address: VirtualAddress): string {
  const leaf = k.leafAt(address);
  if (leaf === undefined) return 'none';
  const { level, low, high } = leaf;
  const names = k.format.describe(level, low, high);
  const words = [['', 'PTE', 'PMD', 'PUD'][level]!];
  for (const name of ['CONT', 'RO']) if (names.includes(name)) words.push(name);
  if (!names.includes('PXN')) words.push('X');
  if (k.format.kind(level, low, high) !== EntryKind.Leaf) words.push('invalid');
  return words.join(' ');
}

/** The same for a page of the direct map. */
export function leaf(k: Arm64Kernel, pfn: number): string {
  return leafAt(k, k.page_address(pfn));
}

/** The 64 bits of a page's leaf, without its address. */
export function attributes(k: Arm64Kernel, pfn: number): string {
  const found = k.leafAt(k.page_address(pfn));
  if (found === undefined) return 'none';
  return `0x${k.format.attributes(found.level, found.low, found.high).toString(16)}`;
}

/** Physical address of the entry at `level` for an address. */
export function entryAt(k: Arm64Kernel, level: number, address: VirtualAddress): number {
  let table = k.root;
  for (let at = k.format.levels; ; at--) {
    const index = Math.floor(address / 2 ** k.format.levelShift(at)) & (2 ** k.format.indexBits(at) - 1);
    const entry = table + index * 8;
    if (at === level) return entry;
    table = k.format.tableAddress(at, k.memory.low(entry), k.memory.high(entry));
  }
}
