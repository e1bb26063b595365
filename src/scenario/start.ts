/** From a script's header and the command line to a machine that runs. */

import { InputError, NotModelledError } from '../errors.ts';
import { bootX86 } from '../linux/arch/x86/boot.ts';
import { kernelOnDump } from '../linux/arch/x86/on_dump.ts';
import type { X86Kernel } from '../linux/arch/x86/x86_kernel.ts';
import { type BootParameters, parseBootParameters } from '../linux/boot_parameters.ts';
import { type Config, parseConfig } from '../linux/config.ts';
import { type KernelVersion, parseKernelVersion } from '../linux/kernels.ts';
import { type Machine, memoryFromInclusive, parseSize, qemuPcMemory } from '../linux/machine.ts';
import { BuddyAllocator } from '../linux/mm/buddy.ts';
import { FrameWords } from '../memory/frame_words.ts';
import type { MachineMemory } from '../memory/machine_memory.ts';
import { walk } from '../mmu/walk.ts';
import { type Header, type Placed, type Program, placeOf, type RamRange } from './ast.ts';
import { type DumpHints, factsOfDump } from './dump.ts';
import { countLeaves } from './observers.ts';
import type { StartedOn } from './run.ts';

const DEFAULT_KERNEL = 'v7.2.13';
const DEFAULT_RAM = '4G';
const MAX_SCENARIO_CPUS = 64;

/** What the command line says over the script's header. */
export interface StartOptions {
  kernel?: string | undefined;
  config?: readonly (readonly [string, string])[] | undefined;
  boot?: string | undefined;
  /** A dump to start on. */
  dump?: { memory: MachineMemory; name: string; hints: DumpHints } | undefined;
}

/** @throws InputError, NotModelledError with the place in the script or the option. */
export function startMachine(program: Program, options: StartOptions): StartedOn {
  const { header } = program;
  const at = (placed: Placed<unknown> | undefined) =>
    placed === undefined ? program.fileName : placeOf(program.fileName, placed.span);
  const arch = header.arch?.value ?? 'x86_64';
  if (arch !== 'x86_64')
    throw new NotModelledError(`architecture ${arch}`, 'only x86_64 is so far', at(header.arch));

  const config = configOf(program, options);
  const bootText = options.boot ?? header.boot?.value ?? '';
  const boot = parseBootParameters(bootText, config, options.boot === undefined ? at(header.boot) : '--boot');
  if (options.dump !== undefined) return startOnDump(program, options, options.dump, config, boot);

  const version =
    options.kernel === undefined
      ? parseKernelVersion(header.kernel?.value ?? DEFAULT_KERNEL, at(header.kernel))
      : parseKernelVersion(options.kernel, '--kernel');
  const { kernel } = bootX86({ version, machine: machineOf(program), config, boot });
  checkImageInRam(kernel, at(header.ram));
  return { kernel, name: 'the model' };
}

/** A boot loader would not have found room for the kernel; the kernel itself does not notice. */
function checkImageInRam({ image, machine }: X86Kernel, where: string): void {
  const fits = machine.memory.some(
    ({ type, start, end }) => type === 'RAM' && start <= image.text && image.end <= end,
  );
  if (fits || image.end === image.text) return;
  throw new InputError({
    code: 'out-of-range',
    what: 'ram',
    where,
    found: `no range with physical 0x${image.text.toString(16)} to 0x${(image.end - 1).toString(16)}`,
    expected: 'RAM where this kernel is loaded',
  });
}

function configOf(program: Program, options: StartOptions): Config {
  const { config } = program.header;
  const fromHeader = (config?.value ?? []).map(({ name, value }) => [name, String(value)] as const);
  const where = config === undefined ? '--config' : placeOf(program.fileName, config.span);
  const settings = [...fromHeader, ...(options.config ?? [])];
  return parseConfig(settings, options.config === undefined ? where : '--config');
}

function machineOf(program: Program): Machine {
  const { header } = program;
  const where = header.ram === undefined ? program.fileName : placeOf(program.fileName, header.ram.span);
  const ram = header.ram?.value ?? DEFAULT_RAM;
  const memory = typeof ram === 'string' ? qemuPcMemory(parseSize(ram, where)) : memoryOf(ram, where);
  return {
    memory,
    cpus: cpusOf(program, header),
    paging_levels: header.levels?.value ?? 4,
    index_bits: header.geometry?.value ?? 9,
    features: { gbpages: true, pcid: false, encryption_bit: header.encryption_bit?.value },
  };
}

function cpusOf(program: Program, header: Header): number {
  const cpus = header.cpus?.value ?? 1;
  if (cpus <= MAX_SCENARIO_CPUS) return cpus;
  throw new InputError({
    code: 'out-of-range',
    what: 'cpus',
    where: placeOf(program.fileName, header.cpus!.span),
    found: String(cpus),
    expected: `1 to ${MAX_SCENARIO_CPUS}`,
  });
}

