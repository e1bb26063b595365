/** The powerpc functions that can be called by name. */

import { type CallParameter, type KernelBuild, type KernelCall, number } from '../../call.ts';
import type { Task } from '../../task.ts';
import * as pageattr from './mm/pageattr.ts';
import type { PowerpcKernel } from './powerpc_kernel.ts';

type PowerpcCall = KernelCall<PowerpcKernel>;
type Build = KernelBuild<PowerpcKernel>;

const ADDR: CallParameter = { name: 'addr', kind: 'address' };
const PAGES: CallParameter = { name: 'pages', kind: 'count' };
const PAGE: CallParameter = { name: 'pfn', kind: 'page' };

function since(change: keyof PowerpcKernel['has']): (k: Build) => string | undefined {
  return (k) => (k.has[change] ? undefined : `${k.version.name} lacks the change ${change}`);
}

/** int f(unsigned long addr, int numpages). */
function onRange(
  name: string,
  summary: string,
  f: (k: PowerpcKernel, addr: number, numpages: number) => Task<number>,
  missing?: PowerpcCall['missing'],
): PowerpcCall {
  const call: PowerpcCall = {
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

function kernelMapPagesMissing(k: Build): string | undefined {
  if (k.config.DEBUG_PAGEALLOC) return undefined;
  if (k.has.kfence && k.config.KFENCE) return undefined;
  return 'needs CONFIG_DEBUG_PAGEALLOC=y or CONFIG_KFENCE=y';
}

function kernelPagePresentMissing(k: Build): string | undefined {
  if (k.has['kernel-page-present-always'] || k.config.HIBERNATION) return undefined;
  return 'needs CONFIG_HIBERNATION=y before the change kernel-page-present-always';
}

export const POWERPC_CALLS: readonly PowerpcCall[] = [
  onRange('set_memory_ro', 'not writable; a stub before ppc-set-memory', pageattr.set_memory_ro),
  onRange('set_memory_rw', 'writable; a stub before ppc-set-memory', pageattr.set_memory_rw),
  onRange('set_memory_x', 'executable; a stub before ppc-set-memory', pageattr.set_memory_x),
  onRange('set_memory_nx', 'not executable; a stub before ppc-set-memory', pageattr.set_memory_nx),
  onRange(
    'set_memory_rox',
    'not writable, executable; in two steps before ppc-set-memory-rox',
    pageattr.set_memory_rox,
    since('set-memory-rox'),
  ),
  onRange('set_memory_np', 'not present', pageattr.set_memory_np, since('ppc-set-memory')),
  onRange('set_memory_p', 'present', pageattr.set_memory_p, since('ppc-set-memory')),
  {
    name: 'change_memory_attr',
    parameters: [ADDR, PAGES, { name: 'action', kind: 'count' }],
    returns: 'int',
    summary: 'what all set_memory_*() come down to: 0 RO, 1 RW, 2 NX, 3 X, 4 NP, 5 P, 6 ROX',
    missing: since('ppc-set-memory'),
    run: (k, args) => pageattr.change_memory_attr(k, number(args, 0), number(args, 1), number(args, 2)),
  },
  {
    name: '__kernel_map_pages',
    parameters: [PAGE, PAGES, { name: 'enable', kind: 'flag' }],
    returns: 'void',
    summary: 'in or out of the direct map; an error is dropped, and panics since v6.12',
    missing: kernelMapPagesMissing,
    run: (k, args) =>
      nothing(pageattr.__kernel_map_pages(k, number(args, 0), number(args, 1), number(args, 2))),
  },
  {
    name: 'radix__kernel_map_pages',
    parameters: [PAGE, PAGES, { name: 'enable', kind: 'flag' }],
    returns: 'void',
    summary: '__kernel_map_pages() of radix tables, before it was the same for both',
    missing: (k) =>
      since('radix-debug-pagealloc')(k) ??
      (k.has['kernel-map-pages-panics']
        ? 'gone with the change kernel-map-pages-panics'
        : kernelMapPagesMissing(k)),
    run: (k, args) =>
      nothing(pageattr.radix__kernel_map_pages(k, number(args, 0), number(args, 1), number(args, 2))),
  },
  {
    name: 'set_direct_map_invalid_noflush',
    parameters: [PAGE],
    returns: 'int',
    summary: 'a stub: powerpc has no ARCH_HAS_SET_DIRECT_MAP',
    run: (k, args) => k.set_direct_map_invalid_noflush(number(args, 0)),
  },
  {
    name: 'set_direct_map_default_noflush',
    parameters: [PAGE],
    returns: 'int',
    summary: 'a stub: powerpc has no ARCH_HAS_SET_DIRECT_MAP',
    run: (k, args) => k.set_direct_map_default_noflush(number(args, 0)),
  },
  {
    name: 'set_direct_map_valid_noflush',
    parameters: [PAGE, PAGES, { name: 'valid', kind: 'flag' }],
    returns: 'int',
    summary: 'a stub: powerpc has no ARCH_HAS_SET_DIRECT_MAP',
    missing: since('set-direct-map-valid'),
    run: (k, args) => k.set_direct_map_valid_noflush(number(args, 0), number(args, 1), number(args, 2) !== 0),
  },
  {
    name: 'kernel_page_present',
    parameters: [PAGE],
    returns: 'bool',
    summary: 'always true here',
    missing: kernelPagePresentMissing,
    run: (k, args) => bool(k.kernel_page_present(number(args, 0))),
  },
];
