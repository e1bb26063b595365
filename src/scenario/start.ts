/** From a script's header and the command line to a machine that runs. */

import { InputError, NotModelledError } from '../errors.ts';
import { ARCHITECTURES, architectureNamed, DEFAULT_ARCH } from '../linux/arch/index.ts';
import type { Architecture, DumpHints } from '../linux/architecture.ts';
import type { BootParameters } from '../linux/boot_parameters.ts';
import { type Config, parseConfig } from '../linux/config.ts';
import { type Kernel, rightsOf } from '../linux/kernel.ts';
import { type KernelVersion, parseKernelVersion } from '../linux/kernels.ts';
import { type Machine, memoryFromInclusive, parseSize } from '../linux/machine.ts';
import { BuddyAllocator } from '../linux/mm/buddy.ts';
import { hasBigEndianTables } from '../memory/elf_machine.ts';
import { FrameWords } from '../memory/frame_words.ts';
import type { MachineMemory } from '../memory/machine_memory.ts';
import { SimulatedMemory } from '../memory/simulated_memory.ts';
import { walk } from '../mmu/walk.ts';
import { type Placed, type Program, placeOf, type RamRange } from './ast.ts';
import { countLeaves } from './observers.ts';
import type { StartedOn } from './run.ts';

/** What is meant where nobody names a kernel. */
export const DEFAULT_KERNEL = 'v7.2.13';
const DEFAULT_RAM = '4G';
const MAX_SCENARIO_CPUS = 64;
const MAX_PAGE_SIZE = 65536;

/** What the command line says over the script's header. */
export interface StartOptions {
  arch?: string | Architecture | undefined;
  kernel?: string | undefined;
  config?: readonly (readonly [string, string])[] | undefined;
  boot?: string | undefined;
  features?: Readonly<Record<string, boolean | number>> | undefined;
  /** An amount, such as '4G'. */
  ram?: string | undefined;
  cpus?: number | undefined;
  /** Where the tables are built; memory of the usual size if not given. */
  memory?: SimulatedMemory | undefined;
  /** A dump to start on. */
  dump?: { memory: MachineMemory; name: string; hints: DumpHints } | undefined;
}

/** @throws InputError, NotModelledError with the place in the script or the option. */
export function startMachine(program: Program, options: StartOptions): StartedOn {
  const { header } = program;
  const at = (placed: Placed<unknown> | undefined) =>
    placed === undefined ? program.fileName : placeOf(program.fileName, placed.span);
  const arch = archOf(program, options);
  const config = configOf(program, options, arch);
  const bootText = options.boot ?? header.boot?.value ?? '';
  const boot = arch.parseBoot(bootText, config, options.boot === undefined ? at(header.boot) : '--boot');
  if (options.dump !== undefined) return startOnDump(program, options, options.dump, { arch, config, boot });

  const version =
    options.kernel === undefined
      ? parseKernelVersion(header.kernel?.value ?? DEFAULT_KERNEL, at(header.kernel), arch)
      : parseKernelVersion(options.kernel, '--kernel', arch);
  const { memory = new SimulatedMemory() } = options;
  const { kernel } = arch.boot({ version, machine: machineOf(program, options, arch), config, boot, memory });
  checkImageInRam(kernel, at(header.ram));
  return { kernel, name: 'the model' };
}

function archOf({ header, fileName }: Program, { arch, dump }: StartOptions): Architecture {
  if (typeof arch === 'object') return arch;
  if (arch !== undefined) return architectureNamed(arch, '--arch');
  if (header.arch !== undefined)
    return architectureNamed(header.arch.value, placeOf(fileName, header.arch.span));
  const ofDump = ARCHITECTURES.find(({ elfMachine }) => elfMachine === dump?.memory.machine);
  return ofDump ?? DEFAULT_ARCH;
}

/** A boot loader would not have found room for the kernel; the kernel itself does not notice. */
function checkImageInRam({ sections, machine }: Kernel, where: string): void {
  if (sections === undefined) return;
  const { text, end } = sections;
  const fits = machine.memory.some(
    (range) => range.type === 'RAM' && range.start <= text && end <= range.end,
  );
  if (fits) return;
  throw new InputError({
    code: 'out-of-range',
    what: 'ram',
    where,
    found: `no range with physical 0x${text.toString(16)} to 0x${(end - 1).toString(16)}`,
    expected: 'RAM where this kernel is loaded',
  });
}

function configOf(program: Program, options: StartOptions, arch: Architecture): Config {
  const { config } = program.header;
  const fromHeader = (config?.value ?? []).map(({ name, value }) => [name, String(value)] as const);
  const where = config === undefined ? '--config' : placeOf(program.fileName, config.span);
  const settings = [...fromHeader, ...(options.config ?? [])];
  return parseConfig(settings, options.config === undefined ? where : '--config', arch);
}

