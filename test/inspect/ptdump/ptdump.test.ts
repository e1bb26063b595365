import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { AddressSpace } from '../../../src/inspect/address_space.ts';
import { looksLikePtdump, parsePtdump } from '../../../src/inspect/ptdump/ptdump.ts';
import { Arm64Format } from '../../../src/mmu/arm64.ts';
import type { EntryFormat } from '../../../src/mmu/format.ts';
import { Ppc64RadixFormat } from '../../../src/mmu/ppc64_radix.ts';
import { Riscv64Format } from '../../../src/mmu/riscv64.ts';
import { S390xFormat } from '../../../src/mmu/s390x.ts';
import { walk } from '../../../src/mmu/walk.ts';
import { X86Format } from '../../../src/mmu/x86_64.ts';
import {
  arm64Style,
  notesOf,
  powerpcStyle,
  printText,
  riscvStyle,
  type Style,
  s390Style,
  tablesOf,
  x86Style,
} from '../../support/ptdump_printer.ts';

const ALL = 2 ** 52;

/** A page of 4K by its address, and the address by the page. */
const page = (hex: string) => Number(BigInt(hex) / 4096n);
const address = (hex: string) => Number(BigInt.asIntN(64, BigInt(hex)));

/** What is said of a part of the address space; parts that follow one another and say the same are one. */
interface Part {
  address: number;
  pages: number;
  says: string;
}

function add(parts: Part[], next: Part): void {
  const last = parts.at(-1);
  const pageBytes = 4096;
  if (
    last !== undefined &&
    last.says === next.says &&
    last.address + last.pages * pageBytes === next.address
  ) {
    last.pages += next.pages;
  } else parts.push(next);
}

/** What a text should say of the tables: without frames, and without what tables take away. */
function partsOfTables(
  core: { name: string; root: number; start: number; end?: number },
  format: EntryFormat,
  says: (level: number, flags: number, present: boolean) => string | undefined = (level, flags, present) =>
    [
      format.levelShift(level),
      present,
      format.writable(level, flags),
      format.executable(level, flags),
      format.user(level, flags),
      format.memoryType(level, flags),
    ].join(' '),
): Part[] {
  const { words, close } = tablesOf(core.name, format);
  const parts: Part[] = [];
  const range = { start: core.start, end: core.end ?? 0 };
  for (const run of walk(words, format, core.root, { range })) {
    if (run.kind === 'hole') continue;
    const said = says(run.level, run.flags, run.kind === 'leaf');
    if (said === undefined) continue;
    const pages = run.pages * 2 ** (format.pageShift - 12);
    add(parts, { address: run.address, pages, says: said });
  }
  close();
  return parts;
}

/** The same of a text that was read. */
function partsOfText(space: AddressSpace): Part[] {
  const parts: Part[] = [];
  for (const { address, pages, leaf } of space.stretches()) {
    if (leaf === undefined) continue;
    const { present, writable, executable, user, memoryType } = leaf;
    const says = [Math.log2(leaf.bytes), present, writable, executable, user, memoryType].join(' ');
    add(parts, { address, pages: (pages * space.pageBytes) / 4096, says });
  }
  return parts;
}

function print(name: string, root: number, format: EntryFormat, first: number, style: Style): string {
  const { words, close } = tablesOf(name, format);
  const text = printText(notesOf(words, format, root, first), style);
  close();
  return text;
}

function regionsOf(space: AddressSpace): string[] {
  const hex = (value: number) => BigInt.asUintN(64, BigInt(value)).toString(16);
  return space.regions.map(({ name, start, end }) => `${name} ${hex(start)}-${hex(end)}`);
}

/** All of the space is in the stretches, once. */
function expectCover(space: AddressSpace): void {
  let at = space.regions[0]!.start;
  for (const { address, pages } of space.stretches()) {
    expect(address).toBe(at);
    at += pages * space.pageBytes;
  }
  expect(at).toBe(space.regions.at(-1)!.end);
}

