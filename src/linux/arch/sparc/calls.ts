/** The sparc64 functions that can be called by name. All but one are stubs. */

import { type CallParameter, type KernelBuild, type KernelCall, number } from '../../call.ts';
import { kernelMapPagesCall, pageCall, rangeCall } from '../../common_calls.ts';
import type { Task } from '../../task.ts';

const PAGE: CallParameter = { name: 'pfn', kind: 'page' };

function* bool(task: Task<boolean>): Task<number> {
  return (yield* task) ? 1 : 0;
}

function kernelPagePresentMissing(k: KernelBuild): string | undefined {
  if (k.has['kernel-page-present-always'] || k.config.HIBERNATION) return undefined;
  return 'needs CONFIG_HIBERNATION=y before the change kernel-page-present-always';
}

export const SPARC_CALLS: readonly KernelCall[] = [
  ...(['set_memory_ro', 'set_memory_rw', 'set_memory_x', 'set_memory_nx'] as const).map((name) =>
    rangeCall(name, 'a stub: sparc has no ARCH_HAS_SET_MEMORY'),
  ),
  ...(['set_direct_map_invalid_noflush', 'set_direct_map_default_noflush'] as const).map((name) =>
    pageCall(name, 'a stub: sparc has no ARCH_HAS_SET_DIRECT_MAP'),
  ),
  kernelMapPagesCall('in or out of the direct map; local flush'),
  {
    name: 'kernel_page_present',
    parameters: [PAGE],
    returns: 'bool',
    summary: 'always true here',
    missing: kernelPagePresentMissing,
    run: (k, args) => bool(k.kernel_page_present(number(args, 0))),
  },
];
