/** The kernel's own count of the direct map's leaves, beside what its tables hold. */

import type { Machine } from './machine.ts';
import type { SymbolTable } from './symbols/symbols.ts';
import { readVirtual } from './symbols/virtual_memory.ts';

/** Bytes mapped, by the bytes of a leaf. */
export type BytesBySize = Readonly<Record<number, number>>;

export interface KernelCounters {
  /** Where they were read: "direct_pages_count in memory", "/proc/meminfo". */
  readonly from: string;
  readonly bytes: BytesBySize;
}

/**
 * Bytes of a leaf by its index in direct_pages_count, as far as /proc/meminfo shows them: enum pg_level of x86,
 * PG_DIRECT_MAP_* of s390, MMU_PAGE_* of powerpc (the same from v6.1 to v7.2; 13 is 1G). All are 64-bit words.
 */
const SIZES: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  x86_64: { 1: 2 ** 12, 2: 2 ** 21, 3: 2 ** 30 },
  s390x: { 0: 2 ** 12, 1: 2 ** 20, 2: 2 ** 31 },
  ppc64: { 0: 2 ** 12, 2: 2 ** 16, 7: 2 ** 21, 13: 2 ** 30 },
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
  for (const [index, size] of Object.entries(sizes)) {
    const count = readWord(machine, symbol + 8n * BigInt(index));
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

function readWord(machine: Machine, address: bigint): bigint | undefined {
  const bytes = readVirtual(machine, address, 8);
  return bytes && new DataView(bytes.buffer).getBigUint64(0, machine.memory.littleEndian);
}