describe('the text of an x86 kernel', () => {
  const file = new URL('../../data/cores/x86_64-5.10-custom.ptdump.txt.gz', import.meta.url);
  const text = gunzipSync(readFileSync(file)).toString('latin1');
  const space = parsePtdump(text, 'kernel');
  const format = new X86Format();
  /** The tables were read later than the text, when a vmalloc area of 12K was no longer there. */
  const textLater = text.replace(
    [
      '0xffffc9000000c000-0xffffc90000011000          20K                               pte',
      '0xffffc90000011000-0xffffc90000014000          12K     RW                 GLB NX pte',
      '0xffffc90000014000-0xffffc90000200000        1968K                               pte',
    ].join('\n'),
    '0xffffc9000000c000-0xffffc90000200000        2000K                               pte',
  );
  const core = { name: 'x86_64-5.10-custom', root: 0x1a09000, start: -(2 ** 47) };

  test('is what the printer of these tests makes of the tables, line by line', () => {
    const style = x86Style([
      [0, 'User Space'],
      [2 ** 51, 'Kernel Space'],
      [page('0xffff888000000000'), 'Low Kernel Mapping'],
      [page('0xffffc90000000000'), 'vmalloc() Area'],
      [page('0xffffea0000000000'), 'Vmemmap'],
      [page('0xfffffe0000000000'), 'CPU entry Area'],
      [page('0xffffffff80000000'), 'High Kernel Mapping'],
      [page('0xffffffffc0000000'), 'Modules'],
      [page('0xffffffffff000000'), 'End Modules'],
      [page('0xffffffffff77c000'), 'Fixmap Area'],
    ]);
    const { words, close } = tablesOf(core.name, format);
    const guardHoleEnd = page('0xffff880000000000');
    const notes = [...notesOf(words, format, core.root, 0)].filter(
      (note) => note.page < 2 ** 35 || note.page >= guardHoleEnd,
    );
    close();
    expect(printText(notes, style).split('\n')).toEqual(textLater.split('\n'));
  });

  test('reads as the tables do', () => {
    expect(space.arch).toBe('x86_64');
    expect(space.pageBytes).toBe(4096);
    expect(space.usualMemoryType).toBe('WB');
    expect(space.notTold).toContain('physical addresses');
    expect(partsOfText(parsePtdump(textLater, 'kernel'))).toEqual(partsOfTables(core, format));
    expectCover(space);
  });

  test('has a stretch for each line but those of holes, with their number of leaves', () => {
    const leaves = text.split('\n').filter((line) => /(?:RW|ro) /.test(line));
    const stretches = [...space.stretches()].filter(({ leaf }) => leaf !== undefined);
    expect(stretches).toHaveLength(leaves.length);
    const directMap = stretches.filter(({ address }) => address < space.directMap!.end);
    const counted = new Map<number, number>();
    for (const { leaf, count } of directMap)
      counted.set(leaf!.bytes, (counted.get(leaf!.bytes) ?? 0) + count);
    expect(Object.fromEntries(counted)).toEqual({ 4096: 2528, 2097152: 1019, 1073741824: 2 });
  });

  test('gives regions, and the direct map with its offset', () => {
    expect(regionsOf(space)).toEqual([
      'other ffff800000000000-ffff888000000000',
      'direct map ffff888000000000-ffffc90000000000',
      'vmalloc ffffc90000000000-ffffea0000000000',
      'vmemmap ffffea0000000000-fffffe0000000000',
      'other fffffe0000000000-ffffffff80000000',
      'kernel image ffffffff80000000-ffffffffc0000000',
      'modules ffffffffc0000000-ffffffffff000000',
      'other ffffffffff000000-ffffffffff77c000',
      'fixmap ffffffffff77c000-0',
    ]);
    expect(space.directMap).toEqual({
      start: address('0xffff888000000000'),
      end: address('0xffffc90000000000'),
      offset: address('0xffff888000000000'),
    });
  });

  test('says the same by the same object', () => {
    const leaves = [...space.stretches()].flatMap(({ leaf }) => leaf ?? []);
    const texts = new Set(leaves.map((leaf) => JSON.stringify({ ...leaf })));
    expect(new Set(leaves).size).toBe(texts.size);
    expect(leaves[0]).toEqual({
      level: 1,
      bytes: 4096,
      present: true,
      writable: true,
      executable: false,
      user: false,
      memoryType: 'WB',
      names: 'P RW G NX',
      access: 'rw nx',
      bits: undefined,
      mergeKey: leaves[0]!.mergeKey,
    });
    const uncached = leaves.find(({ memoryType }) => memoryType !== 'WB');
    expect(uncached?.access).toBe('rw nx UC-');
  });

  test('can be read in part', () => {
    const range = { start: address('0xffff888000098000'), end: address('0xffff888000400000') };
    const parts = [...space.stretches(range)].map(({ pages, count, leaf }) => [pages, count, leaf?.access]);
    expect(parts).toEqual([
      [1, 1, 'rw nx'],
      [1, 1, 'ro nx'],
      [1, 1, 'ro x'],
      [0x165, 0x165, 'rw nx'],
      [0x200, 1, 'rw nx'],
    ]);
    const last = [...space.stretches({ start: -(2 ** 23) - 4096, end: 0 })];
    expect(last.map(({ kind, pages }) => [kind, pages])).toEqual([['hole', 2049]]);
  });

  test('that leaves lines of the ESPfix area out has what is between missing', () => {
    const lines = [
      '---[ User Space ]---',
      '0x0000000000000000-0xffff880000000000    16777096T                               pgd',
      '---[ Kernel Space ]---',
      '0xffff880000000000-0xffffff0000000000         119T                               pgd',
      '---[ ESPfix Area ]---',
      '0xffffff0000000000-0xffffff0000001000           4K     ro                 GLB NX pte',
      '... 131059 entries skipped ... ',
      '---[ EFI Runtime Services ]---',
      '0xffffff8000000000-0x0000000000000000         512G                               pud',
      '',
    ].join('\r\n');
    const space = parsePtdump(lines, 'kernel');
    const said = [...space.stretches({ start: -(2 ** 40), end: 0 })].map(({ kind, pages }) => [kind, pages]);
    expect(said).toEqual([
      ['leaf', 1],
      ['missing', 2 ** 27 - 1],
      ['hole', 2 ** 27],
    ]);
    expect(regionsOf(space).slice(-2)).toEqual([
      'espfix ffffff0000000000-ffffff8000000000',
      'EFI ffffff8000000000-0',
    ]);
    expectCover(space);
  });

  test('of which lines before the direct map are missing does not tell its offset', () => {
    const cut = text.replace(/^0xffff880000000000.*\n/m, '');
    expect(parsePtdump(cut, 'kernel').directMap).toEqual({ ...space.directMap, offset: undefined });
  });

  test('of five levels begins where these do', () => {
    const space = parsePtdump(
      [
        '0x0000000000000000-0xff11000000000000    16716032T                               pgd',
        '---[ Low Kernel Mapping ]---',
        '0xff11000000000000-0xff11000040000000           1G     RW         PSE     GLB NX pud',
        '0xff11000040000000-0xff11008000000000         511G                               pud',
        '0xff11008000000000-0xff12000000000000      261632G                               p4d',
      ].join('\n'),
      'kernel',
    );
    expect(space.regions[0]!.start).toBe(-(2 ** 56));
    const [hole, leaf, ...rest] = space.stretches();
    expect(hole).toMatchObject({ kind: 'hole', count: 17 });
    expect(leaf).toMatchObject({ kind: 'leaf', count: 1, leaf: { level: 3, names: 'P RW PSE G NX' } });
    expect(rest.map(({ kind }) => kind)).toEqual(['hole', 'missing']);
  });
});

