import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError, NotModelledError } from '../../../../src/errors.ts';
import { type BootedX86, bootX86, mappedRanges } from '../../../../src/linux/arch/x86/boot.ts';
import { IMAGE_7_2 } from '../../../../src/linux/arch/x86/images.ts';
import { X86 } from '../../../../src/linux/arch/x86/index.ts';
import { image_address } from '../../../../src/linux/arch/x86/kernel/head_64.ts';
import type { X86Kernel } from '../../../../src/linux/arch/x86/x86_kernel.ts';
import { parseConfig } from '../../../../src/linux/config.ts';
import { parseKernelVersion } from '../../../../src/linux/kernels.ts';
import {
  type Machine,
  type MemoryRange,
  type MemoryType,
  memoryFromInclusive,
} from '../../../../src/linux/machine.ts';
import { PageReserved } from '../../../../src/linux/mm/page_flags.ts';
import { walk } from '../../../../src/mmu/walk.ts';
import { KERNELS } from '../../../support/calls.ts';
import { leafAt, leafOf } from '../../../support/machines.ts';
import { bootTablesOf, directMap, linesOf } from '../../../support/x86_core.ts';

const K = 2 ** 10;
const M = 2 ** 20;
const G = 2 ** 30;
const T = 2 ** 40;

type Ranges = readonly (readonly [start: number, end: number])[];

/** QEMU's, with 4 GiB. */
const PC_4G: Ranges = [
  [0, 0x9fc00],
  [M, 0xbffe0000],
  [4 * G, 5 * G],
];

interface Options {
  ram?: Ranges;
  /** What firmware says besides. */
  other?: readonly (readonly [start: number, end: number, type: MemoryType])[];
  levels?: 4 | 5;
  index_bits?: number;
  gbpages?: boolean;
  boot?: string;
  lateEdits?: boolean;
  page_offset?: number;
  phys_base?: number;
}

function machineOf(options: Options): Machine {
  const ram = memoryFromInclusive(
    (options.ram ?? PC_4G).map(([start, end]) => [start, end - 1]),
    'test',
  );
  const other = (options.other ?? []).map(([start, end, type]): MemoryRange => ({ start, end, type }));
  return {
    memory: [...ram, ...other].sort((a, b) => a.start - b.start),
    cpus: 1,
    page_size: 4096,
    paging_levels: options.levels ?? 4,
    index_bits: options.index_bits ?? 9,
    features: { gbpages: options.gbpages ?? true, pcid: false, encryption_bit: undefined },
  };
}

function boot(kernel: string, options: Options = {}): BootedX86 {
  const config = parseConfig([['DEBUG_PAGEALLOC', 'y']], 'test', X86);
  const { lateEdits, page_offset, phys_base } = options;
  return bootX86({
    version: parseKernelVersion(kernel, 'test', X86),
    machine: machineOf(options),
    config,
    boot: X86.parseBoot(options.boot ?? '', config, 'test'),
    ...(lateEdits === undefined ? {} : { lateEdits }),
    ...(page_offset === undefined ? {} : { page_offset }),
    ...(phys_base === undefined ? {} : { phys_base }),
  });
}

/** Frames that the direct map maps, with how often. A frame at the wrong address is an error. */
function mappedFrames(k: X86Kernel): Map<number, number> {
  const frames = new Map<number, number>();
  for (const run of walk(k.memory, k.format, k.root)) {
    if (run.kind === 'hole') continue;
    expect(run.kind).toBe('leaf');
    if (run.address >= -(2 ** 31) && k.machine.index_bits === 9) continue;
    const reach = k.pgdir_size * k.ptrs_per_table;
    const offset = run.address - k.page_offset;
    expect(offset - Math.floor(offset / reach) * reach).toBe(run.frame * 4096);
    for (let page = run.frame; page < run.frame + run.pages; page++) {
      frames.set(page, (frames.get(page) ?? 0) + 1);
    }
  }
  return frames;
}

