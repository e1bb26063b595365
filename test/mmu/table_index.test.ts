import { describe, expect, it } from 'vitest';
import type { EntryFormat } from '../../src/mmu/format.ts';
import { Ppc64RadixFormat } from '../../src/mmu/ppc64_radix.ts';
import { S390xFormat } from '../../src/mmu/s390x.ts';
import { TableIndex } from '../../src/mmu/table_index.ts';
import { X86Format } from '../../src/mmu/x86_64.ts';

/** Memory in which every entry is empty. */
function emptyTables(format: EntryFormat) {
  const page = new Uint32Array(1024);
  for (let i = 0; i < page.length; i += 2) page[i] = format.emptyEntry?.(format.levels) ?? 0;
  return { readPage: () => page };
}

const ROOT = 0x10000;

describe('the index of tables', () => {
  it.each([
    ['s390x', new S390xFormat({ levels: 3 })],
    ['ppc64 radix', new Ppc64RadixFormat({ pageShift: 16 })],
    ['x86-64', new X86Format()],
  ])('finds the last entry of a table of %s, however large it is', (_name, format) => {
    const index = new TableIndex(emptyTables(format), format, ROOT);
    const entries = 2 ** format.indexBits(format.levels);
    const place = index.placeOf(ROOT + 8 * (entries - 1));
    expect(place?.level).toBe(format.levels);
    expect(index.placeOf(ROOT + 8 * entries)).toBeUndefined();
  });
});
