/** Machines and recordings for the tests of powerpc. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type BootedPowerpc, bootPowerpc } from '../../../../src/linux/arch/powerpc/boot.ts';
import { POWERPC } from '../../../../src/linux/arch/powerpc/index.ts';
import type { PowerpcKernel } from '../../../../src/linux/arch/powerpc/powerpc_kernel.ts';
import { parseConfig } from '../../../../src/linux/config.ts';
import type { KernelEvent } from '../../../../src/linux/events.ts';
import type { Kernel } from '../../../../src/linux/kernel.ts';
import { parseKernelVersion, presetsOf } from '../../../../src/linux/kernels.ts';
import { type MemoryRange, memoryFromInclusive, type WantedMachine } from '../../../../src/linux/machine.ts';
import { type AllocationPolicy, runTask, type Task } from '../../../../src/linux/task.ts';
import type { PageSource, PageWords } from '../../../../src/memory/physical_memory.ts';
import { hexAddress, hexWord } from '../../../../src/mmu/format.ts';
import { walk } from '../../../../src/mmu/walk.ts';
import { readTinyCore } from '../../../support/tiny_core.ts';

export const MiB = 2 ** 20;
export const GiB = 2 ** 30;
export const KERNELS = presetsOf(POWERPC).map(({ name }) => name);
export const PAGEALLOC = { config: { DEBUG_PAGEALLOC: 'y' }, boot: 'debug_pagealloc=on' } as const;

export interface Options extends Partial<Omit<WantedMachine, 'where'>> {
  boot?: string;
  config?: Readonly<Record<string, string>>;
}

export function boot(kernel: string, options: Options = {}): BootedPowerpc {
  const { boot: line = '', config: settings = {}, ram = 2 * GiB, ...wanted } = options;
  const config = parseConfig(Object.entries(settings), 'test', POWERPC);
  return bootPowerpc({
    version: parseKernelVersion(kernel, 'test', POWERPC),
    machine: POWERPC.machine({ ...wanted, ram, where: 'test' }) as PowerpcKernel['machine'],
    config,
    boot: POWERPC.parseBoot(line, config, 'test'),
  });
}

/** A kernel that the test goes on with. */
export function booted(kernel: string, options: Options = {}): PowerpcKernel {
  return boot(kernel, options).kernel;
}

/** What a call returned, or that the machine died; and what was seen meanwhile. */
export function watch<T>(k: Kernel, task: Task<T>, policy?: AllocationPolicy) {
  const events: KernelEvent[] = [];
  k.listen((event) => events.push(event));
  const result = runTask(task, policy);
  k.listen(undefined);
  const value = result.ended === 'returned' ? result.value : undefined;
  const of = (kind: KernelEvent['kind']) => events.filter((event) => event.kind === kind);
  return { value, died: result.ended === 'halted', events, of };
}

/** What a call returned. */
export function call<T>(task: Task<T>): T {
  const result = runTask(task);
  if (result.ended === 'halted') throw new Error('the machine died');
  return result.value;
}

/** "PMD 0xc00000000000018e", or "-" where nothing is mapped. */
export function leafText(k: Kernel, pfn: number): string {
  const leaf = k.leafAt(k.page_address(pfn));
  if (leaf === undefined) return '-';
  const { level, low, high } = leaf;
  return `${k.format.levelName(level)} 0x${k.format.attributes(level, low, high).toString(16)}`;
}

export interface PowerpcCore {
  name: string;
  kernel: string;
  cmdline: string;
  page_size: 4096 | 65536;
  ram: MemoryRange[];
  root: number;
  memory: PageSource;
  /** kB by the name of the line: "DirectMap2M". */
  meminfo: Record<string, number>;
}

/** The pages of a little-endian core with the big-endian words that tables consist of. */
class BigEndianWords implements PageSource {
  readonly #source: PageSource;

  constructor(source: PageSource) {
    this.#source = source;
  }

  readPage(pfn: number): PageWords | undefined {
    const page = this.#source.readPage(pfn);
    return page === undefined ? undefined : Uint32Array.from(page, (_, i) => swapped(page[i ^ 1]!));
  }
}

function swapped(half: number): number {
  return ((half << 24) | ((half & 0xff00) << 8) | ((half >>> 8) & 0xff00) | (half >>> 24)) >>> 0;
}

export function readPowerpcCore(name: string): PowerpcCore {
  const { memory: littleEndian, root } = readTinyCore(name);
  const memory = new BigEndianWords(littleEndian);
  const json = path.resolve(import.meta.dirname, '../../../data/cores', `${name}.json`);
  const facts = JSON.parse(readFileSync(json, 'utf8'));
  const ram = facts.ram.map(([first, last]: [string, string]) => [Number(first), Number(last)]);
  const meminfo = facts.meminfo.map((line: string) => /^(\w+):\s+(\d+) kB$/.exec(line)!.slice(1));
  return {
    name,
    kernel: facts.kernel.replace(/^6\.1\.176$/, '6.1'),
    cmdline: facts.cmdline,
    page_size: facts.pageSize,
    ram: memoryFromInclusive(ram, name),
    root,
    memory,
    meminfo: Object.fromEntries(meminfo.map(([line, kB]: [string, string]) => [line, Number(kB)])),
  };
}

/** One line for each run of leaves of the direct map. Equal lines mean equal leaves: places, sizes, frames and bits. */
export function linesOf(k: PowerpcKernel, memory: PageSource = k.memory, root = k.root): string[] {
  const range = { start: k.direct_map.start, end: k.direct_map.start + 2 ** 50 };
  return [...walk(memory, k.format, root, { range })]
    .filter(({ kind }) => kind !== 'hole')
    .map(
      ({ kind, address, level, frame, pages, low, high }) =>
        `${hexAddress(address)} ${kind} level ${level} frame 0x${frame.toString(16)} pages ${pages} ${hexWord(low, high)}`,
    );
}

/** A kernel on the tables of another, as a recording would have them. */
export function onTablesOf(k: PowerpcKernel, line: string): PowerpcKernel {
  return POWERPC.onTables({
    tables: k.memory,
    root: k.root,
    levels: 4,
    page_size: k.page_size,
    memory: k.machine.memory,
    cpus: 1,
    version: k.version,
    config: k.config,
    boot: POWERPC.parseBoot(line, k.config, 'test'),
    page_offset: -(2 ** 62),
    phys_offset: 0,
    direct_pages_count: k.direct_pages_count!.toArray(),
    frames: { allocate: () => undefined, free: () => {}, mark: () => 0, undo: () => {} },
    facts: {},
  }) as PowerpcKernel;
}