function wholePages(ram: Ranges): number[] {
  return ram.flatMap(([start, end]) => {
    const first = Math.ceil(start / 4096);
    return Array.from({ length: Math.max(0, Math.floor(end / 4096) - first) }, (_, i) => first + i);
  });
}

const counts = (k: X86Kernel) => k.direct_pages_count.toArray().slice(1, 4);

describe('the direct map of a PC with 4 GiB', () => {
  it.each(KERNELS)('is by 1G, 2M and 4K as aligned RAM allows (%s)', (kernel) => {
    const { kernel: k } = boot(kernel, { lateEdits: false });
    const [rw4K, rwLarge] = ['0x8000000000000163', '0x80000000000001e3'];
    expect(leafOf(k, 0)).toEqual({ level: 1, flags: rw4K, frame: 0 });
    expect(leafOf(k, 0x1ff)).toEqual({ level: 1, flags: rw4K, frame: 0x1ff });
    expect(leafOf(k, 0x200)).toEqual({ level: 2, flags: rwLarge, frame: 0x200 });
    expect(leafOf(k, 0x40000)).toEqual({ level: 3, flags: rwLarge, frame: 0x40000 });
    expect(leafOf(k, 0x80000)).toEqual({ level: 2, flags: rwLarge, frame: 0x80000 });
    expect(leafOf(k, 0xbfe00)).toEqual({ level: 1, flags: rw4K, frame: 0xbfe00 });
    expect(leafOf(k, 0xbffe0)).toBeUndefined();
    expect(leafOf(k, 0x100000)).toEqual({ level: 3, flags: rwLarge, frame: 0x100000 });
    expect(leafOf(k, 0x140000)).toBeUndefined();
  });

  it('is counted as the kernel counts: the last gigabyte three times', () => {
    const { kernel: k } = boot('v7.2', { lateEdits: false });
    expect(counts(k)).toEqual([512 + 480, 511 + 511, 1 + 3]);
    expect(k.pfn_mapped).toEqual([
      { start: 0, end: 0xbffe0 },
      { start: 0x100000, end: 0x140000 },
    ]);
    expect(k.max_pfn_mapped).toBe(0x140000);
  });

  it('is not undone, and does not fill the journal', () => {
    const { kernel: k } = boot('v7.2');
    const hash = k.memory.hash;
    expect(k.memory.mark()).toBe(0);
    k.undo(k.mark());
    expect(k.memory.hash).toBe(hash);
  });

  it('is booted by the time that init starts, and not before', () => {
    const { kernel: early } = boot('v6.12', { lateEdits: false });
    expect([early.system_state, early.after_bootmem, early.kernel_set_to_readonly]).toEqual([
      'BOOTING',
      true,
      false,
    ]);
    const { kernel: k } = boot('v6.12');
    expect([k.system_state, k.after_bootmem, k.kernel_set_to_readonly]).toEqual(['RUNNING', true, true]);
  });

  it('leaves free what is neither the image, nor a table, nor below 1M', () => {
    const { kernel: k, free } = boot('v7.2');
    expect(free).toEqual([
      { start: 0x100, end: 0x1000 },
      { start: 0x4211, end: 0xbffe0 },
      { start: 0x100000, end: 0x13fffe },
    ]);
    expect(PageReserved(k, 0x13ffff)).toBe(true);
    expect(PageReserved(k, 0x13fffd)).toBe(false);
    expect(PageReserved(k, IMAGE_7_2.etext / 4096)).toBe(false); // the gap behind the text, freed
  });

  it('has ACPI tables and holes of all kinds left out', () => {
    const { kernel: k } = boot('v7.2', {
      ram: [
        [0, 0x9fc00],
        [M, 0x7ff00000],
        [4 * G, 5 * G],
      ],
      other: [
        [0x7ff00000, 0x7ff40000, 'ACPI'],
        [0x7ff40000, 0x7ff80000, 'NVS'],
        [0xfec00000, 0xfec01000, 'RESERVED'],
      ],
    });
    expect(leafOf(k, 0x7feff)!.level).toBe(1);
    for (const pfn of [0x7ff00, 0x7ff40, 0x7ff80, 0xfec00]) expect(leafOf(k, pfn)).toBeUndefined();
  });
});

