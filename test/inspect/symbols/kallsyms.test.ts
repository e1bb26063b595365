import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../../src/errors.ts';
import { countersInMemory } from '../../../src/inspect/counters.ts';
import { explain } from '../../../src/inspect/explain/explain.ts';
import type { Machine } from '../../../src/inspect/machine.ts';
import { readKallsyms, symbolsOf } from '../../../src/inspect/symbols/kallsyms.ts';
import { SymbolTable } from '../../../src/inspect/symbols/symbols.ts';
import { readVirtual } from '../../../src/inspect/symbols/virtual_memory.ts';
import { IMAGE_BYTES, PPC64, S390X, type SmallArch, smallMachine, X86_64 } from './small_machines.ts';
import { type AddressForm, buildKallsyms, type SyntheticSymbol, words } from './synthetic_kallsyms.ts';

const FORMS: readonly AddressForm[] = ['relative', 'absolute per-CPU', 'place'];
/** Where the tests put things in the image. */
const COUNTERS = 0x1ff8;
const KALLSYMS = 0x8ff0;

/** Symbols of an image: a few that matter, and others. */
function symbolsIn({ image }: SmallArch, others: readonly SyntheticSymbol[] = []): SyntheticSymbol[] {
  return [
    { typed: 'T_stext', address: image },
    { typed: 'T_text', address: image },
    { typed: 't__kernel_page_helper', address: image + 0x123n },
    { typed: 'Dinit_top_pgt', address: image + 0x1000n },
    { typed: 'bdirect_pages_count', address: image + BigInt(COUNTERS) },
    ...others,
    { typed: 'B_end', address: image + BigInt(IMAGE_BYTES) - 0x1000n },
  ];
}

interface Kernel {
  arch?: SmallArch;
  form?: AddressForm;
  symbols?: readonly SyntheticSymbol[];
  /** Changes VMCOREINFO's lines. */
  told?: (lines: string[]) => string[];
  image?: readonly (readonly [number, Uint8Array])[];
  /** Bytes over the table, by offset in it. */
  over?: readonly (readonly [number, Uint8Array])[];
  lost?: readonly number[];
}

function kernel({
  arch = X86_64,
  form = 'relative',
  symbols = symbolsIn(arch),
  ...rest
}: Kernel = {}): Machine {
  const { bytes, lines } = buildKallsyms(symbols, form, arch.image + BigInt(KALLSYMS), arch.littleEndian);
  const over = (rest.over ?? []).map(([at, piece]) => [KALLSYMS + at, piece] as const);
  const image = [...(rest.image ?? []), [KALLSYMS, bytes] as const, ...over];
  const told = [`SYMBOL(_stext)=${arch.image.toString(16)}`, ...lines];
  return smallMachine(arch, image, rest.told?.(told) ?? told, rest.lost);
}

function entriesOf(table: SymbolTable | undefined): [string, bigint][] | undefined {
  return table?.symbols.names.map((name, index) => [name, table.symbols.addresses[index]!]);
}

const expectedOf = (symbols: readonly SyntheticSymbol[]) =>
  symbols.map(({ typed, address }) => [typed.slice(1), address]);