/** What Linux has in MAIR_EL1, v5.10 and later ones. */
const MAIR_5_10 = 0x0c_04_00_bb_44_f0_ffn;
const MAIR = 0x04_00_44_f0_ffn;

describe('the text of an arm64 kernel', () => {
  const cores = [
    ['arm64-5.10-rodata-off', 0x41475000, '5.10', 48, false],
    ['arm64-6.1-rodata-off', 0, '6.1', 48, false],
    ['arm64-6.12-rodata-off-kfence100', 0, '6.12', 48, false],
    ['arm64-6.12-max', 0x41f16000, '6.12', 52, true],
    ['arm64-7.2-bbml2-q10', 0x42703000, '7.2', 52, true],
  ] as const;

  test.each(cores)('%s reads as its tables do', (name, _root, version, vaBits, lpa2) => {
    const root = rootOf(name);
    const mair = version === '5.10' ? MAIR_5_10 : MAIR;
    const format = new Arm64Format({ pageShift: 12, vaBits, lpa2, mair });
    const first = ALL - 2 ** (vaBits - 12);
    const style = arm64Style(version, format.levels, [
      [first, 'Linear Mapping start'],
      [page('0xffff800000000000'), 'Linear Mapping end'],
      [page('0xffff800000000000'), 'Modules start'],
      [page('0xffff800080000000'), 'Modules end'],
      [page('0xffff800080000000'), 'vmalloc() area'],
      [page('0xfffffdfff0000000'), 'vmalloc() end'],
    ]);
    const text = print(name, root, format, first, style);
    const space = parsePtdump(text, 'kernel');
    expect(space.pageBytes).toBe(4096);
    expect(partsOfText(space)).toEqual(partsOfTables({ name, root, start: -(2 ** vaBits) }, format));
    expectCover(space);
    const start = -(2 ** vaBits);
    expect(space.directMap).toEqual({ start, end: -(2 ** 47), offset: undefined });
    expect(text.includes('Linear Mapping start')).toBe(version !== '5.10');
  });

  const line = (columns: string, range = '0xffff000000000000-0xffff000000001000', size = '4K') =>
    `${range}   ${size.padStart(10)} ${columns}`;

  test('has leaves that are not present', () => {
    const space = parsePtdump(line('PTE F     RW NX SHD AF            UXN    MEM/NORMAL-TAGGED'), 'kernel');
    const [first] = space.stretches();
    expect(first).toMatchObject({
      kind: 'not-present',
      pages: 1,
      frame: undefined,
      leaf: {
        present: false,
        writable: true,
        executable: false,
        memoryType: 'Normal',
        names: 'SH AF PXN UXN',
      },
    });
  });

  test('tells the types of memory, and bits by their columns', () => {
    const names = (columns: string) => {
      const [first] = parsePtdump(line(columns), 'kernel').stretches();
      return `${first!.leaf!.access}: ${first!.leaf!.names}`;
    };
    expect(names('PTE       RW NX SHD AF NG         UXN GP DEVICE/nGnRE')).toBe(
      'rw nx Device-nGnRE: VALID SH AF nG GP PXN UXN',
    );
    expect(names('PTE   USR ro x  SHD AF    CON     UXN    MEM/NORMAL-NC')).toBe(
      'ro x Normal-NC: VALID USER RO SH AF CONT UXN',
    );
    expect(names('PTE       ro NX SHD AF            UXN   ')).toBe('ro nx Normal-WT: VALID RO SH AF PXN UXN');
  });

  test.each([
    ['4K pages', 4096, '0xffff000000000000-0xffff000000001000', '4K', 'PTE', 4096, 48],
    ['16K pages', 16384, '0xffff800000000000-0xffff800000004000', '16K', 'PTE', 16384, 47],
    ['16K pages, 32M blocks', 16384, '0xffff800002000000-0xffff800004000000', '32M', 'PMD', 2 ** 25, 47],
    ['64K pages', 65536, '0xffff000000000000-0xffff000000010000', '64K', 'PTE', 65536, 48],
    ['64K pages, 512M blocks', 65536, '0xfffffc0000000000-0xfffffc0020000000', '512M', 'PGD', 2 ** 29, 42],
  ])('%s are told by what all addresses are multiples of', (_name, pageBytes, range, size, level, bytes) => {
    const space = parsePtdump(
      line(`${level}       RW NX SHD AF            UXN    MEM/NORMAL`, range, size),
      '',
    );
    expect(space.pageBytes).toBe(pageBytes);
    const leaf = [...space.stretches()].find(({ kind }) => kind === 'leaf')!;
    expect(leaf).toMatchObject({ count: 1, leaf: { bytes } });
  });
});

