import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  Arm64Format,
  type Arm64Geometry,
  BLOCK_NT,
  PTE_CONT,
  PTE_NG,
  PTE_PXN,
  PTE_RDONLY,
  PTE_SHARED,
  PTE_TABLE_BIT,
  PTE_USER,
  PTE_VALID,
} from '../../src/mmu/arm64.ts';
import { describeEntry, describeProtection, levelSizeName } from '../../src/mmu/describe.ts';
import { EntryKind, Restriction } from '../../src/mmu/format.ts';
import { walk } from '../../src/mmu/walk.ts';
import { countCore, readCore, readDescription, tablesOf } from '../support/real_core.ts';

const { None, Table, Leaf, NotPresentLeaf, Bad } = EntryKind;

const debian = new Arm64Format({ pageShift: 12, vaBits: 48, lpa2: false });
const lpa2 = new Arm64Format({ pageShift: 12, vaBits: 52, lpa2: true });
const sixteen = new Arm64Format({ pageShift: 14, vaBits: 47, lpa2: false });
const sixteenLpa2 = new Arm64Format({ pageShift: 14, vaBits: 52, lpa2: true });
const sixtyFour = new Arm64Format({ pageShift: 16, vaBits: 48, lpa2: false, pa52: false });
const sixtyFourWide = new Arm64Format({ pageShift: 16, vaBits: 52, lpa2: false });

/** The halves of a 64-bit entry. */
function halves(entry: bigint): [low: number, high: number] {
  return [Number(entry & 0xffff_ffffn), Number(entry >> 32n)];
}

/** Address and flags to an entry, as the architecture places them. */
function encode({ pageShift, lpa2, pa52 }: Arm64Geometry, address: bigint, flags: number) {
  let placed = address & ((1n << 48n) - 1n);
  if (lpa2 && pageShift < 16) placed = (address & ((1n << 50n) - 1n)) | ((address >> 50n) << 8n);
  if (pa52 === true && pageShift === 16) placed |= (address >> 48n) << 12n;
  const bits = BigInt(flags & 0x1_0fff) | (BigInt((flags & 0xfffc_0000) >>> 0) << 32n);
  return halves(placed | bits);
}

describe.each([
  ['arm64-5.10-rodata-off', ['', '.end']],
  ['arm64-6.1-rodata-off', ['']],
  ['arm64-6.12-rodata-off-kfence100', ['']],
  ['arm64-7.2-bbml2-q10', ['', '.end']],
  ['arm64-6.12-max', ['']],
] as const)('the tables of %s', (name, cores) => {
  const description = readDescription(name);
  const format = new Arm64Format({
    pageShift: 12,
    vaBits: description.va_bits,
    lpa2: description.lpa2 === true,
    mair: BigInt(description.sysregs!.MAIR_EL1!),
  });

  const count = (suffix: '' | '.end') =>
    countCore(tablesOf(readCore(name, suffix), format), format, description, -(2 ** description.va_bits));

  test('are those that were counted on the machine', () => {
    const { broken, misplaced, ...counted } = count('');
    const { tables, allLeaves, linearLeaves, invalidNonZero } = description;
    expect(format.levels).toBe(description.levels);
    expect(counted).toEqual({ tables, allLeaves, linearLeaves, invalidNonZero });
    expect(broken).toEqual([]);
  });

  test.each(cores)('have every linear frame where the linear map has it (core%s)', (suffix) => {
    const { broken, misplaced, linearLeaves } = count(suffix);
    expect(Object.keys(linearLeaves).length).toBeGreaterThan(0);
    expect([...broken, ...misplaced]).toEqual([]);
  });
});