describe("a kernel's own symbols", () => {
  const letters = [...'abcxyz_.$09', 'kernel_', 'page', 'er', 'T_'];
  const name = fc
    .array(fc.constantFrom(...letters), { minLength: 1, maxLength: 40 })
    .map((parts) => parts.join(''));
  const others = fc.array(
    fc.record({ typed: name.map((each) => `t${each}`), offset: fc.nat(IMAGE_BYTES - 0x2000) }),
    { maxLength: 60 },
  );

  test('are read back, whatever their addresses are relative to', () => {
    for (const form of FORMS) {
      for (const arch of [X86_64, S390X, PPC64]) {
        fc.assert(
          fc.property(others, (list) => {
            const more = list.map(({ typed, offset }) => ({ typed, address: arch.image + BigInt(offset) }));
            const symbols = symbolsIn(arch, more);
            const table = readKallsyms(kernel({ arch, form, symbols }));
            expect(entriesOf(table)).toEqual(expectedOf(symbols));
          }),
          { numRuns: 10 },
        );
      }
    }
  });

  test('have addresses of their own if they are of each CPU', () => {
    const perCpu = { typed: 'Acpu_tss_rw', address: 0x6000n, absolute: true };
    const symbols = [perCpu, ...symbolsIn(X86_64)];
    const table = readKallsyms(kernel({ form: 'absolute per-CPU', symbols }));
    expect(entriesOf(table)).toEqual(expectedOf(symbols));
  });

  test('may have names whose lengths take two bytes, up to 511 letters', () => {
    const long = [127, 128, 300, 511].map((length, index) => ({
      typed: `t${'x'.repeat(length)}`,
      address: X86_64.image + BigInt(0x100 * (index + 2)),
    }));
    const symbols = symbolsIn(X86_64, long);
    expect(entriesOf(readKallsyms(kernel({ symbols })))).toEqual(expectedOf(symbols));
    const tooLong = symbolsIn(X86_64, [{ typed: `t${'x'.repeat(512)}`, address: X86_64.image + 0x100n }]);
    expect(readKallsyms(kernel({ symbols: tooLong }))).toBeUndefined();
  });

  test('are read once for a machine, and not at all if the user has others', () => {
    const machine = kernel();
    expect(symbolsOf(machine, undefined)).toBe(symbolsOf(machine, undefined));
    expect(symbolsOf(machine, undefined)?.address('_stext')).toBe(X86_64.image);
    const told = new SymbolTable('ffffffff81000000 T _text', 'System.map');
    expect(symbolsOf(machine, told)).toBe(told);
  });
});

