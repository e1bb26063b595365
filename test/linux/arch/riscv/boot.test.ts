import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError, NotModelledError } from '../../../../src/errors.ts';
import { bootRiscv } from '../../../../src/linux/arch/riscv/boot.ts';
import { RISCV } from '../../../../src/linux/arch/riscv/index.ts';
import type { RiscvKernel } from '../../../../src/linux/arch/riscv/riscv_kernel.ts';
import { __kfence_alloc, kfence_enable_late } from '../../../../src/linux/mm/kfence/core.ts';
import { PageReserved } from '../../../../src/linux/mm/page_flags.ts';
import { hexAddress } from '../../../../src/mmu/format.ts';
import { walk } from '../../../../src/mmu/walk.ts';
import { call, KERNELS, lines, refuse, watch } from '../../../support/calls.ts';
import { bootMachine, bootOptions, GiB, leafAt, leafOf, type MachineOptions, MiB } from './support.ts';

const OUTSIDE = ['v6.1', 'v6.12', 'v7.2'];
const BY_BANK = ['v5.10', 'v5.11', 'v6.1'];
const BY_CHUNK = ['v6.12', 'v7.2'];

/** v6.1 as it was released: the stable kernel has these fixes of v6.4 to v6.10. */
const GA_6_1 = 'v6.1~set-memory-splits~kernel-map-pages-atomic~present-tests-leaves~default-resets-exec';

/** 64 MiB of a bank that nothing is in. */
const DATA = (0x80000000 + 256 * MiB) / 4096;

/** Frames that the direct map maps, with how often. A frame at the wrong address is an error. */
function mappedFrames(k: RiscvKernel): Map<number, number> {
  const frames = new Map<number, number>();
  for (const run of walk(k.memory, k.format, k.root, { range: k.kernel_range })) {
    if (run.kind === 'hole' || run.address < k.page_offset) continue;
    expect(run.kind).toBe('leaf');
    expect(run.address).toBe(k.page_address(run.frame));
    for (let pfn = run.frame; pfn < run.frame + run.pages; pfn++) frames.set(pfn, (frames.get(pfn) ?? 0) + 1);
  }
  return frames;
}

describe('where the direct map begins', () => {
  it.each([
    ['v5.10', 3, '0xffffffe000000000', 0x80200000],
    ['v5.11', 3, '0xffffffe000000000', 0x80200000],
    ['v6.1', 3, '0xffffffd800000000', 0x80200000],
    ['v6.1', 4, '0xffffaf8000000000', 0x80200000],
    ['v6.1', 5, '0xff60000000000000', 0x80200000],
    ['v6.12', 3, '0xffffffd600000000', 0x80000000],
    ['v6.12', 4, '0xffffaf8000000000', 0x80000000],
    ['v7.2', 5, '0xff60000000000000', 0x80000000],
  ] as const)('on %s with %i levels is %s, for 0x%x', (kernel, levels, address, physical) => {
    const k = bootMachine(kernel, { levels });
    expect(hexAddress(k.page_offset)).toBe(address);
    expect(hexAddress(k.page_address(physical / 4096))).toBe(address);
    expect(k.direct_map).toEqual({
      start: k.page_address(physical / 4096),
      end: k.page_address((0x80000000 + GiB) / 4096),
    });
  });

  it('is below 2M-aligned RAM where that is not aligned itself', () => {
    const k = bootMachine('v7.2', { ram: [[0x80060000, 0x80000000 + GiB]] });
    expect(k.page_address(0x80000)).toBe(k.page_offset);
    expect(leafOf(k, 0x80060)).toBe('PTE e7');
    expect(leafOf(k, 0x8005f)).toBe('none');
  });

  it.each(BY_BANK)('has no RAM below the kernel before it, on %s', (kernel) => {
    const { kernel: k, free } = bootRiscv(bootOptions(kernel));
    expect(leafOf(k, 0x80000)).toBe('none');
    expect(free[0]!.start).toBeGreaterThan(0x80200);
  });
});

describe('the depth of paging', () => {
  it.each([
    ['v5.10', 5, '', 'Sv39'],
    ['v6.1', 5, '', 'Sv57'],
    ['v6.1', 5, 'no4lvl', 'Sv57'],
    ['v6.12', 5, 'no4lvl', 'Sv39'],
    ['v7.2', 5, 'no5lvl', 'Sv48'],
    ['v7.2', 4, '', 'Sv48'],
    ['v7.2', 3, 'no5lvl', 'Sv39'],
  ] as const)('on %s with %i levels and "%s" is %s', (kernel, levels, boot, mode) => {
    expect(bootMachine(kernel, { levels, boot }).describeMachine()).toEqual([mode]);
  });
});

