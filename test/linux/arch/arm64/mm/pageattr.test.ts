import { describe, expect, it } from 'vitest';
import { NotModelledError } from '../../../../../src/errors.ts';
import type { Arm64Kernel } from '../../../../../src/linux/arch/arm64/arm64_kernel.ts';
import {
  kernel_page_present,
  set_direct_map_default_noflush,
  set_direct_map_invalid_noflush,
  set_direct_map_valid_noflush,
  set_memory_decrypted,
  set_memory_encrypted,
  set_memory_nx,
  set_memory_ro,
  set_memory_rw,
  set_memory_valid,
  set_memory_x,
} from '../../../../../src/linux/arch/arm64/mm/pageattr.ts';
import { EINVAL, ENOMEM } from '../../../../../src/linux/errno.ts';
import { VM_ALLOW_HUGE_VMAP, vfree, vmalloc } from '../../../../../src/linux/mm/vmalloc.ts';
import { call, lines, refuseAll, refuseTables, watch } from '../../../../support/calls.ts';
import { arm64, attributes, entryAt, FREE_BLOCK, GiB, leaf, leafAt, MiB, type Wanted } from '../support.ts';

const PAGE = FREE_BLOCK + 5;
const PLAIN = 'KFENCE=n';
const DEBUG = 'KFENCE=n,DEBUG_PAGEALLOC=y';
const ALL = ['v5.10', 'v5.11', 'v6.1', 'v6.12', 'v7.2'];
const FILLING = ['v5.10', 'v5.11', 'v6.1', 'v6.12'];
const UNTIL_6_12_OFF = 'rodata=off';

/** Table C1 of the facts: what the gates let through. */
describe('the gate of set_direct_map_*()', () => {
  const ROWS: readonly [kernel: string, boot: string, config: string, open: boolean][] = [
    ...ALL.map((kernel): [string, string, string, boolean] => [kernel, '', PLAIN, true]),
    ...ALL.map((kernel): [string, string, string, boolean] => [kernel, 'rodata=off', PLAIN, false]),
    ['v5.10', 'rodata=off debug_pagealloc=on', DEBUG, false],
    ...ALL.slice(1).map((kernel): [string, string, string, boolean] => [
      kernel,
      'rodata=off debug_pagealloc=on',
      DEBUG,
      true,
    ]),
    ...ALL.slice(2).map((kernel): [string, string, string, boolean] => [kernel, 'rodata=off', '', true]),
    ...ALL.slice(2).map((kernel): [string, string, string, boolean] => [
      kernel,
      'rodata=off kfence.sample_interval=1',
      '',
      false,
    ]),
  ];

  it.each(ROWS)('of %s with "%s" and "%s" is open: %s', (kernel, boot, config, open) => {
    const k = arm64({ kernel, boot, config });
    // A page that nobody has unmapped yet: one of the image's own data.
    const page = 0x4000_0000 / 4096 + 1;
    call(k.__kernel_map_pages(page, 1, 1));
    const before = leaf(k, page);
    const { value, events } = watch(k, set_direct_map_invalid_noflush(k, page));
    expect(value).toBe(0);
    expect(leaf(k, page)).toBe(open ? 'PTE invalid' : before);
    const guard = events.find(({ kind }) => kind === 'guard');
    if (open) {
      expect(events.some((event) => event.kind === 'guard' && event.where.startsWith('set_direct'))).toBe(
        false,
      );
    } else expect(guard).toMatchObject({ where: 'set_direct_map_invalid_noflush' });
    expect(call(set_direct_map_default_noflush(k, page))).toBe(0);
    expect(leaf(k, page)).toBe(before);
  });

  it('is that of can_set_direct_map() since it exists', () => {
    expect(arm64({ kernel: 'v6.12', boot: 'rodata=off', config: PLAIN }).can_set_direct_map()).toBe(false);
    expect(
      arm64({
        kernel: 'v7.2',
        boot: 'rodata=off',
        config: PLAIN,
        features: { realm: true },
      }).can_set_direct_map(),
    ).toBe(true);
  });
});

