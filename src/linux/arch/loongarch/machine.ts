/** The loongarch64 machine that is meant by what somebody says of it. */

import { InputError } from '../../../errors.ts';
import { checkFeatures, type Machine, type MemoryRange, type WantedMachine } from '../../machine.ts';

export interface LoongarchMachine extends Machine {
  page_size: 4096 | 16384 | 65536;
}

/** Levels of tables that a kernel can be built with, by page size; the usual one first. */
const LEVELS: Readonly<Record<number, readonly number[]>> = { 4096: [3, 4], 16384: [3, 2], 65536: [3, 2] };

/** Memory of QEMU's virt machine: the first 256M, and the rest from 2G on. */
const LOW_MEMORY = 2 ** 28;
const HIGH_MEMORY = 2 ** 31;

/** Index bits of a table: it fills a page. */
export function hardwareIndexBits(page_size: number): number {
  return Math.log2(page_size) - 3;
}

/** @throws InputError */
export function loongarchMachine(wanted: WantedMachine): LoongarchMachine {
  const { ram, cpus = 1, page_size = 16384, where } = wanted;
  checkFeatures(wanted, []);
  const known = LEVELS[page_size];
  if (known === undefined) throw wrong('page size', where, page_size, '4096, 16384 or 65536');
  const levels = wanted.levels ?? known[0]!;
  if (!known.includes(levels)) throw wrong('levels', where, levels, known.join(' or '));
  const hardware = hardwareIndexBits(page_size);
  const index_bits = wanted.index_bits ?? hardware;
  if (!(index_bits >= 1 && index_bits <= hardware))
    throw wrong('index bits', where, index_bits, `1 to ${hardware}`);
  return {
    memory: typeof ram === 'number' ? qemuVirtMemory(ram) : ram,
    cpus,
    page_size: page_size as LoongarchMachine['page_size'],
    paging_levels: levels,
    index_bits,
    features: {},
  };
}

function qemuVirtMemory(bytes: number): MemoryRange[] {
  const low = Math.min(bytes, LOW_MEMORY);
  const ranges: MemoryRange[] = [{ start: 0, end: low, type: 'RAM' }];
  if (bytes > low) ranges.push({ start: HIGH_MEMORY, end: HIGH_MEMORY + bytes - low, type: 'RAM' });
  return ranges;
}

function wrong(what: string, where: string, found: number, expected: string): InputError {
  return new InputError({ code: 'out-of-range', what, where, found: String(found), expected });
}
