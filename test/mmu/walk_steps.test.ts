/** The walker goes over entries in steps where it can: what it finds is what one entry after the other says. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SimulatedMemory } from '../../src/memory/simulated_memory.ts';
import { Arm64Format } from '../../src/mmu/arm64.ts';
import { type EntryFormat, EntryKind } from '../../src/mmu/format.ts';
import { Loongarch64Format } from '../../src/mmu/loongarch64.ts';
import { Ppc64RadixFormat } from '../../src/mmu/ppc64_radix.ts';
import { Riscv64Format } from '../../src/mmu/riscv64.ts';
import { S390xFormat } from '../../src/mmu/s390x.ts';
import { type Run, walk } from '../../src/mmu/walk.ts';
import { X86Format } from '../../src/mmu/x86_64.ts';
import { halvesOf } from '../support/sparse_words.ts';

const ENTRIES = 512;
const TABLE = 0x10_0000;

/** One table of a format's level, with nothing above it, and with nothing in the place of tables below. */
class OneTable implements EntryFormat {
  readonly name = 'one table';
  readonly levels = 1;
  readonly pageShift: number;
  readonly signExtended = false;
  readonly usualMemoryType = '';
  readonly bigEndianTables = false;
  readonly #format: EntryFormat;
  readonly #level: number;

  constructor(format: EntryFormat, level: number) {
    this.#format = format;
    this.#level = level;
    this.pageShift = format.pageShift;
  }

  indexBits(): number {
    return 9;
  }
  levelShift(): number {
    return this.#format.levelShift(this.#level);
  }
  levelName(): string {
    return '';
  }
  kind(_level: number, low: number, high: number): EntryKind {
    const kind = this.#format.kind(this.#level, low, high);
    return kind === EntryKind.Table ? EntryKind.Bad : kind;
  }
  tableAddress(): number {
    return 0;
  }
  leafFrame(_level: number, low: number, high: number): number {
    return this.#format.leafFrame(this.#level, low, high);
  }
  flags(_level: number, low: number, high: number): number {
    return this.#format.flags(this.#level, low, high);
  }
  attributes(): bigint {
    return 0n;
  }
  restrictions(): number {
    return 0;
  }
  describe(): readonly string[] {
    return [];
  }
  writable(): boolean {
    return false;
  }
  executable(): boolean {
    return false;
  }
  user(): boolean {
    return false;
  }
  memoryType(): string {
    return '';
  }
  mergeable(_level: number, flags: number): number {
    return flags;
  }
}

const arm64 = new Arm64Format({ pageShift: 12, vaBits: 52, lpa2: true });
const FORMATS: readonly (readonly [EntryFormat, number])[] = [
  [new X86Format(), 1],
  [new X86Format(), 2],
  [new X86Format({ levels: 4, indexBits: 9, encryptionBit: 47 }), 1],
  [arm64, 1],
  [arm64, 2],
  [new Arm64Format({ pageShift: 16, vaBits: 52, lpa2: false }), 1],
  [new Riscv64Format({ levels: 4 }), 1],
  [new Riscv64Format({ levels: 4 }), 2],
  [new S390xFormat({ levels: 3 }), 1],
  [new Ppc64RadixFormat({ pageShift: 12 }), 1],
  [new Loongarch64Format(), 1],
];

/** Leaves of all formats, some just below a carry: into the flags above the frame, into the high half, beyond 2^64. */
const FIRSTS = [
  0n,
  0x63n,
  0x8000_0000_ffff_d063n,
  0x800f_ffff_ffff_d063n,
  0x800f_ffff_ffef_8060n,
  0x8000_0000_0020_00e3n,
  0xffff_ffff_ffff_e062n,
  0x0003_ffff_ffff_d703n,
  0x0060_0000_4000_0703n,
  0x0000_0000_2000_04e7n,
  0x8000_0000_2100_60d7n,
  0x003f_ffff_ffff_f4e7n,
  0x13dn,
  0x400n,
  0xc000_0000_0000_018en,
  0xc00f_ffff_ffff_e18en,
  0x740_01d3n,
] as const;

/** The steps of frames up and down, those that change flags too, and those that change nothing or the high half. */
const STEPS = [
  0n,
  0x1000n,
  -0x1000n,
  0x400n,
  0x1_0000n,
  0x4000n,
  0x20_0000n,
  0x8_0000n,
  0x1001n,
  0x1002n,
  0xfffn,
  0x800n,
  1n << 32n,
  1n << 50n,
  1n << 63n,
  (1n << 63n) + 0x1000n,
] as const;

const stretches = fc.array(
  fc.record({
    first: fc.constantFrom(...FIRSTS),
    step: fc.constantFrom(...STEPS),
    count: fc.integer({ min: 1, max: 90 }),
    // One entry in it that goes its own way.
    odd: fc.option(fc.record({ at: fc.nat(89), bits: fc.constantFrom(1n, 2n, 0x1000n, 1n << 63n) })),
  }),
  { minLength: 1, maxLength: 12 },
);

test('stepping over entries finds the runs that one entry after the other makes', () => {
  let longest = 0;
  fc.assert(
    fc.property(fc.constantFrom(...FORMATS), stretches, ([format, level], made) => {
      const words = made
        .flatMap(({ first, step, count, odd }) =>
          Array.from({ length: count }, (_, index) =>
            BigInt.asUintN(64, (first + BigInt(index) * step) ^ (odd?.at === index ? odd.bits : 0n)),
          ),
        )
        .slice(0, ENTRIES);
      const memory = new SimulatedMemory();
      for (const [index, word] of words.entries()) memory.write(TABLE + index * 8, ...halvesOf(word));
      const one = new OneTable(format, level);
      const found = [...walk(memory, one, TABLE)];
      expect(found.map(inShort)).toEqual(entryByEntry(memory, one).map(inShort));
      longest = Math.max(longest, ...found.map(({ kind, count }) => (kind === 'leaf' ? count : 0)));
    }),
    { numRuns: 400 },
  );
  expect(longest).toBeGreaterThan(60);
});

function inShort({ kind, address, pages, frame, flags, count, low, high, why }: Run): unknown[] {
  return [kind, address, pages, frame, flags, count, low >>> 0, high >>> 0, why];
}

const KINDS = ['hole', 'bad', 'leaf', 'not-present', 'bad'] as const;

/** Runs from the definition: each entry by itself, put together by the law of merging. */
function entryByEntry(memory: SimulatedMemory, format: OneTable): Run[] {
  const pages = 2 ** (format.levelShift() - format.pageShift);
  const runs: Run[] = [];
  for (let index = 0; index < ENTRIES; index++) {
    const [low, high] = [memory.low(TABLE + index * 8), memory.high(TABLE + index * 8)];
    const kind = KINDS[format.kind(1, low, high)];
    const isLeaf = kind === 'leaf' || kind === 'not-present';
    const run: Run = {
      kind,
      address: index * 2 ** format.levelShift(),
      pages,
      level: 1,
      frame: isLeaf ? format.leafFrame(1, low, high) : 0,
      flags: isLeaf ? format.flags(1, low, high) : 0,
      inherited: 0,
      count: 1,
      table: TABLE,
      low: low,
      high: high,
      why: kind === 'bad' ? 'reserved bits' : undefined,
    };
    const last = runs.at(-1);
    const goesOn =
      last?.kind === kind && last.flags === run.flags && (!isLeaf || last.frame + last.pages === run.frame);
    if (goesOn) runs[runs.length - 1] = { ...last, pages: last.pages + pages, count: last.count + 1 };
    else runs.push(run);
  }
  return runs;
}
