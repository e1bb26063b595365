/** Machines for tests, booted by the model itself. */

import { bootX86 } from '../../src/linux/arch/x86/boot.ts';
import { X86 } from '../../src/linux/arch/x86/index.ts';
import { qemuPcMemory } from '../../src/linux/arch/x86/machine.ts';
import type { X86Kernel } from '../../src/linux/arch/x86/x86_kernel.ts';
import { type ConfigName, parseConfig } from '../../src/linux/config.ts';
import { parseKernelVersion } from '../../src/linux/kernels.ts';
import { parseSize } from '../../src/linux/machine.ts';

export interface MachineOptions {
  /** 2G, without a single 1G leaf, if not given. */
  ram?: string;
  levels?: 4 | 5;
  boot?: string;
  cpus?: number;
  encryption_bit?: number;
  config?: Partial<Record<ConfigName, 'y' | 'n'>>;
}

export function bootMachine(kernel: string, options: MachineOptions = {}): X86Kernel {
  const config = parseConfig(Object.entries(options.config ?? {}) as [string, string][], 'test', X86);
  const { kernel: booted } = bootX86({
    version: parseKernelVersion(kernel, 'test', X86),
    machine: {
      memory: qemuPcMemory(parseSize(options.ram ?? '2G', 'test')),
      cpus: options.cpus ?? 1,
      page_size: 4096,
      paging_levels: options.levels ?? 4,
      index_bits: 9,
      features: { gbpages: true, pcid: false, encryption_bit: options.encryption_bit },
    },
    config,
    boot: X86.parseBoot(options.boot ?? '', config, 'test'),
  });
  return booted;
}

/** A block of 2^order pages, aligned, owned by the test. */
export function ownPages(k: X86Kernel, order: number): number {
  const pfn = k.frames.allocate(order, undefined);
  if (pfn === undefined) throw new Error(`no block of order ${order}`);
  return pfn;
}

/** Level and flags (without the frame, as 16 hex digits) of the leaf that maps a page in the direct map. */
export function leafOf(
  k: X86Kernel,
  pfn: number,
): { level: number; flags: string; frame: number } | undefined {
  return leafAt(k, k.page_address(pfn));
}

export function leafAt(k: X86Kernel, address: number) {
  const leaf = k.leafAt(address);
  if (leaf === undefined) return undefined;
  const { level, low, high } = leaf;
  const flags = k.format.flags(level, low, high);
  const word = (BigInt((flags >>> 20) << 20) << 32n) | BigInt(flags & 0x1fff);
  return {
    level,
    flags: `0x${BigInt.asUintN(64, word).toString(16)}`,
    frame: k.format.leafFrame(level, low, high),
  };
}