describe('options of the command line', () => {
  it('nogbpages: no 1G, and page 0 is marked as 4K by v7.2', () => {
    for (const kernel of KERNELS) {
      const { kernel: k } = boot(kernel, { boot: 'nogbpages' });
      expect(leafOf(k, 0x40000)!.level).toBe(2);
      expect(k.direct_gbpages).toBe(false);
      const mark = kernel.startsWith('v7') ? '0x8000000000000963' : '0x8000000000000163';
      expect(leafOf(k, 0)!.flags).toBe(mark);
      expect(leafOf(k, 1)!.flags).toBe('0x8000000000000163');
    }
  });

  it('a CPU without 1G pages is as nogbpages', () => {
    const { kernel: k } = boot('v7.2', { gbpages: false });
    expect(leafOf(k, 0)!.flags).toBe('0x8000000000000963');
    expect(counts(k)[2]).toBe(0);
  });

  it('pti=on: nothing is global, and freed parts of the image are not mapped there', () => {
    const { kernel: k } = boot('v7.2', { boot: 'pti=on' });
    const at = (physical: number) => leafAt(k, image_address(k, physical))!.flags;
    expect(leafOf(k, 0)!.flags).toBe('0x8000000000000063');
    expect(leafOf(k, 0x200)!.flags).toBe('0x80000000000000e3');
    expect(leafOf(k, 0x40000)!.flags).toBe('0x80000000000000e3');
    expect(leafOf(k, 0x1000)!.flags).toBe('0x80000000000000a1');
    expect(at(IMAGE_7_2.text)).toBe('0xa1');
    expect(at(IMAGE_7_2.etext)).toBe('0x8000000000000022');
    expect(leafOf(k, IMAGE_7_2.etext / 4096)!.flags).toBe('0x8000000000000063');
    expect(at(IMAGE_7_2.sdata)).toBe('0x80000000000000e3');
  });

  it('rodata=off: text stays writable and executable', () => {
    const { kernel: k } = boot('v6.1', { boot: 'rodata=off' });
    expect(leafAt(k, image_address(k, 0x1000000))!.flags).toBe('0x1e3');
    expect(leafOf(k, 0x1000)!.flags).toBe('0x80000000000001e3');
    expect(k.kernel_set_to_readonly).toBe(false);
  });

  it('debug_pagealloc=on: only 4K, and what is free is not present', () => {
    const ram: Ranges = [
      [0, 0x9fc00],
      [M, 128 * M],
    ];
    const { kernel: k } = boot('v6.12', { ram, boot: 'debug_pagealloc=on' });
    expect(counts(k)).toEqual([256 + 127 * 256, 0, 0]);
    expect(leafOf(k, 0x5000)!.flags).toBe('0x8000000000000020');
    expect(leafOf(k, 0)!.flags).toBe('0x8000000000000163');
    expect(leafOf(k, IMAGE_7_2.text / 4096)!.flags).toBe('0x8000000000000121');
    expect(k.debug_pagealloc_key).toBe(true);
  });

  it('movable_node: the same map, with tables next to the image', () => {
    const [up, down] = ['movable_node', ''].map(
      (cmdline) => boot('v7.2', { boot: cmdline, lateEdits: false }).kernel,
    );
    const lines = (k: X86Kernel) => linesOf(k.memory, k.root, k.format, directMap(k.page_offset));
    expect(lines(up!)).toEqual(lines(down!));
    const tables = bootTablesOf(up!.memory, up!.root, up!.format, directMap(up!.page_offset));
    expect(tables.every((line) => / -> 42[01].000 /.test(line))).toBe(true);
  });

  it('no5lvl: 4 levels on a machine with 5', () => {
    const { kernel: k } = boot('v7.2', { levels: 5, boot: 'no5lvl' });
    expect(k.format.levels).toBe(4);
  });
});