describe('v1 and v2 of the series of 2020', () => {
  const wanted = { config: DEBUG, boot: 'rodata=off debug_pagealloc=on' };

  it.each([
    ['v5.10', 'lose the page that hibernation wants to map', false],
    ['v5.10+series-v1', 'lose it', false],
    ['v5.10+series-v2', 'lose it', false],
    ['v5.10+series-v3', 'map it', true],
    ['v5.11', 'map it', true],
  ])('%s: set_direct_map_default_noflush() returns 0, and they %s', (kernel, _, mapped) => {
    const k = arm64({ kernel, ...wanted });
    expect(call(kernel_page_present(k, PAGE))).toBe(false);
    expect(call(set_direct_map_default_noflush(k, PAGE))).toBe(0);
    expect(call(kernel_page_present(k, PAGE))).toBe(mapped);
  });

  it('map it by kernel_map_pages() before the series', () => {
    const k = arm64({ kernel: 'v5.10', ...wanted });
    call(k.__kernel_map_pages(PAGE, 1, 1));
    expect(leaf(k, PAGE)).toBe('PTE');
  });
});

describe('__kernel_map_pages()', () => {
  it.each(ALL)('of %s does nothing where the direct map cannot be edited', (kernel) => {
    const k = arm64({ kernel, boot: 'rodata=off', config: PLAIN });
    const { events } = watch(k, k.__kernel_map_pages(PAGE, 1, 0));
    expect(events).toMatchObject([{ kind: 'guard', where: '__kernel_map_pages' }]);
    expect(leaf(k, PAGE)).toBe('PMD CONT');
  });

  it.each(ALL)('of %s needs no memory and may be called from any context', (kernel) => {
    const k = arm64({ kernel, boot: 'debug_pagealloc=on', config: `${DEBUG},DEBUG_ATOMIC_SLEEP=y` });
    k.irqs_disabled[0] = 1;
    const { events } = watch(k, k.__kernel_map_pages(PAGE, 3, 1), refuseAll);
    expect(lines(events)).toEqual([]);
    expect([0, 1, 2].map((i) => leaf(k, PAGE + i))).toEqual(['PTE', 'PTE', 'PTE']);
  });
});

describe('the entry of an invalid page', () => {
  it.each([
    ['v5.10', '0x68000000000706', '0x68000000000707'],
    ['v6.1', '0xe8000000000706', '0xe8000000000707'],
    ['v6.12', '0xe8000000000706', '0xe8000000000707'],
    ['v7.2', '0xe8000000000f06', '0xe8000000000707'],
  ])('of %s is %s, and %s again', (kernel, invalid, valid) => {
    const k = arm64({ kernel });
    for (const [make, unmake] of [
      [() => set_direct_map_invalid_noflush(k, PAGE), () => set_direct_map_default_noflush(k, PAGE)],
      [
        () => set_memory_valid(k, k.page_address(PAGE), 1, 0),
        () => set_memory_valid(k, k.page_address(PAGE), 1, 1),
      ],
    ] as const) {
      expect(call(make())).toBe(0);
      expect(attributes(k, PAGE)).toBe(invalid);
      expect(call(make())).toBe(0);
      expect(attributes(k, PAGE)).toBe(invalid);
      expect(call(unmake(), refuseAll)).toBe(0);
      expect(attributes(k, PAGE)).toBe(valid);
    }
  });

  it('keeps nG in v6.12, and so is present, and loses it for PTE_PRESENT_INVALID in v7.2, which is the same bit', () => {
    for (const kernel of ['v6.12', 'v7.2']) {
      const k = arm64({ kernel, features: { nonglobal: true } });
      call(set_direct_map_invalid_noflush(k, PAGE));
      expect(attributes(k, PAGE)).toBe('0xe8000000000f06');
      call(set_direct_map_default_noflush(k, PAGE));
      expect(attributes(k, PAGE)).toBe('0xe8000000000f07');
    }
  });
});

