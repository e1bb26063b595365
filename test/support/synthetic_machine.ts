/** Machines of any architecture that are made up: memory in which a test puts page tables, and what a kernel says. */

import type { ControlRegisters, MachineMemory, PhysicalRange } from '../../src/memory/machine_memory.ts';
import { PAGE_SIZE } from '../../src/memory/physical_memory.ts';
import { Vmcoreinfo } from '../../src/memory/vmcoreinfo.ts';
import { Arm64Format, type Arm64Geometry } from '../../src/mmu/arm64.ts';
import type { EntryFormat, VirtualAddress } from '../../src/mmu/format.ts';
import { Ppc64RadixFormat } from '../../src/mmu/ppc64_radix.ts';
import { Riscv64Format } from '../../src/mmu/riscv64.ts';
import { S390xFormat } from '../../src/mmu/s390x.ts';
import { X86Format } from '../../src/mmu/x86_64.ts';

export interface SyntheticFacts {
  /** e_machine; undefined as in raw memory. */
  machine?: number | undefined;
  littleEndian?: boolean;
  /** Lines of VMCOREINFO; none if not given. */
  vmcoreinfo?: readonly string[] | undefined;
  cpus?: readonly ControlRegisters[];
  /** All of the first 4G if not given. */
  ranges?: readonly PhysicalRange[];
}

/** How an architecture writes the entries that a test asks for. */
export interface Architecture {
  readonly format: EntryFormat;
  readonly machine: number;
  readonly littleEndian: boolean;
  /** An entry at `level` that names a table. */
  table(level: number, address: number): bigint;
  /** What an entry at `level` is where nothing is. */
  empty(level: number): bigint;
  /** Bits by which a frame is moved in an entry. */
  readonly frameShift: number;
}

export class SyntheticMachine implements MachineMemory {
  readonly kind = 'synthetic';
  readonly machine: number | undefined;
  readonly littleEndian: boolean;
  readonly vmcoreinfo: Vmcoreinfo | undefined;
  readonly cpus: readonly ControlRegisters[];
  readonly ranges: readonly PhysicalRange[];
  readonly leftOut = undefined;
  readonly arch: Architecture;
  readonly root: number;
  readonly #frames = new Map<number, Uint8Array>();
  #nextTable: number;

  /** The top table is at `root`; others follow from `tables` on. */
  constructor(arch: Architecture, root: number, facts: SyntheticFacts = {}, tables = 0x4000_0000) {
    this.arch = arch;
    this.root = root;
    this.machine = 'machine' in facts ? facts.machine : arch.machine;
    this.littleEndian = facts.littleEndian ?? arch.littleEndian;
    this.vmcoreinfo = facts.vmcoreinfo && new Vmcoreinfo(facts.vmcoreinfo.join('\n'));
    this.cpus = facts.cpus ?? [];
    this.ranges = facts.ranges ?? [{ start: 0, size: 2 ** 32 }];
    this.#nextTable = tables;
    this.clear(root, arch.format.levels);
  }

  readFrame(pfn: number): Uint8Array | undefined {
    return this.#frames.get(pfn);
  }

  /** Take a frame out of the source. */
  remove(address: number): void {
    this.#frames.delete(address / PAGE_SIZE);
  }

  write(address: number, word: bigint): void {
    this.#page(address).setBigUint64(address % PAGE_SIZE, BigInt.asUintN(64, word), this.#littleEndianTables);
  }

  read(address: number): bigint {
    return this.#page(address).getBigUint64(address % PAGE_SIZE, this.#littleEndianTables);
  }

  /** A table in which nothing is. */
  clear(table: number, level: number): void {
    const empty = this.arch.empty(level);
    for (let index = 0; index < 2 ** this.arch.format.indexBits(level); index++) {
      this.write(table + 8 * index, empty);
    }
  }