describe('tables', () => {
  const tables = (k: X86Kernel) => bootTablesOf(k.memory, k.root, k.format, directMap(k.page_offset));

  it('come from the brk area first, then from the highest free page', () => {
    const { kernel: k } = boot('v7.2', { boot: 'nokaslr' });
    expect(tables(k)).toEqual([
      '0xffff888000000000 PGD -> 4201000 67',
      '0xffff888000000000 PUD -> 4202000 67',
      '0xffff888000000000 PMD -> 4203000 67',
      '0xffff888080000000 PUD -> 13ffff000 67',
      '0xffff8880bfe00000 PMD -> 13fffe000 67',
    ]);
  });

  it('are one more for the trampoline with KASLR, or two with 5 levels', () => {
    const { kernel: k } = boot('v7.2', { boot: 'nogbpages' });
    expect(tables(k)).toContain('0xffff888100000000 PUD -> 4205000 67');
    const { kernel: five } = boot('v7.2', { boot: 'nogbpages', levels: 5 });
    expect(tables(five)).toContain('0xff11000100000000 PUD -> 4207000 67');
  });

  it('make a chain of four below the root with 5 levels', () => {
    const { kernel: k } = boot('v6.12', { levels: 5, boot: 'nokaslr' });
    expect(k.page_offset).toBe(Number(BigInt.asIntN(64, 0xff11000000000000n)));
    expect(tables(k).slice(0, 4)).toEqual([
      '0xff11000000000000 PGD -> 3c01000 67',
      '0xff11000000000000 P4D -> 3c02000 67',
      '0xff11000000000000 PUD -> 3c03000 67',
      '0xff11000000000000 PMD -> 3c04000 67',
    ]);
    expect(k.memory.word(k.root + 273 * 8)).toBe(0x3c01067n);
    expect(leafAt(k, image_address(k, 0x1000000))).toEqual({ level: 2, flags: '0x1a1', frame: 0x1000 });
  });

  it('follow the direct map to where KASLR has put it, by 1G', () => {
    const page_offset = Number(BigInt.asIntN(64, 0xffff8b5b80000000n));
    const { kernel: k } = boot('v6.12', { page_offset });
    const { kernel: usual } = boot('v6.12', {});
    for (const pfn of [0, 0x200, 0x1000, 0x40000, 0xbfe00, 0xbffe0, 0x100000, 0x13ffff]) {
      expect(leafOf(k, pfn)).toEqual(leafOf(usual, pfn));
    }
    expect(counts(k)).toEqual(counts(usual));
  });
});

describe('a direct map or an image at an impossible place', () => {
  it('is refused', () => {
    const page_offset = Number(BigInt.asIntN(64, 0xffff888000200000n));
    expect(() => boot('v7.2', { page_offset })).toThrow(
      /0xffff888000200000 is out of range: expected a multiple of 1G/,
    );
    expect(() => boot('v7.2', { phys_base: 17 * M })).toThrow(/phys_base 17825792 is out of range/);
  });
});

