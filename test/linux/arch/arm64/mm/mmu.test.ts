import { describe, expect, it } from 'vitest';
import type { Arm64Kernel } from '../../../../../src/linux/arch/arm64/arm64_kernel.ts';
import { setup_system_features } from '../../../../../src/linux/arch/arm64/kernel/cpufeature.ts';
import {
  arch_kfence_init_pool,
  split_kernel_leaf_mapping,
} from '../../../../../src/linux/arch/arm64/mm/mmu.ts';
import {
  set_direct_map_default_noflush,
  set_direct_map_invalid_noflush,
  set_memory_valid,
} from '../../../../../src/linux/arch/arm64/mm/pageattr.ts';
import { EBUSY, EINVAL, ENOMEM } from '../../../../../src/linux/errno.ts';
import { kfence_enable_late } from '../../../../../src/linux/mm/kfence/core.ts';
import { call, lines, refuse, refuseAll, watch } from '../../../../support/calls.ts';
import { arm64, FREE_BLOCK, GiB, leaf, type Wanted } from '../support.ts';

const BBML2: Wanted = { kernel: 'v7.2', features: { bbml2: true } };
/** With a gigabyte that one leaf maps. */
const LARGE: Wanted = { ...BBML2, ram: 3 * GiB };
const GIG = (3 * GiB) / 4096;
const PAGE = GIG + 0x12345;

/** "16 PTE, 496 PTE CONT": the leaves of a range of pages, in their order. */
function shape(k: Arm64Kernel, first: number, pages: number): string {
  const runs: { text: string; count: number }[] = [];
  for (let page = first; page < first + pages; ) {
    const text = leaf(k, page);
    const level = ['PTE', 'PMD', 'PUD'].findIndex((name) => text.startsWith(name)) + 1;
    const last = runs.at(-1);
    if (last?.text === text) last.count++;
    else runs.push({ text, count: 1 });
    page += 2 ** (k.format.levelShift(level) - k.format.pageShift);
  }
  return runs.map(({ text, count }) => `${count} ${text}`).join(', ');
}

function splits(events: ReturnType<typeof watch>['events']): number[] {
  return events.flatMap((event) => (event.kind === 'split' ? [event.level] : []));
}

describe('one page of a 1G leaf', () => {
  it('costs two tables, and leaves groups but for those that it lies in', () => {
    const k = arm64(LARGE);
    expect(leaf(k, PAGE)).toBe('PUD');
    const { value, events } = watch(k, set_direct_map_invalid_noflush(k, PAGE));
    expect(value).toBe(0);
    expect(splits(events)).toEqual([3, 2]);
    expect(events.some(({ kind }) => kind === 'flush')).toBe(false);
    const pmd = Math.floor(PAGE / 512) * 512;
    const group = Math.floor(pmd / 8192) * 8192;
    expect(shape(k, pmd, 512)).toBe('320 PTE CONT, 5 PTE, 1 PTE invalid, 10 PTE, 176 PTE CONT');
    expect(shape(k, group, 8192).replaceAll(/\d+ PTE( CONT| invalid)?, /g, '')).toBe('1 PMD, 14 PMD');
    expect(shape(k, GIG, group - GIG)).toBe(`${(group - GIG) / 512} PMD CONT`);
  });

  it.each([
    [1, 'PUD', []],
    [2, 'PMD CONT', [3]],
  ])(
    'stays as it is when allocation %i is refused; what was split before stays split',
    (number, left, split) => {
      const k = arm64(LARGE);
      const { value, events } = watch(k, set_direct_map_invalid_noflush(k, PAGE), refuse(number));
      expect(value).toBe(-ENOMEM);
      expect(splits(events)).toEqual(split);
      expect(leaf(k, PAGE).replace(/PMD$/, 'PMD CONT')).toBe(left);
      expect(lines(events)).toEqual(['update_range_prot(): a leaf could not be split']);
      expect(call(set_direct_map_invalid_noflush(k, PAGE))).toBe(0);
    },
  );

  it('is there again without memory, once it has been taken out', () => {
    const k = arm64(LARGE);
    call(set_direct_map_invalid_noflush(k, PAGE));
    expect(call(set_direct_map_default_noflush(k, PAGE), refuseAll)).toBe(0);
    expect(leaf(k, PAGE)).toBe('PTE');
  });

  it('needs memory to be made default, too, if it never was taken out', () => {
    const k = arm64(LARGE);
    expect(call(set_direct_map_default_noflush(k, PAGE), refuseAll)).toBe(-ENOMEM);
  });
});