describe('geometry', () => {
  test.each([
    // [page shift, address bits, levels, bits that the root translates]
    [12, 36, 3, 6],
    [12, 39, 3, 9],
    [12, 48, 4, 9],
    [12, 52, 5, 4],
    [14, 36, 2, 11],
    [14, 47, 3, 11],
    [14, 48, 4, 1],
    [14, 52, 4, 5],
    [16, 42, 2, 13],
    [16, 48, 3, 6],
    [16, 52, 3, 10],
  ] as const)(
    'pages of 2^%i and %i bits make %i levels, and %i bits of root',
    (pageShift, vaBits, levels, rootBits) => {
      const format = new Arm64Format({ pageShift, vaBits, lpa2: false });
      expect(format.levels).toBe(levels);
      expect(format.indexBits(levels)).toBe(rootBits);
      expect(format.levelShift(levels) + rootBits).toBe(vaBits);
      for (let level = 1; level < levels; level++) expect(format.indexBits(level)).toBe(pageShift - 3);
    },
  );

  test.each([1, 2, 3])(
    'tables of %i index bits make a smaller machine, whose blocks use all of their address',
    (indexBits) => {
      const format = new Arm64Format({ pageShift: 12, vaBits: 12 + 4 * indexBits, lpa2: false, indexBits });
      expect(format.levels).toBe(4);
      for (let level = 1; level <= 4; level++) {
        expect(format.indexBits(level)).toBe(indexBits);
        expect(format.levelShift(level)).toBe(12 + indexBits * (level - 1));
      }
      for (const level of [2, 3]) {
        const address = 3 * 2 ** format.levelShift(level);
        expect(format.kind(level, address | 0x705, 0)).toBe(Leaf);
        expect(format.leafFrame(level, address | 0x705, 0)).toBe(address / 4096);
        expect(format.flags(level, address | 0x705, 0)).toBe(0x705);
        expect(format.kind(level, (address + 4096) | 0x705, 0)).toBe(Bad);
      }
    },
  );

  test('the root is the PGD, and levels below have the names that Linux folds them to', () => {
    const names = (format: Arm64Format) =>
      Array.from({ length: format.levels }, (_, below) => format.levelName(below + 1)).join(' ');
    expect(names(new Arm64Format({ pageShift: 16, vaBits: 42, lpa2: false }))).toBe('PTE PGD');
    expect(names(sixteen)).toBe('PTE PMD PGD');
    expect(names(debian)).toBe('PTE PMD PUD PGD');
    expect(names(lpa2)).toBe('PTE PMD PUD P4D PGD');
  });

  test('a name tells the machines apart', () => {
    expect(lpa2.name).toBe('arm64, 4K pages, 52-bit, 5-level, LPA2');
    expect(sixteen.name).toBe('arm64, 16K pages, 47-bit, 3-level');
    expect(sixtyFourWide.name).toBe('arm64, 64K pages, 52-bit, 3-level');
  });

  test('blocks are where the architecture has them, and not-present leaves too', () => {
    const block = (format: Arm64Format) => {
      const levels = Array.from({ length: format.levels - 1 }, (_, above) => above + 2);
      const legal = (word: number) => levels.filter((level) => format.kind(level, word, 0) !== Bad);
      expect(legal(0x704)).toEqual(legal(0x405));
      return legal(0x405).map((level) => levelSizeName(format, level));
    };
    expect(block(debian)).toEqual(['2M', '1G']);
    expect(block(lpa2)).toEqual(['2M', '1G', '512G']);
    expect(block(sixteen)).toEqual(['32M']);
    expect(block(sixteenLpa2)).toEqual(['32M', '64G']);
    expect(block(sixtyFour)).toEqual(['512M']);
    expect(block(sixtyFourWide)).toEqual(['512M', '4T']);
  });
});

/** Entries that real kernels wrote (4K pages, 48 bits), with what they stand for. */
const KNOWN: [entry: bigint, level: number, kind: EntryKind, frame: number, text: string][] = [
  // The linear map: v5.10, and v6.1 and later; the kernel image's alias, read-only.
  [0x0068_0000_8000_0707n, 1, Leaf, 0x80000, 'VALID AttrIndx=1 SH AF DBM PXN UXN'],
  [0x00e8_0000_43ad_0707n, 1, Leaf, 0x43ad0, 'VALID AttrIndx=1 SH AF DBM PXN UXN DIRTY'],
  [0x00e0_0000_4040_0781n, 2, Leaf, 0x40400, 'VALID RO SH AF PXN UXN DIRTY'],
  [0x00f8_0000_4400_0705n, 2, Leaf, 0x44000, 'VALID AttrIndx=1 SH AF DBM CONT PXN UXN DIRTY'],
  [0x00e8_0000_8000_0705n, 3, Leaf, 0x80000, 'VALID AttrIndx=1 SH AF DBM PXN UXN DIRTY'],
  // After set_direct_map_invalid_noflush(): up to v6.12, and v7.2, of a page and of a block.
  [0x00e8_0000_43ad_0706n, 1, NotPresentLeaf, 0x43ad0, '- AttrIndx=1 SH AF DBM PXN UXN DIRTY'],
  [0x00e8_0000_43ad_0f06n, 1, NotPresentLeaf, 0x43ad0, '- AttrIndx=1 SH AF nG DBM PXN UXN DIRTY'],
  [0x00f8_0000_4460_0f04n, 2, NotPresentLeaf, 0x44600, '- AttrIndx=1 SH AF nG DBM CONT PXN UXN DIRTY'],
  // set_memory_ro() reached a guard page, and set_direct_map_default_noflush() a hole.
  [0x80n, 1, NotPresentLeaf, 0, '- RO'],
  [0x0008_0000_0000_0001n, 1, Bad, 0, 'VALID DBM (reserved bits)'],
  // Tables: v5.10, v6.1, and v7.2.
  [0x0000_0000_bfff_f003n, 2, Table, 0xbffff, 'VALID TABLE'],
  [0x1800_0000_bfff_f003n, 3, Table, 0xbffff, 'VALID TABLE PXNTable UXNTable'],
  [0x1800_0000_44d1_f403n, 2, Table, 0x44d1f, 'VALID TABLE AF PXNTable UXNTable'],
];

