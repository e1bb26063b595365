/** Page tables of real kernels, read by `ElfCore` and counted by hand, against what was counted then. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { PAGE_SIZE } from '../../src/memory/physical_memory.ts';
import { openCore } from '../support/open_core.ts';

interface Description {
  kernel: string;
  root: string;
  levels: number;
  pageSize: number;
  pageOffset: string;
  /** Virtual and physical start, and size. */
  linearRanges?: [string, string, string][];
  linearLeaves: Record<string, Record<string, number>>;
  allLeaves?: Record<string, number>;
  tables?: Record<string, number>;
}

/** What a walk finds in an entry: nothing, the address of a table, or a leaf with these bits. */
type Found = undefined | { table: bigint } | { leaf: bigint };

/** As much of an architecture as counting needs. Heights count from 0, the table of base pages. */
interface Architecture {
  machine: number;
  littleEndian: boolean;
  entries(height: number): number;
  leafSize(height: number): number;
  read(word: bigint, height: number): Found;
}

const x86: Architecture = {
  machine: 62,
  littleEndian: true,
  entries: () => 512,
  leafSize: (height) => 4096 * 512 ** height,
  read(word, height) {
    if (word === 0n || (height > 0 && (word & 1n) === 0n)) return undefined;
    const address = word & 0x000f_ffff_ffff_f000n;
    if (height > 0 && (word & 0x80n) === 0n) return { table: address };
    const leafAddress = height === 0 ? address : address & ~0x1fffn;
    return { leaf: word & ~leafAddress };
  },
};

const s390: Architecture = {
  machine: 22,
  littleEndian: false,
  entries: (height) => (height === 0 ? 256 : 2048),
  leafSize: (height) => (height === 0 ? 4096 : 2 ** 20 * 2048 ** (height - 1)),
  read(word, height) {
    if ((word & (height === 0 ? 0x400n : 0x20n)) !== 0n) return undefined;
    if (height > 0 && (word & 0x400n) === 0n) return { table: word & (height === 1 ? ~0x7ffn : ~0xfffn) };
    return { leaf: word & (height === 0 ? 0xfffn : 0xf_ffffn) };
  },
};

/** The radix tables are big-endian in memory, whatever the byte order of the kernel. */
const ppc64: Architecture = {
  machine: 21,
  littleEndian: true,
  entries: (height) => (height === 3 ? 8192 : 512),
  leafSize: (height) => 4096 * 512 ** height,
  read(swapped, height) {
    const word = swapBytes(swapped);
    if (word >> 63n === 0n) return undefined;
    if (height > 0 && ((word >> 62n) & 1n) === 0n) return { table: word & 0x0fff_ffff_ffff_ff00n };
    return { leaf: word & ~0x01ff_ffff_ffff_f000n };
  },
};

describe.each([
  ['x86_64-6.1-debian', '6.1.0-55-amd64', x86],
  ['s390x-6.12-edat', '6.12.107+deb13-s390x', s390],
  ['ppc64-6.12-p10', '6.12.107+deb13-powerpc64le', ppc64],
] as const)('the core of %s', (name, release, architecture) => {
  const file = (extension: string) =>
    fileURLToPath(new URL(`../data/cores/${name}.${extension}`, import.meta.url));
  const description: Description = JSON.parse(readFileSync(file('json'), 'utf8'));
  const core = openCore(file('core.gz'));

  const word = (address: number): bigint => {
    const page = core.readPage(Math.floor(address / PAGE_SIZE));
    if (page === undefined) throw new Error(`no page at 0x${address.toString(16)}`);
    const at = (address % PAGE_SIZE) / 4;
    return (BigInt(page[at + 1]!) << 32n) | BigInt(page[at]!);
  };

  const tables = new Map<number, number>();
  const leaves = new Map<number, number>();
  const linearLeaves = new Map<number, Map<string, number>>();
  const frames = new Set<number>();

  /** `first` is the virtual address of the table's first entry, counted from the root's. */
  const walk = (table: number, height: number, first: number): void => {
    add(tables, height);
    const size = architecture.leafSize(height);
    for (let index = 0; index < architecture.entries(height); index++) {
      const at = table + index * 8;
      frames.add(Math.floor(at / PAGE_SIZE));
      const found = architecture.read(word(at), height);
      if (found === undefined) continue;
      const virtual = first + index * size;
      if ('table' in found) walk(Number(found.table), height - 1, virtual);
      else {
        add(leaves, size);
        if (inLinearMap(virtual)) {
          if (!linearLeaves.has(size)) linearLeaves.set(size, new Map());
          add(linearLeaves.get(size)!, `0x${found.leaf.toString(16)}`);
        }
      }
    }
  };

  const top = description.levels - 1;
  const covered = architecture.entries(top) * architecture.leafSize(top);
  const linearStart = Number(BigInt(description.pageOffset) % BigInt(covered));
  const linearSize = Number(description.linearRanges?.[0]?.[2] ?? 2 ** 46);
  const inLinearMap = (virtual: number) => virtual >= linearStart && virtual < linearStart + linearSize;
  walk(Number(description.root), top, 0);

  test('is of the machine and the kernel that its description names', () => {
    expect(core.machine).toBe(architecture.machine);
    expect(core.littleEndian).toBe(architecture.littleEndian);
    expect(core.vmcoreinfo?.release).toBe(release);
    expect(core.vmcoreinfo?.field('PAGESIZE')).toBe(`${description.pageSize}`);
    expect(core.vmcoreinfo?.text.endsWith('\n')).toBe(true);
  });

  test('has exactly the frames that a walk from its root reads', () => {
    const inFile = core.segments.flatMap(({ start, size }) =>
      Array.from({ length: size / PAGE_SIZE }, (_, index) => start / PAGE_SIZE + index),
    );
    expect([...frames].sort((a, b) => a - b)).toEqual(inFile);
  });

  test('has the tables and the leaves that were counted on the machine', () => {
    for (const [height, count] of Object.entries(description.tables ?? {})) {
      expect(tables.get(Number(height)) ?? 0).toBe(count);
    }
    for (const [size, count] of Object.entries(description.allLeaves ?? {})) {
      expect(leaves.get(Number(size))).toBe(count);
    }
    const linear = Object.fromEntries(
      [...linearLeaves].map(([size, kinds]) => [size, Object.fromEntries(kinds)]),
    );
    expect(linear).toEqual(description.linearLeaves);
  });
});

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function swapBytes(word: bigint): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, word, true);
  return view.getBigUint64(0, false);
}
