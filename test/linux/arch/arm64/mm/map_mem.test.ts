import { describe, expect, it } from 'vitest';
import { InputError, NotModelledError } from '../../../../../src/errors.ts';
import { hexAddress } from '../../../../../src/mmu/format.ts';
import { arm64, attributes, FREE_BLOCK, GiB, KiB, leaf, leafAt, MiB, type Wanted } from '../support.ts';

const TEXT = (GiB + 8 * MiB) / (4 * KiB);
const NO_KFENCE = 'KFENCE=n';
const DEBUG = 'KFENCE=n,DEBUG_PAGEALLOC=y';

/** Who maps all by pages, table A2.2 of the facts: a kernel, how it is built and booted, and what maps free memory. */
const GRANULARITY: readonly [name: string, wanted: Wanted, expected: string][] = [
  ...['v5.10', 'v5.11', 'v6.1', 'v6.12', 'v7.2'].flatMap((kernel): [string, Wanted, string][] => [
    ['by rodata=full, the default', { kernel, config: NO_KFENCE }, 'PTE'],
    ['not by rodata=off', { kernel, config: NO_KFENCE, boot: 'rodata=off' }, 'PMD CONT'],
    ['by debug_pagealloc', { kernel, config: DEBUG, boot: 'rodata=off debug_pagealloc=on' }, 'PTE invalid'],
  ]),
  ['not by KFENCE, which it does not have', { kernel: 'v5.10', boot: 'rodata=off' }, 'PMD CONT'],
  ...['v6.1', 'v6.12', 'v7.2'].flatMap((kernel): [string, Wanted, string][] => [
    ['by KFENCE that may come late', { kernel, boot: 'rodata=off' }, 'PTE'],
    ['not by KFENCE at boot', { kernel, boot: 'rodata=off kfence.sample_interval=100' }, 'PMD CONT'],
  ]),
  ...['v5.10', 'v6.1'].flatMap((kernel): [string, Wanted, string][] => [
    ['by crashkernel=', { kernel, config: NO_KFENCE, boot: 'rodata=off crashkernel=16M' }, 'PTE'],
    [
      'not by crashkernel= without DMA zones',
      { kernel, config: `${NO_KFENCE},ZONE_DMA=n,ZONE_DMA32=n`, boot: 'rodata=off crashkernel=16M' },
      'PMD CONT',
    ],
  ]),
  ...['v6.12', 'v7.2'].map((kernel): [string, Wanted, string] => [
    'not by crashkernel=',
    { kernel, config: NO_KFENCE, boot: 'rodata=off crashkernel=16M' },
    'PMD CONT',
  ]),
  ['not by rodata=full with BBML2', { kernel: 'v7.2', features: { bbml2: true } }, 'PMD CONT'],
  [
    'not by late KFENCE with BBML2',
    { kernel: 'v7.2', boot: 'rodata=off', features: { bbml2: true } },
    'PMD CONT',
  ],
  [
    'by debug_pagealloc in spite of BBML2',
    { kernel: 'v7.2', config: DEBUG, boot: 'debug_pagealloc=on', features: { bbml2: true } },
    'PTE invalid',
  ],
  ['by rodata=full, as BBML2 is of no use to it', { kernel: 'v6.12', features: { bbml2: true } }, 'PTE'],
  [
    'by being in a realm',
    { kernel: 'v7.2', config: NO_KFENCE, boot: 'rodata=off', features: { realm: true } },
    'PTE',
  ],
  [
    'not by being in a realm, with BBML2',
    { kernel: 'v7.2', config: NO_KFENCE, boot: 'rodata=off', features: { realm: true, bbml2: true } },
    'PMD CONT',
  ],
];

describe('what maps memory by pages', () => {
  it.each(GRANULARITY.map((row) => [row[1].kernel, ...row] as const))('%s: %s', (_, __, wanted, expected) => {
    expect(leaf(arm64(wanted), FREE_BLOCK)).toBe(expected);
  });
});

