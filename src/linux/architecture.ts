/**
 * What the rest of the project asks of an architecture: each folder under `arch/` makes one of these. No code outside
 * of those folders knows an architecture by its name.
 */

import type { MachineMemory } from '../memory/machine_memory.ts';
import type { PageSource } from '../memory/physical_memory.ts';
import type { SimulatedMemory } from '../memory/simulated_memory.ts';
import type { VirtualAddress } from '../mmu/format.ts';
import type { BootParameters } from './boot_parameters.ts';
import type { KernelBuild, KernelCall } from './call.ts';
import type { Change } from './changes.ts';
import type { Config, ConfigOption } from './config.ts';
import type { Kernel } from './kernel.ts';
import type { KernelVersion } from './kernels.ts';
import type { Machine, MemoryRange, WantedMachine } from './machine.ts';
import type { FrameAllocator, FrameRange } from './mm/frame_allocator.ts';

export interface Architecture {
  /** As scripts and the command line name it: "x86_64". */
  readonly name: string;
  /** What else people call it. */
  readonly aliases: readonly string[];
  /** Bytes that a base page may have, the smallest first. */
  readonly pageSizes: readonly number[];
  /** By which number ELF files name it (e_machine). */
  readonly elfMachine: number;
  /** Behaviour differences of its own, beside the shared ones. */
  readonly changes: Readonly<Record<string, Change>>;
  /** Which of them came with each preset, by the preset's name. A change once there stays. */
  readonly since: Readonly<Record<string, readonly string[]>>;
  /** Why a preset has no such architecture, by the preset's name. */
  readonly missing: Readonly<Record<string, string>>;
  /** Why a kernel is built without something that the shared code offers to architectures, by its Kconfig symbol. */
  lacks?(symbol: KconfigSymbol, build: KernelBuild): string | undefined;
  /** Build options of its own. */
  readonly config: Readonly<Record<string, ConfigOption>>;
  /** What its machines may have or lack. */
  readonly features: Readonly<Record<string, FeatureOption>>;
  /** Ways to boot that tell its kernels apart, for grids: a name and the command line. */
  readonly boots: readonly BootVariant[];
  /** What a machine must have for its direct map to have large leaves and to be edited at once, where not all have it. */
  readonly largeLeaves?: Pick<BootVariant, 'boot' | 'features'>;
  /**
   * How to boot so that no leaf is larger than a PMD entry's. Where there is no such way, only the lack of memory for a
   * larger one does it.
   */
  readonly noPudLeaves?: Pick<BootVariant, 'boot' | 'features'>;
  /** The functions that can be called by name, beside the shared ones. */
  readonly calls: readonly KernelCall[];
  /** Names of bits that scripts may use. */
  readonly constants: Readonly<Record<string, bigint>>;

  /** @throws InputError, NotModelledError */
  parseBoot(text: string, config: Config, where: string): BootParameters;
  /** The machine that is meant by what somebody has said of it. @throws InputError */
  machine(wanted: WantedMachine): Machine;
  /**
   * Effect: the machine has booted, as far as its direct map and the mapping of its image go. None of it can be undone.
   * @throws InputError where RAM does not suffice, NotModelledError
   */
  boot(options: BootOptions): Booted;
  /** A running kernel on the tables of a real machine, copy-on-write. @throws InputError, NotModelledError */
  onTables(dump: DumpedMachine): Kernel;
  /** What a dump of a machine tells of it. @throws InputError that says which option gives what the dump does not */
  factsOfDump?(memory: MachineMemory, tables: PageSource, where: string, hints: DumpHints): DumpFacts;
}

/** What an architecture selects, or may. */
export type KconfigSymbol =
  | 'ARCH_HAS_SET_DIRECT_MAP'
  | 'ARCH_HAS_EXECMEM_ROX'
  | 'ARCH_HIBERNATION_POSSIBLE'
  | 'ARCH_SUPPORTS_DEBUG_PAGEALLOC';

export interface FeatureOption {
  meaning: string;
  default: boolean | number | undefined;
}

export interface BootVariant {
  /** In one or two short words, for the head of a row: "rodata=off". */
  name: string;
  boot: string;
  config?: readonly (readonly [name: string, value: string])[];
  features?: Readonly<Record<string, boolean | number>>;
}

export interface BootOptions {
  version: KernelVersion;
  machine: Machine;
  config: Config;
  boot: BootParameters;
  /** Where the tables are built; empty memory if not given. */
  memory?: SimulatedMemory;
}

export interface Booted {
  kernel: Kernel;
  /** What memblock handed to the page allocator, ascending. Pages that are freed after that are not in it. */
  free: readonly FrameRange[];
}

/** What the user says of a dump that does not tell by itself. */
export interface DumpHints {
  root?: number | undefined;
  page_offset?: VirtualAddress | undefined;
  levels?: number | undefined;
}

export interface DumpFacts {
  root: number;
  levels: number;
  page_offset: VirtualAddress;
  ram: MemoryRange[];
  /** Frames of page tables, which nobody may be given. */
  tableFrames: Set<number>;
  /** "6.1.0-55-amd64", if the dump tells. */
  release: string | undefined;
}

/** What is known of a machine whose tables were recorded. */
export interface DumpedMachine {
  tables: PageSource;
  /** Physical address of the kernel's top table. */
  root: number;
  levels: number;
  /** Bytes of a base page. */
  page_size: number;
  memory: readonly MemoryRange[];
  cpus: number;
  version: KernelVersion;
  config: Config;
  boot: BootParameters;
  /** Direct-map address = physical - phys_offset + page_offset. */
  page_offset: VirtualAddress;
  phys_offset: number;
  /** The kernel's own counters of leaves by level, or nothing if they are not known. */
  direct_pages_count: readonly number[];
  frames: FrameAllocator;
  /** What else the recording says, by the names that it uses: "va_bits", "lpa2", "satp", ... */
  facts: Readonly<Record<string, unknown>>;
}