describe('leaves', () => {
  it.each(BY_BANK)(
    'are of 2M for a bank that is 2M-aligned at both ends, else all of 4K, on %s',
    (kernel) => {
      const rw = kernel === 'v6.1' ? 'e7' : 'c7';
      expect(leafOf(bootMachine(kernel, { levels: 3, ram: 4 * GiB }), DATA)).toBe(`PMD ${rw}`);
      expect(leafOf(bootMachine(kernel, { levels: 3, ram: 512 * MiB + 4096 }), DATA)).toBe(`PTE ${rw}`);
    },
  );

  it.each(BY_CHUNK)('are the largest that fit at each place, on %s', (kernel) => {
    const ram = 4 * GiB + 4 * MiB + 8192;
    const at = (k: RiscvKernel, bytes: number) => leafOf(k, (0x80000000 + bytes) / 4096);
    const sv48 = bootMachine(kernel, { levels: 4, ram, config: 'KFENCE=n' });
    expect(at(sv48, 0)).toBe('PMD e7');
    expect(at(sv48, GiB)).toBe('PUD e7');
    expect(at(sv48, 4 * GiB)).toBe('PMD e7');
    expect(at(sv48, 4 * GiB + 4 * MiB)).toBe('PTE e7');
    // With 3 levels, those of 1G would be in the top table.
    const sv39 = bootMachine(kernel, { levels: 3, ram, config: 'KFENCE=n' });
    expect(at(sv39, GiB)).toBe('PMD e7');
  });

  it.each(BY_CHUNK)('are of 512G on %s with Sv57, if RAM begins at a multiple of that', (kernel) => {
    const options: MachineOptions = { levels: 5, config: 'KFENCE=n' };
    const aligned = bootMachine(kernel, { ...options, ram: [[0, 1536 * GiB]] });
    expect(leafOf(aligned, (512 * GiB) / 4096)).toBe('P4D e7');
    const usual = bootMachine(kernel, { ...options, ram: [[0x80000000, 1536 * GiB]] });
    expect(leafOf(usual, (512 * GiB) / 4096)).toBe('PUD e7');
  });

  it.each(BY_CHUNK)('around text and rodata are of their own, on %s', (kernel) => {
    const k = bootMachine(kernel, { levels: 4, ram: 4 * GiB, lateEdits: false });
    const { text, start_rodata } = k.sections!;
    expect(leafOf(k, text / 4096)).toBe('PMD e3');
    expect(leafOf(k, start_rodata / 4096)).toBe('PMD e7');
    const plain = bootMachine(kernel, { levels: 4, ram: 4 * GiB, config: 'STRICT_KERNEL_RWX=n' });
    expect(leafOf(plain, text / 4096)).toBe('PUD e7');
  });
});

describe('protections', () => {
  it.each(['v5.10', 'v5.11'])('are all open at first on %s, and by whole leaves then', (kernel) => {
    const fresh = bootMachine(kernel, { lateEdits: false });
    expect([...new Set([0x80200, 0x80400, 0x80600, DATA].map((pfn) => leafOf(fresh, pfn)))]).toEqual([
      'PMD cf',
    ]);
    const k = bootMachine(kernel);
    expect([0x80200, 0x80400, 0x80600, 0x80a00, DATA].map((pfn) => leafOf(k, pfn))).toEqual([
      'PMD cf',
      'PMD cb',
      'PMD c3',
      'PMD c7',
      'PMD c7',
    ]);
  });

  it.each(OUTSIDE)('never let the direct map execute on %s, nor write text and rodata', (kernel) => {
    const k = bootMachine(kernel);
    const { text, start_rodata, init_begin } = k.sections!;
    expect(leafOf(k, text / 4096)).toBe('PMD e3');
    expect(leafOf(k, start_rodata / 4096)).toBe('PMD e3');
    expect(leafOf(k, init_begin / 4096)).toBe('PMD e7');
    expect(leafAt(k, k.image_address(text / 4096))).toBe('PMD eb');
    expect(leafAt(k, k.image_address(start_rodata / 4096))).toBe('PMD e3');
    expect(leafAt(k, k.image_address(init_begin / 4096))).toBe('PMD e3');
  });

  it.each(OUTSIDE)('of rodata stay as they were with rodata=off, on %s', (kernel) => {
    const k = bootMachine(kernel, { boot: 'rodata=off' });
    expect(leafOf(k, k.sections!.start_rodata / 4096)).toBe('PMD e7');
  });

  it.each(OUTSIDE)('are one without STRICT_KERNEL_RWX, on %s', (kernel) => {
    const k = bootMachine(kernel, { config: 'STRICT_KERNEL_RWX=n', levels: 3 });
    expect(leafOf(k, k.sections!.text / 4096)).toBe('PMD e7');
    expect(leafAt(k, k.image_address(k.sections!.text / 4096))).toBe('PMD ef');
  });
});