describe('a machine without a free 2M', () => {
  /** Room for the image and hardly more. */
  const ram: Ranges = [
    [0, 0x9fc00],
    [M, M + 512 * K],
    [16 * M, IMAGE_7_2.end],
  ];
  const withAnother: Ranges = [...ram, [79 * M, 80 * M]];

  it.each(KERNELS)('is mapped all the same (%s)', (kernel) => {
    const { kernel: k } = boot(kernel, { ram: withAnother, lateEdits: false });
    const frames = mappedFrames(k);
    for (const pfn of wholePages(withAnother)) expect(frames.get(pfn)).toBe(1);
  });

  it('is mapped from the first 2M before v6.1, from the end since', () => {
    const [old, young] = ['v5.11', 'v6.1'].map(
      (kernel) => boot(kernel, { ram: withAnother, boot: 'nokaslr' }).kernel,
    );
    const firstTable = (k: X86Kernel) =>
      bootTablesOf(k.memory, k.root, k.format, directMap(k.page_offset)).at(-1);
    expect(firstTable(old!)).toBe('0xffff888004e00000 PMD -> 4004000 67');
    expect(firstTable(young!)).toBe('0xffff888004e00000 PMD -> 4404000 67');
  });

  it('dies where its tables have no room', () => {
    const die = () => boot('v7.2', { ram, boot: 'debug_pagealloc=on' });
    expect(die).toThrow(InputError);
    expect(die).toThrow(/can not alloc memory/);
  });

  it('dies since v6.1 where the brk area has to be mapped before anything else', () => {
    const withOnePage: Ranges = [...ram, [80 * M, 80 * M + 4 * K]];
    expect(() => boot('v5.11', { ram: withOnePage })).not.toThrow();
    expect(() => boot('v7.2', { ram: withOnePage })).toThrow(/alloc_low_pages: can not alloc memory/);
  });
});

describe('a machine with 64 TiB and 5 levels', () => {
  it('boots with hardly more tables than gigabytes / 512', () => {
    const { kernel: k } = boot('v7.2', {
      levels: 5,
      ram: [
        [0, 0x9fc00],
        [M, 3 * G],
        [4 * G, 64 * T],
      ],
    });
    expect(k.memory.pagesHeld).toBeLessThan(200);
    expect(counts(k)[2]).toBe(2 + (64 * 1024 - 4) + 2);
    expect(leafOf(k, (64 * T) / 4096 - 1)).toMatchObject({ level: 3, frame: (63 * T + 1023 * G) / 4096 });
  });
});

describe('mappedRanges', () => {
  it('are those of a booted kernel', () => {
    const { kernel: k } = boot('v6.1');
    const found = mappedRanges(k.machine, k.version, k.config, k.boot);
    expect(found).toEqual({ pfn_mapped: k.pfn_mapped, max_pfn_mapped: k.max_pfn_mapped });
  });
});

describe('geometries smaller than the hardware', () => {
  const small: Ranges = [
    [0, 0x9fc00],
    [M, 2 * M + 512 * K + 12 * K],
  ];

  it.each(['', 'debug_pagealloc=on', 'nogbpages', 'movable_node'])(
    'map each frame of a few MiB once (index bits 2, 5 levels, "%s")',
    (cmdline) => {
      const { kernel: k } = boot('v7.2', {
        ram: small,
        index_bits: 2,
        levels: 5,
        boot: cmdline,
        lateEdits: false,
      });
      if (cmdline === 'debug_pagealloc=on') return;
      const frames = mappedFrames(k);
      expect([...frames.values()].every((times) => times === 1)).toBe(true);
      for (const pfn of wholePages(small)) expect(frames.get(pfn)).toBe(1);
      expect(frames.size).toBe(256 + 256 + 128 + 3);
    },
  );

  it('count their leaves exactly but for those that are come by again', () => {
    const { kernel: k } = boot('v7.2', { ram: small, index_bits: 2, levels: 5, boot: 'debug_pagealloc=on' });
    expect(counts(k)).toEqual([256 + 256 + 128 + 3, 0, 0]);
  });

  it.each([
    [1, 4, 48 * K],
    [1, 5, 96 * K],
    [2, 4, 0x9f000],
  ] as const)('leave all RAM but page 0 free (index bits %d, %d levels)', (index_bits, levels, end) => {
    const { kernel: k, free } = boot('v6.12', { ram: [[0, end]], index_bits, levels });
    expect(free).toEqual([{ start: 1, end: end / 4096 }]);
    const frames = mappedFrames(k);
    for (const pfn of wholePages([[0, end]])) expect(frames.get(pfn)).toBe(1);
  });

  it('refuse RAM that their tables do not reach, and an image', () => {
    expect(() => boot('v7.2', { ram: [[0, 64 * K]], index_bits: 1 })).toThrow(/at most 0xc000/);
    const withImage = () =>
      bootX86({
        version: parseKernelVersion('v7.2', 'test', X86),
        machine: machineOf({ ram: [[0, 48 * K]], index_bits: 1 }),
        config: parseConfig([], 'test', X86),
        boot: X86.parseBoot('', parseConfig([], 'test', X86), 'test'),
        image: IMAGE_7_2,
      });
    expect(withImage).toThrow(NotModelledError);
  });
});

