import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import { Machine, SymbolTable } from '../../src/inspect/index.ts';
import type { Hints } from '../../src/inspect/located.ts';
import { arm64, ppc64, riscv64, SyntheticMachine, s390x } from '../support/synthetic_machine.ts';
import { GIB, hex, MIB } from '../support/synthetic_x86.ts';

const symbols = (address: number) => new SymbolTable(`${hex(address)} D swapper_pg_dir\n`, 'System.map');
const inspect = (memory: SyntheticMachine, hints: Hints = {}) => new Machine(memory, hints, 'made up');

describe('arm64', () => {
  /** VALID, a page or a block, AF, write-back, no execution. Of what is shared there are other bits with LPA2. */
  const PAGE = 0x0068_0000_0000_0407n;
  const BLOCK = 0x0068_0000_0000_0405n;
  const PHYS_OFFSET = 0x4000_0000;
  const ROOT = 0x4271_0000;
  /** Virtual minus physical address of the image, which is above the linear map. */
  function imageOffset(pageShift: number, vaBits: number): number {
    const smallest = vaBits <= 48 ? vaBits : pageShift === 14 ? 47 : 48;
    return -(2 ** (smallest - 1)) + 0x9000_0000 - 0x4200_0000;
  }

  function boot(
    pageShift: 12 | 14 | 16,
    vaBits: number,
    lines: readonly string[] | undefined,
    builtFor = vaBits,
  ) {
    const geometry = { pageShift, vaBits, lpa2: vaBits === 52 && pageShift < 16 };
    const wide = builtFor === 52 && vaBits === 48 && pageShift === 16 ? (1024 - 64) * 8 : 0;
    const offset = imageOffset(pageShift, vaBits);
    const memory = new SyntheticMachine(arm64(geometry), ROOT + wide, {
      vmcoreinfo: lines && [
        `PAGESIZE=${2 ** pageShift}`,
        `SYMBOL(swapper_pg_dir)=${hex(ROOT + offset)}`,
        `NUMBER(kimage_voffset)=0x${hex(offset)}`,
        ...lines,
      ],
    });
    // With LPA2 these bits are of the address.
    const shared = geometry.lpa2 ? 0n : 0x300n;
    // A block is 2M, 32M or 512M.
    const block = 2 ** memory.arch.format.levelShift(2);
    memory.map(-(2 ** vaBits), PHYS_OFFSET / 2 ** pageShift, 2, Math.max(2, GIB / block), BLOCK | shared);
    const image = Math.floor(0x4200_0000 / 2 ** pageShift);
    memory.map(0x4200_0000 + offset, image, 1, (16 * MIB) / 2 ** pageShift, PAGE | shared);
    return memory;
  }

  test.each([
    [12, 48],
    [12, 39],
    [12, 52],
    [14, 47],
    [14, 48],
    [14, 52],
    [16, 42],
    [16, 48],
    [16, 52],
  ] as const)('with pages of 2^%i bytes and %i bits of address, told by VMCOREINFO or not', (shift, bits) => {
    const told = boot(shift, bits, [`NUMBER(VA_BITS)=${bits}`, `NUMBER(TCR_EL1_T1SZ)=${64 - bits}`]);
    const raw = boot(shift, bits, undefined);
    // With pages of 64K, the linear map of 52 bits is where 48 bits too would have it: that is a doubt.
    const { format, located } = inspect(raw, { root: ROOT });
    const twoFit = located.doubts.some((doubt) => doubt.includes('the tables read as well'));
    if (shift === 16 && bits === 52) expect(twoFit).toBe(true);
    else expect(format.name).toBe(raw.arch.format.name);
    for (const [memory, hints] of [
      [told, {}],
      [twoFit ? told : raw, { root: ROOT }],
    ] as const) {
      const machine = inspect(memory, hints);
      expect(machine.format.name).toBe(memory.arch.format.name);
      expect(machine.located.root).toBe(ROOT);
      expect(machine.directMap).toMatchObject({
        start: -(2 ** bits),
        offset: -(2 ** bits) - PHYS_OFFSET,
      });
      expect(machine.located.doubts).toEqual([]);
    }
    expect(inspect(raw, { root: ROOT }).located.found[0]).toMatch(/as the tables read best so/);
  });

  test('symbols alone lead to the top table, and to the geometry', () => {
    const machine = inspect(boot(12, 48, undefined), { symbols: symbols(ROOT + imageOffset(12, 48)) });
    expect(machine.located.root).toBe(ROOT);
    expect(machine.located.imageOffset).toBe(imageOffset(12, 48));
    expect(machine.format.levels).toBe(4);
  });

  test('a kernel for 52 bits on a CPU of 48, with pages of 64K, uses the end of its top table', () => {
    const machine = inspect(boot(16, 48, ['NUMBER(VA_BITS)=52', 'NUMBER(TCR_EL1_T1SZ)=16'], 52));
    expect(machine.located.root).toBe(ROOT + (1024 - 64) * 8);
    expect(machine.directMap?.start).toBe(-(2 ** 48));
  });

  test('registers tell where and how', () => {
    const memory = boot(12, 48, undefined);
    const cpu = { TTBR1_EL1: BigInt(ROOT) | (5n << 48n) | 1n, TCR_EL1: (16n << 16n) | (2n << 30n) };
    const machine = inspect(
      new Proxy(memory, { get: (of, key) => (key === 'cpus' ? [cpu] : bound(of, key)) }),
    );
    expect(machine.located.root).toBe(ROOT);
    expect(machine.located.found).toContain('geometry from TCR_EL1');
    expect(machine.located.doubts).toEqual([]);
  });

  test.each(['-1000', '0', '64', '40', '9'])(
    'a width of addresses that no kernel has is refused: T1SZ %s',
    (t1sz) => {
      expect(() => inspect(boot(12, 48, [`NUMBER(TCR_EL1_T1SZ)=${t1sz}`]))).toThrow(InputError);
    },
  );

  test('where no geometry gives a direct map, the one that is supposed is a doubt', () => {
    const empty = new SyntheticMachine(arm64({ pageShift: 12, vaBits: 48, lpa2: false }), ROOT);
    expect(inspect(empty, { root: ROOT }).located.doubts[0]).toMatch(/supposed/);
  });
});

