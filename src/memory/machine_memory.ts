/** The physical memory of a machine as a dump file or a live guest gives it, with what comes along with it. */

import type { Vmcoreinfo } from './vmcoreinfo.ts';

/** Physical memory as bytes. */
export interface FrameSource {
  /**
   * The 4096 bytes of a frame, to be read only; undefined where the source has nothing. The array stays as it is when
   * other frames are read.
   * @throws InputError where the source breaks off, or holds what cannot be unpacked.
   */
  readFrame(pfn: number): Uint8Array | undefined;
}

/** Consecutive bytes of physical memory. */
export interface PhysicalRange {
  readonly start: number;
  /** In bytes. */
  readonly size: number;
}

/** The control registers of a CPU, by the names of the architecture: CR3, CR4; TTBR1_EL1, TCR_EL1; satp; CR13. */
export type ControlRegisters = Readonly<Record<string, bigint>>;

export interface MachineMemory extends FrameSource {
  /** For people: "ELF core", "kdump-compressed dump (zlib)", "raw memory", "guest at its debugger port". */
  readonly kind: string;
  /** The machine's number (e_machine): 62 is x86-64, 183 AArch64, 22 s390, 21 PowerPC64, 243 RISC-V, 258 LoongArch. */
  readonly machine: number | undefined;
  /** Byte order of the kernel's data. Page tables may have another: powerpc's radix tables are big-endian always. */
  readonly littleEndian: boolean;
  /** What the kernel wrote about itself, where the source has it. */
  readonly vmcoreinfo: Vmcoreinfo | undefined;
  /** What the source tells of each CPU; empty if nothing. */
  readonly cpus: readonly ControlRegisters[];
  /** What the source has of physical memory: disjoint, sorted by address. */
  readonly ranges: readonly PhysicalRange[];
  /** Memory of the machine, where the source says more of it than it has; else it is what it has. */
  readonly machineRanges?: readonly PhysicalRange[];
  /** What was left out of the source on purpose, for people: "pages of zeros, user pages, free pages". */
  readonly leftOut: string | undefined;
  /** Whether its notes are those of a Xen hypervisor's dump. */
  readonly xen?: boolean;
}