describe('a range of a direct map with blocks', () => {
  it('that covers a leaf needs no memory', () => {
    const k = arm64(LARGE);
    expect(call(set_memory_valid(k, k.page_address(GIG), 2 ** 18, 0), refuseAll)).toBe(0);
    expect(leaf(k, PAGE)).toBe('PUD invalid');
    expect(call(set_memory_valid(k, k.page_address(GIG), 2 ** 18, 1), refuseAll)).toBe(0);
    expect(leaf(k, PAGE)).toBe('PUD');
  });

  it('stays invalid without memory, if it was made invalid in a larger leaf', () => {
    const k = arm64(LARGE);
    call(set_memory_valid(k, k.page_address(GIG), 2 ** 18, 0));
    expect(call(set_memory_valid(k, k.page_address(PAGE), 1, 1), refuseAll)).toBe(-ENOMEM);
    expect(leaf(k, PAGE)).toBe('PUD invalid');
    expect(call(set_memory_valid(k, k.page_address(PAGE), 1, 1))).toBe(0);
    expect([leaf(k, PAGE - 1), leaf(k, PAGE), leaf(k, PAGE + 16)]).toEqual([
      'PTE invalid',
      'PTE',
      'PTE CONT invalid',
    ]);
    expect(leaf(k, PAGE + 512)).toBe('PMD invalid');
    expect(leaf(k, GIG)).toBe('PMD CONT invalid');
  });

  it('is split at both of its ends, and no more', () => {
    const k = arm64(LARGE);
    const first = GIG + 16;
    expect(call(set_memory_valid(k, k.page_address(first), 2 * 512, 0))).toBe(0);
    expect(shape(k, GIG, 4 * 512)).toBe(
      '16 PTE CONT, 496 PTE CONT invalid, 1 PMD invalid, 16 PTE CONT invalid, 496 PTE CONT, 1 PMD',
    );
  });

  it('of a whole group is edited entry by entry, and stays a group', () => {
    const k = arm64(BBML2);
    const { value, events } = watch(k, set_memory_valid(k, k.page_address(FREE_BLOCK), 16 * 512, 0));
    expect(value).toBe(0);
    expect(events.filter(({ kind }) => kind === 'write')).toHaveLength(16);
    expect(shape(k, FREE_BLOCK, 8192)).toBe('16 PMD CONT invalid');
  });

  it('keeps its first split if the second is refused', () => {
    const k = arm64(BBML2);
    const { value, events } = watch(
      k,
      set_memory_valid(k, k.page_address(FREE_BLOCK + 16), 512, 0),
      refuse(2),
    );
    expect(value).toBe(-ENOMEM);
    expect(splits(events)).toEqual([2]);
    expect(shape(k, FREE_BLOCK, 1024)).toBe('512 PTE CONT, 1 PMD');
  });

  it('beyond all memory is passed over', () => {
    const k = arm64(BBML2);
    expect(call(set_memory_valid(k, k.page_address(GIG), 3, 0))).toBe(0);
  });
});

