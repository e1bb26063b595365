/**
 * The model's boot against the page tables of real kernels: every leaf of the direct map and of the kernel's own
 * mapping, and the place of every table that boot made for them.
 *
 * Between its boot and the reading of its tables a kernel has run for some seconds. What it did to its direct map
 * then is made up for by the model's own functions, edit by edit: LATER_EDITS is all of it.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bootRiscv } from '../../../../src/linux/arch/riscv/boot.ts';
import { completed } from '../../../../src/linux/arch/riscv/boot_state.ts';
import { IMAGE_5_10, IMAGE_6_12, IMAGE_7_2 } from '../../../../src/linux/arch/riscv/images.ts';
import { RISCV } from '../../../../src/linux/arch/riscv/index.ts';
import { set_memory_ro, set_memory_x } from '../../../../src/linux/arch/riscv/mm/pageattr.ts';
import type { RiscvKernel } from '../../../../src/linux/arch/riscv/riscv_kernel.ts';
import { parseConfig } from '../../../../src/linux/config.ts';
import { parseKernelVersion } from '../../../../src/linux/kernels.ts';
import { memoryFromInclusive } from '../../../../src/linux/machine.ts';
import { kfence_protect } from '../../../../src/linux/mm/kfence/core.ts';
import type { Task } from '../../../../src/linux/task.ts';
import type { PageSource } from '../../../../src/memory/physical_memory.ts';
import { hexAddress } from '../../../../src/mmu/format.ts';
import { Riscv64Format } from '../../../../src/mmu/riscv64.ts';
import { type AddressRange, type Run, walk } from '../../../../src/mmu/walk.ts';
import { readCore, signedAddress, tablesOf } from '../../../support/real_core.ts';

const CORES = new URL('../../../data/cores/', import.meta.url);
const NAMES = readdirSync(CORES)
  .filter((name) => name.startsWith('riscv64') && name.endsWith('.json'))
  .map((name) => name.slice(0, -'.json'.length));

/** What the boot loader had put where, by /proc/iomem: firmware, initrd, device tree. Inclusive. */
const FILLED_BEFORE_BOOT: Readonly<Record<string, readonly [number, number][]>> = {
  'riscv64-5.10-tiny': [],
  'riscv64-6.12': [
    [0x80000000, 0x8007ffff],
    [0x88200000, 0x88309fff],
    [0xbfe00000, 0xbfe01fff],
  ],
  'riscv64-6.12-6g': [
    [0x80000000, 0x8007ffff],
    [0x88200000, 0x88309fff],
    [0xbfe00000, 0xbfe01fff],
  ],
  'riscv64-7.2': [
    [0xa0200000, 0xa0309fff],
    [0xffe00000, 0xffe01fff],
  ],
  'riscv64-7.2-sv39': [
    [0x80000000, 0x8007ffff],
    [0x88200000, 0x88309fff],
    [0xbfe00000, 0xbfe01fff],
  ],
  'riscv64-7.2-sv39-kfence': [
    [0x80000000, 0x8007ffff],
    [0x88200000, 0x88348fff],
    [0xbfe00000, 0xbfe01fff],
  ],
  'riscv64-7.2-sv48': [
    [0x80000000, 0x8007ffff],
    [0x88200000, 0x8830ffff],
    [0xbfe00000, 0xbfe01fff],
  ],
};

const IMAGES = { 'v5.10': IMAGE_5_10, 'v6.12': IMAGE_6_12, 'v7.2': IMAGE_7_2 };

interface Core {
  name: string;
  kernel: keyof typeof IMAGES;
  cmdline: string;
  ram: readonly (readonly [number, number])[];
  root: number;
  tables: PageSource;
  format: Riscv64Format;
  directMap: AddressRange;
}

const KERNEL_MAPPING: AddressRange = { start: -(2 ** 31), end: 0 };

function readRiscvCore(name: string): Core {
  const json = JSON.parse(readFileSync(new URL(`${name}.json`, CORES), 'utf8'));
  const format = new Riscv64Format({ levels: json.levels });
  const ram: [number, number][] = json.ram.map((range: string[]) => range.map(Number));
  const offset = signedAddress(json.pageOffset) - Number(json.physOffset);
  return {
    name,
    kernel: `v${/^\d+\.\d+/.exec(json.kernel)![0]}` as Core['kernel'],
    cmdline: json.cmdline,
    ram,
    root: Number(json.root),
    tables: tablesOf(readCore(name), format),
    format,
    directMap: { start: ram[0]![0] + offset, end: ram.at(-1)![1] + 1 + offset },
  };
}

/** How far KASLR has moved the kernel: that is random, and seen in the tables only. */
function virtOffset(core: Core): number {
  for (const { kind, address } of runs(core.tables, core.root, core.format, KERNEL_MAPPING)) {
    if (kind === 'leaf') return address - KERNEL_MAPPING.start;
  }
  return 0;
}