describe('debug_pagealloc=on', () => {
  it.each(BY_CHUNK)('maps all by 4K on %s, and leaves what is free unmapped', (kernel) => {
    const { kernel: k, free } = bootRiscv(
      bootOptions(kernel, { boot: 'debug_pagealloc=on', ram: 128 * MiB }),
    );
    expect(leafOf(k, free.at(-1)!.start)).toBe('PTE e6');
    expect(leafOf(k, k.sections!.text / 4096)).toBe('PTE e3');
    expect(k.translate(k.page_address(k.root / 4096))).toBeDefined();
  });

  it('changes nothing on v6.1.192: the fix of one of two bugs came without the other', () => {
    const options = bootOptions('v6.1', { boot: 'debug_pagealloc=on', levels: 3 });
    const { kernel: k } = bootRiscv(options);
    expect(leafOf(k, DATA)).toBe('PMD e7');
    expect(k.once.has('apply_to_pmd_range leaf')).toBe(true);
  });

  it.each(['v5.10', 'v5.11', GA_6_1])(
    'is the end of %s: free pages take their neighbours with them',
    (kernel) => {
      const boot = () => bootMachine(kernel, { boot: 'debug_pagealloc=on', levels: 3 });
      expect(boot).toThrow(InputError);
      expect(boot).toThrow(/has unmapped 0x[0-9a-f]+, which is in use/);
    },
  );

  it('with one fix and not the other still does not work, whichever it is', () => {
    const atomicOnly = bootMachine('v6.12~debug-pagealloc-forces-pages', {
      boot: 'debug_pagealloc=on',
      levels: 3,
      ram: 128 * MiB,
    });
    expect(leafOf(atomicOnly, (0x80000000 + 64 * MiB) / 4096)).toBe('PMD e7');
    const pagesOnly = bootMachine('v6.12~kernel-map-pages-atomic', {
      boot: 'debug_pagealloc=on',
      config: 'DEBUG_PAGEALLOC=y,DEBUG_ATOMIC_SLEEP=y',
      levels: 3,
      ram: 128 * MiB,
    });
    pagesOnly.irqs_disabled[0] = 1;
    const { events } = watch(pagesOnly, pagesOnly.__kernel_map_pages(0x84000, 1, 0));
    expect(lines(events).join()).toContain('sleeping function');
  });
});