/** What a proxy gives of its target, with methods that still know it. */
function bound(target: object, key: string | symbol): unknown {
  const value = Reflect.get(target, key, target);
  return typeof value === 'function' ? value.bind(target) : value;
}

describe('riscv64', () => {
  const LEAF = 0xe7n;
  const IMAGE_OFFSET = -(2 ** 31) - 0x8020_0000;
  const ROOT = 0x8230_7000;

  function boot(levels: 3 | 4 | 5, lines: readonly string[] | undefined) {
    const memory = new SyntheticMachine(
      riscv64(levels),
      ROOT,
      {
        vmcoreinfo: lines && [`SYMBOL(swapper_pg_dir)=${hex(ROOT + IMAGE_OFFSET)}`, ...lines],
        ranges: [{ start: 0x8000_0000, size: 2 ** 31 }],
      },
      0x9000_0000,
    );
    const half = -(2 ** (memory.arch.format.levelShift(levels) + 8));
    const pageOffset = half / 2;
    memory.map(pageOffset, 0x8_0000, 2, 512, LEAF);
    memory.map(-(2 ** 31), 0x8_0200, 2, 32, LEAF);
    return { memory, pageOffset };
  }

  test.each([3, 4, 5] as const)('%i levels, told or tried, with va_kernel_pa_offset or without', (levels) => {
    const offset = `NUMBER(va_kernel_pa_offset)=0x${hex(IMAGE_OFFSET)}`;
    const bits = `NUMBER(VA_BITS)=${12 + 9 * levels}`;
    for (const lines of [[offset, bits], [offset], [bits], []]) {
      const { memory, pageOffset } = boot(levels, lines);
      const machine = inspect(memory);
      expect(machine.format.levels).toBe(levels);
      expect(machine.located.root).toBe(ROOT);
      expect(machine.located.imageOffset).toBe(IMAGE_OFFSET);
      expect(machine.directMap?.offset).toBe(pageOffset - 0x8000_0000);
    }
  });

  test('the root alone is enough, and satp too', () => {
    const { memory, pageOffset } = boot(4, undefined);
    const machine = inspect(memory, { root: ROOT });
    expect(machine.directMap?.start).toBe(pageOffset);
    expect(machine.located.found).toEqual(['4 levels, as most is mapped by so many']);
    const satp = (9n << 60n) | BigInt(ROOT / 4096);
    const cpus = [{ satp }];
    const byRegister = inspect(
      new Proxy(memory, { get: (of, key) => (key === 'cpus' ? cpus : bound(of, key)) }),
    );
    expect(byRegister.located.rootFrom).toMatch(/satp/);
    expect(byRegister.format.levels).toBe(4);
  });

  test('a depth that it does not have is refused', () => {
    expect(() => inspect(boot(4, []).memory, { levels: 2 })).toThrow(InputError);
  });
});

