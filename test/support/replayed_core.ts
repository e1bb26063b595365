/** The page tables of a real kernel, as the calls of a recorded trace change them one after another. */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { ElfCore } from '../../src/memory/elf_core.ts';
import type { MachineMemory, PhysicalRange } from '../../src/memory/machine_memory.ts';
import { PAGE_SIZE } from '../../src/memory/physical_memory.ts';
import { readCore } from './real_core.ts';

/** Level, table, address, index, count, before, stride before, after, stride after. */
type ChangedRun = [number, string, string, number, number, string, string, string, string];

/** As much of a call's record as these tests read. */
export interface TracedCall {
  i: number;
  call: string;
  args: { pfn?: string };
  ret: number | null;
  changed: ChangedRun[];
  /** Runs are index, count, first entry, stride. */
  added: { table: string; level: number; va: string; runs: [number, number, string, string][] }[];
}

export function readTrace(name: string): { header: { pageSize: number }; calls: TracedCall[] } {
  const path = new URL(`../data/traces/${name}.jsonl.gz`, import.meta.url);
  const [header, ...calls] = gunzipSync(readFileSync(path)).toString('utf8').trimEnd().split('\n');
  return { header: JSON.parse(header!), calls: calls.map((line) => JSON.parse(line)) };
}

/** The memory of a core with what calls have changed in it. Its ranges are those of the core. */
export class ReplayedCore implements MachineMemory {
  readonly kind = 'replayed core';
  readonly machine: number;
  readonly littleEndian: boolean;
  readonly vmcoreinfo: ElfCore['vmcoreinfo'];
  readonly cpus: ElfCore['cpus'];
  readonly ranges: readonly PhysicalRange[];
  readonly leftOut = undefined;
  readonly #core: ElfCore;
  readonly #littleEndianTables: boolean;
  readonly #written = new Map<number, Uint8Array>();

  constructor(name: string) {
    this.#core = readCore(name);
    this.machine = this.#core.machine;
    this.littleEndian = this.#core.littleEndian;
    this.vmcoreinfo = this.#core.vmcoreinfo;
    this.cpus = this.#core.cpus;
    this.ranges = this.#core.ranges;
    // Of s390x and ppc64 the tables are big-endian.
    this.#littleEndianTables = this.machine !== 22 && this.machine !== 21;
  }

  readFrame(pfn: number): Uint8Array | undefined {
    return this.#written.get(pfn) ?? this.#core.readFrame(pfn);
  }

  apply({ changed, added }: TracedCall): void {
    for (const [, table, , index, count, , , after, stride] of changed) {
      this.#write(table, index, count, after, stride);
    }
    for (const { table, runs } of added) {
      for (const [index, count, first, stride] of runs) this.#write(table, index, count, first, stride);
    }
  }

  #write(table: string, index: number, count: number, first: string, stride: string): void {
    for (let entry = 0; entry < count; entry++) {
      const address = Number(table) + (index + entry) * 8;
      const word = BigInt.asUintN(64, BigInt(first) + BigInt(entry) * BigInt(stride));
      const page = this.#pageToWrite(Math.floor(address / PAGE_SIZE));
      new DataView(page.buffer).setBigUint64(address % PAGE_SIZE, word, this.#littleEndianTables);
    }
  }

  #pageToWrite(pfn: number): Uint8Array {
    let page = this.#written.get(pfn);
    if (page === undefined) {
      page = new Uint8Array(PAGE_SIZE);
      page.set(this.#core.readFrame(pfn) ?? []);
      this.#written.set(pfn, page);
    }
    return page;
  }
}
