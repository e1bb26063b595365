import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../../src/errors.ts';
import { parsePtdump } from '../../../src/inspect/ptdump/ptdump.ts';

const file = new URL('../../data/cores/x86_64-5.10-custom.ptdump.txt.gz', import.meta.url);
const text = gunzipSync(readFileSync(file)).toString('latin1');
const lines = text.split('\n');

const PPC64_FLAGS = `  ${['    ', 'r', 'w', '   ', 'pte', 'valid', 'present', '    ', 'dirty', 'accessed'].join('  ')}${' '.repeat(26)}`;

/** That text, and a piece of one of each other format. */
const samples = [
  lines,
  [
    '---[ Linear Mapping start ]---',
    '0xffff000000000000-0xffff000000001000           4K PTE       RW NX SHD AF            UXN    MEM/NORMAL-TAGGED',
    '0xffff000000001000-0xffff000000002000           4K PTE F     RW NX SHD AF            UXN    MEM/NORMAL-TAGGED',
    '0xffff000000002000-0xffff000000200000        2040K PTE',
    '---[ Linear Mapping end ]---',
    '0xffff000000200000-0xffff000000400000           2M PMD       RW NX SHD AF        BLK UXN    MEM/NORMAL',
  ],
  [
    '---[ Linear mapping ]---',
    '0xffffffd600000000-0xffffffd600200000    0x0000000080000000         2M PMD .   ..     ..   D A G . . W R V',
    '---[ Kernel mapping ]---',
    '0xffffffff80000000-0xffffffff80001000    0x0000000080200000         4K PTE . MT(IO) RSW(1) D A G . X . R .',
  ],
  [
    '---[ Identity Mapping Start ]---',
    '0x0000000000000000-0x0000000000100000         1M PTE RW NX',
    '0x0000000000100000-0x0000000080000000      2047M PMD RO X',
    '0x0000000080000000-0x0000040000000000      4094G PUD I',
  ],
  [
    '---[ Start of kernel VM ]---',
    `0xc000000000000000-0xc00000003fffffff  0x0000000000000000         1G ${PPC64_FLAGS}`,
    `0xc008000000000000-0xc00800000000ffff  0x0000000001230000        64K ${PPC64_FLAGS}`,
  ],
].map((sample) => sample.join('\n'));

function problemOf(text: string): InputError['problem'] {
  try {
    parsePtdump(text, 'some.txt');
  } catch (error) {
    if (error instanceof InputError) return error.problem;
    throw error;
  }
  throw new Error('it was read');
}

/** The message about the text of an x86 kernel with another line in the place of the fifth. */
function withLine5(line: string): InputError['problem'] {
  return problemOf([...lines.slice(0, 4), line, ...lines.slice(5)].join('\n'));
}