test.each(KNOWN)('0x%x at level %i reads as it was meant', (entry, level, kind, frame, text) => {
  const [low, high] = halves(entry);
  expect(debian.kind(level, low, high)).toBe(kind);
  expect(describeEntry(debian, level, low, high)).toBe(text);
  if (kind === Table) expect(debian.tableAddress(level, low, high)).toBe(frame * 4096);
  else expect(debian.leafFrame(level, low, high)).toBe(frame);
});

describe('entries', () => {
  const geometry = fc.constantFrom<Arm64Geometry>(
    { pageShift: 12, vaBits: 39, lpa2: false },
    { pageShift: 12, vaBits: 48, lpa2: false },
    { pageShift: 12, vaBits: 52, lpa2: true },
    { pageShift: 14, vaBits: 47, lpa2: false },
    { pageShift: 14, vaBits: 48, lpa2: true },
    { pageShift: 14, vaBits: 52, lpa2: true },
    { pageShift: 16, vaBits: 42, lpa2: false, pa52: false },
    { pageShift: 16, vaBits: 48, lpa2: false, pa52: true },
    { pageShift: 16, vaBits: 52, lpa2: false, pa52: true },
  );
  const isWide = (machine: Arm64Geometry) => machine.lpa2 || machine.pa52 === true;
  const topBlock = (machine: Arm64Geometry) => (machine.pageShift === 12 ? 3 : 2) + (isWide(machine) ? 1 : 0);

  const leaf = geometry.chain((machine) => {
    const format = new Arm64Format(machine);
    const highest = Math.min(format.levels, topBlock(machine));
    return fc.record({
      machine: fc.constant(machine),
      level: fc.integer({ min: 1, max: highest }),
      address: fc.bigInt({ min: 0n, max: (1n << (isWide(machine) ? 52n : 48n)) - 1n }),
      bits: fc.integer(),
      valid: fc.boolean(),
    });
  });

  test('what is put into a leaf is what comes out, in any geometry', () => {
    fc.assert(
      fc.property(leaf, ({ machine, level, address, bits, valid }) => {
        const format = new Arm64Format(machine);
        const shift = BigInt(format.levelShift(level));
        const aligned = (address >> shift) << shift;
        const type = (level === 1 ? PTE_TABLE_BIT : 0) | (valid ? PTE_VALID : 0);
        const free = 0xfffc_0ffc & ~(machine.lpa2 ? PTE_SHARED : 0);
        const flags = (bits & (level === 1 ? free : free | BLOCK_NT)) | type;
        const [low, high] = encode(machine, aligned, flags);

        expect(format.kind(level, low, high)).toBe(
          valid ? Leaf : low === 0 && high === 0 ? None : NotPresentLeaf,
        );
        expect(BigInt(format.leafFrame(level, low, high)) << BigInt(machine.pageShift)).toBe(aligned);
        expect(format.flags(level, low, high)).toBe(flags);
        const [flagsLow, flagsHigh] = encode(machine, 0n, flags);
        expect(format.attributes(level, low, high)).toBe((BigInt(flagsHigh) << 32n) | BigInt(flagsLow));
      }),
    );
  });

  test('a table is found whatever its flags, in any geometry', () => {
    fc.assert(
      fc.property(leaf, ({ machine, address, bits }) => {
        const format = new Arm64Format(machine);
        const aligned = (address >> BigInt(machine.pageShift)) << BigInt(machine.pageShift);
        const free = 0xfffc_0ffc & ~(machine.lpa2 ? PTE_SHARED : 0);
        const [low, high] = encode(machine, aligned, (bits & free) | PTE_VALID | PTE_TABLE_BIT);
        for (let level = 2; level <= format.levels; level++) {
          expect(format.kind(level, low, high)).toBe(Table);
          expect(BigInt(format.tableAddress(level, low, high))).toBe(aligned);
        }
      }),
    );
  });

  test('an address bit below the size of a leaf is reserved, but for nT in a block', () => {
    fc.assert(
      fc.property(leaf, ({ machine, level }) => {
        const format = new Arm64Format(machine);
        const type = level === 1 ? 0x403 : 0x401;
        for (let bit = 12; bit < 50; bit++) {
          const [low, high] = halves(BigInt(type) | (1n << BigInt(bit)));
          const isAddress = bit < (machine.lpa2 ? 50 : 48) && bit >= format.levelShift(level);
          const isElsewhere = machine.pa52 === true && bit < 16;
          const isFlag = level > 1 && bit === 16;
          const expected = isAddress || isElsewhere || isFlag ? Leaf : Bad;
          expect([bit, format.kind(level, low, high)]).toEqual([bit, expected]);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('the highest address bits are in bits 9:8 with LPA2, and in 15:12 of 64K pages', () => {
    const [low, high] = halves(0x0068_0000_4000_0707n);
    expect(debian.leafFrame(1, low, high)).toBe(0x40000);
    expect(lpa2.leafFrame(1, low, high)).toBe(0x40000 + 3 * 2 ** 38);
    expect(sixteenLpa2.leafFrame(1, low, high)).toBe(0x10000 + 3 * 2 ** 36);
    const [wideLow, wideHigh] = halves(0x0068_0000_4001_f707n);
    expect(sixtyFourWide.leafFrame(1, wideLow, wideHigh)).toBe(0x4001 + 15 * 2 ** 32);
    expect(sixtyFour.kind(1, wideLow, wideHigh)).toBe(Bad);
  });

  test('above all blocks, what is neither zero nor valid is bad, and so is a block', () => {
    for (const low of [0x80, 0x702, 0x706, 0x401, 0x705]) {
      expect(debian.kind(4, low, 0)).toBe(Bad);
      expect(lpa2.kind(5, low, 0)).toBe(Bad);
      expect(sixteen.kind(3, low, 0)).toBe(Bad);
    }
  });

  test('a page without bit 1 is reserved', () => {
    expect(debian.kind(1, 0x8000_0705, 0x68_0000)).toBe(Bad);
    expect(debian.kind(1, 0x8000_0707, 0x68_0000)).toBe(Leaf);
  });
});

describe('what a leaf allows', () => {
  test('the kernel may write without RO, and execute without PXN; user space needs USER', () => {
    expect([debian.writable(1, 0), debian.writable(1, PTE_RDONLY)]).toEqual([true, false]);
    expect([debian.executable(1, 0), debian.executable(1, PTE_PXN)]).toEqual([true, false]);
    expect([debian.user(1, 0), debian.user(1, PTE_USER)]).toEqual([false, true]);
  });

  test('tables take away writing, executing in the kernel, and user space', () => {
    const { NoWrite, NoExecute, NoUser } = Restriction;
    const taken = (entry: bigint) => debian.restrictions(3, ...halves(entry));
    expect(taken(0x3n)).toBe(0);
    expect(taken(0x1800_0000_0000_0003n)).toBe(NoExecute);
    expect(taken(0x1000_0000_0000_0003n)).toBe(0);
    expect(taken(1n << 61n)).toBe(NoUser);
    expect(taken(1n << 62n)).toBe(NoWrite);
    expect(taken(1n << 63n)).toBe(0);
  });

  test('size, contiguity and nT are all that may differ between mergeable leaves', () => {
    const flags = 0x00e0_0705;
    for (const bit of [PTE_TABLE_BIT, PTE_CONT, BLOCK_NT]) {
      expect(debian.mergeable(2, flags ^ bit)).toBe(debian.mergeable(1, flags));
    }
    for (const bit of [PTE_VALID, PTE_RDONLY, PTE_NG, PTE_PXN]) {
      expect(debian.mergeable(2, flags ^ bit)).not.toBe(debian.mergeable(1, flags));
    }
  });
});

describe('the memory type', () => {
  const index = (each: number) => each << 2;
  const withMair = (mair: bigint) => new Arm64Format({ pageShift: 12, vaBits: 48, lpa2: false, mair });
  const types = (format: Arm64Format) =>
    Array.from({ length: 8 }, (_, each) => format.memoryType(1, index(each)));

  test('is what MAIR has at the index of the entry: v5.10, and v6.1 and later', () => {
    expect(types(withMair(0x000c_0400_bb44_ffffn))).toEqual([
      'Normal',
      'Normal',
      'Normal-NC',
      'Normal-WT',
      'Device-nGnRnE',
      'Device-nGnRE',
      'Device-GRE',
      'Device-nGnRnE',
    ]);
    expect(types(withMair(0x0000_0004_0044_f0ffn)).slice(0, 5)).toEqual([
      'Normal',
      'Normal',
      'Normal-NC',
      'Device-nGnRnE',
      'Device-nGnRE',
    ]);
  });

  test('has its number where it has no usual name', () => {
    expect(withMair(0x0000_0000_0000_084fn).memoryType(1, index(0))).toBe('MAIR 0x4f');
    expect(withMair(0x0000_0000_0000_014fn).memoryType(1, index(1))).toBe('MAIR 0x01');
  });

  test('is an index where MAIR is not known, but for the two that Linux always uses for RAM', () => {
    expect(types(debian)).toEqual(['Normal', 'Normal', ...[2, 3, 4, 5, 6, 7].map((each) => `index ${each}`)]);
    expect(describeProtection(debian, 1, 0x00e8_0707)).toBe('rw nx');
    expect(describeProtection(debian, 1, 0x00e8_070b)).toBe('rw nx index 2');
  });
});

describe('names', () => {
  test('bits are named lowest first, those without a meaning by number', () => {
    const all = (format: Arm64Format, level: number, low: number, high = 0xfffc_0000) =>
      format.describe(level, low, high).join(' ');
    const upper = 'GP DBM CONT PXN UXN DIRTY SPECIAL SW57 SW58 PBHA=15 BIT63';
    expect(all(debian, 1, 0xfff)).toBe(`VALID AttrIndx=7 NS USER RO SH AF nG ${upper}`);
    expect(all(debian, 2, 0x1_0ffd)).toBe(`VALID AttrIndx=7 NS USER RO SH AF nG nT ${upper}`);
    expect(all(lpa2, 1, 0xfff)).toBe(`VALID AttrIndx=7 NS USER RO AF nG ${upper}`);
    expect(all(debian, 1, 0x203, 0)).toBe('VALID SH=2');
    expect(all(debian, 3, 0x407, 0xfc04_0000)).toBe(
      'VALID TABLE BIT2 AF BIT50 BIT58 PXNTable UXNTable APTable=3 NSTable',
    );
  });
});

test('a root smaller than a page maps the last 2^vaBits bytes, its first entry first', () => {
  // 48 bits of 16K pages: two root entries. The second names a PUD table, whose last entry is a table, and so on.
  const words = new Map<number, bigint>([
    [0x4000 + 8, 0x8003n],
    [0x8000 + 8 * 2047, 0xc003n],
    [0xc000 + 8 * 2046, 0x00e8_0000_4200_0705n],
    [0xc000 + 8 * 2047, 0x1_0003n],
    [0x1_0000 + 8 * 2047, 0x00e8_0000_7fff_c707n],
  ]);
  const readPage = (pfn: number) => {
    const page = new Uint32Array(1024);
    for (const [address, word] of words) {
      if (Math.floor(address / 4096) === pfn) page.set(halves(word), (address % 4096) / 4);
    }
    return page;
  };
  const format = new Arm64Format({ pageShift: 14, vaBits: 48, lpa2: false });
  const runs = [...walk({ readPage }, format, 0x4000, { range: { start: -(2 ** 48), end: 0 } })];
  expect(runs.map(({ kind, address, pages, frame }) => [kind, address, pages, frame])).toEqual([
    ['hole', -(2 ** 48), 2 ** 34 - 4096, 0],
    ['leaf', -2 * 2 ** 25, 2048, 0x1_0800],
    ['hole', -(2 ** 25), 2047, 0],
    ['leaf', -16384, 1, 0x1_ffff],
  ]);
});
