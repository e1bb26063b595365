/**
 * The model's boot against the page tables of real kernels: every leaf of the direct map, and every bit and the place of
 * every table that boot made for it.
 *
 * Between its boot and the reading of its tables a kernel has run for some seconds. What it did to its direct map then is
 * made up for by the model's own functions, edit by edit: LATER_EDITS is all of it. None takes the wanted result from the
 * direct map, except for KFENCE's, where each page of the pool may be in either of its two states.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Arm64Kernel } from '../../../../src/linux/arch/arm64/arm64_kernel.ts';
import { type Arm64BootOptions, bootArm64 } from '../../../../src/linux/arch/arm64/boot.ts';
import { completed } from '../../../../src/linux/arch/arm64/boot_state.ts';
import { ARM64 } from '../../../../src/linux/arch/arm64/index.ts';
import type { KernelImage } from '../../../../src/linux/arch/arm64/kernel_image.ts';
import { set_memory_ro } from '../../../../src/linux/arch/arm64/mm/pageattr.ts';
import { parseConfig } from '../../../../src/linux/config.ts';
import { parseKernelVersion } from '../../../../src/linux/kernels.ts';
import { memoryFromInclusive } from '../../../../src/linux/machine.ts';
import { VM_ALLOC } from '../../../../src/linux/mm/vmalloc.ts';
import type { PageSource } from '../../../../src/memory/physical_memory.ts';
import { Arm64Format, PTE_NG, PTE_RDONLY } from '../../../../src/mmu/arm64.ts';
import { EntryKind, hexAddress } from '../../../../src/mmu/format.ts';
import { type AddressRange, type Run, walk } from '../../../../src/mmu/walk.ts';
import { readCore, signedAddress, tablesOf } from '../../../support/real_core.ts';

const CORES = new URL('../../../data/cores/', import.meta.url);
const NAMES = readdirSync(CORES)
  .filter((name) => name.startsWith('arm64') && name.endsWith('.json'))
  .map((name) => name.slice(0, -'.json'.length));

interface Core {
  name: string;
  kernel: string;
  cmdline: string;
  ram: readonly (readonly [number, number])[];
  iomem: readonly string[];
  page_size: number;
  va_bits: number;
  va_bits_config: number;
  root: number;
  tables: PageSource;
  format: Arm64Format;
  directMap: AddressRange;
}

function readArm64Core(name: string): Core {
  const json = JSON.parse(readFileSync(new URL(`${name}.json`, CORES), 'utf8'));
  const pageShift = Math.log2(json.pageSize) as 12 | 14 | 16;
  const format = new Arm64Format({ pageShift, vaBits: json.va_bits, lpa2: json.lpa2 });
  const start = signedAddress(json.pageOffset);
  return {
    name,
    kernel: `v${/^\d+\.\d+/.exec(json.kernel)![0]}`,
    cmdline: json.cmdline,
    ram: json.ram.map((range: string[]) => range.map(Number)),
    iomem: json.iomem,
    page_size: json.pageSize,
    va_bits: json.va_bits,
    va_bits_config: json.va_bits_config ?? json.va_bits,
    root: Number(json.root),
    tables: tablesOf(readCore(name), format),
    format,
    directMap: { start, end: start / 2 },
  };
}

function rangeOf(core: Core, what: string): { start: number; end: number } {
  const line = core.iomem.find((each) => each.trim().endsWith(` : ${what}`))!;
  const [first, last] = line.trim().split(' ')[0]!.split('-');
  return { start: Number(`0x${first}`), end: Number(`0x${last}`) + 1 };
}

/** What /proc/iomem does not tell of Debian's builds. */
const START_RODATA: Readonly<Record<string, number>> = {
  'v5.10': 0x40d8_0000,
  'v6.1': 0x40f0_0000,
  'v6.12': 0x4116_0000,
  'v7.2': 0x414c_0000,
};