describe('flushes', () => {
  function flushes(k: Arm64Kernel, task: Parameters<typeof watch>[1]): number[] {
    return watch(k, task).events.flatMap((event) =>
      event.kind === 'flush' && event.pages !== 'all' ? [event.pages] : event.kind === 'flush' ? [-1] : [],
    );
  }

  it.each(ALL)('of %s: none by set_direct_map_*_noflush() of one page', (kernel) => {
    const k = arm64({ kernel });
    expect(flushes(k, set_direct_map_invalid_noflush(k, PAGE))).toEqual([]);
    expect(flushes(k, set_direct_map_default_noflush(k, PAGE))).toEqual([]);
  });

  it('are made by set_memory_valid(), but in v7.2 not when it makes valid', () => {
    for (const kernel of ALL) {
      const k = arm64({ kernel });
      expect(flushes(k, set_memory_valid(k, k.page_address(PAGE), 2, 0))).toEqual([2]);
      expect(flushes(k, set_memory_valid(k, k.page_address(PAGE), 2, 1))).toEqual(
        kernel === 'v7.2' ? [] : [2],
      );
    }
  });

  it('are made by set_direct_map_valid_noflush(), in spite of its name', () => {
    const k = arm64({ kernel: 'v7.2' });
    expect(flushes(k, set_direct_map_valid_noflush(k, PAGE, 3, false))).toEqual([3]);
    expect(flushes(k, set_direct_map_valid_noflush(k, PAGE, 3, true))).toEqual([]);
  });

  it('are of everything from 512 pages in v7.2, and before from 513', () => {
    const pages = (kernel: string, count: number) => {
      const k = arm64({ kernel });
      return flushes(k, set_memory_valid(k, k.page_address(FREE_BLOCK), count, 0));
    };
    expect(pages('v6.12', 512)).toEqual([512]);
    expect(pages('v6.12', 513)).toEqual([-1]);
    expect(pages('v7.2', 511)).toEqual([511]);
    expect(pages('v7.2', 512)).toEqual([-1]);
  });

  it('come after an error, too', () => {
    const k = arm64({ kernel: 'v6.12', boot: UNTIL_6_12_OFF, config: PLAIN });
    expect(flushes(k, set_memory_valid(k, k.page_address(PAGE), 1, 0))).toEqual([1]);
    expect(leaf(k, PAGE)).toBe('PMD CONT');
  });
});

describe('set_direct_map_valid_noflush()', () => {
  it('does not make a page writable again, which set_direct_map_default_noflush() does', () => {
    const k = arm64({ kernel: 'v7.2' });
    const addr = call(vmalloc(k, 1))!;
    const page = k.vmap_areas.get(addr)!.pages[0]!;
    call(set_memory_ro(k, addr, 1));
    call(set_direct_map_valid_noflush(k, page, 1, false));
    call(set_direct_map_valid_noflush(k, page, 1, true));
    expect(leaf(k, page)).toBe('PTE RO');
    call(set_direct_map_default_noflush(k, page));
    expect(leaf(k, page)).toBe('PTE');
  });
});

/** Memory with a gap, which no table maps. */
const WITH_HOLE: Pick<Wanted, 'ram'> = {
  ram: [
    { start: GiB, end: GiB + 192 * MiB, type: 'RAM' },
    { start: 3 * GiB, end: 3 * GiB + 4 * MiB, type: 'RAM' },
  ],
};
const HOLE = (2 * GiB) / 4096;