describe('rodata= by version', () => {
  const FULL_ALIAS = 'rodata=full';
  it.each([
    ['v5.10', 'rodata=on', 'rodata=on'],
    ['v5.10', 'rodata=1', 'rodata=on'],
    ['v5.10', 'rodata=0', 'rodata=off'],
    ['v5.10', 'rodata=full', FULL_ALIAS],
    ['v5.10', 'rodata=nonsense', 'rodata=off'],
    ['v5.10', 'rodata=zzz', FULL_ALIAS],
    ['v6.1', 'rodata=on', 'rodata=on'],
    ['v6.12', 'rodata=full', FULL_ALIAS],
    ['v6.12', 'rodata=1', FULL_ALIAS],
    ['v7.2', 'rodata=on', FULL_ALIAS],
    ['v7.2', 'rodata=noalias', 'rodata=on'],
    ['v7.2', 'rodata=full', FULL_ALIAS],
    ['v7.2', 'rodata=off', 'rodata=off'],
  ])('%s takes %s for %s', (kernel, boot, meaning) => {
    expect(arm64({ kernel, boot }).describeBoot()).toContain(meaning);
  });

  it('depends on how the kernel is built, before v7.2', () => {
    const config = 'RODATA_FULL_DEFAULT_ENABLED=n';
    expect(arm64({ kernel: 'v6.12', config }).rodata_full).toBe(false);
    expect(arm64({ kernel: 'v7.2', config }).rodata_full).toBe(true);
  });
});

/** The exact entries, table A1.3 of the facts. */
describe('the entries that boot makes', () => {
  const ENTRIES: readonly [kernel: string, page: string, block: string, alias: string][] = [
    ['v5.10', '0x68000000000707', '0x78000000000705', '0x60000000000781'],
    ['v6.1', '0xe8000000000707', '0xf8000000000705', '0xe0000000000781'],
    ['v6.12', '0xe8000000000707', '0xf8000000000705', '0xe0000000000781'],
  ];

  it.each(ENTRIES)('of %s are %s, %s, and %s for the alias of the image', (kernel, page, block, alias) => {
    const byPages = arm64({ kernel });
    const byBlocks = arm64({ kernel, boot: 'rodata=off', config: NO_KFENCE });
    expect(attributes(byPages, FREE_BLOCK)).toBe(page);
    expect(attributes(byBlocks, FREE_BLOCK)).toBe(block);
    for (const k of [byPages, byBlocks]) expect(attributes(k, TEXT)).toBe(alias);
  });

  it('of v7.2 map the alias of the image as they map the rest', () => {
    expect(attributes(arm64({ kernel: 'v7.2' }), TEXT)).toBe('0xe0000000000783');
    expect(attributes(arm64({ kernel: 'v7.2', features: { bbml2: true } }), TEXT)).toBe('0xe0000000000781');
  });

  it('have nG, where KASLR and KPTI want it', () => {
    const k = arm64({ kernel: 'v6.12', features: { nonglobal: true } });
    expect(attributes(k, FREE_BLOCK)).toBe('0xe8000000000f07');
  });

  it('have bits of the address where others have the shareability, with LPA2', () => {
    const k = arm64({ kernel: 'v6.12', features: { va_bits: 52, lva: true } });
    expect(attributes(k, FREE_BLOCK)).toBe('0xe8000000000407');
    expect(k.format.levels).toBe(5);
  });

  it('map memory above 2^48 with LPA2, and that alone', () => {
    const high = { start: 2 ** 49, end: 2 ** 49 + 4 * MiB, type: 'RAM' as const };
    const ram = [{ start: GiB, end: GiB + 192 * MiB, type: 'RAM' as const }, high];
    const pfn = high.start / 4096 + 1;
    const wide = arm64({ kernel: 'v6.12', ram, features: { va_bits: 52, lva: true } });
    const found = wide.leafAt(wide.page_address(pfn))!;
    expect(wide.format.leafFrame(found.level, found.low, found.high)).toBe(pfn);
    expect(leaf(arm64({ kernel: 'v6.12', ram, features: { va_bits: 52 } }), FREE_BLOCK)).toBe('PTE');
  });
});