  /** Where the entry at `level` for an address is; tables on the way are made if there are none. */
  entryAt(address: VirtualAddress, level: number): number {
    const { format } = this.arch;
    let table = this.root;
    for (let above = format.levels; ; above--) {
      const index = Math.floor(address / 2 ** format.levelShift(above)) % 2 ** format.indexBits(above);
      const entries = 2 ** format.indexBits(above);
      const at = table + 8 * ((index + entries) % entries);
      if (above === level) return at;
      if (this.read(at) === this.arch.empty(above)) {
        table = this.allocate(above - 1);
        this.write(at, this.arch.table(above, table));
      } else {
        const word = this.read(at);
        table = format.tableAddress(above, Number(word & 0xffff_ffffn), Number(word >> 32n));
      }
    }
  }

  allocate(level: number): number {
    const bytes = Math.max(PAGE_SIZE, 8 * 2 ** this.arch.format.indexBits(level));
    const table = Math.ceil(this.#nextTable / bytes) * bytes;
    this.#nextTable = table + bytes;
    this.clear(table, level);
    return table;
  }

  set(address: VirtualAddress, level: number, entry: bigint): void {
    this.write(this.entryAt(address, level), entry);
  }

  /** `count` leaves one after another, of frames (in base pages) that follow one another. */
  map(address: VirtualAddress, frame: number, level: number, count: number, flags: bigint): void {
    const { format } = this.arch;
    const bytes = 2 ** format.levelShift(level);
    const pages = bytes / 2 ** format.pageShift;
    for (let index = 0; index < count; index++) {
      this.set(address + index * bytes, level, this.leaf(frame + index * pages, flags));
    }
  }

  leaf(frame: number, flags: bigint): bigint {
    return (BigInt(frame) << BigInt(this.arch.frameShift)) | flags;
  }

  get #littleEndianTables(): boolean {
    return this.littleEndian && !this.arch.format.bigEndianTables;
  }

  #page(address: number): DataView {
    const pfn = Math.floor(address / PAGE_SIZE);
    let page = this.#frames.get(pfn);
    if (page === undefined) {
      page = new Uint8Array(PAGE_SIZE);
      this.#frames.set(pfn, page);
    }
    return new DataView(page.buffer);
  }
}

export function x86(levels: 4 | 5 = 4, encryptionBit?: number): Architecture {
  const encrypted = encryptionBit === undefined ? 0n : 1n << BigInt(encryptionBit);
  return {
    format: new X86Format({ levels, indexBits: 9, encryptionBit }),
    machine: 62,
    littleEndian: true,
    table: (_level, address) => BigInt(address) | encrypted | 0x67n,
    empty: () => 0n,
    frameShift: 12,
  };
}

export function arm64(geometry: Arm64Geometry): Architecture {
  return {
    format: new Arm64Format(geometry),
    machine: 183,
    littleEndian: true,
    table: (_level, address) => BigInt(address) | 3n,
    empty: () => 0n,
    frameShift: geometry.pageShift,
  };
}

export function riscv64(levels: 3 | 4 | 5): Architecture {
  return {
    format: new Riscv64Format({ levels }),
    machine: 243,
    littleEndian: true,
    table: (_level, address) => (BigInt(address / PAGE_SIZE) << 10n) | 1n,
    empty: () => 0n,
    frameShift: 10,
  };
}

export function s390x(levels: 2 | 3 | 4 | 5): Architecture {
  const format = new S390xFormat({ levels });
  return {
    format,
    machine: 22,
    littleEndian: false,
    table: (level, address) => BigInt(address) | (level === 2 ? 0n : BigInt(((level - 2) << 2) | 3)),
    empty: (level) => BigInt(format.emptyEntry(level)),
    frameShift: 12,
  };
}

export function ppc64(pageShift: 12 | 16): Architecture {
  const format = new Ppc64RadixFormat({ pageShift });
  return {
    format,
    machine: 21,
    littleEndian: true,
    table: (level, address) => (1n << 63n) | BigInt(address) | BigInt(format.indexBits(level - 1)),
    empty: () => 0n,
    frameShift: pageShift,
  };
}
