/**
 * The model's boot against the page tables of real kernels: every leaf of the direct map and of the image's mapping,
 * every table that boot made, and the kernel's own counters.
 *
 * Between its boot and the reading of its tables a kernel has run for some seconds. What it did to its direct map
 * then is made up for by the model's own functions, edit by edit: LATER_EDITS is all of it. None takes the wanted
 * result from the direct map, except for debug_pagealloc's, where each page may be in either of its two states.
 *
 * The counters are not what the tables hold, in the model as in the kernel: boot counts the last 1G three times, and
 * a split of the image's mapping counts as one of the direct map's.
 */

import { describe, expect, it } from 'vitest';
import { type X86BootOptions as BootOptions, bootX86 } from '../../../../src/linux/arch/x86/boot.ts';
import { completed } from '../../../../src/linux/arch/x86/boot_state.ts';
import { X86 } from '../../../../src/linux/arch/x86/index.ts';
import {
  __kernel_map_pages,
  set_direct_map_invalid_noflush,
  set_memory_ro,
} from '../../../../src/linux/arch/x86/mm/pat/set_memory.ts';
import type { PfnRange, X86Kernel } from '../../../../src/linux/arch/x86/x86_kernel.ts';
import { parseConfig } from '../../../../src/linux/config.ts';
import { parseKernelVersion } from '../../../../src/linux/kernels.ts';
import { _PAGE_GLOBAL, _PAGE_PRESENT, _PAGE_RW } from '../../../../src/mmu/x86_64.ts';
import {
  bootTablesOf,
  directMap,
  IMAGE_MAP,
  imageOf,
  linesOf,
  readOnlyModulePages,
  readX86Core,
  runsIn,
  X86_CORES,
  type X86Core,
} from '../../../support/x86_core.ts';

interface LaterEdit {
  name: string;
  /** What of the kernel does it. */
  by: string;
  /** Returns to how many pages. */
  apply(k: X86Kernel, core: X86Core): number;
}

const LATER_EDITS: readonly LaterEdit[] = [
  {
    name: 'read-only alias of vmalloc/BPF/execmem memory',
    by: 'set_memory_ro() or _rox() of a module address, page by page, through cpa_process_alias()',
    apply(k, core) {
      const pages = readOnlyModulePages(core);
      for (const pfn of pages) completed(k, set_memory_ro(k, k.page_address(pfn), 1));
      return pages.length;
    },
  },
  {
    name: 'secretmem page',
    by: 'secretmem_fault(), through set_direct_map_invalid_noflush()',
    apply(k, core) {
      for (const pfn of core.secretmem_pfns) completed(k, set_direct_map_invalid_noflush(k, pfn));
      return core.secretmem_pfns.length;
    },
  },
  {
    name: 'debug_pagealloc: page state',
    by: 'the page allocator, through __kernel_map_pages()',
    apply(k, core) {
      if (!k.debug_pagealloc_key) return 0;
      let pages = 0;
      for (const { start, end, present } of pageStates(core)) {
        completed(k, __kernel_map_pages(k, start, end - start, 0));
        if (present) completed(k, __kernel_map_pages(k, start, end - start, 1));
        pages += end - start;
      }
      return pages;
    },
  },
];

/** Runs of pages that the page allocator has had: not present with RW cleared, or present again, without G. */
function pageStates(core: X86Core): (PfnRange & { present: boolean })[] {
  const states = [];
  for (const { frame, pages, flags } of runsIn(core, directMap(core.page_offset))) {
    const present = (flags & _PAGE_PRESENT) !== 0;
    const writable = (flags & _PAGE_RW) !== 0;
    if ((flags & _PAGE_GLOBAL) === 0 && present === writable && !isImage(core, frame)) {
      states.push({ start: frame, end: frame + pages, present });
    }
  }
  return states;
}

function isImage(core: X86Core, pfn: number): boolean {
  const { text, sdata } = imageOf(core);
  return pfn * 4096 >= text && pfn * 4096 < sdata;
}

/** Under debug_pagealloc: pages that kept G never were the page allocator's, so memblock had given them away. */
function neverFreed(core: X86Core): PfnRange[] {
  return runsIn(core, directMap(core.page_offset))
    .filter(({ flags }) => (flags & _PAGE_GLOBAL) !== 0)
    .map(({ frame, pages }) => ({ start: frame, end: frame + pages }));
}

/** Under debug_pagealloc: what free_initrd_mem() unmapped by set_memory_np(), which leaves RW, at the end of RAM. */
function freedInitrd(core: X86Core): PfnRange {
  const last = runsIn(core, directMap(core.page_offset)).at(-1)!;
  expect(last.kind).toBe('not-present');
  expect(last.flags & _PAGE_RW).toBe(_PAGE_RW);
  return { start: last.frame, end: last.frame + last.pages };
}

function bootOptionsOf(core: X86Core): BootOptions {
  const debian = core.name.includes('debian');
  const config = parseConfig(debian ? [] : [['DEBUG_PAGEALLOC', 'y']], core.name, X86);
  const boot = X86.parseBoot(core.cmdline, config, core.name);
  return {
    version: parseKernelVersion(core.kernel, core.name, X86),
    machine: {
      memory: core.ram,
      cpus: 1,
      page_size: 4096,
      paging_levels: core.format.levels,
      index_bits: 9,
      features: { gbpages: true, pcid: false, encryption_bit: undefined },
    },
    config,
    boot,
    ...(debian ? {} : { image: imageOf(core) }),
    ...(boot.debug_pagealloc ? { initrd: freedInitrd(core), reserved: neverFreed(core) } : {}),
  };
}

/** For the message of a failure. */
function tableOfEdits(edits: readonly { edit: LaterEdit; pages: number }[]): string {
  return edits
    .map(({ edit, pages }) => `${String(pages).padStart(7)} pages  ${edit.name}: ${edit.by}`)
    .join('\n');
}

describe.each(X86_CORES)('%s', (name) => {
  const core = readX86Core(name);
  const { kernel: k } = bootX86(bootOptionsOf(core));
  const applied = LATER_EDITS.map((edit) => ({ edit, pages: edit.apply(k, core) }));
  const after = `after these edits:\n${tableOfEdits(applied)}`;
  const both = (lines: typeof linesOf, range: typeof IMAGE_MAP) => ({
    model: lines(k.memory, k.root, k.format, range),
    kernel: lines(core.memory, core.root, core.format, range),
  });

  it('has every leaf of the direct map', () => {
    const { model, kernel } = both(linesOf, directMap(core.page_offset));
    expect(model, after).toEqual(kernel);
  });

  it('has every leaf of the image mapping', () => {
    const { model, kernel } = both(linesOf, IMAGE_MAP);
    expect(model, after).toEqual(kernel);
  });

  it('has put every table of boot where the kernel did', () => {
    const { model, kernel } = both(bootTablesOf, directMap(core.page_offset));
    expect(model).toEqual(kernel);
    expect(model.length).toBeGreaterThan(3);
  });

  it('has the root entries of the image mapping and the direct map', () => {
    expect(k.root).toBe(core.root);
    const words = core.memory.readPage(core.root / 4096)!;
    for (let index = 273; index < 273 + 128; index++) {
      expect(k.memory.low(k.root + index * 8)).toBe(words[2 * index]);
    }
    expect(k.memory.low(k.root + 511 * 8)).toBe(words[2 * 511]);
  });

  it('counts as the kernel does', () => {
    expect(k.direct_pages_count.toArray(), after).toEqual(core.directPagesNow);
  });
});