describe('the text of a riscv64 kernel', () => {
  test.each([
    ['riscv64-5.10-tiny', '5.10', 3, '0xffffffe000000000', '0x80200000'],
    ['riscv64-6.12', '6.12', 5, '0xff60000000000000', '0x80000000'],
    ['riscv64-6.12-6g', '6.12', 5, '0xff60000000000000', '0x80000000'],
    ['riscv64-7.2', '6.12', 5, '0xff60000000000000', '0x80000000'],
    ['riscv64-7.2-sv39', '6.12', 3, '0xffffffd600000000', '0x80000000'],
  ] as const)('%s reads as its tables do', (name, version, levels, pageOffset, physical) => {
    const root = rootOf(name);
    const format = new Riscv64Format({ levels });
    const style = riscvStyle(version, levels, [
      [0, 'Fixmap start'],
      [page(pageOffset), 'Linear mapping'],
      [page('0xffffffff00000000'), 'Modules/BPF mapping'],
      [page('0xffffffff80000000'), 'Kernel mapping'],
    ]);
    const { words, close } = tablesOf(name, format);
    const notes = [...notesOf(words, format, root, 0)].filter(({ page }) => page >= 2 ** 51);
    close();
    const space = parsePtdump(printText(notes, style), 'kernel');
    expect(partsOfText(space)).toEqual(
      partsOfTables({ name, root, start: -(2 ** (11 + 9 * levels)) }, format),
    );
    expectCover(space);
    expect(space.directMap!.offset).toBe(address(pageOffset) - Number(physical));
    for (const { kind, address, frame, leaf } of space.stretches(space.directMap)) {
      if (kind === 'leaf' && leaf !== undefined)
        expect(frame! * 4096).toBe(address - space.directMap!.offset!);
    }
  });

  const line = (columns: string) =>
    `0xffffffd600000000-0xffffffd600001000    0x0000000080000000         4K ${columns}`;
  const first = (...lines: string[]) => [...parsePtdump(lines.join('\n'), '').stretches()][1]!;

  test('has leaves that are not present', () => {
    expect(first(line('PTE     D A G . . W R .'))).toMatchObject({
      kind: 'not-present',
      frame: 0x80000,
      leaf: { names: 'R W G A D', access: 'rw nx', present: false },
    });
  });

  test("tells types of memory, and T-Head's", () => {
    expect(first(line('PTE N   ..   RSW(2) D A G . . W R V')).leaf).toMatchObject({
      names: 'V R W G A D RSW=2 N',
      access: 'rw nx',
    });
    expect(first(line('PTE . MT(IO)   ..   D A G . . W R V')).leaf!.access).toBe('rw nx IO');
    expect(first(line('PTE . MT(NC)   ..   D A G . . W R V')).leaf!.access).toBe('rw nx NC');
    const other = '0xffffffd600001000-0xffffffd600002000    0x0000000080001000         4K ';
    const memory = `${other}PTE . MT(??)   ..   D A G . . W R V`;
    expect(first(line('PTE N   ..     ..   D A G . . W R V'), memory).leaf!.access).toBe('rw nx IO');
    expect(first(memory, '').leaf).toMatchObject({ access: 'rw nx', names: 'V R W G A D THEAD-PMA' });
  });

  test('has frames of what is not in the direct map for single leaves only', () => {
    const [, one] = parsePtdump(line('PTE     D A G . . W R V'), '').stretches();
    expect(one!.frame).toBe(0x80000);
    const two =
      '0xffffffd600000000-0xffffffd600002000    0x0000000080000000         8K PTE     D A G . . W R V';
    expect(first(two)).toMatchObject({ frame: undefined, count: 2 });
  });
});