function machineOf(program: Program, options: StartOptions, arch: Architecture): Machine {
  const { header } = program;
  const placed = (part: Placed<unknown> | undefined) =>
    part === undefined ? program.fileName : placeOf(program.fileName, part.span);
  const ram = options.ram ?? header.ram?.value ?? DEFAULT_RAM;
  const where = options.ram === undefined ? placed(header.ram) : '--ram';
  const fromHeader = (header.features?.value ?? []).map(({ name, value }) => [name, value] as const);
  return arch.machine({
    ram: typeof ram === 'string' ? parseSize(ram, where) : memoryOf(ram, where),
    cpus: cpusOf(program, options),
    page_size: header.page_size && pageSizeOf(header.page_size.value, placed(header.page_size)),
    levels: header.levels?.value,
    index_bits: header.geometry?.value,
    features: { ...Object.fromEntries(fromHeader), ...options.features },
    where: placed(header.features ?? header.levels ?? header.ram),
  });
}

function pageSizeOf(value: string | number, where: string): number {
  const [, digits, unit = ''] = /^\s*(\d{1,6})\s*(K?)\s*$/i.exec(String(value)) ?? [];
  const bytes = Number(digits ?? 0) * (unit === '' ? 1 : 1024);
  if (bytes >= 4096 && bytes <= MAX_PAGE_SIZE && Number.isInteger(Math.log2(bytes))) return bytes;
  const expected = "a power of two from '4K' to '64K'";
  throw new InputError({ code: 'out-of-range', what: 'page_size', where, found: String(value), expected });
}

function cpusOf({ header, fileName }: Program, options: StartOptions): number {
  const cpus = options.cpus ?? header.cpus?.value ?? 1;
  if (cpus >= 1 && cpus <= MAX_SCENARIO_CPUS) return cpus;
  throw new InputError({
    code: 'out-of-range',
    what: 'cpus',
    where:
      options.cpus !== undefined || header.cpus === undefined
        ? '--cpus'
        : placeOf(fileName, header.cpus.span),
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
  { arch, config, boot }: { arch: Architecture; config: Config; boot: BootParameters },
): StartedOn {
  const { memory, name, hints } = dump;
  if (memory.machine !== arch.elfMachine) {
    throw new InputError({
      code: 'bad-format',
      what: 'machine',
      where: name,
      found: `ELF machine ${memory.machine}`,
      expected: `${arch.elfMachine} (${arch.name})`,
    });
  }
  const tables = new FrameWords(memory, memory.littleEndian && !hasBigEndianTables(memory.machine));
  const facts = arch.factsOfDump?.(memory, tables, name, hints);
  if (facts === undefined)
    throw new NotModelledError(
      `a run on a dump of ${arch.name}`,
      'what the model needs to know of the machine is read for other architectures only',
      name,
    );
  const kernel = arch.onTables({
    tables,
    root: facts.root,
    levels: facts.levels,
    page_size: 4096,
    memory: facts.ram,
    cpus: cpusOf(program, options),
    version: versionOfDump(program, options, facts.release, name, arch),
    config,
    boot,
    page_offset: facts.page_offset,
    phys_offset: 0,
    direct_pages_count: [],
    frames: new BuddyAllocator([]),
    facts: {},
  });
  kernel.frames = new BuddyAllocator(freeRanges(kernel, facts.tableFrames), { zones: kernel.zones });
  // The kernel's own counters are not in its tables: start from what the tables hold.
  countLeaves(kernel).forEach((count, level) => {
    if (level < 5) kernel.direct_pages_count?.set(level, count);
  });
  return { kernel, name: dump.name };
}

/** The kernel that the user names, or the preset of the dump's own series. */
function versionOfDump(
  program: Program,
  options: StartOptions,
  release: string | undefined,
  name: string,
  arch: Architecture,
): KernelVersion {
  if (options.kernel !== undefined) return parseKernelVersion(options.kernel, '--kernel', arch);
  const series = /^\d+\.\d+/.exec(release ?? '')?.[0];
  if (series !== undefined)
    return parseKernelVersion(series, `${name}: release ${release}; --kernel names another`, arch);
  const { kernel } = program.header;
  if (kernel !== undefined)
    return parseKernelVersion(kernel.value, placeOf(program.fileName, kernel.span), arch);
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
function freeRanges(k: Kernel, tableFrames: ReadonlySet<number>): { start: number; end: number }[] {
  return k.boot.debug_pagealloc ? unmappedRanges(k) : unusedRanges(k, tableFrames);
}

function unmappedRanges(k: Kernel): { start: number; end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  for (const run of walk(k.memory, k.format, k.root, { range: k.direct_map })) {
    if (run.kind !== 'not-present' || run.level !== 1 || k.format.writable(run.level, run.flags)) continue;
    addRange(ranges, run.frame, run.frame + run.pages);
  }
  return ranges;
}

/**
 * Otherwise those mapped whole by large, writable leaves, above the kernel image, and no page table. Whether the real
 * machine used them, its page tables do not tell.
 */
function unusedRanges(k: Kernel, tableFrames: ReadonlySet<number>): { start: number; end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  const pmd_size = 2 ** k.format.levelShift(2);
  const pages = pmd_size / k.page_size;
  for (const range of k.machine.memory) {
    const first = Math.ceil(Math.max(range.start, k.sections?.end ?? 0) / pmd_size) * pages;
    for (let pfn = first; (pfn + pages) * k.page_size <= range.end; pfn += pages) {
      const leaf = k.leafAt(k.page_address(pfn));
      if (leaf === undefined || leaf.level < 2) continue;
      const { present, writable } = rightsOf(k.format, leaf);
      if (!present || !writable) continue;
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