/** By /proc/iomem; _text, which v6.1 does not list, is 2M above the start of RAM. */
function imageOf(core: Core): KernelImage {
  const code = rangeOf(core, 'Kernel code');
  const data = rangeOf(core, 'Kernel data');
  const text = core.ram[0]![0] + 2 ** 21;
  return {
    text,
    stext: code.start === text && core.kernel !== 'v5.10' ? text + 0x10000 : code.start,
    start_rodata: START_RODATA[core.kernel]!,
    init_begin: code.end,
    init_end: data.start,
    bss_stop: core.kernel === 'v7.2' ? 0x430e_6000 : data.end,
    end: data.end,
    swapper_pg_dir: core.root,
  };
}

/** As Debian builds it: v6.1 has no KFENCE on arm64, later kernels have. */
function bootOptionsOf(core: Core): Arm64BootOptions {
  const config = parseConfig([['KFENCE', core.kernel === 'v6.1' ? 'n' : 'y']], core.name, ARM64);
  return {
    version: parseKernelVersion(core.kernel, core.name, ARM64),
    machine: ARM64.machine({
      ram: memoryFromInclusive(core.ram, core.name),
      page_size: core.page_size,
      features: {
        va_bits: core.va_bits_config,
        lva: core.va_bits === 52,
        nonglobal: firstLeaf(core).flags % (2 * PTE_NG) >= PTE_NG,
        bbml2: core.name.includes('bbml2'),
      },
      where: core.name,
    }),
    config,
    boot: ARM64.parseBoot(core.cmdline, config, core.name),
    image: imageOf(core),
  };
}

/** KASLR makes nG mappings: a CPU with KPTI, which cannot be seen otherwise. */
function firstLeaf(core: Core): Run {
  for (const run of walk(core.tables, core.format, core.root, { range: core.directMap })) {
    if (run.kind === 'leaf') return run;
  }
  throw new Error('no direct map');
}

interface LaterEdit {
  name: string;
  /** What of the kernel does it. */
  by: string;
  /** Returns to how many pages. */
  apply(k: Arm64Kernel, core: Core): number;
}

const LATER_EDITS: readonly LaterEdit[] = [
  {
    name: 'read-only alias of vmalloc/BPF/module memory',
    by: 'set_memory_ro() of a vmalloc address, under rodata=full',
    apply(k, core) {
      let pages = 0;
      // With KASLR the image is not where the model thinks.
      k.vmap_areas.delete(k.image_address(k.image!.text / k.page_size));
      for (const run of readOnlyAreas(core, k.VMALLOC_END)) {
        const frames = Array.from({ length: run.pages }, (_, i) => run.frame + i);
        const size = run.pages * k.page_size;
        const area = {
          addr: run.address,
          size,
          pages: frames,
          flags: VM_ALLOC,
          page_order: 0,
          lazily_freed: false,
        };
        k.vmap_areas.set(run.address, area);
        expect(completed(k, set_memory_ro(k, run.address, run.pages))).toBe(0);
        if (k.rodata_full) pages += run.pages;
      }
      return pages;
    },
  },
  {
    name: "KFENCE's objects",
    by: 'kfence_protect() and kfence_unprotect(), through set_memory_valid()',
    apply(k, core) {
      const pool = k.kfence_pool;
      if (pool === undefined) return 0;
      let pages = 0;
      const range = { start: k.page_address(pool.start), end: k.page_address(pool.end) };
      for (const { kind, address, pages: length } of walk(core.tables, core.format, core.root, { range })) {
        for (let addr = address; addr < address + length * k.page_size; addr += k.page_size) {
          if ((kind === 'leaf') === (k.translate(addr) !== undefined)) continue;
          completed(k, k.kfence_protect_page(addr, kind !== 'leaf'));
          pages++;
        }
      }
      return pages;
    },
  },
];

/** Of modules' and vmalloc's addresses, what is read-only and no part of the image. */
function readOnlyAreas(core: Core, end_of_vmalloc: number): Run[] {
  const { text, end } = imageOf(core);
  const range = { start: -(2 ** (core.page_size === 16384 ? 46 : 47)), end: end_of_vmalloc };
  return [...walk(core.tables, core.format, core.root, { range })].filter(
    ({ kind, level, flags, frame }) =>
      kind === 'leaf' &&
      level === 1 &&
      (flags & PTE_RDONLY) !== 0 &&
      isRam(core, frame) &&
      (frame * core.page_size < text || frame * core.page_size >= end),
  );
}