describe('the text of an s390x kernel', () => {
  test.each([
    ['s390x-6.1-edat', '6.1'],
    ['s390x-6.12-edat', '6.12'],
    ['s390x-7.2-edat', '7.2'],
  ])('%s reads as its tables do', (name, version) => {
    const root = rootOf(name);
    const format = new S390xFormat({ levels: 3 });
    const end = 2 ** 42;
    const markers =
      version === '6.1'
        ? ([
            [0, 'Identity Mapping Start'],
            [0x100, 'Identity Mapping End'],
            [0x100, 'Kernel Image Start'],
            [0x2000, 'Kernel Image End'],
            [0x2000, 'Identity Mapping Start'],
            [0x80000, 'Identity Mapping End'],
          ] as const)
        : ([
            [-1, 'Kernel Virtual Address Space'],
            [0, 'Identity Mapping Start'],
            [0, 'Lowcore Start'],
            [2, 'Lowcore End'],
            [0x80000, 'Identity Mapping End'],
            [page('0x37200000000'), 'vmemmap Area Start'],
          ] as const);
    const style = { ...s390Style(markers, end / 4096), beginsWithMarkers: version !== '6.1' };
    const text = print(name, root, format, 0, style);
    const space = parsePtdump(text, 'kernel');
    const says = (level: number, flags: number, present: boolean) =>
      present
        ? [
            format.levelShift(level),
            true,
            format.writable(level, flags),
            format.executable(level, flags),
            false,
            'RAM',
          ].join(' ')
        : undefined;
    expect(partsOfText(space)).toEqual(partsOfTables({ name, root, start: 0, end }, format, says));
    expectCover(space);
    expect(space.directMap).toEqual({ start: 0, end: 2 ** 31, offset: 0 });
    expect(regionsOf(space)[0]).toBe(version === '6.1' ? 'direct map 0-100000' : 'direct map 0-2000');
  });

  test('names large leaves as such', () => {
    const space = parsePtdump('0x0000000000000000-0x0000000080000000         2G PUD RO X\n', 'kernel');
    const [leaf] = space.stretches();
    expect(leaf).toMatchObject({
      count: 1,
      leaf: { level: 3, bytes: 2 ** 31, names: 'RO FC', access: 'ro x' },
    });
  });
});