/** `lateEdits`: what the kernel does to its own sections before it starts init. */
function boot(core: Core, lateEdits = true): RiscvKernel {
  const config = parseConfig([], core.name, RISCV);
  const { kernel } = bootRiscv({
    version: parseKernelVersion(core.kernel, core.name, RISCV),
    machine: RISCV.machine({
      ram: memoryFromInclusive(core.ram, core.name),
      levels: core.format.levels as 3 | 4 | 5,
      where: core.name,
    }),
    config,
    boot: RISCV.parseBoot(core.cmdline, config, core.name),
    image: IMAGES[core.kernel],
    virt_offset: virtOffset(core),
    lateEdits,
    reserved: FILLED_BEFORE_BOOT[core.name]!.map(([start, last]) => ({ start, end: last + 1 })),
  });
  return kernel;
}

function* runs(
  tables: PageSource,
  root: number,
  format: Riscv64Format,
  range: AddressRange,
  onTable: (level: number, table: number, address: number) => void = () => {},
): Iterable<Run> {
  yield* walk(tables, format, root, { range, onTable });
}

function linesOf(tables: PageSource, root: number, format: Riscv64Format, range: AddressRange): string[] {
  const lines: string[] = [];
  for (const run of runs(tables, root, format, range)) {
    if (run.kind === 'hole') continue;
    const attributes = format.attributes(run.level, run.low, run.high).toString(16);
    lines.push(
      `${hexAddress(run.address)} ${run.kind} ${run.count} of level ${run.level} from ${run.frame.toString(16)}: ${attributes}`,
    );
  }
  return lines;
}

/** Level, place and first address of every table. */
function tablesIn(tables: PageSource, root: number, format: Riscv64Format, range: AddressRange): string[] {
  const found: string[] = [];
  const onTable = (level: number, table: number, address: number) => {
    found.push(`${level} ${table.toString(16)} ${hexAddress(address)}`);
  };
  for (const _run of runs(tables, root, format, range, onTable)) {
    // The tables are all that is wanted.
  }
  return found;
}

interface LaterEdit {
  name: string;
  /** What of the kernel does it. */
  by: string;
  /** Returns of how many pages. */
  apply(k: RiscvKernel, core: Core): number;
}

const LATER_EDITS: readonly LaterEdit[] = [
  {
    name: 'read-only alias of vmalloc, BPF or module memory',
    by: 'set_memory_ro() or _rox() of a vmalloc or module address, through its direct-map alias',
    apply(k, core) {
      return editWhere(k, core, (flags) => !core.format.writable(1, flags), set_memory_ro);
    },
  },
  {
    name: 'executable alias of BPF or module text',
    by: 'set_memory_x() or _rox() of a vmalloc or module address, through its direct-map alias',
    apply(k, core) {
      return editWhere(k, core, (flags) => core.format.executable(1, flags), set_memory_x);
    },
  },
  {
    name: 'freed object of KFENCE',
    by: 'kfence_guarded_free(), which closes its page',
    apply(k, core) {
      if (k.kfence_pool === undefined) return 0;
      const range = { start: k.page_address(k.kfence_pool.start), end: k.page_address(k.kfence_pool.end) };
      const closed = [...runs(core.tables, core.root, core.format, range)]
        .filter(({ kind }) => kind === 'not-present')
        .flatMap(({ address, pages }) => Array.from({ length: pages }, (_, i) => address + i * k.page_size))
        .filter((address) => k.translate(address) !== undefined);
      for (const address of closed) expect(completed(k, kfence_protect(k, address))).toBe(true);
      return closed.length;
    },
  },
];

type Edit = (k: RiscvKernel, address: number, pages: number) => Task<number>;

/** Effect: the edit has been made to all 4K pages of the direct map whose flags in the core say that it was. */
function editWhere(k: RiscvKernel, core: Core, done: (flags: number) => boolean, edit: Edit): number {
  let pages = 0;
  for (const run of runs(core.tables, core.root, core.format, core.directMap)) {
    if (run.kind !== 'leaf' || run.level !== 1 || !done(run.flags)) continue;
    completed(k, edit(k, run.address, run.count));
    pages += run.count;
  }
  return pages;
}

it('is tried on every core there is', () => {
  expect([...NAMES].sort()).toEqual(Object.keys(FILLED_BEFORE_BOOT).sort());
});

describe.each(NAMES)('%s', (name) => {
  const core = readRiscvCore(name);
  const k = boot(core);
  const applied = LATER_EDITS.map((edit) => `${edit.apply(k, core)} pages: ${edit.name}, by ${edit.by}`);
  const both = (lines: typeof linesOf, range: AddressRange) => ({
    model: lines(k.memory, k.root, k.format, range),
    kernel: lines(core.tables, core.root, core.format, range),
  });

  it('has every leaf of the direct map', () => {
    const { model, kernel } = both(linesOf, core.directMap);
    expect(model, applied.join('\n')).toEqual(kernel);
  });

  it('has every leaf of the kernel mapping', () => {
    const { model, kernel } = both(linesOf, KERNEL_MAPPING);
    expect(model).toEqual(kernel);
  });

  it('has put every table of boot where the kernel did', () => {
    const fresh = boot(core, false);
    for (const range of [core.directMap, KERNEL_MAPPING]) {
      const made = tablesIn(fresh.memory, fresh.root, fresh.format, range);
      expect(tablesIn(core.tables, core.root, core.format, range)).toEqual(expect.arrayContaining(made));
      expect(made.length).toBeGreaterThan(0);
    }
  });

  it('tells where the direct map lies', () => {
    expect(k.direct_map).toEqual(core.directMap);
    expect(k.root).toBe(core.root);
  });
});
