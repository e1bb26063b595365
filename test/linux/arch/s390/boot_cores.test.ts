/**
 * The model's boot against the page tables of real kernels: every leaf of the direct map and of the image's mapping, and
 * the kernel's own counters.
 *
 * Between its boot and the reading of its tables a kernel has run for some seconds. What it did to its direct map then is
 * made up for by the model's own functions, edit by edit: LATER_EDITS is all of it. Nothing is taken from the direct map
 * but the places of the zero pages of v7.2 and of KFENCE's pool, which are memblock's choice.
 */

import { describe, expect, test } from 'vitest';
import { bootS390 } from '../../../../src/linux/arch/s390/boot.ts';
import { arch_report_meminfo, set_memory_ro } from '../../../../src/linux/arch/s390/mm/pageattr.ts';
import type { S390Kernel } from '../../../../src/linux/arch/s390/s390_kernel.ts';
import { kfence_protect } from '../../../../src/linux/mm/kfence/core.ts';
import { runTask } from '../../../../src/linux/task.ts';
import { _PAGE_PROTECT } from '../../../../src/mmu/s390x.ts';
import {
  bootOptionsOf,
  linesOf,
  readS390Core,
  runsOf,
  S390_CORES,
  type S390Core,
} from '../../../support/s390_core.ts';

interface LaterEdit {
  name: string;
  /** What of the kernel does it. */
  by: string;
  /** Returns to how many pages. */
  apply(k: S390Kernel, core: S390Core): number;
}

const LATER_EDITS: readonly LaterEdit[] = [
  {
    name: 'read-only alias of a BPF program or other memory of vmalloc',
    by: 'set_memory_ro() of its address in the vmalloc area, through change_page_attr_alias()',
    apply(k, core) {
      if (!k.has['cpa-alias']) return 0;
      const range = { start: k.VMALLOC_START, end: k.MODULES_END };
      const pages = runsOf(core.tables, core.root, core.format, range)
        .filter(({ flags, level }) => level === 1 && (flags & _PAGE_PROTECT) !== 0)
        .flatMap(({ frame, pages }) => Array.from({ length: pages }, (_, i) => frame + i));
      for (const pfn of pages)
        expect(runTask(set_memory_ro(k, k.page_address(pfn), 1))).toMatchObject({ value: 0 });
      return pages.length;
    },
  },
  {
    name: 'freed object of KFENCE',
    by: 'kfence_guarded_free(), which closes its page',
    apply(k, core) {
      if (k.kfence_pool === undefined) return 0;
      const range = { start: k.page_address(k.kfence_pool.start), end: k.page_address(k.kfence_pool.end) };
      const pages = runsOf(core.tables, core.root, core.format, range)
        .filter(({ kind }) => kind === 'not-present')
        .flatMap(({ address, pages }) => Array.from({ length: pages }, (_, i) => address + i * k.page_size))
        .filter((address) => k.translate(address) !== undefined);
      for (const address of pages) expect(runTask(kfence_protect(k, address))).toMatchObject({ value: true });
      return pages.length;
    },
  },
];

/** Objects that KFENCE had given out and got back. */
const FREED: Readonly<Record<string, number>> = { 's390x-7.2-edat-3g-kfence': 25 };

const ZERO_PAGES = 128;

/** Where memblock put them: as many read-only pages in a row. */
function zeroPagesOf(core: S390Core, range: { start: number; end: number }): { zero_pages?: number } {
  const run = runsOf(core.tables, core.root, core.format, range).find(
    ({ flags, pages }) => (flags & _PAGE_PROTECT) !== 0 && pages === ZERO_PAGES,
  );
  return run === undefined ? {} : { zero_pages: run.frame * 4096 };
}

/** Its first two pages are always closed, and nothing else is before it. */
function kfencePoolOf(core: S390Core, range: { start: number; end: number }): { kfence_pool?: number } {
  const run = runsOf(core.tables, core.root, core.format, range).find(({ kind }) => kind === 'not-present');
  return run === undefined ? {} : { kfence_pool: run.frame * 4096 };
}

test('there are recordings of three kernels, one of them also without large leaves, with KASLR, with KFENCE', () => {
  expect(S390_CORES).toHaveLength(6);
});

describe.each(S390_CORES)('%s', (name) => {
  const core = readS390Core(name);
  const directMap = { start: 0, end: Math.max(...core.memory.map(({ end }) => end)) };
  const places = { ...zeroPagesOf(core, directMap), ...kfencePoolOf(core, directMap) };
  const { kernel: k } = bootS390({ ...bootOptionsOf(core), ...places });
  const applied = LATER_EDITS.map((edit) => ({ edit, pages: edit.apply(k, core) }));
  const after = applied.map(({ edit, pages }) => `${pages} pages  ${edit.name}: ${edit.by}`).join('\n');

  test('has every leaf of the direct map', () => {
    expect(k.direct_map).toEqual(directMap);
    const model = linesOf(k.memory, k.root, k.format, directMap);
    expect(model, after).toEqual(linesOf(core.tables, core.root, core.format, directMap));
    expect(model.length).toBeGreaterThan(5);
  });

  test('has every leaf of the image mapping', () => {
    const { va, stext, end } = k.image!;
    const range = { start: va, end: va + end - stext };
    const model = linesOf(k.memory, k.root, k.format, range);
    expect(model).toEqual(linesOf(core.tables, core.root, core.format, range));
    expect(model.length).toBeGreaterThan(2);
  });

  test('has its top table where the kernel has it', () => {
    expect(k.root).toBe(core.root);
  });

  test('counts as the kernel does', () => {
    expect(arch_report_meminfo(k), after).toEqual(core.meminfo);
  });

  test('was edited later as often as is known', () => {
    expect(applied.map(({ pages }) => pages)).toEqual([core.kernel === 'v6.1' ? 0 : 1, FREED[name] ?? 0]);
  });
});
