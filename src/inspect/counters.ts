/** The kernel's own count of the direct map's leaves, beside what its tables hold. */

import { wordsOf } from '../memory/frame_words.ts';
import { PAGE_SIZE } from '../memory/physical_memory.ts';
import { physicalOf } from './arch/self_mapped.ts';
import { signed } from './arch/signed.ts';
import type { Machine } from './machine.ts';
import type { SymbolTable } from './symbols.ts';

/** Bytes mapped, by the bytes of a leaf. */
export type BytesBySize = Readonly<Record<number, number>>;

export interface KernelCounters {
  /** Where they were read: "direct_pages_count in memory", "/proc/meminfo". */
  readonly from: string;
  readonly bytes: BytesBySize;
}

/** By index of direct_pages_count: enum pg_level of x86, PG_DIRECT_MAP_* of s390. */
const SIZES: Readonly<Record<string, readonly (number | undefined)[]>> = {
  x86_64: [undefined, 2 ** 12, 2 ** 21, 2 ** 30],
  s390x: [2 ** 12, 2 ** 20, 2 ** 31],
};

/** direct_pages_count, if symbols say where it is and the source has that page. */
export function countersInMemory(
  machine: Machine,
  symbols: SymbolTable | undefined,
): KernelCounters | undefined {
  const sizes = SIZES[machine.arch];
  const symbol = symbols?.address('direct_pages_count');
  if (sizes === undefined || symbol === undefined) return undefined;
  const bytes: Record<number, number> = {};
  for (const [index, size] of sizes.entries()) {
    if (size === undefined) continue;
    const count = readWord(machine, signed(symbol) + 8 * index);
    if (count === undefined) return undefined;
    bytes[size] = Number(count) * size;
  }
  return { from: 'direct_pages_count in memory', bytes };
}

/** The DirectMap lines of /proc/meminfo. undefined where it has none, as on arm64 and riscv64. */
export function countersInMeminfo(text: string): KernelCounters | undefined {
  const units: Readonly<Record<string, number>> = { k: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
  const bytes: Record<number, number> = {};
  for (const [, size, unit, kib] of text.matchAll(/^DirectMap(\d+)([kMG]):\s+(\d{1,15}) kB$/gm)) {
    bytes[Number(size) * units[unit!]!] = Number(kib) * 1024;
  }
  return Object.keys(bytes).length === 0 ? undefined : { from: '/proc/meminfo', bytes };
}

function readWord(machine: Machine, address: number): bigint | undefined {
  const { tables, format, located, memory } = machine;
  const inPage = ((address % PAGE_SIZE) + PAGE_SIZE) % PAGE_SIZE;
  const page = physicalOf(tables, format, located.root, address - inPage);
  const bytes = page === undefined ? undefined : memory.readFrame(page / PAGE_SIZE);
  if (bytes === undefined) return undefined;
  const words = wordsOf(bytes, memory.littleEndian);
  return (BigInt(words[inPage / 4 + 1]!) << 32n) | BigInt(words[inPage / 4]!);
}