describe('a hole in the direct map', () => {
  it.each(FILLING)(
    'of %s is filled: tables are made, and a PTE of nothing but the bits that were to be set',
    (kernel) => {
      const k = arm64({ kernel, ...WITH_HOLE });
      const { value, events } = watch(k, set_direct_map_default_noflush(k, HOLE));
      expect(value).toBe(0);
      expect(events.filter(({ kind }) => kind === 'allocated')).toHaveLength(2);
      const pte = entryAt(k, 1, k.page_address(HOLE));
      expect(k.memory.word(pte)).toBe(0x8000000000001n);
      expect(k.memory.word(pte + 8)).toBe(0n);
      const pmd = k.memory.word(entryAt(k, 2, k.page_address(HOLE)));
      expect(pmd & 0xfff0_0000_0000_0fffn).toBe(kernel.startsWith('v5') ? 3n : 0x1000_0000_0000_0003n);
      expect(call(set_memory_valid(k, k.page_address(HOLE + 1), 1, 1))).toBe(0);
      expect(k.memory.word(pte + 8)).toBe(1n);
    },
  );

  it.each(FILLING)('of %s cannot be filled without memory: -ENOMEM', (kernel) => {
    const k = arm64({ kernel, ...WITH_HOLE });
    expect(call(set_direct_map_invalid_noflush(k, HOLE), refuseAll)).toBe(-ENOMEM);
    expect(leaf(k, HOLE)).toBe('none');
  });

  it('of v7.2 is passed over, with success', () => {
    for (const features of [{}, { bbml2: true }]) {
      const k = arm64({ kernel: 'v7.2', ...WITH_HOLE, features });
      const { value, events } = watch(k, set_direct_map_default_noflush(k, HOLE), refuseAll);
      expect(value).toBe(0);
      expect(events.filter(({ kind }) => kind === 'write' || kind === 'refused')).toEqual([]);
      expect(leaf(k, HOLE)).toBe('none');
    }
  });
});

describe('a block, where pages were expected', () => {
  const wanted = { boot: 'rodata=off', config: PLAIN };

  it('kills v5.10, if it is built with HUGETLB_PAGE', () => {
    for (const kernel of ['v5.10', 'v5.11']) {
      const k = arm64({ kernel, ...wanted });
      const { died } = watch(k, set_memory_valid(k, k.page_address(PAGE), 1, 0));
      expect(died).toBe('BUG_ON(pmd_huge(*pmd)) in apply_to_page_range()');
      expect(leaf(k, PAGE)).toBe('PMD CONT');
    }
  });

  it('has data behind it that v5.10 without HUGETLB_PAGE overwrites: that is not modelled', () => {
    const k = arm64({ kernel: 'v5.10', boot: 'rodata=off', config: 'KFENCE=n,HUGETLB_PAGE=n' });
    expect(() => call(set_memory_valid(k, k.page_address(PAGE), 1, 0))).toThrow(NotModelledError);
  });

  it.each(['v6.1', 'v6.12'])('makes %s warn once and return -EINVAL', (kernel) => {
    const k = arm64({ kernel, ...wanted });
    const first = watch(k, set_memory_valid(k, k.page_address(PAGE), 1, 0));
    expect(first.value).toBe(-EINVAL);
    expect(lines(first.events)).toEqual(['WARN_ON_ONCE(pmd_leaf(*pmd)) in apply_to_pmd_range()']);
    expect(lines(watch(k, set_memory_valid(k, k.page_address(PAGE), 1, 0)).events)).toEqual([]);
    expect(leaf(k, PAGE)).toBe('PMD CONT');
  });

  it('is changed whole by v7.2 if it is covered whole, and else refused', () => {
    const k = arm64({ kernel: 'v7.2', ...wanted });
    const part = watch(k, set_memory_valid(k, k.page_address(PAGE), 1, 0));
    expect(part.value).toBe(-EINVAL);
    expect(lines(part.events)).toEqual(['pageattr_pmd_entry(): part of a leaf']);
    expect(call(set_memory_valid(k, k.page_address(FREE_BLOCK), 512, 0))).toBe(0);
    expect(leaf(k, PAGE)).toBe('PMD CONT invalid');
    expect(leaf(k, PAGE + 512)).toBe('PMD CONT');
    expect(call(set_memory_valid(k, k.page_address(FREE_BLOCK), 512, 1))).toBe(0);
    expect(leaf(k, PAGE)).toBe('PMD CONT');
  });

  it('of the image is what v6.12 meets even with rodata=full', () => {
    const k = arm64({ kernel: 'v6.12' });
    const text = k.image!.text / 4096 + 600;
    expect(leaf(k, text)).toBe('PMD RO');
    expect(call(set_direct_map_default_noflush(k, text))).toBe(-EINVAL);
  });
});

