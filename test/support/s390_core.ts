/** Page tables of real s390x kernels as their boot left them, to hold the model's boot against. */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { S390BootOptions } from '../../src/linux/arch/s390/boot.ts';
import { imageOf, type KernelImage } from '../../src/linux/arch/s390/images.ts';
import { S390 } from '../../src/linux/arch/s390/index.ts';
import { parseConfig } from '../../src/linux/config.ts';
import { parseKernelVersion } from '../../src/linux/kernels.ts';
import { type MemoryRange, memoryFromInclusive } from '../../src/linux/machine.ts';
import type { PageSource } from '../../src/memory/physical_memory.ts';
import { S390xFormat } from '../../src/mmu/s390x.ts';
import { type AddressRange, type Run, walk } from '../../src/mmu/walk.ts';
import { readCore, tablesOf } from './real_core.ts';

const CORES = fileURLToPath(new URL('../data/cores/', import.meta.url));

/** Every one that was read when the machine had booted. */
export const S390_CORES = readdirSync(CORES)
  .filter((name) => name.startsWith('s390x') && name.endsWith('.json'))
  .map((name) => name.replace('.json', ''));

export interface S390Core {
  name: string;
  cmdline: string;
  /** Of the preset: "v6.12". */
  kernel: string;
  memory: readonly MemoryRange[];
  tables: PageSource;
  root: number;
  format: S390xFormat;
  /** The DirectMap lines of /proc/meminfo. */
  meminfo: readonly string[];
  image: KernelImage;
}

export function readS390Core(name: string): S390Core {
  const json = JSON.parse(readFileSync(`${CORES}${name}.json`, 'utf8'));
  const format = new S390xFormat({ levels: json.levels });
  const ram = json.ram.map(([first, last]: [string, string]) => [Number(first), Number(last)]);
  return {
    name,
    cmdline: json.cmdline,
    kernel: `v${/^\d+\.\d+/.exec(json.kernel)![0]}`,
    memory: memoryFromInclusive(ram, name),
    tables: tablesOf(readCore(name), format),
    root: Number(json.root),
    format,
    meminfo: json.meminfo,
    image: imageIn(json),
  };
}

interface Placed {
  kernel: string;
  iomem: readonly string[];
  kerneloffset?: string | null;
  kerneloffphys?: string | null;
}

/** The image of the release where KASLR, or nobody, has put it: /proc/iomem and VMCOREINFO say so. */
function imageIn({ kernel, iomem, kerneloffset, kerneloffphys }: Placed): KernelImage {
  const image = imageOf(kernel)!;
  const stext = Number.parseInt(/([0-9a-f]+)-.*Kernel code/.exec(iomem.join('\n'))![1]!, 16);
  const by = stext - image.stext;
  if (by === 0) return image;
  const { etext, end_rodata, amode31, end, swapper_pg_dir } = image;
  return {
    ...image,
    va: Number(`0x${kerneloffset}`) + stext - Number(`0x${kerneloffphys}`),
    stext,
    etext: etext + by,
    end_rodata: end_rodata + by,
    amode31: { start: amode31.start + by, end: amode31.end + by },
    end: end + by,
    swapper_pg_dir: swapper_pg_dir + by,
  };
}

/** The machine is QEMU's, which has no EDAT but where the recording turned EDAT-1 on. Debian's 6.1 has no KFENCE. */
export function bootOptionsOf(core: S390Core): S390BootOptions {
  const config = parseConfig(core.kernel === 'v6.1' ? [['KFENCE', 'n']] : [], core.name, S390);
  return {
    version: parseKernelVersion(core.kernel, core.name, S390),
    machine: S390.machine({
      ram: core.memory,
      features: { edat1: core.name.includes('edat'), edat2: false },
      where: core.name,
    }) as S390BootOptions['machine'],
    config,
    boot: S390.parseBoot(core.cmdline, config, core.name),
    image: core.image,
  };
}

export function runsOf(tables: PageSource, root: number, format: S390xFormat, range: AddressRange): Run[] {
  return [...walk(tables, format, root, { range })].filter(({ kind }) => kind !== 'hole');
}

/** A line of text for each run, for messages that can be read. */
export function linesOf(
  tables: PageSource,
  root: number,
  format: S390xFormat,
  range: AddressRange,
): string[] {
  return runsOf(tables, root, format, range).map(
    ({ kind, address, pages, level, frame, flags, inherited }) =>
      `0x${address.toString(16)}: ${pages} pages of ${format.levelName(level)} ${kind}, frame 0x${frame.toString(16)}, 0x${flags.toString(16)} ${inherited}`,
  );
}