/** Reading a text and then all of its stretches ends in success or in an InputError, and this says in which. */
function survives(text: string): boolean {
  try {
    const space = parsePtdump(text, 'some.txt');
    let at = space.regions[0]!.start;
    for (const { address, pages } of space.stretches()) {
      expect(address).toBe(at);
      expect(pages).toBeGreaterThan(0);
      at += pages * space.pageBytes;
    }
    expect(at).toBe(space.regions.at(-1)!.end);
    return true;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

describe('parsePtdump', () => {
  test('reads the samples that the tests below spoil', () => {
    for (const sample of samples) expect(survives(sample)).toBe(true);
  });

  test.each([
    ['', 'missing', 'some.txt'],
    ['\n\n---[ User Space ]---\n', 'missing', 'some.txt'],
    ['hello\nworld', 'bad-format', 'some.txt, line 1'],
    ['---[ User Space ]---\n\n0x00000000-0x00001000 4K pte', 'bad-format', 'some.txt, line 3'],
    ['x'.repeat(10_000_000), 'bad-format', 'some.txt, line 1'],
  ])('does not take another text for one: %#', (text, code, where) => {
    expect(problemOf(text)).toMatchObject({ code, where });
  });

  test('names the line that is none of the format', () => {
    const wrong = (line: string) =>
      expect(withLine5(line)).toMatchObject({ code: 'bad-format', where: 'some.txt, line 5' });
    wrong('---[ ]---');
    wrong('---[ A marker');
    wrong('0xffff88800009');
    wrong('[  12.345678] a line of the log');
    wrong(`0x${'f'.repeat(1000)}`);
    wrong('0xffff888000000000-0xffff888000001000           4K     RW                 GLB NX PTE');
    wrong('0xffff888000000000-0xffff888000001000           4K     rw                 GLB NX pte');
    wrong('0xffff888000000000-0xffff888000001000           4K     RW         PSE     GLB NX pte');
    wrong('0x0000000000100000-0x0000000080000000      2047M PMD RW NX');
  });

  test('compares the addresses and the size of each line', () => {
    const of = (range: string, size: string) =>
      withLine5(`${range}   ${size.padStart(10)}     RW                 GLB NX pte`);
    expect(of('0xffff888000000000-0xffff888000001000', '8K')).toMatchObject({ found: '8K', expected: '4K' });
    expect(of('0xffff888000000000-0xffff888000001000', '4096B')).not.toMatchObject({
      what: 'the size of the range',
    });
    expect(of('0xffff888000000800-0xffff888000001000', '2K').what).toBe('the range');
    expect(of('0xffff888000001000-0xffff888000002800', '6K').what).toBe('the range');
    expect(of('0xffff888000001000-0xffff888000001000', '0B').what).toBe('the range');
    expect(of('0xffff888000002000-0xffff888000001000', '4K').what).toBe('the range');
  });

  test('has addresses go upwards', () => {
    const [first, second] = [
      '0xffff888000001000-0xffff888000002000',
      '0xffff888000000000-0xffff888000001000',
    ];
    const rest = '           4K     RW                 GLB NX pte';
    expect(problemOf(`${first}${rest}\n${second}${rest}`)).toMatchObject({
      where: 'some.txt, line 2',
      expected: 'addresses that go upwards',
    });
  });

  test('wants addresses of a kernel', () => {
    const efi =
      '0x0000000000000000-0x0000000000001000    0x0000000080000000         4K PTE     D A G . . W R V';
    expect(problemOf(efi)).toMatchObject({ code: 'missing', what: 'an address of a riscv64 kernel' });
  });

  test('ends with what it could read of a spoiled text, or an InputError', () => {
    const spoiled = fc
      .tuple(
        fc.constantFrom(...samples),
        fc.array(fc.record({ at: fc.nat(), take: fc.nat({ max: 30 }), put: fc.string({ maxLength: 20 }) }), {
          maxLength: 3,
        }),
      )
      .map(([sample, edits]) =>
        edits.reduce((text, { at, take, put }) => {
          const from = at % (text.length + 1);
          return text.slice(0, from) + put + text.slice(from + take);
        }, sample),
      );
    fc.assert(
      fc.property(spoiled, (text) => [true, false].includes(survives(text))),
      { numRuns: 500 },
    );
  });

  test('reads a text of which any lines but the last are missing', () => {
    const some = fc.constantFrom(...samples).chain((sample) => {
      const all = sample.trimEnd().split('\n');
      return fc.subarray(all.slice(0, -1)).map((chosen) => [...chosen, all.at(-1)].join('\n'));
    });
    fc.assert(
      fc.property(some, (text) => survives(text)),
      { numRuns: 200 },
    );
  });

  test('refuses more markers, and more kinds of lines, than any kernel prints', () => {
    const markers = `${lines[1]}\n${'---[ Modules ]---\n'.repeat(10_001)}`;
    expect(problemOf(markers)).toMatchObject({ code: 'out-of-range', what: 'markers' });
    const start = BigInt('0xc000000000000000');
    const kinds = Array.from({ length: 20_000 }, (_, index) => {
      const first = (start + BigInt(index) * 4096n).toString(16);
      const last = (start + BigInt(index) * 4096n + 4095n).toString(16);
      return `0x${first}-0x${last}  0x0000000000000000         4K ${PPC64_FLAGS}  f_gix:0  unknown flags:${index.toString(16)}`;
    });
    expect(problemOf(kinds.join('\n'))).toMatchObject({ code: 'out-of-range', what: 'kinds of lines' });
  });
});
