/** The riscv64 functions that can be called by name. */

import { type CallParameter, type KernelBuild, type KernelCall, number } from '../../call.ts';
import type { Task } from '../../task.ts';
import * as pageattr from './mm/pageattr.ts';
import { flush_tlb_all } from './mm/tlbflush.ts';
import type { RiscvKernel } from './riscv_kernel.ts';

type RiscvCall = KernelCall<RiscvKernel>;
type RiscvBuild = KernelBuild<RiscvKernel>;

const ADDR: CallParameter = { name: 'addr', kind: 'address' };
const PAGES: CallParameter = { name: 'pages', kind: 'count' };
const PAGE: CallParameter = { name: 'pfn', kind: 'page' };

function since(change: keyof RiscvKernel['has']): (k: RiscvBuild) => string | undefined {
  return (k) => (k.has[change] ? undefined : `${k.version.name} lacks the change ${change}`);
}

/** int f(unsigned long addr, int numpages). */
function onRange(
  name: string,
  summary: string,
  f: (k: RiscvKernel, addr: number, numpages: number) => Task<number>,
  missing?: RiscvCall['missing'],
): RiscvCall {
  const call: RiscvCall = {
    name,
    parameters: [ADDR, PAGES],
    returns: 'int',
    summary,
    run: (k, args) => f(k, number(args, 0), number(args, 1)),
  };
  return missing === undefined ? call : { ...call, missing };
}

function* bool(task: Task<boolean>): Task<number> {
  return (yield* task) ? 1 : 0;
}

function* nothing(task: Task<void>): Task<undefined> {
  yield* task;
  return undefined;
}

/** __kernel_map_pages() exists for DEBUG_PAGEALLOC only, since the series of 2020. */
function kernelMapPagesMissing(k: KernelBuild): string | undefined {
  if (!k.has['kernel-map-pages-debug-only'] || k.config.DEBUG_PAGEALLOC) return undefined;
  return 'needs CONFIG_DEBUG_PAGEALLOC=y since the change kernel-map-pages-debug-only';
}

export const RISCV_CALLS: readonly RiscvCall[] = [
  onRange('set_memory_ro', 'not writable, and its direct-map alias neither', pageattr.set_memory_ro),
  onRange('set_memory_rw', 'writable, and its direct-map alias too', pageattr.set_memory_rw),
  onRange(
    'set_memory_rw_nx',
    'writable and not executable',
    pageattr.set_memory_rw_nx,
    since('kernel-outside-direct-map'),
  ),
  onRange(
    'set_memory_rox',
    'set_memory_ro(), then set_memory_x()',
    (k, addr, numpages) => k.set_memory_rox(addr, numpages),
    since('set-memory-rox'),
  ),
  onRange('set_memory_x', 'executable, and its direct-map alias too', pageattr.set_memory_x),
  onRange('set_memory_nx', 'not executable', pageattr.set_memory_nx),
  {
    name: 'set_direct_map_invalid_noflush',
    parameters: [PAGE],
    returns: 'int',
    summary: 'out of the direct map; flushes, and before set-memory-splits does nothing',
    run: (k, args) => pageattr.set_direct_map_invalid_noflush(k, number(args, 0)),
  },
  {
    name: 'set_direct_map_default_noflush',
    parameters: [PAGE],
    returns: 'int',
    summary: 'in the direct map, writable; flushes, and before set-memory-splits does nothing',
    run: (k, args) => pageattr.set_direct_map_default_noflush(k, number(args, 0)),
  },
  {
    name: 'set_direct_map_valid_noflush',
    parameters: [PAGE, PAGES, { name: 'valid', kind: 'flag' }],
    returns: 'int',
    summary: 'in or out of the direct map, several pages; flushes',
    missing: since('set-direct-map-valid'),
    run: (k, args) =>
      pageattr.set_direct_map_valid_noflush(k, number(args, 0), number(args, 1), number(args, 2) !== 0),
  },
  {
    name: '__kernel_map_pages',
    parameters: [PAGE, PAGES, { name: 'enable', kind: 'flag' }],
    returns: 'void',
    summary: 'in or out of the direct map, with debug_pagealloc=on only; errors dropped',
    missing: kernelMapPagesMissing,
    run: (k, args) =>
      nothing(pageattr.__kernel_map_pages(k, number(args, 0), number(args, 1), number(args, 2))),
  },
  {
    name: 'kernel_page_present',
    parameters: [PAGE],
    returns: 'bool',
    summary: 'whether the direct map has the page; true also of what only lost V',
    missing: since('kernel-page-present-always'),
    run: (k, args) => bool(pageattr.kernel_page_present(k, number(args, 0))),
  },
  {
    name: 'flush_tlb_all',
    parameters: [],
    returns: 'void',
    summary: 'every hart drops every translation',
    run: (k) => nothing(flush_tlb_all(k)),
  },
];
