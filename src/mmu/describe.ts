/** Page-table entries in the few words in which people write them. */

import { type EntryFlags, type EntryFormat, EntryKind } from './format.ts';

/**
 * The bits of an entry by name: "P RW A D PSE G NX". A leaf that is not present has a dash in front,
 * "- RW A D NX", and an entry that is nothing is "none". "table" is one
 * of a table that has no bits to name.
 */
export function describeEntry(format: EntryFormat, level: number, low: number, high: number): string {
  const names = format.describe(level, low, high);
  switch (format.kind(level, low, high)) {
    case EntryKind.None:
      return 'none';
    case EntryKind.NotPresentLeaf:
      return ['-', ...names].join(' ');
    case EntryKind.Bad:
      return [...names, '(reserved bits)'].join(' ');
    case EntryKind.Table:
      return names.length === 0 ? 'table' : names.join(' ');
    case EntryKind.Leaf:
      return names.join(' ');
  }
}

/** How large a leaf is, and whether the hardware uses it: "2M", "2M, not present". */
export function describeLeaf(format: EntryFormat, level: number, low: number, high: number): string {
  const size = levelSizeName(format, level);
  return format.kind(level, low, high) === EntryKind.NotPresentLeaf ? `${size}, not present` : size;
}

/**
 * What a present leaf with these flags allows, and its memory type unless it is the usual one: "rw nx", "ro x UC". `may`
 * is what is left of it by the tables above, where those count.
 */
export function describeProtection(
  format: EntryFormat,
  level: number,
  flags: EntryFlags,
  may = { writable: format.writable(level, flags), executable: format.executable(level, flags) },
): string {
  const access = `${may.writable ? 'rw' : 'ro'} ${may.executable ? 'x' : 'nx'}`;
  const type = format.memoryType(level, flags);
  return type === format.usualMemoryType ? access : `${access} ${type}`;
}

/** The size of a leaf at `level`: "4K", "2M", "1G". */
export function levelSizeName(format: EntryFormat, level: number): string {
  return sizeName(2 ** format.levelShift(level));
}

const UNITS = ['', 'K', 'M', 'G', 'T', 'P', 'E'] as const;

/** A number of bytes in the largest unit that divides it: "4K", "2M", "512G", "1428K". */
export function sizeName(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size !== 0 && size % 1024 === 0 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size}${UNITS[unit]}`;
}
