/** The arm64 functions that can be called by name. */

import { type CallParameter, type KernelBuild, type KernelCall, number } from '../../call.ts';
import type { Task } from '../../task.ts';
import type { Arm64Kernel } from './arm64_kernel.ts';
import { flush_tlb_all } from './include/asm/tlbflush.ts';
import { setup_system_features } from './kernel/cpufeature.ts';
import { split_kernel_leaf_mapping } from './mm/mmu.ts';
import * as pageattr from './mm/pageattr.ts';

type Arm64Call = KernelCall<Arm64Kernel>;
type Arm64Build = KernelBuild<Arm64Kernel>;

const ADDR: CallParameter = { name: 'addr', kind: 'address', unaligned: true };
const PAGES: CallParameter = { name: 'pages', kind: 'count' };
const PAGE: CallParameter = { name: 'pfn', kind: 'page' };

function since(change: keyof Arm64Kernel['has']): (k: Arm64Build) => string | undefined {
  return (k) => (k.has[change] ? undefined : `${k.version.name} lacks the change ${change}`);
}

/** int f(unsigned long addr, int numpages). */
function onRange(
  name: string,
  summary: string,
  f: (k: Arm64Kernel, addr: number, numpages: number) => Task<number>,
  missing?: Arm64Call['missing'],
): Arm64Call {
  const call: Arm64Call = {
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

function kernelPagePresentMissing(k: KernelBuild): string | undefined {
  if (k.has['kernel-page-present-always'] || k.config.HIBERNATION) return undefined;
  return 'needs CONFIG_HIBERNATION=y before the change kernel-page-present-always';
}

export const ARM64_CALLS: readonly Arm64Call[] = [
  onRange(
    'set_memory_ro',
    'a vmalloc area not writable, its aliases too if rodata=full',
    pageattr.set_memory_ro,
  ),
  onRange('set_memory_rw', 'a vmalloc area writable, its aliases too if rodata=full', pageattr.set_memory_rw),
  onRange('set_memory_x', 'a vmalloc area executable', pageattr.set_memory_x),
  onRange('set_memory_nx', 'a vmalloc area not executable', pageattr.set_memory_nx),
  onRange(
    'set_memory_rox',
    'set_memory_ro(), and if that returned 0 set_memory_x()',
    (k, addr, numpages) => k.set_memory_rox(addr, numpages),
    since('set-memory-rox'),
  ),
  onRange(
    'set_memory_encrypted',
    'private, in a realm; else nothing',
    pageattr.set_memory_encrypted,
    since('mem-encrypt'),
  ),
  onRange(
    'set_memory_decrypted',
    'shared with the host, in a realm; else nothing',
    pageattr.set_memory_decrypted,
    since('mem-encrypt'),
  ),
  {
    name: 'set_memory_valid',
    parameters: [ADDR, PAGES, { name: 'enable', kind: 'flag' }],
    returns: 'int',
    summary: 'valid or not, whatever the gates of others say',
    run: (k, args) => pageattr.set_memory_valid(k, number(args, 0), number(args, 1), number(args, 2)),
  },
  {
    name: 'set_direct_map_invalid_noflush',
    parameters: [PAGE],
    returns: 'int',
    summary: 'out of the direct map; no flush',
    run: (k, args) => pageattr.set_direct_map_invalid_noflush(k, number(args, 0)),
  },
  {
    name: 'set_direct_map_default_noflush',
    parameters: [PAGE],
    returns: 'int',
    summary: 'in the direct map, writable; no flush',
    run: (k, args) => pageattr.set_direct_map_default_noflush(k, number(args, 0)),
  },
  {
    name: 'set_direct_map_valid_noflush',
    parameters: [PAGE, PAGES, { name: 'valid', kind: 'flag' }],
    returns: 'int',
    summary: 'in or out of the direct map, several pages; it does flush',
    missing: since('set-direct-map-valid'),
    run: (k, args) =>
      pageattr.set_direct_map_valid_noflush(k, number(args, 0), number(args, 1), number(args, 2) !== 0),
  },
  {
    name: '__kernel_map_pages',
    parameters: [PAGE, PAGES, { name: 'enable', kind: 'flag' }],
    returns: 'void',
    summary: 'in or out of the direct map; errors dropped',
    missing: kernelMapPagesMissing,
    run: (k, args) =>
      nothing(pageattr.__kernel_map_pages(k, number(args, 0), number(args, 1), number(args, 2))),
  },
  {
    name: 'kernel_page_present',
    parameters: [PAGE],
    returns: 'bool',
    summary: 'whether the direct map has the page',
    missing: kernelPagePresentMissing,
    run: (k, args) => bool(pageattr.kernel_page_present(k, number(args, 0))),
  },
  {
    name: 'split_kernel_leaf_mapping',
    parameters: [
      { name: 'start', kind: 'address', unaligned: true },
      { name: 'end', kind: 'address', unaligned: true },
    ],
    returns: 'int',
    summary: 'leaves begin at both ends of a range, where this kernel splits',
    missing: since('linear-map-split'),
    run: (k, args) => split_kernel_leaf_mapping(k, number(args, 0), number(args, 1)),
  },
  {
    name: 'setup_system_features',
    parameters: [],
    returns: 'void',
    summary: 'it is known what all CPUs have; boot splits all if one lacks BBML2',
    missing: since('linear-map-split'),
    run: (k) => nothing(setup_system_features(k)),
  },
  {
    name: 'flush_tlb_all',
    parameters: [],
    returns: 'void',
    summary: 'every CPU drops every translation',
    run: (k) => nothing(flush_tlb_all(k)),
  },
];