function isRam(core: Core, frame: number): boolean {
  return core.ram.some(([first, last]) => frame * core.page_size >= first && frame * core.page_size <= last);
}

function linesOf(tables: PageSource, root: number, format: Arm64Format, range: AddressRange): string[] {
  const lines: string[] = [];
  for (const run of walk(tables, format, root, { range })) {
    if (run.kind === 'hole') continue;
    const attributes = format.attributes(run.level, run.low, run.high).toString(16);
    const frame = run.frame.toString(16);
    lines.push(
      `${hexAddress(run.address)} ${run.kind} ${run.count} of level ${run.level} from ${frame}: ${attributes}`,
    );
  }
  return lines;
}

interface NamedTable {
  /** Level and first address of the entry that names it, and the entry without the address of the table. */
  text: string;
  place: number;
}

/** Every table below the root for the range. */
function tablesIn(memory: PageSource, root: number, format: Arm64Format, range: AddressRange): NamedTable[] {
  const found: NamedTable[] = [];
  const visit = (table: number, level: number, first: number) => {
    const covers = 2 ** format.levelShift(level);
    for (let i = 0; i < 2 ** format.indexBits(level); i++) {
      const address = first + i * covers;
      if (address + covers <= range.start || address >= range.end) continue;
      const word = memory.readPage(Math.floor((table + i * 8) / 4096));
      const at = ((table + i * 8) % 4096) / 4;
      const low = word?.[at] ?? 0;
      const high = word?.[at + 1] ?? 0;
      if (format.kind(level, low, high) !== EntryKind.Table) continue;
      const bits = format.attributes(level, low, high).toString(16);
      const place = format.tableAddress(level, low, high);
      found.push({ text: `${level} ${hexAddress(address)} ${bits}`, place });
      if (level > 2) visit(place, level - 1, address);
    }
  };
  visit(root, format.levels, range.start);
  return found;
}

/** For the message of a failure. */
function tableOfEdits(edits: readonly { edit: LaterEdit; pages: number }[]): string {
  return edits
    .map(({ edit, pages }) => `${String(pages).padStart(7)} pages  ${edit.name}: ${edit.by}`)
    .join('\n');
}

describe.each(NAMES)('%s', (name) => {
  const core = readArm64Core(name);
  const { kernel: k } = bootArm64(bootOptionsOf(core));
  const tables = tablesIn(k.memory, k.root, k.format, core.directMap);
  const applied = LATER_EDITS.map((edit) => ({ edit, pages: edit.apply(k, core) }));

  it('has every leaf of the direct map', () => {
    const model = linesOf(k.memory, k.root, k.format, core.directMap);
    const kernel = linesOf(core.tables, core.root, core.format, core.directMap);
    expect(model, `after these edits:\n${tableOfEdits(applied)}`).toEqual(kernel);
    expect(model.length).toBeGreaterThan(1);
  });

  it('has every table of boot where the kernel has it, with the same bits', () => {
    const kernel = new Map(
      tablesIn(core.tables, core.root, core.format, core.directMap).map(({ text, place }) => [text, place]),
    );
    expect(tables.map(({ text }) => text).filter((text) => !kernel.has(text))).toEqual([]);
    expect(tables.length).toBeGreaterThan(2);
    for (const { text, place } of tables) expect(place, text).toBe(kernel.get(text));
  });

  it.skipIf(!core.cmdline.includes('nokaslr'))('has every leaf of the image', () => {
    const { stext, end } = k.image!;
    const start = k.image_address(stext / k.page_size);
    const range = { start, end: start + end - stext };
    const model = linesOf(k.memory, k.root, k.format, range);
    expect(model).toEqual(linesOf(core.tables, core.root, core.format, range));
    expect(model.length).toBeGreaterThan(5);
  });
});
