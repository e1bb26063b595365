/** The sparc64 functions that can be called by name. All but one are stubs. */

import { type CallParameter, type KernelBuild, type KernelCall, number } from '../../call.ts';
import type { Task } from '../../task.ts';
import type { SparcKernel } from './sparc_kernel.ts';

type SparcCall = KernelCall<SparcKernel>;

const ADDR: CallParameter = { name: 'addr', kind: 'address' };
const PAGES: CallParameter = { name: 'pages', kind: 'count' };
const PAGE: CallParameter = { name: 'pfn', kind: 'page' };

function* nothing(task: Task<void>): Task<undefined> {
  yield* task;
  return undefined;
}

function* bool(task: Task<boolean>): Task<number> {
  return (yield* task) ? 1 : 0;
}

function kernelPagePresentMissing(k: KernelBuild): string | undefined {
  if (k.has['kernel-page-present-always'] || k.config.HIBERNATION) return undefined;
  return 'needs CONFIG_HIBERNATION=y before the change kernel-page-present-always';
}

export const SPARC_CALLS: readonly SparcCall[] = [
  ...(['set_memory_ro', 'set_memory_rw', 'set_memory_x', 'set_memory_nx'] as const).map(
    (name): SparcCall => ({
      name,
      parameters: [ADDR, PAGES],
      returns: 'int',
      summary: 'a stub: sparc has no ARCH_HAS_SET_MEMORY',
      run: (k, args) => k[name](number(args, 0), number(args, 1)),
    }),
  ),
  ...(['set_direct_map_invalid_noflush', 'set_direct_map_default_noflush'] as const).map(
    (name): SparcCall => ({
      name,
      parameters: [PAGE],
      returns: 'int',
      summary: 'a stub: sparc has no ARCH_HAS_SET_DIRECT_MAP',
      run: (k, args) => k[name](number(args, 0)),
    }),
  ),
  {
    name: '__kernel_map_pages',
    parameters: [PAGE, PAGES, { name: 'enable', kind: 'flag' }],
    returns: 'void',
    summary: 'in or out of the direct map; local flush',
    missing: (k) => (k.config.DEBUG_PAGEALLOC ? undefined : 'needs CONFIG_DEBUG_PAGEALLOC=y'),
    run: (k, args) => nothing(k.__kernel_map_pages(number(args, 0), number(args, 1), number(args, 2))),
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