describe("KFENCE's pool", () => {
  const boot = 'kfence.sample_interval=100';

  it.each(BY_CHUNK)('is mapped by 4K since boot on %s, wanted or not', (kernel) => {
    const plain = bootMachine(kernel, { ram: 2 * GiB });
    expect(plain.kfence_pool).toBeUndefined();
    const wanted = bootMachine(kernel, { ram: 2 * GiB, boot });
    const { start, end } = wanted.kfence_pool!;
    expect(end - start).toBe(512);
    expect(PageReserved(wanted, start)).toBe(true);
    // Two guards, an object, a guard, and so on.
    const at = (k: RiscvKernel) => [0, 1, 2, 3, 510, 511].map((page) => leafOf(k, start + page));
    expect(at(wanted)).toEqual(['PTE e6', 'PTE e6', 'PTE e7', 'PTE e6', 'PTE e7', 'PTE e6']);
    expect(new Set(at(plain))).toEqual(new Set(['PTE e7']));
    expect(leafOf(bootMachine(kernel, { ram: 2 * GiB, config: 'KFENCE=n' }), start)).toMatch(/PMD|PUD/);
    expect(call(wanted.arch_kfence_init_pool({ start, end }))).toBe(true);
  });

  it.each(BY_CHUNK)('is there for who turns KFENCE on later, and nobody initialises it, on %s', (kernel) => {
    const k = bootMachine(kernel, { ram: 2 * GiB });
    const { value, events } = watch(k, kfence_enable_late(k));
    expect([value, lines(events)]).toEqual([0, ['kfence: re-enabled']]);
    expect(call(__kfence_alloc(k))).toBeUndefined();
  });

  it('is cut out of 2M leaves on v6.1, which can fail', () => {
    const k = bootMachine('v6.1', { levels: 3, ram: 2 * GiB, boot });
    const { start } = k.kfence_pool!;
    expect([1, 2].map((page) => leafOf(k, start + page))).toEqual(['PTE e6', 'PTE e7']);
    const range = { start: DATA, end: DATA + 513 };
    expect(call(k.arch_kfence_init_pool(range), refuse(2))).toBe(false);
    expect([DATA, DATA + 512].map((pfn) => leafOf(k, pfn))).toEqual(['PTE e7', 'PMD e7']);
    expect(call(k.arch_kfence_init_pool(range))).toBe(true);
    expect(leafOf(k, DATA + 512)).toBe('PTE e7');
  });

  it('loses the rights that a 2M leaf had when it is cut out of it, on v6.1', () => {
    const k = bootMachine('v6.1', { levels: 3 });
    call(k.set_memory_ro(k.page_address(DATA), 512));
    expect(leafOf(k, DATA)).toBe('PMD e3');
    call(k.arch_kfence_init_pool({ start: DATA, end: DATA + 1 }));
    expect(leafOf(k, DATA)).toBe('PTE e7');
  });

  it.each([
    ['v6.1', 'all'],
    ['v6.12', 'local'],
    ['v7.2', 'local'],
  ] as const)('has its pages taken out one by one on %s, and translations dropped: %s', (kernel, cpus) => {
    const k = bootMachine(kernel, { levels: 3, boot });
    const object = k.kfence_pool!.start + 2;
    const { events } = watch(k, k.kfence_protect_page(k.page_address(object), true));
    expect([object, object + 2].map((pfn) => leafOf(k, pfn))).toEqual(['PTE e6', 'PTE e7']);
    expect(events).toContainEqual(expect.objectContaining({ kind: 'flush', cpus }));
    call(k.kfence_protect_page(k.page_address(object), false));
    expect(leafOf(k, object)).toBe('PTE e7');
  });

  it('must be mapped by 4K: of a 2M leaf, memory is taken for the PTE', () => {
    const k = bootMachine('v7.2', { levels: 3 });
    expect(() => call(k.kfence_protect_page(k.page_address(DATA), true))).toThrow(NotModelledError);
  });

  it('is none on v5.10', () => {
    const k = bootMachine('v5.10', { boot });
    expect(k.kfence_pool).toBeUndefined();
    expect(() => call(k.arch_kfence_init_pool({ start: DATA, end: DATA + 2 }))).toThrow(NotModelledError);
  });
});