describe('KFENCE at boot', () => {
  const sampling = 'kfence.sample_interval=100';

  it('has 2M of reserved memory, of which every other page is not present', () => {
    for (const kernel of ['v6.1', 'v6.12', 'v7.2']) {
      const { kernel: k, free } = boot(kernel, { boot: sampling });
      const { start, end } = k.kfence_pool!;
      expect([end - start, k.kfence.get().enabled]).toEqual([512, true]);
      expect(free.some((range) => start < range.end && end > range.start)).toBe(false);
      const present = Array.from({ length: 512 }, (_, page) => k.translate(k.page_address(start + page)));
      const guard = (page: number) => page === 0 || page % 2 === 1;
      expect(present.map((leaf) => leaf === undefined)).toEqual(present.map((_, page) => guard(page)));
      expect(new Set(present.map((leaf) => leaf?.level))).toEqual(new Set([undefined, 1]));
      expect(PageReserved(k, start)).toBe(true);
    }
  });

  it('is not there unless it is wanted, before v5.12, and where there is no room', () => {
    expect(boot('v7.2').kernel.kfence_pool).toBeUndefined();
    expect(boot('v5.10', { boot: sampling }).kernel.kfence_pool).toBeUndefined();
    const small = boot('v7.2', { ram: [[0, 48 * K]], index_bits: 1, boot: sampling }).kernel;
    expect([small.kfence_pool, small.kfence.get().enabled]).toEqual([undefined, false]);
  });
});

describe('any memory map', () => {
  it('is mapped once as a whole, and above 1M nothing else is', () => {
    const region = fc.tuple(fc.integer({ min: 1, max: 4096 }), fc.integer({ min: 1, max: 3000 }));
    fc.assert(
      fc.property(
        fc.constantFrom(...KERNELS),
        fc.array(region, { maxLength: 5 }),
        fc.constantFrom('', 'nogbpages', 'movable_node'),
        (kernel, regions, cmdline) => {
          let at = 80 * M;
          const ram: [number, number][] = [
            [0, 0x9fc00],
            [M, 79 * M],
          ];
          for (const [hole, pages] of regions) {
            at += hole * 1020 * K;
            ram.push([at, at + pages * 1000 * 4 * K]);
            at += pages * 1000 * 4 * K;
          }
          const { kernel: k } = boot(kernel, { ram, boot: cmdline, lateEdits: false });
          const isRam = (start: number, end: number) => ram.some(([from, to]) => from <= start && end <= to);
          let mapped = 0;
          for (const run of walk(k.memory, k.format, k.root, { range: directMap(k.page_offset) })) {
            if (run.kind === 'hole') continue;
            expect(run.address - k.page_offset).toBe(run.frame * 4096);
            const [start, end] = [run.frame * 4096, (run.frame + run.pages) * 4096];
            if (start >= M) expect(isRam(start, end)).toBe(true);
            mapped += run.pages - (start < M ? (Math.min(end, M) - start) / 4096 : 0);
          }
          const pages = ram.slice(1).reduce((sum, [start, end]) => sum + (end - start) / 4096, 0);
          expect(mapped).toBe(pages);
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);
});