describe('an empty range', () => {
  it.each(ALL)('of %s is -EINVAL', (kernel) => {
    const k = arm64({ kernel });
    expect(call(set_memory_valid(k, k.page_address(PAGE), 0, 0))).toBe(-EINVAL);
    expect(leaf(k, PAGE)).toBe('PTE');
  });
});

describe('set_memory_ro() and its sisters', () => {
  function area(k: Arm64Kernel, pages: number): { addr: number; frames: readonly number[] } {
    const addr = call(vmalloc(k, pages))!;
    return { addr, frames: k.vmap_areas.get(addr)!.pages };
  }
  const aliases = (k: Arm64Kernel, frames: readonly number[]) => frames.map((page) => leaf(k, page));

  it.each(FILLING)('of %s change the aliases of all pages of the area', (kernel) => {
    const k = arm64({ kernel });
    const { addr, frames } = area(k, 3);
    expect(call(set_memory_ro(k, addr + 4096, 1))).toBe(0);
    expect(aliases(k, frames)).toEqual(['PTE RO', 'PTE RO', 'PTE RO']);
    expect([0, 1, 2].map((i) => leafAt(k, addr + i * 4096))).toEqual(['PTE', 'PTE RO', 'PTE']);
    expect(call(set_memory_rw(k, addr, 1))).toBe(0);
    expect(aliases(k, frames)).toEqual(['PTE', 'PTE', 'PTE']);
    expect(leafAt(k, addr + 4096)).toBe('PTE RO');
  });

  it('of v7.2 change the aliases of the pages asked for', () => {
    const k = arm64({ kernel: 'v7.2' });
    const { addr, frames } = area(k, 3);
    expect(call(set_memory_ro(k, addr + 4096, 1))).toBe(0);
    expect(aliases(k, frames)).toEqual(['PTE', 'PTE RO', 'PTE']);
  });

  it.each(ALL)('of %s leave aliases alone without rodata=full', (kernel) => {
    const k = arm64({ kernel, boot: kernel === 'v7.2' ? 'rodata=noalias' : 'rodata=on' });
    const { addr, frames } = area(k, 2);
    expect(call(set_memory_ro(k, addr, 2))).toBe(0);
    expect(leafAt(k, addr)).toBe('PTE RO');
    expect(aliases(k, frames).join()).not.toMatch('RO');
  });

  it.each(ALL)('of %s make executable and not, and leave aliases alone in that', (kernel) => {
    const k = arm64({ kernel });
    const { addr, frames } = area(k, 2);
    expect(call(set_memory_x(k, addr, 1))).toBe(0);
    expect([leafAt(k, addr), leafAt(k, addr + 4096)]).toEqual(['PTE X', 'PTE']);
    expect(aliases(k, frames)).toEqual(['PTE', 'PTE']);
    expect(call(set_memory_nx(k, addr, 1))).toBe(0);
    expect(leafAt(k, addr)).toBe('PTE');
  });

  it.each(ALL)('of %s take the direct map, the image, and more than an area for wrong', (kernel) => {
    const k = arm64({ kernel });
    const { addr } = area(k, 2);
    expect(call(set_memory_ro(k, k.page_address(PAGE), 1))).toBe(-EINVAL);
    expect(call(set_memory_ro(k, k.image_address(k.image!.stext / 4096), 1))).toBe(-EINVAL);
    expect(call(set_memory_ro(k, addr, 4))).toBe(-EINVAL);
    expect(call(set_memory_ro(k, addr, 0))).toBe(0);
  });

  it.each(ALL)('of %s put a page that is no page at the guard page of the area', (kernel) => {
    const k = arm64({ kernel });
    const { addr } = area(k, 1);
    expect(call(set_memory_ro(k, addr, 2))).toBe(0);
    expect(k.memory.word(entryAt(k, 1, addr + 4096))).toBe(0x80n);
  });

  it.each(ALL)('of %s warn of an address within a page, and round it down', (kernel) => {
    const k = arm64({ kernel });
    const { addr } = area(k, 1);
    const { value, events } = watch(k, set_memory_ro(k, addr + 16, 1));
    expect(value).toBe(0);
    expect(lines(events)).toEqual(['change_memory_common(): not page-aligned']);
    expect(leafAt(k, addr)).toBe('PTE RO');
  });

  it('of v7.2 refuse areas that may have large leaves', () => {
    for (const [kernel, expected] of [
      ['v6.12', 0],
      ['v7.2', -EINVAL],
    ] as const) {
      const k = arm64({ kernel });
      const addr = call(vmalloc(k, 2, VM_ALLOW_HUGE_VMAP))!;
      expect(call(set_memory_ro(k, addr, 1))).toBe(expected);
    }
  });

  it('leave aliases read-only after a plain vfree(), and vfree() with reset makes them writable', () => {
    const k = arm64({ kernel: 'v6.12' });
    const { addr, frames } = area(k, 1);
    call(set_memory_ro(k, addr, 1));
    call(vfree(k, addr));
    expect(leaf(k, frames[0]!)).toBe('PTE RO');
  });

  /** Since a166563e7ec3, and until e5efd56fa157. */
  it('say so, if an alias cannot be split; in the window before that they returned 0 all the same', () => {
    for (const [kernel, expected, range] of [
      ['v7.2', -ENOMEM, 'PTE'],
      ['v7.2~linear-alias-errors-propagate', 0, 'PTE RO'],
    ] as const) {
      const k = arm64({ kernel, features: { bbml2: true } });
      const { addr, frames } = area(k, 1);
      const { value, events } = watch(k, set_memory_ro(k, addr, 1), refuseTables);
      expect(value).toBe(expected);
      expect(leafAt(k, addr)).toBe(range);
      expect(leaf(k, frames[0]!)).not.toMatch('RO');
      expect(lines(events)).toEqual(['update_range_prot(): a leaf could not be split']);
    }
  });
});