describe('the text of a ppc64 kernel', () => {
  test.each([
    ['ppc64-6.1-64k-p9', '5.10', 16],
    ['ppc64-6.1-64k-p9', '6.12', 16],
    ['ppc64-6.12-p10', '5.10', 12],
    ['ppc64-6.12-p10', '6.12', 12],
    ['ppc64-7.2-p10', '7.2', 12],
  ] as const)('%s as v%s prints it reads as its tables do', (name, version, pageShift) => {
    const root = rootOf(name);
    const format = new Ppc64RadixFormat({ pageShift });
    const start = address('0xc000000000000000');
    const first = page('0xc000000000000000');
    const style = powerpcStyle(version, pageShift, [
      [first, 'Start of kernel VM'],
      [page('0xc008000000000000'), 'vmalloc() Area'],
      [page('0xc00a000000000000'), 'vmalloc() End'],
      [page('0xc00a000000000000'), 'isa I/O start'],
      [page('0xc00a000000010000'), 'isa I/O end'],
      [page('0xc00a000000010000'), 'phb I/O start'],
      [page('0xc00a000080000000'), 'phb I/O end'],
      [page('0xc00a000080000000'), 'I/O remap start'],
      [page('0xc00c000000000000'), 'I/O remap end'],
      [page('0xc00c000000000000'), 'vmemmap start'],
    ]);
    const space = parsePtdump(print(name, root, format, first, style), 'kernel');
    expect(space.pageBytes).toBe(2 ** pageShift);
    const expected = partsOfTables({ name, root, start, end: start + 2 ** 52 }, format);
    if (version === '7.2') {
      expect(partsOfText(space)).toEqual(expected);
    } else {
      // The size of a leaf is known of those alone that can only be base pages.
      const without = (parts: Part[]) => {
        const joined: Part[] = [];
        for (const part of parts) add(joined, { ...part, says: part.says.replace(/^\S+ /, '') });
        return joined;
      };
      expect(without(partsOfText(space))).toEqual(without(expected));
      const sizes = new Set([...space.stretches()].flatMap(({ leaf }) => leaf?.bytes ?? []));
      expect([...sizes].sort()).toEqual([0, 2 ** pageShift]);
    }
    expectCover(space);
    expect(space.notTold.includes('how large leaves are')).toBe(version !== '7.2');
    expect(space.directMap).toEqual({ start, end: start + 2 ** 31, offset: start });
    const inMap = [...space.stretches(space.directMap)];
    expect(inMap.map(({ frame }) => frame! * space.pageBytes)).toEqual(
      inMap.map(({ address }) => address - start),
    );
    expect(space.regions.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['vmalloc', 'I/O', 'vmemmap']),
    );
  });

  test('has no frame, and one page as the size, where one page is mapped many times', () => {
    const flags = ['', '    ', 'r', 'w', '   ', 'pte', 'valid', 'present', '    ', 'dirty', 'accessed'].join(
      '  ',
    );
    const range = '0xc008000000000000-0xc00800000001ffff';
    const space = parsePtdump(`${range} [0x0000000001230000]       64K ${flags}${' '.repeat(26)}`, 'kernel');
    const leaf = [...space.stretches()].find(({ kind }) => kind === 'leaf');
    expect(leaf).toMatchObject({ pages: 2, frame: undefined, leaf: { access: 'rw nx' } });
  });
});

describe('a text', () => {
  test('is told by its first line', () => {
    expect(looksLikePtdump('---[ User Space ]---\n')).toBe(true);
    expect(looksLikePtdump('\n0x0000000000000000-0xffff880000000000    16777096T   pgd')).toBe(true);
    expect(looksLikePtdump('\u007fELF')).toBe(false);
    expect(looksLikePtdump('0x1000-0x2000 pgd')).toBe(false);
    expect(looksLikePtdump('')).toBe(false);
  });
});

function rootOf(name: string): number {
  const file = new URL(`../../data/cores/${name}.json`, import.meta.url);
  return Number(JSON.parse(readFileSync(file, 'utf8')).root);
}