describe('split_kernel_leaf_mapping()', () => {
  it('wants whole pages', () => {
    const k = arm64(BBML2);
    const addr = k.page_address(FREE_BLOCK);
    expect(call(split_kernel_leaf_mapping(k, addr + 8, addr + 4096))).toBe(-EINVAL);
    expect(call(split_kernel_leaf_mapping(k, addr, addr + 4097))).toBe(-EINVAL);
  });

  it('does nothing at the ends of leaves', () => {
    const k = arm64(BBML2);
    const addr = k.page_address(FREE_BLOCK);
    expect(call(split_kernel_leaf_mapping(k, addr, addr + 8192 * 4096), refuseAll)).toBe(0);
    expect(leaf(k, FREE_BLOCK)).toBe('PMD CONT');
  });

  it.each([
    ['no CPU has BBML2', { kernel: 'v7.2' }, 'linear_map_requires_bbml2 is false: nothing is split'],
    [
      'some CPU has none',
      { kernel: 'v7.2', cpus: 2, features: { bbml2: true, secondaries_bbml2: false } },
      'some CPU lacks BBML2, so that boot has split all: nothing is split',
    ],
    [
      'debug_pagealloc maps by pages',
      { ...BBML2, config: 'DEBUG_PAGEALLOC=y', boot: 'debug_pagealloc=on' },
      'linear_map_requires_bbml2 is false: nothing is split',
    ],
  ] as [string, Wanted, string][])('does nothing where %s', (_, wanted, because) => {
    const k = arm64(wanted);
    const addr = k.page_address(FREE_BLOCK);
    const { value, events } = watch(k, split_kernel_leaf_mapping(k, addr + 4096, addr + 8192));
    expect(value).toBe(0);
    expect(events).toMatchObject([{ kind: 'guard', because }]);
  });

  it("does nothing in KFENCE's pool, which is of pages, and closed from any context", () => {
    const k = arm64({ ...BBML2, config: 'DEBUG_ATOMIC_SLEEP=y', boot: 'kfence.sample_interval=1' });
    k.irqs_disabled[0] = 1;
    const { value, events } = watch(k, k.kfence_protect_page(k.page_address(k.kfence_pool!.start + 2), true));
    expect(value).toBe(true);
    expect(lines(events)).toEqual([]);
  });

  it('takes a mutex, which no atomic context may', () => {
    const k = arm64({ ...BBML2, config: 'DEBUG_ATOMIC_SLEEP=y' });
    k.irqs_disabled[0] = 1;
    const { events } = watch(k, set_direct_map_invalid_noflush(k, FREE_BLOCK));
    expect(lines(events)).toEqual([
      'BUG: sleeping function called from invalid context: pgtable_split_lock',
      'BUG: sleeping function called from invalid context: alloc_pages(GFP_KERNEL)',
    ]);
    expect(events.filter(({ kind }) => kind === 'lock' || kind === 'unlock')).toHaveLength(2);
  });
});

describe('while the machine boots', () => {
  const at = (boot_stage: number, cpus = 2) =>
    arm64({ kernel: 'v7.2', cpus, features: { bbml2: true, boot_stage } });

  it.each([
    [
      'before the page allocator',
      1,
      2,
      -EBUSY,
      'WARN_ON(!page_alloc_available) in split_kernel_leaf_mapping()',
    ],
    [
      'with other CPUs up and unknown',
      3,
      2,
      -EBUSY,
      'WARN_ON(num_online_cpus() > 1) in split_kernel_leaf_mapping()',
    ],
  ])('nothing can be split %s', (_, stage, cpus, expected, warning) => {
    const k = at(stage, cpus);
    const { value, events } = watch(k, set_direct_map_invalid_noflush(k, FREE_BLOCK));
    expect(value).toBe(expected);
    expect(lines(events)).toContain(warning);
    expect(leaf(k, FREE_BLOCK)).toBe('PMD CONT');
    expect(k.system_state).toBe('BOOTING');
  });

  it.each([
    ['before other CPUs come up', 2, 2],
    ['with no others', 3, 1],
  ])('leaves are split %s', (_, stage, cpus) => {
    const k = at(stage, cpus);
    expect(call(set_direct_map_invalid_noflush(k, FREE_BLOCK))).toBe(0);
    expect(leaf(k, FREE_BLOCK)).toBe('PTE invalid');
  });

  it('leaves are split once it is known that all CPUs can', () => {
    const k = at(3);
    call(setup_system_features(k));
    expect(call(set_direct_map_invalid_noflush(k, FREE_BLOCK))).toBe(0);
  });
});