describe('a block that is invalid', () => {
  const wanted = { features: { bbml2: true } };

  it('is valid again when it is made so, since 15bfba1ad77f, and before stayed as it was, and 0 was returned', () => {
    for (const [kernel, after] of [
      ['v7.2', 'PMD CONT'],
      ['v7.2~invalid-large-leaves-handled', 'PMD CONT invalid'],
    ] as const) {
      const k = arm64({ kernel, ...wanted });
      const addr = k.page_address(FREE_BLOCK);
      expect(call(set_memory_valid(k, addr, 16 * 512, 0))).toBe(0);
      expect(leaf(k, PAGE)).toBe('PMD CONT invalid');
      expect(call(set_memory_valid(k, addr, 16 * 512, 1))).toBe(0);
      expect(leaf(k, PAGE)).toBe(after);
    }
  });

  it('was recognised before that, too, where nG is in use: the same bit', () => {
    const kernel = 'v7.2~invalid-large-leaves-handled';
    const k = arm64({ kernel, features: { bbml2: true, nonglobal: true } });
    const addr = k.page_address(FREE_BLOCK);
    call(set_memory_valid(k, addr, 16 * 512, 0));
    call(set_memory_valid(k, addr, 16 * 512, 1));
    expect(leaf(k, PAGE)).toBe('PMD CONT');
  });

  it('is not present to kernel_page_present(); before that a block always was, or was taken for a table', () => {
    const k = arm64({ kernel: 'v7.2', ...wanted });
    call(set_memory_valid(k, k.page_address(FREE_BLOCK), 512, 0));
    expect(call(kernel_page_present(k, PAGE))).toBe(false);
    expect(call(kernel_page_present(k, PAGE + 512))).toBe(true);
    const before = arm64({ kernel: 'v7.2~invalid-large-leaves-handled', ...wanted });
    expect(call(kernel_page_present(before, PAGE))).toBe(true);
    call(set_memory_valid(before, before.page_address(FREE_BLOCK), 512, 0));
    expect(() => call(kernel_page_present(before, PAGE))).toThrow(NotModelledError);
  });
});

