/** The walk that a report can do by itself against the walker, on real machines and on garbage. */

import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Machine } from '../../src/inspect/machine.ts';
import { snapshotTables, type TableTree } from '../../src/inspect/snapshot/table_snapshot.ts';
import { PAGE_SIZE, type PageSource } from '../../src/memory/physical_memory.ts';
import { Arm64Format } from '../../src/mmu/arm64.ts';
import type { VirtualAddress } from '../../src/mmu/format.ts';
import { Loongarch64Format } from '../../src/mmu/loongarch64.ts';
import { Ppc64RadixFormat } from '../../src/mmu/ppc64_radix.ts';
import { Riscv64Format } from '../../src/mmu/riscv64.ts';
import { S390xFormat } from '../../src/mmu/s390x.ts';
import { walkAddress } from '../../src/mmu/walk.ts';
import { X86Format } from '../../src/mmu/x86_64.ts';
import { PageTables } from '../../src/report/html/viewer/page_tables.ts';
import { openCore } from '../support/open_core.ts';

const CORES = path.join(import.meta.dirname, '../data/cores');

const unsigned = (address: VirtualAddress) => BigInt.asUintN(64, BigInt(address));

function tablesOf(tree: TableTree, maxRuns = 200_000): PageTables {
  // As a file has them.
  const data = JSON.parse(JSON.stringify(snapshotTables(tree, maxRuns)));
  return new PageTables(data, 2 ** tree.format.pageShift, tree.format.usualMemoryType);
}

/** What the walker says of an address, in the words of the report's walk. */
function expected({ format, tables, root }: TableTree, address: VirtualAddress) {
  const steps = walkAddress(tables, format, root, address).map(
    ({ level, entryAddress, low, high, kind, why }) => ({
      level,
      levelName: format.levelName(level),
      entryAddress,
      raw: kind === 'missing' ? undefined : (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0),
      kind,
      names: kind === 'missing' || (low === 0 && high === 0) ? [] : [...format.describe(level, low, high)],
      why,
    }),
  );
  const last = walkAddress(tables, format, root, address).at(-1);
  if (last?.kind !== 'leaf' && last?.kind !== 'not-present') return { steps, frame: undefined };
  const size = BigInt(2 ** format.levelShift(last.level));
  const inside = Number((unsigned(address) % size) >> BigInt(format.pageShift));
  return { steps, frame: format.leafFrame(last.level, last.low, last.high) + inside };
}

function found(tables: PageTables, address: VirtualAddress) {
  const { steps, translation } = tables.walk(unsigned(address));
  return {
    steps: steps.map(({ level, levelName, entryAddress, raw, kind, names, why }) => ({
      level,
      levelName,
      entryAddress,
      raw,
      kind,
      names,
      why,
    })),
    frame: translation?.frame,
  };
}

