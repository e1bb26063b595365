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

/** By the names that the architecture gives them. */
export type Features = Readonly<Record<string, boolean | number | undefined>>;

export interface Machine {
  /** Ascending, disjoint. */
  memory: readonly MemoryRange[];
  cpus: number;
  /** Bytes of a base page. */
  page_size: number;
  paging_levels: number;
  /** Index bits per level in a geometry smaller than the hardware's, or those of the hardware's PTE tables. */
  index_bits: number;
  features: Features;
}

/** What somebody says of a machine; the architecture knows the rest. */
export interface WantedMachine {
  /** Bytes, or where memory lies. */
  ram: number | readonly MemoryRange[];
  cpus?: number | undefined;
  page_size?: number | undefined;
  levels?: number | undefined;
  /** Index bits per level, for a geometry smaller than the hardware's. */
  index_bits?: number | undefined;
  features?: Features | undefined;
  /** Where it was said, for errors. */
  where: string;
}

const UNITS: Record<string, number> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** More than any machine can have: 52 physical address bits. */
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

/** @throws InputError if a feature is wanted that the architecture does not know. */
export function checkFeatures({ features, where }: WantedMachine, known: readonly string[]): void {
  for (const name of Object.keys(features ?? {})) {
    if (!known.includes(name))
      throw new InputError({ code: 'unknown-name', what: 'machine feature', where, found: name, known });
  }
}

/** "bbml2=y,asid_bits=16" as values. @throws InputError */
export function splitFeatures(text: string, where: string): Record<string, boolean | number> {
  const features: Record<string, boolean | number> = {};
  for (const part of text.split(/[,\s]+/).filter((each) => each !== '')) {
    const [, name, value] = /^(\w+)=(y|n|\d{1,9})$/.exec(part) ?? [];
    if (name === undefined) {
      const expected = 'NAME=y, NAME=n or NAME=NUMBER';
      throw new InputError({ code: 'bad-format', what: 'machine features', where, found: part, expected });
    }
    features[name] = value === 'y' || (value !== 'n' && Number(value));
  }
  return features;
}