describe('the alias of the image', () => {
  const INIT_END = 0x42ae_0000 / 4096;

  it('begins at _text, but in v6.1 at _stext', () => {
    const text = (GiB + 2 * MiB) / 4096;
    for (const kernel of ['v5.10', 'v6.12', 'v7.2']) expect(leaf(arm64({ kernel }), text)).toMatch('RO');
    expect(leaf(arm64({ kernel: 'v6.1' }), text)).toBe('PTE');
    expect(leaf(arm64({ kernel: 'v6.1' }), text + 16)).toBe('PTE RO');
  });

  it('is read-only whatever rodata= says, and that of data since v7.2 unless rodata=off', () => {
    for (const kernel of ['v6.12', 'v7.2']) {
      const off = arm64({ kernel, boot: 'rodata=off', config: NO_KFENCE });
      expect(leaf(off, TEXT)).toMatch('RO');
      expect(leaf(off, INIT_END)).not.toMatch('RO');
      expect(/RO/.test(leaf(arm64({ kernel }), INIT_END))).toBe(kernel === 'v7.2');
    }
  });

  it('is all that a page made invalid and default again would open: data is writable then', () => {
    const k = arm64({ kernel: 'v7.2' });
    expect(leaf(k, INIT_END)).toBe('PTE RO');
    const { value } = k.set_direct_map_default_noflush(INIT_END).next();
    expect(value).toBe(0);
    expect(leaf(k, INIT_END)).toBe('PTE');
  });
});

describe("KFENCE's pool", () => {
  it.each(['v6.1', 'v6.12', 'v7.2'])(
    'of %s is the highest memory that no table of the image has, by pages, its guards invalid',
    (kernel) => {
      const k = arm64({ kernel, boot: 'rodata=off kfence.sample_interval=100' });
      const last = (GiB + 192 * MiB) / 4096 - (kernel === 'v6.1' ? 7 : 0);
      expect(k.kfence_pool).toEqual({ start: last - 512, end: last });
      expect(k.kfence.get().enabled).toBe(true);
      expect([0, 1, 2, 3, 4, 5].map((page) => leaf(k, last - 512 + page))).toEqual([
        'PTE invalid',
        'PTE invalid',
        'PTE',
        'PTE invalid',
        'PTE',
        'PTE invalid',
      ]);
      expect(k.describeBoot()).toContain('kfence');
    },
  );

  it('is not there without room, and then the direct map counts as one that can be edited', () => {
    const ram = [{ start: GiB, end: GiB + 64 * MiB, type: 'RAM' as const }];
    const page_size = 64 * KiB;
    const k = arm64({ kernel: 'v6.12', page_size, ram, boot: 'rodata=off kfence.sample_interval=1' });
    expect(k.kfence_pool).toBeUndefined();
    expect(k.can_set_direct_map()).toBe(true);
  });
});

describe('crashkernel= without DMA zones', () => {
  const wanted = { kernel: 'v6.1', config: `${NO_KFENCE},ZONE_DMA=n,ZONE_DMA32=n` };

  it('has its range by pages, untagged', () => {
    const k = arm64({ ...wanted, boot: 'rodata=off crashkernel=16M@0x47000000' });
    expect(attributes(k, 0x47000)).toBe('0xe8000000000703');
    expect(leaf(k, 0x48000)).toBe('PMD CONT');
  });

  it('takes the highest place at 2M, if none is asked for', () => {
    const k = arm64({ ...wanted, boot: 'rodata=off crashkernel=16M' });
    expect(attributes(k, (GiB + 176 * MiB) / 4096)).toBe('0xe8000000000703');
  });

  it.each(['16M@0x47000001', '16M@0x40200000', '16M@0x80000000'])('ignores %s, which cannot be', (value) => {
    const k = arm64({ ...wanted, boot: `rodata=off crashkernel=${value}` });
    expect(leaf(k, FREE_BLOCK)).toBe('PMD CONT');
  });
});

