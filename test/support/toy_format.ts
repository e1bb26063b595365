/** Entries of a machine that nobody has built: 51..12 a frame or the next table, 2 exec, 1 write, 0 present. */

import { type EntryFormat, EntryKind } from '../../src/mmu/format.ts';

export const PRESENT = 1;
export const WRITE = 2;
export const EXEC = 4;

const address = (low: number, high: number) => (high & 0xfffff) * 2 ** 32 + ((low & ~0xfff) >>> 0);

export function toyFormat(bits: number): EntryFormat {
  return {
    ...{ name: 'toy', levels: 3, pageShift: 12, signExtended: true, bigEndianTables: false },
    ...{ usualMemoryType: 'cached', memoryType: () => 'cached', user: () => false, restrictions: () => 0 },
    indexBits: () => bits,
    levelShift: (level) => 12 + bits * (level - 1),
    levelName: (level) => ['', 'PTE', 'PMD', 'PGD'][level]!,
    kind(level, low, high) {
      if (low === 0 && high === 0) return EntryKind.None;
      if (level > 1) return (low & 0xfff) === PRESENT ? EntryKind.Table : EntryKind.Bad;
      return (low & PRESENT) !== 0 ? EntryKind.Leaf : EntryKind.NotPresentLeaf;
    },
    tableAddress: (_, low, high) => address(low, high),
    leafFrame: (_, low, high) => address(low, high) / 4096,
    flags: (_, low) => low & 0xfff,
    attributes: (_, low) => BigInt(low & 0xfff),
    describe: (_, low) => ['P', 'W', 'X'].filter((_, bit) => (low & (1 << bit)) !== 0),
    writable: (_, flags) => (flags & WRITE) !== 0,
    executable: (_, flags) => (flags & EXEC) !== 0,
    mergeable: (_, flags) => flags,
  };
}
