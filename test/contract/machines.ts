/** The machines on which every architecture is held to the contract: each way to boot, at full size and small. */

import type { Architecture, Booted, BootVariant } from '../../src/linux/architecture.ts';
import { parseConfig } from '../../src/linux/config.ts';
import type { Kernel } from '../../src/linux/kernel.ts';
import { type KernelVersion, parseKernelVersion } from '../../src/linux/kernels.ts';
import type { MemoryRange } from '../../src/linux/machine.ts';
import { Tlb } from '../../src/mmu/tlb.ts';

export interface Case {
  /** "rodata=off, 2 index bits" */
  readonly name: string;
  readonly version: KernelVersion;
  readonly variant: BootVariant;
  readonly page_size: number;
  /** Index bits of a small machine; undefined at full size. */
  readonly index_bits: number | undefined;
}

const FULL_RAM = 2 ** 29;
const CPUS = 2;

/** Every variant in every geometry, and every page size as usually booted. */
export function casesOf(arch: Architecture, kernel: string): Case[] {
  const version = parseKernelVersion(kernel, 'test', arch);
  const [page_size, ...larger] = arch.pageSizes as [number, ...number[]];
  const variants = arch.boots.flatMap((variant) =>
    [undefined, 1, 2, 3].map((index_bits) => ({
      name: `${variant.name}, ${index_bits === undefined ? 'full size' : `${index_bits} index bits`}`,
      ...{ version, variant, page_size, index_bits },
    })),
  );
  const sizes = larger.map((bytes) => ({
    name: `${arch.boots[0]!.name}, ${bytes / 1024}K pages`,
    ...{ version, variant: arch.boots[0]!, page_size: bytes, index_bits: undefined },
  }));
  return [...variants, ...sizes];
}

/** All the RAM that a small machine has room for, with a hole in it. */
function smallRam({ index_bits = 0, page_size }: Case): MemoryRange[] {
  const eighth = (2 ** (3 * index_bits) * page_size) / 8;
  return [
    { start: 0, end: 2 * eighth, type: 'RAM' },
    { start: 4 * eighth, end: 8 * eighth, type: 'RAM' },
  ];
}

export function bootCase(wanted: Case): Booted {
  const { version, variant, page_size, index_bits } = wanted;
  const { arch } = version;
  const config = parseConfig(variant.config ?? [], 'test', arch);
  const machine = arch.machine({
    ram: index_bits === undefined ? FULL_RAM : smallRam(wanted),
    cpus: CPUS,
    features: variant.features,
    where: 'test',
    ...{ page_size, index_bits },
  });
  const booted = arch.boot({ version, machine, config, boot: arch.parseBoot(variant.boot, config, 'test') });
  booted.kernel.tlb = new Tlb(CPUS, booted.kernel.page_size);
  return booted;
}

/** Frames of all pages that are RAM from their first byte to their last. */
export function* ramFrames(k: Kernel): Generator<number> {
  for (const { type, start, end } of k.machine.memory) {
    if (type !== 'RAM') continue;
    for (let pfn = Math.ceil(start / k.page_size); (pfn + 1) * k.page_size <= end; pfn++) yield pfn;
  }
}
