/** The functions that every architecture's kernel has under one name (kernel.ts), as calls for its list. */

import { type CallParameter, type KernelCall, number } from './call.ts';

type OnRange = 'set_memory_ro' | 'set_memory_rw' | 'set_memory_x' | 'set_memory_nx' | 'set_memory_rox';
type OnPage = 'set_direct_map_invalid_noflush' | 'set_direct_map_default_noflush';

const ADDR: CallParameter = { name: 'addr', kind: 'address' };
const PAGES: CallParameter = { name: 'pages', kind: 'count' };
const PAGE: CallParameter = { name: 'pfn', kind: 'page' };

/** int f(unsigned long addr, int numpages). */
export function rangeCall(name: OnRange, summary: string): KernelCall {
  return {
    name,
    parameters: [ADDR, PAGES],
    returns: 'int',
    summary,
    run: (k, args) => k[name](number(args, 0), number(args, 1)),
  };
}

/** int f(struct page *page). */
export function pageCall(name: OnPage, summary: string): KernelCall {
  return { name, parameters: [PAGE], returns: 'int', summary, run: (k, args) => k[name](number(args, 0)) };
}

/** void __kernel_map_pages(struct page *page, int numpages, int enable), where there is debug_pagealloc only. */
export function kernelMapPagesCall(summary: string): KernelCall {
  return {
    name: '__kernel_map_pages',
    parameters: [PAGE, PAGES, { name: 'enable', kind: 'flag' }],
    returns: 'void',
    summary,
    missing: ({ config }) => (config.DEBUG_PAGEALLOC ? undefined : 'needs CONFIG_DEBUG_PAGEALLOC=y'),
    *run(k, args) {
      yield* k.__kernel_map_pages(number(args, 0), number(args, 1), number(args, 2));
      return undefined;
    },
  };
}