describe('no symbols are read', () => {
  test('without all that VMCOREINFO says of them', () => {
    const count = 7;
    for (let missing = 0; missing < count; missing++) {
      const machine = kernel({ told: (lines) => lines.filter((_, index) => index !== missing) });
      expect(machine.memory.vmcoreinfo?.text.split('\n')).toHaveLength(X86_64.vmcoreinfo.length + count - 1);
      expect(readKallsyms(machine)).toBeUndefined();
    }
  });

  test('where a page of them was left out', () => {
    const symbols = symbolsIn(
      X86_64,
      Array.from({ length: 2000 }, (_, index) => ({
        typed: `tsymbol_${index}`,
        address: X86_64.image + BigInt(0x100 * index),
      })),
    );
    const { bytes } = buildKallsyms(symbols, 'place', X86_64.image);
    expect(bytes.length).toBeGreaterThan(5 * 4096);
    for (let offset = KALLSYMS; offset < KALLSYMS + bytes.length; offset += 4096) {
      expect(readKallsyms(kernel({ symbols, form: 'place', lost: [offset] }))).toBeUndefined();
    }
    expect(readKallsyms(kernel({ symbols, form: 'place' }))?.symbols.names).toHaveLength(symbols.length);
  });

  test('where _stext is not where VMCOREINFO says, in any reading of the addresses', () => {
    for (const form of FORMS) {
      const moved = symbolsIn(X86_64).map((each) => ({ ...each, address: each.address + 0x1000n }));
      expect(readKallsyms(kernel({ form, symbols: moved }))).toBeUndefined();
      const without = symbolsIn(X86_64).filter(({ typed }) => typed !== 'T_stext');
      expect(readKallsyms(kernel({ form, symbols: without }))).toBeUndefined();
    }
  });

  test('where the count is no count, at once', () => {
    for (const count of [2 ** 32 - 1, 2 ** 20 + 1, 2 ** 20, 1000]) {
      const over = [[0, words([count], 4, true)]] as const;
      expect(readKallsyms(kernel({ form: 'place', over }))).toBeUndefined();
    }
  });

  test('where the source breaks off; other errors are no answer', () => {
    const failing = (error: Error) => {
      const machine = kernel();
      machine.memory.readFrame = () => {
        throw error;
      };
      return () => readKallsyms(machine);
    };
    const broken = { code: 'unreadable', what: 'a page', where: 'test', because: 'the file ends' } as const;
    expect(failing(new InputError(broken))()).toBeUndefined();
    expect(failing(new TypeError('ours'))).toThrow(TypeError);
  });

  test('from garbage, but where it spares the parts that are held against each other', () => {
    const garbage = fc.record({
      form: fc.constantFrom(...FORMS),
      over: fc.array(fc.tuple(fc.nat(1200), fc.uint8Array({ minLength: 1, maxLength: 8 })), { maxLength: 3 }),
      line: fc.nat(7),
      address: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      near: fc.boolean(),
    });
    let read = 0;
    let refused = 0;
    fc.assert(
      fc.property(garbage, ({ form, over, line, address, near }) => {
        const wrong = near ? X86_64.image + (address % BigInt(IMAGE_BYTES)) : address;
        const told = (lines: string[]) =>
          lines.map((each, index) => (index === line ? each.replace(/=.*/, `=${wrong.toString(16)}`) : each));
        const machine = kernel({ form, over, told });
        const table = readKallsyms(machine);
        if (table === undefined) refused++;
        else {
          read++;
          expect(table.address('_stext')).toBe(machine.memory.vmcoreinfo?.symbol('_stext'));
          expect(table.symbols.names.every((each) => /^[!-~]{1,511}$/.test(each))).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
    expect(read).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });
});

describe('direct_pages_count', () => {
  const cases = [
    { arch: X86_64, indices: [1, 2, 3], sizes: [2 ** 12, 2 ** 21, 2 ** 30] },
    { arch: S390X, indices: [0, 1, 2], sizes: [2 ** 12, 2 ** 20, 2 ** 31] },
    { arch: PPC64, indices: [0, 2, 7, 13], sizes: [2 ** 12, 2 ** 16, 2 ** 21, 2 ** 30] },
  ];
  for (const { arch, indices, sizes } of cases) {
    test(`is found by the symbols of a kernel of ${arch.name}, and lies across pages`, () => {
      const counts = Array.from({ length: 16 }, (_, index) => 100 + index);
      const image = [[COUNTERS, words(counts, 8, arch.littleEndian)] as const];
      const machine = kernel({ arch, form: 'place', image });
      const counters = countersInMemory(machine, symbolsOf(machine, undefined));
      expect(counters?.from).toBe('direct_pages_count in memory');
      const expected = indices.map((index, i) => [String(sizes[i]), (100 + index) * sizes[i]!]);
      expect(counters?.bytes).toEqual(Object.fromEntries(expected));
    });
  }

  test('is not told where its page, or its symbol, is missing', () => {
    const machine = kernel({ lost: [0x2000] });
    expect(countersInMemory(machine, symbolsOf(machine, undefined))).toBeUndefined();
    expect(countersInMemory(machine, new SymbolTable('ffffffff81000000 T _text', ''))).toBeUndefined();
    expect(countersInMemory(machine, undefined)).toBeUndefined();
  });
});

describe('virtual memory', () => {
  const bytes = Uint8Array.from({ length: 0x3000 }, (_, index) => index % 251);
  const machine = smallMachine(X86_64, [[0, bytes]], [], [0x5000]);

  test('is read across pages, from any address', () => {
    for (const [at, length] of [
      [0, 0x3000],
      [0xfff, 2],
      [0x7ff, 0x1802],
      [0x1000, 0],
    ] as const) {
      const read = readVirtual(machine, X86_64.image + BigInt(at), length);
      expect(read).toEqual(bytes.slice(at, at + length));
    }
  });

  test('is undefined if any of it is not mapped, or not in the source', () => {
    expect(readVirtual(machine, X86_64.image - 1n, 2)).toBeUndefined();
    expect(readVirtual(machine, X86_64.image + BigInt(IMAGE_BYTES) - 1n, 2)).toBeUndefined();
    expect(readVirtual(machine, X86_64.image + 0x4fffn, 1)).toEqual(Uint8Array.of(0));
    expect(readVirtual(machine, X86_64.image + 0x4fffn, 2)).toBeUndefined();
    expect(readVirtual(machine, 2n ** 64n - 1n, 2)).toBeUndefined();
    expect(readVirtual(machine, 0x8000_0000_0000_0000n, 8)).toBeUndefined();
  });
});

describe('the symbol at an address', () => {
  const at = (machine: Machine, address: bigint, symbols: SymbolTable | undefined) =>
    explain(machine, Number(BigInt.asIntN(64, address)), symbols).symbol;

  test('is the nearest below in the image, and the first of those at one place', () => {
    for (const arch of [X86_64, S390X]) {
      const machine = kernel({ arch });
      const symbols = readKallsyms(machine);
      expect(at(machine, arch.image, symbols)).toEqual({ name: '_stext', offset: 0 });
      expect(at(machine, arch.image + 0x122n, symbols)).toEqual({ name: '_stext', offset: 0x122 });
      expect(at(machine, arch.image + 0x1010n, symbols)).toEqual({ name: 'init_top_pgt', offset: 0x10 });
      const last = BigInt(IMAGE_BYTES) - 0x1001n;
      const offset = Number(last) - COUNTERS;
      expect(at(machine, arch.image + last, symbols)).toEqual({ name: 'direct_pages_count', offset });
    }
  });

  test('is not told outside the image, nor without symbols', () => {
    const machine = kernel();
    const symbols = readKallsyms(machine);
    expect(at(machine, X86_64.image - 1n, symbols)).toBeUndefined();
    expect(at(machine, X86_64.image + BigInt(IMAGE_BYTES) - 0x1000n, symbols)).toBeUndefined();
    expect(at(machine, 0xffff_8880_0020_0000n, symbols)).toBeUndefined();
    expect(at(machine, X86_64.image, undefined)).toBeUndefined();
  });

  test("is a module's in the modules' range, if nothing unmapped lies between", () => {
    const machine = kernel();
    const symbols = new SymbolTable(
      'ffffffff81000000 T _text\nffffffff81100000 B _end\nffffffffc0000010 t probe [virtio]\n',
      'kallsyms',
    );
    expect(at(machine, 0xffff_ffff_c000_0010n, symbols)).toEqual({ name: 'probe', offset: 0 });
    expect(at(machine, 0xffff_ffff_c000_1234n, symbols)).toEqual({ name: 'probe', offset: 0x1224 });
    expect(at(machine, 0xffff_ffff_c000_000fn, symbols)).toBeUndefined();
    expect(at(machine, 0xffff_ffff_c000_2000n, symbols)).toBeUndefined();
    expect(at(machine, 0xffff_ffff_c000_3000n, symbols)).toBeUndefined();
    expect(at(machine, 0xffff_ffff_c000_1000n, readKallsyms(machine))).toBeUndefined();
  });

  test('is what a search through all of them finds', () => {
    const address = fc.bigInt({ min: 0n, max: 40n });
    fc.assert(
      fc.property(fc.array(address, { maxLength: 30 }), address, (list, wanted) => {
        const names = list.map((_, index) => `symbol${index}`);
        const table = new SymbolTable({ names, addresses: BigUint64Array.from(list) });
        const start = list.filter((each) => each <= wanted).reduce((a, b) => (a > b ? a : b), -1n);
        const name = names[list.indexOf(start)];
        const expected = name === undefined ? undefined : { name, offset: Number(wanted - start) };
        expect(table.nearest(wanted)).toEqual(expected);
      }),
    );
  });
});
