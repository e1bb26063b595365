/** The s390x functions that can be called by name. */

import { type CallParameter, type KernelBuild, type KernelCall, number } from '../../call.ts';
import type { Task } from '../../task.ts';
import { flush_tlb_kernel_range } from './include/asm/tlbflush.ts';
import { PAGE_SIZE } from './machine.ts';
import * as pageattr from './mm/pageattr.ts';
import { vmem_add_mapping, vmem_remove_mapping } from './mm/vmem.ts';
import type { S390Kernel } from './s390_kernel.ts';

type S390Call = KernelCall<S390Kernel>;
type S390Build = KernelBuild<S390Kernel>;

const ADDR: CallParameter = { name: 'addr', kind: 'address' };
const PAGES: CallParameter = { name: 'pages', kind: 'count' };
const PAGE: CallParameter = { name: 'pfn', kind: 'page' };

function since(change: keyof S390Kernel['has']): (k: S390Build) => string | undefined {
  return (k) => (k.has[change] ? undefined : `${k.version.name} lacks the change ${change}`);
}

/** int f(unsigned long addr, int numpages). */
function onRange(
  name: string,
  summary: string,
  f: (k: S390Kernel, addr: number, numpages: number) => Task<number>,
  missing?: S390Call['missing'],
): S390Call {
  const call: S390Call = {
    name,
    parameters: [ADDR, PAGES],
    returns: 'int',
    summary,
    run: (k, args) => f(k, number(args, 0), number(args, 1)),
  };
  return missing === undefined ? call : { ...call, missing };
}

/** int f(struct page *page). */
function onPage(name: string, summary: string, f: (k: S390Kernel, page: number) => Task<number>): S390Call {
  return {
    name,
    parameters: [PAGE],
    returns: 'int',
    summary,
    missing: since('set-direct-map'),
    run: (k, args) => f(k, number(args, 0)),
  };
}

function* bool(task: Task<boolean>): Task<number> {
  return (yield* task) ? 1 : 0;
}

function* nothing(task: Task<void>): Task<undefined> {
  yield* task;
  return undefined;
}

function kernelMapPagesMissing({ config, has }: S390Build): string | undefined {
  if (config.DEBUG_PAGEALLOC || (config.KFENCE && has.kfence)) return undefined;
  return 'needs CONFIG_DEBUG_PAGEALLOC=y, or CONFIG_KFENCE=y and the change kfence';
}

/** set_direct_map_valid_noflush() needs both: the function, and what it is made of. */
function validMissing(k: S390Build): string | undefined {
  return since('set-direct-map')(k) ?? since('set-direct-map-valid')(k);
}

export const S390_CALLS: readonly S390Call[] = [
  {
    name: '__set_memory',
    parameters: [ADDR, PAGES, { name: 'flags', kind: 'bits' }],
    returns: 'int',
    summary: 'what all set_memory_*() and set_direct_map_*() come down to: SET_MEMORY_* bits',
    run: (k, args) => pageattr.__set_memory(k, number(args, 0), number(args, 1), number(args, 2)),
  },
  onRange('set_memory_ro', 'not writable', pageattr.set_memory_ro),
  onRange('set_memory_rw', 'writable', pageattr.set_memory_rw),
  onRange('set_memory_nx', 'not executable', pageattr.set_memory_nx),
  onRange('set_memory_x', 'executable', pageattr.set_memory_x),
  onRange('set_memory_rox', 'not writable, executable', pageattr.set_memory_rox, since('set-memory-rox')),
  onRange('set_memory_rwnx', 'writable, not executable', pageattr.set_memory_rwnx, since('set-memory-rox')),
  onRange('set_memory_4k', 'mapped by 4K entries', pageattr.set_memory_4k, since('set-memory-4k')),
  onPage(
    'set_direct_map_invalid_noflush',
    'out of the direct map, and out of all TLBs',
    pageattr.set_direct_map_invalid_noflush,
  ),
  onPage(
    'set_direct_map_default_noflush',
    'in the direct map, writable, not executable',
    pageattr.set_direct_map_default_noflush,
  ),
  {
    name: 'set_direct_map_valid_noflush',
    parameters: [PAGE, PAGES, { name: 'valid', kind: 'flag' }],
    returns: 'int',
    summary: 'in or out of the direct map, several pages',
    missing: validMissing,
    run: (k, args) =>
      pageattr.set_direct_map_valid_noflush(k, number(args, 0), number(args, 1), number(args, 2) !== 0),
  },
  {
    name: '__kernel_map_pages',
    parameters: [PAGE, PAGES, { name: 'enable', kind: 'flag' }],
    returns: 'void',
    summary:
      'in or out of the direct map, which must be mapped by 4K entries: the memory of a 1M leaf is overwritten',
    missing: kernelMapPagesMissing,
    run: (k, args) =>
      nothing(pageattr.__kernel_map_pages(k, number(args, 0), number(args, 1), number(args, 2))),
  },
  {
    name: 'kernel_page_present',
    parameters: [PAGE],
    returns: 'bool',
    summary: 'whether the hardware finds the page in the direct map',
    missing: since('set-direct-map'),
    run: (k, args) => bool(pageattr.kernel_page_present(k, number(args, 0))),
  },
  {
    name: 'vmem_add_mapping',
    parameters: [PAGE, PAGES],
    returns: 'int',
    summary: 'memory that was added is in the direct map',
    run: (k, args) => vmem_add_mapping(k, number(args, 0) * PAGE_SIZE, number(args, 1) * PAGE_SIZE),
  },
  {
    name: 'vmem_remove_mapping',
    parameters: [PAGE, PAGES],
    returns: 'void',
    summary: 'memory that is removed is in the direct map no more, but for parts of large leaves',
    run: (k, args) =>
      nothing(vmem_remove_mapping(k, number(args, 0) * PAGE_SIZE, number(args, 1) * PAGE_SIZE)),
  },
  {
    name: 'flush_tlb_kernel_range',
    parameters: [ADDR, PAGES],
    returns: 'void',
    summary: 'no CPU has any translation of a kernel address, whatever the range',
    run: (k, args) =>
      nothing(flush_tlb_kernel_range(k, number(args, 0), number(args, 0) + number(args, 1) * PAGE_SIZE)),
  },
];