describe('a second CPU without BBML2', () => {
  const wanted = { kernel: 'v7.2', cpus: 2, features: { bbml2: true, secondaries_bbml2: false } };

  it('has all but the alias of the image split to pages, and flushed', () => {
    const k = arm64({ ...wanted, features: { ...wanted.features, boot_stage: 3 } });
    const { events } = watch(k, setup_system_features(k));
    expect(shape(k, FREE_BLOCK, 8192)).toBe('8192 PTE');
    expect(leaf(k, k.image!.text / 4096 + 600)).toBe('PMD');
    expect(events.at(-1)).toMatchObject({ kind: 'flush', pages: 'all' });
    expect(call(set_direct_map_invalid_noflush(k, FREE_BLOCK), refuseAll)).toBe(0);
  });

  it('is the death of a machine without the memory for that', () => {
    const k = arm64({ ...wanted, features: { ...wanted.features, boot_stage: 3 } });
    expect(watch(k, setup_system_features(k), refuse(3)).died).toBe('Failed to split linear map');
  });

  it('boots all the same, with pages that need no splits', () => {
    const k = arm64(wanted);
    expect(k.linear_map_requires_bbml2).toBe(true);
    expect(leaf(k, FREE_BLOCK)).toBe('PTE');
    expect(k.describeMachine()).toContain('bbml2 on CPU 0 alone');
  });
});

describe('KFENCE turned on late', () => {
  it('has its pool split to pages with BBML2', () => {
    const k = arm64({ ...BBML2, ram: 192 * 2 ** 20 });
    expect(call(kfence_enable_late(k))).toBe(0);
    const { start, end } = k.kfence.get().pool!;
    expect(shape(k, start + 4, 4)).toBe('1 PTE, 1 PTE invalid, 1 PTE, 1 PTE invalid');
    expect(end - start).toBe(512);
  });

  it('is refused without memory for the split', () => {
    const k = arm64(BBML2);
    const pool = { start: FREE_BLOCK + 8, end: FREE_BLOCK + 16 };
    expect(call(arch_kfence_init_pool(k, pool), refuseAll)).toBe(false);
    expect(call(arch_kfence_init_pool(k, pool))).toBe(true);
    expect(shape(k, FREE_BLOCK, 512)).toBe('512 PTE');
  });

  it.each(['v6.1', 'v6.12'])('finds pages in %s: it needs nothing', (kernel) => {
    const k = arm64({ kernel, boot: 'rodata=off' });
    const { value, events } = watch(
      k,
      arch_kfence_init_pool(k, { start: FREE_BLOCK, end: FREE_BLOCK + 512 }),
    );
    expect(value).toBe(true);
    expect(events).toMatchObject([{ kind: 'guard', where: 'arch_kfence_init_pool' }]);
  });
});

describe('splits in a small geometry', () => {
  it.each([
    [1, '1 PTE invalid, 1 PTE, 1 PMD'],
    [2, '1 PTE, 1 PTE invalid, 2 PTE CONT, 1 PMD, 2 PMD CONT'],
    [3, '2 PTE, 1 PTE invalid, 1 PTE, 4 PTE CONT, 3 PMD, 4 PMD CONT'],
  ])('of %i bits go from PUD to PTE', (index_bits, expected) => {
    const pages = 2 ** (2 * index_bits);
    const k = arm64({ ...BBML2, index_bits, ram: 2 * pages * 4096 });
    expect(leaf(k, 0)).toBe('PUD');
    const page = index_bits - 1;
    expect(call(set_direct_map_invalid_noflush(k, page))).toBe(0);
    expect(shape(k, 0, pages)).toBe(expected);
    expect(leaf(k, page)).toBe('PTE invalid');
    expect(leaf(k, pages)).toBe('PUD');
  });
});