describe('page sizes and widths', () => {
  it.each([
    [{ page_size: 4 * KiB, levels: 3 }, 'arm64, 4K pages, 39-bit, 3-level', 'PUD'],
    [{ page_size: 4 * KiB }, 'arm64, 4K pages, 48-bit, 4-level', 'PUD'],
    [{ page_size: 16 * KiB }, 'arm64, 16K pages, 47-bit, 3-level', 'PMD CONT'],
    [{ page_size: 16 * KiB, levels: 2 }, 'arm64, 16K pages, 36-bit, 2-level', 'PMD CONT'],
    [{ page_size: 16 * KiB, levels: 4 }, 'arm64, 16K pages, 48-bit, 4-level', 'PMD CONT'],
    [{ page_size: 64 * KiB }, 'arm64, 64K pages, 48-bit, 3-level', 'PMD'],
    [{ page_size: 64 * KiB, levels: 2 }, 'arm64, 64K pages, 42-bit, 2-level', 'PMD'],
  ])('%o are %s', (machine, name, large) => {
    const k = arm64({ kernel: 'v6.12', ram: 3 * GiB, boot: 'rodata=off', config: NO_KFENCE, ...machine });
    expect(k.format.name).toBe(name);
    expect(leaf(k, (2 * GiB) / machine.page_size)).toBe(large);
  });

  it('has a kernel for 52 bits use 48 on a CPU that has no more', () => {
    const k = arm64({ kernel: 'v6.12', features: { va_bits: 52 } });
    expect(k.format.name).toBe('arm64, 4K pages, 48-bit, 4-level');
    expect(k.page_offset).toBe(-(2 ** 48));
  });

  it('has no 52 bits in small pages before LPA2', () => {
    const features = { va_bits: 52, lva: true };
    expect(() => arm64({ kernel: 'v6.1', features })).toThrow(NotModelledError);
    expect(arm64({ kernel: 'v6.1', page_size: 64 * KiB, ram: GiB, features }).vabits_actual).toBe(52);
  });

  it.each([
    [{ page_size: 8 * KiB }],
    [{ levels: 2 }],
    [{ features: { va_bits: 40 } }],
    [{ features: { va_bits: 39 }, levels: 4 }],
    [{ features: { boot_stage: 4 } }],
    [{ features: { unknown: true } }],
    [{ index_bits: 10 }],
    [{ index_bits: 2, levels: 6 }],
    [{ ram: [{ start: GiB, end: GiB + 2048, type: 'RAM' as const }] }],
    [{ ram: 32 * MiB }],
    [{ index_bits: 1, ram: 2 ** 20 }],
  ])('refuses %o', (machine) => {
    expect(() => arm64({ kernel: 'v6.12', ...machine })).toThrow(InputError);
  });
});

describe('mem=', () => {
  it('leaves the first memory, and the image', () => {
    const few = arm64({ kernel: 'v6.12', boot: 'mem=160M' });
    expect([leaf(few, (GiB + 159 * MiB) / 4096), leaf(few, (GiB + 160 * MiB) / 4096)]).toEqual([
      'PTE',
      'none',
    ]);
    const ram = [
      { start: GiB, end: GiB + 64 * MiB, type: 'RAM' as const },
      { start: 2 * GiB, end: 3 * GiB, type: 'RAM' as const },
    ];
    const less = arm64({ kernel: 'v6.12', ram, boot: 'mem=0x6000000' });
    expect([leaf(less, (2 * GiB + 31 * MiB) / 4096), leaf(less, (2 * GiB + 32 * MiB) / 4096)]).toEqual([
      'PTE',
      'none',
    ]);
  });

  it('must be a size', () => {
    expect(() => arm64({ kernel: 'v6.12', boot: 'mem=much' })).toThrow(InputError);
  });
});

describe('struct pages', () => {
  it.each([
    ['v5.10', {}, '0xfffffdffffe00000'],
    ['v6.12', { va_bits: 52 }, '0xfffffdffc0000000'],
    ['v6.12', { va_bits: 52, lva: true }, '0xffffc1ffc0000000'],
  ])('of %s with %o begin for RAM where a real one has them', (kernel, features, address) => {
    const k = arm64({ kernel, features });
    expect(hexAddress(k.vmemmap! + (GiB / 4096) * 64)).toBe(address);
  });
});

describe('a geometry smaller than the hardware', () => {
  it.each([1, 2, 3])('of %i bits has all of its RAM free, and nothing but it mapped', (index_bits) => {
    for (const kernel of ['v5.10', 'v6.12', 'v7.2']) {
      const pages = 2 ** (3 * index_bits);
      const k = arm64({ kernel, index_bits, ram: pages * 4096, boot: 'rodata=off', config: NO_KFENCE });
      expect([...k.frames.book!.freeRanges()].reduce((sum, { start, end }) => sum + end - start, 0)).toBe(
        pages,
      );
      expect(leaf(k, 0)).toBe('PUD');
      expect(k.page_address(0)).toBe(k.page_offset);
      expect(leafAt(k, k.direct_map.end)).toBe('none');
      expect(k.VMALLOC_START).toBe(k.page_offset / 2);
    }
  });

  it('has contiguous groups of 2 entries at 2 bits, 4 at 3, and none at 1', () => {
    expect(
      [1, 2, 3].map((index_bits) => arm64({ kernel: 'v7.2', index_bits, ram: 8 * 4096 }).CONT_PTES),
    ).toEqual([1, 2, 4]);
  });
});
