/** The machine under the kernel: its memory map, CPUs and features. Architecture-independent part. */

import { InputError } from '../errors.ts';

/** What firmware says of a physical range. */
export type MemoryType = 'RAM' | 'RESERVED' | 'ACPI' | 'NVS' | 'PMEM';

export interface MemoryRange {
  /** First byte. */
  start: number;
  /** One past the last byte. */
  end: number;
  type: MemoryType;
}

export interface Machine {
  /** Ascending, disjoint. */
  memory: readonly MemoryRange[];
  cpus: number;
  paging_levels: 4 | 5;
  /** Index bits per level: 9 on hardware. */
  index_bits: number;
  features: {
    gbpages: boolean;
    /** Process-context identifiers. */
    pcid: boolean;
    /** Physical address bit of the memory-encryption bit (SME/SEV's C-bit), or undefined. */
    encryption_bit: number | undefined;
  };
}

const UNITS: Record<string, number> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** More than any x86-64 machine can have: 52 physical address bits. */
const MAX_RAM = 2 ** 52;

/** "4G" as bytes. */
export function parseSize(text: string, where: string): number {
  const [, digits, unit] = /^\s*(\d+)\s*([KMGT])(?:i?B)?\s*$/i.exec(text) ?? [];
  const bytes = digits === undefined ? Number.NaN : Number(digits) * UNITS[unit!.toUpperCase()]!;
  if (Number.isNaN(bytes)) {
    throw new InputError({
      code: 'bad-format',
      what: 'memory size',
      where,
      found: text,
      expected: 'such as 4G or 512M',
    });
  }
  if (bytes < 2 ** 16 || bytes > MAX_RAM) {
    throw new InputError({
      code: 'out-of-range',
      what: 'memory size',
      where,
      found: text,
      expected: '64K to 4096T',
    });
  }
  return bytes;
}

/**
 * The memory map that QEMU's i440fx machine gives an x86-64 guest with `bytes` of RAM: a hole for VGA and BIOS
 * below 1M, 128K of firmware tables at the end of low memory, and what exceeds 3G (of 3.5G or more) from 4G up.
 * A machine of 1M or less, which no PC is, is all RAM.
 */
export function qemuPcMemory(bytes: number): MemoryRange[] {
  if (bytes <= 0x100000) return [{ start: 0, end: bytes, type: 'RAM' }];
  const GiB = 2 ** 30;
  const low = bytes >= 3.5 * GiB ? 3 * GiB : bytes;
  const ranges: MemoryRange[] = [
    { start: 0, end: 0x9fc00, type: 'RAM' },
    { start: 0x9fc00, end: 0xa0000, type: 'RESERVED' },
    { start: 0xf0000, end: 0x100000, type: 'RESERVED' },
    { start: 0x100000, end: low - 0x20000, type: 'RAM' },
    { start: low - 0x20000, end: low, type: 'RESERVED' },
  ];
  if (bytes > low) ranges.push({ start: 4 * GiB, end: 4 * GiB + bytes - low, type: 'RAM' });
  return ranges;
}

/** RAM from inclusive [first byte, last byte] pairs, as the kernel prints its e820 map. */
export function memoryFromInclusive(
  pairs: readonly (readonly [number, number])[],
  where: string,
): MemoryRange[] {
  const ranges = pairs.map(([start, last]) => ({ start, end: last + 1, type: 'RAM' }) as MemoryRange);
  ranges.sort((a, b) => a.start - b.start);
  ranges.forEach((range, i) => {
    const clash =
      range.end <= range.start || range.end > MAX_RAM || (i > 0 && range.start < ranges[i - 1]!.end);
    if (!Number.isSafeInteger(range.start) || !Number.isSafeInteger(range.end) || range.start < 0 || clash) {
      throw new InputError({
        code: 'out-of-range',
        what: 'RAM range',
        where,
        found: `0x${range.start.toString(16)}-0x${(range.end - 1).toString(16)}`,
        expected: 'ascending, disjoint ranges below 2^52',
      });
    }
  });
  return ranges;
}