describe('kernel_page_present()', () => {
  it('is always true before v6.1, where the direct map cannot be edited', () => {
    for (const [kernel, expected] of [
      ['v5.10', true],
      ['v5.11', true],
      ['v6.1', false],
    ] as const) {
      const k = arm64({ kernel, boot: 'rodata=off', config: PLAIN, ...WITH_HOLE });
      expect(call(kernel_page_present(k, HOLE))).toBe(expected);
    }
  });

  it('sees a page that KFENCE has closed, which set_direct_map_default_noflush() does not open then', () => {
    const k = arm64({ kernel: 'v6.12', boot: 'rodata=off kfence.sample_interval=1' });
    const guard = k.kfence_pool!.start;
    expect(call(kernel_page_present(k, guard))).toBe(false);
    expect(call(set_direct_map_default_noflush(k, guard))).toBe(0);
    expect(call(kernel_page_present(k, guard))).toBe(false);
  });

  it.each(ALL)('of %s looks at the PTE, the block and the hole', (kernel) => {
    const k = arm64({ kernel, ...WITH_HOLE });
    expect(call(kernel_page_present(k, PAGE))).toBe(true);
    expect(call(kernel_page_present(k, k.image!.text / 4096 + 600))).toBe(true);
    expect(call(kernel_page_present(k, HOLE))).toBe(false);
    call(set_direct_map_invalid_noflush(k, PAGE));
    expect(call(kernel_page_present(k, PAGE))).toBe(false);
  });
});

describe("a realm's pages", () => {
  const realm = { kernel: 'v7.2', boot: 'rodata=off', config: PLAIN };
  const NS_SHARED = 2 ** 47 / 4096;

  function frameOf(k: Arm64Kernel): number {
    const { level, low, high } = k.leafAt(k.page_address(PAGE))!;
    return k.format.leafFrame(level, low, high);
  }

  it('are shared by the highest bit of the address, and private without', () => {
    const k = arm64({ ...realm, features: { realm: true } });
    const addr = k.page_address(PAGE);
    expect(call(set_memory_decrypted(k, addr, 1))).toBe(0);
    expect(frameOf(k)).toBe(PAGE + NS_SHARED);
    expect(leaf(k, PAGE)).toBe('PTE');
    expect(call(set_memory_encrypted(k, addr, 1))).toBe(0);
    expect(frameOf(k)).toBe(PAGE);
  });

  it('are left invalid, and a warning says so, if the monitor refuses', () => {
    const k = arm64({ ...realm, features: { realm: true, rmm_refuses: true } });
    const { value, events } = watch(k, set_memory_decrypted(k, k.page_address(PAGE), 2));
    expect(value).toBe(-EINVAL);
    expect(lines(events)).toEqual(['Failed to decrypt memory, 2 pages will be leaked']);
    expect([leaf(k, PAGE), frameOf(k)]).toEqual(['PTE invalid', PAGE + NS_SHARED]);
  });

  it('are in the direct map, or -EINVAL', () => {
    const k = arm64({ ...realm, features: { realm: true } });
    expect(call(set_memory_encrypted(k, k.VMALLOC_START, 1))).toBe(-EINVAL);
  });

  it('are none elsewhere: 0, and nothing done', () => {
    for (const kernel of ['v6.12', 'v7.2']) {
      const k = arm64({ ...realm, kernel, features: { realm: kernel === 'v6.12' } });
      const { value, events } = watch(k, set_memory_decrypted(k, k.page_address(PAGE), 1));
      expect(value).toBe(0);
      expect(events).toMatchObject([{ kind: 'guard', where: 'set_memory_decrypted' }]);
    }
  });

  it('are split from blocks with BBML2; without memory nothing is changed', () => {
    const k = arm64({ ...realm, features: { realm: true, bbml2: true } });
    expect(call(set_memory_decrypted(k, k.page_address(PAGE), 1), refuseAll)).toBe(-ENOMEM);
    expect(leaf(k, PAGE)).not.toMatch('invalid');
    expect(call(set_memory_decrypted(k, k.page_address(PAGE), 1))).toBe(0);
    expect(leaf(k, PAGE)).toBe('PTE');
  });
});
