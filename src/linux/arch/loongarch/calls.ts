/** The loongarch64 functions that can be called by name. */

import { type CallParameter, type KernelBuild, type KernelCall, number } from '../../call.ts';
import type { Task } from '../../task.ts';
import type { LoongarchKernel } from './loongarch_kernel.ts';

type LoongarchCall = KernelCall<LoongarchKernel>;
type Build = KernelBuild<LoongarchKernel>;

const ADDR: CallParameter = { name: 'addr', kind: 'address' };
const PAGES: CallParameter = { name: 'pages', kind: 'count' };
const PAGE: CallParameter = { name: 'pfn', kind: 'page' };

function since(change: keyof LoongarchKernel['has']): (k: Build) => string | undefined {
  return (k) => (k.has[change] ? undefined : `${k.version.name} lacks the change ${change}`);
}

function onRange(
  name: 'set_memory_ro' | 'set_memory_rw' | 'set_memory_x' | 'set_memory_nx' | 'set_memory_rox',
  summary: string,
  missing?: LoongarchCall['missing'],
): LoongarchCall {
  const call: LoongarchCall = {
    name,
    parameters: [ADDR, PAGES],
    returns: 'int',
    summary: `${summary}; nothing in the direct map`,
    run: (k, args) => k[name](number(args, 0), number(args, 1)),
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

export const LOONGARCH_CALLS: readonly LoongarchCall[] = [
  onRange('set_memory_ro', 'not writable'),
  onRange('set_memory_rw', 'writable'),
  onRange('set_memory_x', 'executable'),
  onRange('set_memory_nx', 'not executable'),
  onRange('set_memory_rox', 'not writable, then executable', since('set-memory-rox')),
  {
    name: 'set_direct_map_invalid_noflush',
    parameters: [PAGE],
    returns: 'int',
    summary: 'not present, of a page that page tables map; nothing in the direct map',
    run: (k, args) => k.set_direct_map_invalid_noflush(number(args, 0)),
  },
  {
    name: 'set_direct_map_default_noflush',
    parameters: [PAGE],
    returns: 'int',
    summary: 'present and writable, of a page that page tables map; nothing in the direct map',
    run: (k, args) => k.set_direct_map_default_noflush(number(args, 0)),
  },
  {
    name: 'set_direct_map_valid_noflush',
    parameters: [PAGE, PAGES, { name: 'valid', kind: 'flag' }],
    returns: 'int',
    summary: 'present or not, of pages that page tables map; nothing in the direct map',
    missing: since('set-direct-map-valid'),
    run: (k, args) => k.set_direct_map_valid_noflush(number(args, 0), number(args, 1), number(args, 2) !== 0),
  },
  {
    name: '__kernel_map_pages',
    parameters: [PAGE, PAGES, { name: 'enable', kind: 'flag' }],
    returns: 'void',
    summary: 'empty: loongarch has no ARCH_SUPPORTS_DEBUG_PAGEALLOC',
    missing: (k) => (k.config.DEBUG_PAGEALLOC ? undefined : 'needs CONFIG_DEBUG_PAGEALLOC=y'),
    run: (k, args) => nothing(k.__kernel_map_pages(number(args, 0), number(args, 1), number(args, 2))),
  },
  {
    name: 'kernel_page_present',
    parameters: [PAGE],
    returns: 'bool',
    summary: 'whether the page is memory',
    run: (k, args) => bool(k.kernel_page_present(number(args, 0))),
  },
];