describe('s390x', () => {
  const ROOT = 0x200_0000;

  function boot(levels: 2 | 3 | 4, lines?: readonly string[]) {
    const memory = new SyntheticMachine(s390x(levels), ROOT, { vmcoreinfo: lines });
    memory.map(0, 0, 1, 256, 0x13dn);
    memory.map(MIB, 256, 2, 63, 0x3503n);
    return memory;
  }

  test.each([2, 3, 4] as const)('%i levels are told by the entries, or by the ASCE', (levels) => {
    const memory = boot(levels);
    const asce = ROOT | ((levels - 2) << 2) | 3;
    for (const root of [ROOT, asce]) {
      const machine = inspect(memory, { root });
      expect(machine.format.levels).toBe(levels);
      expect(machine.located.root).toBe(ROOT);
      expect(machine.directMap).toEqual({ offset: 0, start: 0, end: 64 * MIB });
    }
  });

  test('the image and its symbol are elsewhere since v6.9: KERNELOFFPHYS less KERNELOFFSET', () => {
    const virtual = 0x3ff_e000_0000;
    const symbol = ROOT - 0x80_0000 + virtual;
    const machine = inspect(
      boot(3, [
        `SYMBOL(swapper_pg_dir)=${symbol.toString(16)}`,
        `KERNELOFFSET=${virtual.toString(16)}`,
        'KERNELOFFPHYS=800000',
      ]),
    );
    expect(machine.located.root).toBe(ROOT);
    expect(machine.located.imageOffset).toBe(virtual - 0x80_0000);
  });

  test('control register 13 is the kernel’s ASCE', () => {
    const memory = boot(3);
    const cpus = [{ CR13: BigInt(ROOT) | 7n }];
    const machine = inspect(
      new Proxy(memory, { get: (of, key) => (key === 'cpus' ? cpus : bound(of, key)) }),
    );
    expect(machine.located.root).toBe(ROOT);
    expect(machine.located.rootFrom).toBe('control register 13');
  });

  test('a root that the source does not have is refused', () => {
    expect(() => inspect(boot(3), { root: 0x7f00_0000 })).toThrow(InputError);
  });
});

test.each([12, 16] as const)('ppc64 with pages of 2^%i bytes', (shift) => {
  const ROOT = 0x275_0000;
  const memory = new SyntheticMachine(ppc64(shift), ROOT, {
    vmcoreinfo: [
      `PAGESIZE=${2 ** shift}`,
      `SYMBOL(swapper_pg_dir)=${(0xc000_0000_0000_0000n + BigInt(ROOT)).toString(16)}`,
    ],
  });
  const start = -0x4000_0000_0000_0000;
  memory.map(start, 0, 3, 1, 0xc000_0000_0000_018en);
  memory.map(start + GIB, GIB / 2 ** shift, 2, 4, 0xc000_0000_0000_018en);
  memory.map(start + 2 ** 51, 0x1234, 1, 3, 0xc000_0000_0000_018en);
  const machine = inspect(memory);
  expect(machine.located.root).toBe(ROOT);
  expect(machine.directMap).toEqual({ offset: start, start, end: start + GIB + 8 * MIB });
  expect(machine.regions.map(({ name }) => name)).toEqual([
    'direct map',
    'other',
    'vmalloc',
    'I/O',
    'vmemmap',
  ]);
});