describe('real machines', () => {
  test.each([
    'x86_64-6.1-debian',
    'x86_64-7.2-la57',
    'x86_64-7.2-kaslr',
    'x86_64-5.10-debug-pagealloc',
    's390x-6.12-edat',
    'ppc64-6.12-p10',
    'loong64-7.2',
  ])('of %s, both ends of every stretch are walked as the walker walks them', (name) => {
    const machine = new Machine(openCore(path.join(CORES, `${name}.core.gz`)), {}, name);
    const tree = { ...machine.located, tables: machine.tables };
    const tables = tablesOf(tree);
    let leaves = 0;
    for (const { kind, address, pages, leaf } of machine.stretches()) {
      const last = (unsigned(address) + BigInt(pages - 1) * BigInt(machine.pageBytes)) & (2n ** 64n - 1n);
      for (const each of [address, Number(BigInt.asIntN(64, last))]) {
        expect(found(tables, each)).toEqual(expected(tree, each));
      }
      // Behind a table that was seen before, the walk goes on where the list of stretches does not.
      if (kind === 'shared') continue;
      const { translation } = tables.walk(unsigned(address));
      expect(translation?.access).toBe(leaf?.access);
      expect(translation?.user).toBe(leaf?.user);
      if (leaf !== undefined) leaves++;
    }
    expect(leaves).toBeGreaterThan(2);
  });

  test('a walk beyond the limit says which tables are not there', () => {
    const machine = new Machine(openCore(path.join(CORES, 'x86_64-6.1-debian.core.gz')), {}, 'core');
    const tables = tablesOf({ ...machine.located, tables: machine.tables }, 150);
    const { steps, translation, stopped } = tables.walk(0xffff_8881_01b2_8000n);
    expect(steps.map(({ levelName }) => levelName)).toEqual(['PGD', 'PUD', 'PMD']);
    expect(translation).toBeUndefined();
    expect(stopped).toContain('PTE');
  });

  test('an address that is not canonical, and one of user space, are not walked', () => {
    const machine = new Machine(openCore(path.join(CORES, 'x86_64-6.1-debian.core.gz')), {}, 'core');
    const tables = tablesOf({ ...machine.located, tables: machine.tables });
    expect(tables.walk(0x1234_0000_0000_0000n)).toMatchObject({ steps: [], stopped: /canonical/ });
    expect(tables.walk(0x40_0000n)).toMatchObject({ steps: [], stopped: /kernel's/ });
  });
});

describe('garbage', () => {
  const FORMATS = [
    new X86Format(),
    new X86Format({ levels: 5, indexBits: 9, encryptionBit: 51 }),
    new Arm64Format({ pageShift: 12, vaBits: 48, lpa2: false }),
    new Arm64Format({ pageShift: 16, vaBits: 52, lpa2: false, pa52: true }),
    new Riscv64Format({ levels: 3 }),
    new S390xFormat({ levels: 3 }),
    new Ppc64RadixFormat({ pageShift: 16 }),
    new Loongarch64Format(),
  ];

  /** Eight frames, of which one is missing, full of a few words that are repeated or go on by a page. */
  const memory = fc
    .array(fc.tuple(fc.bigInt(0n, 2n ** 64n - 1n), fc.constantFrom(0n, 4096n, -4096n, 1024n, 2n ** 21n)), {
      minLength: 8,
      maxLength: 24,
    })
    .map((words): PageSource => {
      const pages = Array.from({ length: 8 }, (_, frame) => {
        const page = new Uint32Array(1024);
        for (let index = 0; index < 512; index++) {
          const [first, step] = words[(frame * 5 + (index >> 4)) % words.length]!;
          // Tables lead back into the eight frames, or the walk would be short.
          const word = BigInt.asUintN(
            64,
            (first & ~0xf_ffff_ffff_f000n) + 0x1000n * BigInt(frame) + step * BigInt(index),
          );
          page[2 * index] = Number(word & 0xffff_ffffn);
          page[2 * index + 1] = Number(word >> 32n);
        }
        return page;
      });
      return { readPage: (pfn) => (pfn === 7 ? undefined : pages[pfn % 8]) };
    });

  test('is walked as the walker walks it, whatever the format', () => {
    let steps = 0;
    fc.assert(
      fc.property(
        memory,
        fc.constantFrom(...FORMATS),
        fc.array(fc.bigInt(0n, 2n ** 64n - 1n), { minLength: 8 }),
        (tables, format, addresses) => {
          const tree = { format, root: PAGE_SIZE, tables, space: { start: -(2 ** 63), end: 0 } };
          const report = tablesOf(
            { ...tree, space: format.signExtended ? tree.space : { start: 0, end: 2 ** 63 } },
            20_000,
          );
          for (const random of addresses) {
            const high = format.signExtended ? random | (0xffffn << 47n) : random >> 12n;
            const address = Number(BigInt.asIntN(64, high & ~0xffffn));
            const { stopped } = report.walk(unsigned(address));
            if (stopped?.includes('too many') === true) continue;
            const want = expected(tree, address);
            steps += want.steps.length;
            expect(found(report, address)).toEqual(want);
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(steps).toBeGreaterThan(500);
  });
});
