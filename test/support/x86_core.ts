/** The page tables of real x86-64 kernels, with what is known of the machines, as the boot tests need them. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { imageFromTables } from '../../src/linux/arch/x86/image_from_tables.ts';
import type { BootImage } from '../../src/linux/arch/x86/images.ts';
import { type MemoryRange, memoryFromInclusive } from '../../src/linux/machine.ts';
import type { PageSource } from '../../src/memory/physical_memory.ts';
import { type EntryFormat, hexAddress } from '../../src/mmu/format.ts';
import { type AddressRange, type Run, walk } from '../../src/mmu/walk.ts';
import { _PAGE_NX, _PAGE_RW, X86Format } from '../../src/mmu/x86_64.ts';
import { readTinyCore } from './tiny_core.ts';

export interface X86Core {
  name: string;
  /** Release, e.g. "6.1.192". */
  kernel: string;
  cmdline: string;
  ram: MemoryRange[];
  memory: PageSource;
  root: number;
  format: X86Format;
  page_offset: number;
  /** The kernel's own count, when the tables were read. */
  directPagesNow: number[];
  secretmem_pfns: number[];
}

export const X86_CORES = [
  'x86_64-5.10-custom',
  'x86_64-5.10-debian',
  'x86_64-5.10-debian-boot',
  'x86_64-5.10-debug-pagealloc',
  'x86_64-6.1-debian',
  'x86_64-6.1-debian-extra',
  'x86_64-6.12-debian',
  'x86_64-6.12-debian-boot',
  'x86_64-7.2-debian',
  'x86_64-7.2-debian-extra',
] as const;

export function readX86Core(name: string): X86Core {
  const { memory, root } = readTinyCore(name);
  const json = path.resolve(import.meta.dirname, '../data/cores', `${name}.json`);
  const facts = JSON.parse(readFileSync(json, 'utf8'));
  const ram = facts.ram.map(([first, last]: [string, string]) => [Number(first), Number(last)]);
  return {
    name,
    kernel: facts.kernel,
    cmdline: facts.cmdline,
    ram: memoryFromInclusive(ram, name),
    memory,
    root,
    format: new X86Format({ levels: facts.levels, indexBits: 9, encryptionBit: undefined }),
    page_offset: Number(BigInt.asIntN(64, BigInt(facts.pageOffset))),
    directPagesNow: facts.directPagesNow,
    secretmem_pfns: (facts.secretmem_pfns ?? []).map(Number),
  };
}

/** 64T from the beginning of the direct map. */
export function directMap(page_offset: number): AddressRange {
  return { start: page_offset, end: page_offset + 2 ** 46 };
}

/** The mapping of the kernel image. */
export const IMAGE_MAP: AddressRange = { start: -(2 ** 31), end: -(2 ** 30) };

/** Where modules and BPF programs are. */
const MODULES: AddressRange = { start: -(2 ** 30), end: -(2 ** 24) };

export function runsIn(core: X86Core, range: AddressRange): Run[] {
  return [...walk(core.memory, core.format, core.root, { range })].filter(({ kind }) => kind !== 'hole');
}

/** One line for each run of leaves. Equal lines mean equal leaves: places, sizes, frames and bits. */
export function linesOf(
  memory: PageSource,
  root: number,
  format: EntryFormat,
  range: AddressRange,
): string[] {
  const lines: string[] = [];
  for (const { kind, address, level, count, frame, low, high } of walk(memory, format, root, { range })) {
    if (kind === 'hole') continue;
    const bits = format.describe(level, low, high).join(' ');
    lines.push(
      `${hexAddress(address)} ${kind} ${format.levelName(level)} x ${count} -> ${frame.toString(16)} ${bits}`,
    );
  }
  return lines;
}

/** One line for each table that boot made: they, and only they, may be used by user space (0x67 instead of 0x63). */
export function bootTablesOf(
  memory: PageSource,
  root: number,
  format: EntryFormat,
  range: AddressRange,
): string[] {
  const lines: string[] = [];
  const visit = (table: number, level: number, base: number): void => {
    const words = memory.readPage(table / 4096)!;
    for (let index = 0; index < 512; index++) {
      const [low, high] = [words[2 * index]!, words[2 * index + 1]!];
      const address = base + index * 2 ** format.levelShift(level);
      if (address + 2 ** format.levelShift(level) <= range.start || address >= range.end) continue;
      if ((low & 0x81) !== 0x01 || level === 1) continue;
      const below = format.tableAddress(level, low, high);
      const flags = (low & 0xfff).toString(16);
      if ((low & 0xfff) === 0x67)
        lines.push(`${hexAddress(address)} ${format.levelName(level)} -> ${below.toString(16)} ${flags}`);
      visit(below, level - 1, address);
    }
  };
  visit(root, format.levels, -(2 ** (format.levelShift(format.levels) + 9)));
  return lines;
}

/** The frames that some module or BPF program has mapped read-only, in the order of its addresses. */
export function readOnlyModulePages(core: X86Core): number[] {
  const runs = runsIn(core, MODULES).filter(({ kind, flags }) => kind === 'leaf' && (flags & _PAGE_RW) === 0);
  return runs.flatMap(({ frame, pages }) => Array.from({ length: pages }, (_, i) => frame + i));
}

/** The image of a build that is not a distribution's, read off the core: its mapping, and the trampoline below 1M. */
export function imageOf(core: X86Core): BootImage {
  const { image } = imageFromTables(core.memory, core.root, core.format.levels);
  const low = runsIn(core, { start: core.page_offset, end: core.page_offset + 0xa0000 });
  const header = low.find(({ flags }) => (flags & _PAGE_RW) === 0)!;
  const text = low.find(({ flags }) => (flags & _PAGE_NX) === 0)!;
  const data = runsIn(core, IMAGE_MAP).filter(({ frame }) => frame * 4096 >= image.sdata);
  const idt = data.find(({ kind, flags }) => kind === 'leaf' && (flags & _PAGE_RW) === 0)!;
  return {
    ...image,
    idt_table: idt.frame * 4096,
    real_mode: {
      pages: 0x9f - header.frame,
      text_start: text.frame - header.frame,
      ro_end: text.frame + text.pages - header.frame,
    },
  };
}