function memoryOf(ranges: readonly RamRange[], where: string) {
  const bytes = (value: bigint | string) => {
    if (typeof value === 'bigint') return Number(value);
    if (/^(0x[0-9a-f]{1,13}|\d{1,15})$/i.test(value)) return Number(value);
    throw new InputError({
      code: 'bad-format',
      what: 'ram',
      where,
      found: value,
      expected: 'an address such as "0x100000"',
    });
  };
  return memoryFromInclusive(
    ranges.map(({ start, end }) => [bytes(start), bytes(end)]),
    where,
  );
}

function startOnDump(
  program: Program,
  options: StartOptions,
  dump: NonNullable<StartOptions['dump']>,
  config: Config,
  boot: BootParameters,
): StartedOn {
  const tables = new FrameWords(dump.memory, dump.memory.littleEndian);
  const facts = factsOfDump(dump.memory, tables, dump.name, dump.hints);
  const version = versionOfDump(program, options, facts.release, dump.name);
  const machine: Machine = {
    memory: facts.ram,
    cpus: cpusOf(program, program.header),
    paging_levels: facts.levels,
    index_bits: 9,
    features: { gbpages: true, pcid: false, encryption_bit: undefined },
  };
  const kernel = kernelOnDump({
    tables,
    root: facts.root,
    machine,
    version,
    config,
    boot,
    page_offset: facts.page_offset,
    direct_pages_count: [],
    frames: new BuddyAllocator([]),
  });
  kernel.frames = new BuddyAllocator(freeRanges(kernel, facts.tableFrames));
  // The kernel's own counters are not in its tables: start from what the tables hold.
  countLeaves(kernel).forEach((count, level) => {
    if (level < 5) kernel.direct_pages_count.set(level, count);
  });
  return { kernel, name: dump.name };
}

/** The kernel that the user names, or the preset of the dump's own series. */
function versionOfDump(
  program: Program,
  options: StartOptions,
  release: string | undefined,
  name: string,
): KernelVersion {
  if (options.kernel !== undefined) return parseKernelVersion(options.kernel, '--kernel');
  const series = /^\d+\.\d+/.exec(release ?? '')?.[0];
  if (series !== undefined)
    return parseKernelVersion(series, `${name}: release ${release}; --kernel names another`);
  const { kernel } = program.header;
  if (kernel !== undefined) return parseKernelVersion(kernel.value, placeOf(program.fileName, kernel.span));
  throw new InputError({
    code: 'missing',
    what: 'the kernel release',
    where: name,
    hint: 'there is no VMCOREINFO; --kernel says which one it was',
  });
}

/**
 * Frames that a scenario may be given on a dump. Under debug_pagealloc the tables tell: what is free is neither present
 * nor writable.
 */
function freeRanges(k: X86Kernel, tableFrames: ReadonlySet<number>): { start: number; end: number }[] {
  return k.boot.debug_pagealloc ? unmappedRanges(k) : unusedRanges(k, tableFrames);
}

function unmappedRanges(k: X86Kernel): { start: number; end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  const range = { start: k.page_offset, end: k.page_offset + k.max_pfn_mapped * 4096 };
  for (const run of walk(k.memory, k.format, k.root, { range })) {
    if (run.kind !== 'not-present' || run.level !== 1 || k.format.writable(run.level, run.flags)) continue;
    addRange(ranges, run.frame, run.frame + run.pages);
  }
  return ranges;
}

/**
 * Otherwise those mapped whole by large, writable leaves, above the kernel image, and no page table. Whether the real
 * machine used them, its page tables do not tell.
 */
function unusedRanges(k: X86Kernel, tableFrames: ReadonlySet<number>): { start: number; end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  const pages = k.pmd_size / 4096;
  for (const range of k.machine.memory) {
    const first = Math.ceil(Math.max(range.start, k.image.brk_end) / k.pmd_size) * pages;
    for (let pfn = first; (pfn + pages) * 4096 <= range.end; pfn += pages) {
      const leaf = k.leafAt(k.page_address(pfn));
      if (leaf === undefined || leaf.level < 2 || (leaf.low & 3) !== 3) continue;
      let start = pfn;
      for (let each = pfn; each <= pfn + pages; each++) {
        if (each < pfn + pages && !tableFrames.has(each)) continue;
        addRange(ranges, start, each);
        start = each + 1;
      }
    }
  }
  return ranges;
}

function addRange(ranges: { start: number; end: number }[], start: number, end: number): void {
  if (start >= end) return;
  const last = ranges.at(-1);
  if (last?.end === start) last.end = end;
  else ranges.push({ start, end });
}