describe('a machine made up to be small', () => {
  const levels = fc.constantFrom(3 as const, 4 as const, 5 as const);

  it.each(KERNELS)('has every page of RAM in its direct map once, by whatever leaves, on %s', (kernel) => {
    fc.assert(
      fc.property(
        levels,
        fc.integer({ min: 1, max: 3 }),
        fc.infiniteStream(fc.nat()),
        (deep, bits, numbers) => {
          const reach = 2 ** (3 * bits);
          const next = (max: number) => (numbers.next().value as number) % max;
          const first = next(reach - 1);
          const last = first + 1 + next(reach - first - 1);
          const ram = [[first * 4096, last * 4096]] as const;
          const k = bootMachine(kernel, { levels: deep, index_bits: bits, ram });
          const from = k.direct_map.start;
          const frames = mappedFrames(k);
          const expected = Array.from({ length: last - first }, (_, i) => first + i);
          expect([...frames.keys()].sort((a, b) => a - b)).toEqual(expected);
          expect(new Set(frames.values())).toEqual(new Set([1]));
          expect(from).toBe(k.page_address(first));
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each(KERNELS)('gives all of its RAM to the page allocator, on %s', (kernel) => {
    const { free } = bootRiscv(bootOptions(kernel, { index_bits: 2, ram: 0x10000 }));
    expect(free).toEqual([{ start: 0, end: 16 }]);
  });

  it.each(KERNELS)('is edited and put right again under debug_pagealloc, on %s', (kernel) => {
    const k = bootMachine(kernel, { index_bits: 2, ram: 0x10000, boot: 'debug_pagealloc=on' });
    const pfn = k.frames.allocate(0, undefined)!;
    call(k.__kernel_map_pages(pfn, 1, 1));
    expect(k.translate(k.page_address(pfn))).toBeDefined();
  });

  it('has vmalloc behind its direct map', () => {
    const k = bootMachine('v7.2', { index_bits: 2, levels: 3, ram: 0x10000 });
    expect(k.VMALLOC_START).toBe(k.page_offset + 48 * 4096);
    expect(k.VMALLOC_END).toBe(k.kernel_range.end);
    expect(k.is_vmalloc_or_module_addr(k.VMALLOC_START)).toBe(true);
    expect(k.is_vmalloc_or_module_addr(k.direct_map.end - 4096)).toBe(false);
  });

  it('cannot have more RAM than its tables can map', () => {
    expect(() => bootMachine('v7.2', { index_bits: 1, levels: 3, ram: 0x9000 })).toThrow(InputError);
  });
});

describe('a CPU of T-Head', () => {
  it.each(OUTSIDE)('has memory types of its own in every entry of 3 levels, on %s', (kernel) => {
    const k = bootMachine(kernel, { thead: true });
    expect(k.describeMachine()).toEqual(['Sv39', 'T-Head']);
    expect(leafOf(k, DATA)).toBe('PMD 70000000000000e7');
    call(k.set_direct_map_invalid_noflush(DATA + 1));
    expect(leafOf(k, DATA)).toBe('PTE 70000000000000e7');
    expect(leafOf(k, DATA + 1)).toBe('PTE 70000000000000e6');
    const addr = k.page_address(DATA);
    for (const run of walk(k.memory, k.format, k.root, { range: { start: addr, end: addr + 8192 } }))
      expect(k.format.memoryType(run.level, run.flags)).toBe('PMA');
  });

  it('is unknown to v5.10, which writes none', () => {
    expect(leafOf(bootMachine('v5.10', { thead: true }), DATA)).toBe('PMD c7');
  });

  it('has 3 levels and no more', () => {
    expect(() => bootMachine('v7.2', { thead: true, levels: 4 })).toThrow(InputError);
  });
});

describe('what cannot boot', () => {
  it('is a machine without RAM where the kernel is', () => {
    expect(() => bootMachine('v7.2', { ram: 8 * MiB })).toThrow(InputError);
    expect(() => bootMachine('v7.2', { ram: [[0x100000000, 0x200000000]] })).toThrow(InputError);
  });

  it.each([
    [{ levels: 2 }, /levels/],
    [{ page_size: 65536 }, /page size/],
    [{ index_bits: 10 }, /index bits/],
    [{ features: { gbpages: true } }, /machine feature/],
  ] as const)('is a machine that is none: %o', (wrong, message) => {
    expect(() => RISCV.machine({ ram: GiB, where: 'test', ...wrong })).toThrow(message);
  });
});

describe('more RAM than the direct map has room for', () => {
  it.each([
    ['v6.1', 0x80200000 + 124 * GiB],
    ['v7.2', 0x80000000 + 128 * GiB],
  ] as const)('is left out on %s with Sv39', (kernel, end) => {
    const { kernel: k, free } = bootRiscv(bootOptions(kernel, { levels: 3, ram: [[0x80000000, 256 * GiB]] }));
    expect(leafOf(k, end / 4096 - 1)).not.toBe('none');
    expect(leafOf(k, end / 4096)).toBe('none');
    expect(free.at(-1)!.end).toBeLessThanOrEqual(end / 4096);
  });

  it.each([
    ['v6.1', 0x80200000 + 512 * MiB],
    ['v7.2', 0x80000000 + 512 * MiB],
  ] as const)('than mem= allows is left out on %s', (kernel, end) => {
    const k = bootMachine(kernel, { levels: 3, boot: 'mem=512M', config: 'KFENCE=n' });
    expect(leafOf(k, end / 4096 - 1)).toBe('PMD e7');
    expect(leafOf(k, end / 4096)).toBe('none');
  });

  it('counts all the same with mem= on v5.10, which does not know the word', () => {
    expect(leafOf(bootMachine('v5.10', { boot: 'mem=512M' }), (0x80000000 + GiB) / 4096 - 1)).toBe('PMD c7');
  });
});
