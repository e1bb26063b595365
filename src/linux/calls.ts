/** The architecture-independent functions that can be called by name. */

import { type CallParameter, type KernelBuild, type KernelCall, number } from './call.ts';
import { CALLER_CALLS } from './caller_calls.ts';
import { hibernate } from './kernel/power/hibernate.ts';
import { safe_copy_page, saveable_page } from './kernel/power/snapshot.ts';
import type { Kernel } from './kernel.ts';
import { copy_from_kernel_nofault, read_page, write_page } from './mm/access.ts';
import {
  execmem_alloc,
  execmem_alloc_rw,
  execmem_cache_clean,
  execmem_cache_free_slow,
  execmem_free,
  execmem_restore_rox,
  execmem_set_direct_map_valid_at,
} from './mm/execmem.ts';
import { __free_pages, alloc_pages, GFP_ATOMIC, GFP_KERNEL } from './mm/page_alloc.ts';
import { ptdump_walk_pgd } from './mm/ptdump.ts';
import { memfd_secret, secretmem_fault, secretmem_page, secretmem_release } from './mm/secretmem.ts';
import { VM_ALLOW_HUGE_VMAP, VM_FLUSH_RESET_PERMS, vfree, vmalloc, vmalloc_to_page } from './mm/vmalloc.ts';
import type { Task } from './task.ts';

const PAGE: CallParameter = { name: 'pfn', kind: 'page' };
const ORDER: CallParameter = { name: 'order', kind: 'count' };
const FD: CallParameter = { name: 'fd', kind: 'count' };
const ADDR: CallParameter = { name: 'addr', kind: 'address' };
const NR_PAGES: CallParameter = { name: 'nr_pages', kind: 'count' };
const OFFSET: CallParameter = { name: 'offset', kind: 'count' };

function* plain(value: number | undefined): Task<number | undefined> {
  return value;
}

function secretmemMissing(build: KernelBuild): string | undefined {
  const { has, config, version } = build;
  if (!has.secretmem) return `${version.name} lacks the change secretmem`;
  if (!config.SECRETMEM) return 'needs CONFIG_SECRETMEM=y';
  return version.arch.lacks?.('ARCH_HAS_SET_DIRECT_MAP', build);
}

function execmemMissing(build: KernelBuild): string | undefined {
  const { has, version } = build;
  if (!has['execmem-rox-cache']) return `${version.name} lacks the change execmem-rox-cache`;
  return version.arch.lacks?.('ARCH_HAS_EXECMEM_ROX', build);
}

function hibernationMissing(build: KernelBuild): string | undefined {
  if (!build.config.HIBERNATION) return 'needs CONFIG_HIBERNATION=y';
  return build.version.arch.lacks?.('ARCH_HIBERNATION_POSSIBLE', build);
}

function* local_irq(k: Kernel, disabled: boolean): Task<undefined> {
  k.irqs_disabled[k.cpu] = disabled ? 1 : 0;
  return undefined;
}

function* system_sleep(k: Kernel, suspended: boolean): Task<number> {
  k.irqs_disabled[k.cpu] = suspended ? 1 : 0;
  k.system_state = suspended ? 'SUSPEND' : 'RUNNING';
  return 0;
}

function* nothing(task: Task<unknown>): Task<undefined> {
  yield* task;
  return undefined;
}

export const GENERIC_CALLS: readonly KernelCall[] = [
  {
    name: 'alloc_pages',
    parameters: [ORDER, { name: 'atomic', kind: 'flag', default: 0 }],
    returns: 'page',
    summary: '2^order pages, GFP_KERNEL or GFP_ATOMIC',
    run: (k, args) => alloc_pages(k, number(args, 1) === 0 ? GFP_KERNEL : GFP_ATOMIC, number(args, 0)),
  },
  {
    name: '__free_pages',
    parameters: [PAGE, ORDER],
    returns: 'void',
    summary: 'gives them back',
    run: (k, args) => nothing(__free_pages(k, number(args, 0), number(args, 1))),
  },
  {
    name: 'touch',
    parameters: [PAGE],
    returns: 'void',
    summary: 'the kernel reads the page through the direct map',
    run: (k, args) => nothing(read_page(k, number(args, 0))),
  },
  {
    name: 'write_page',
    parameters: [PAGE],
    returns: 'void',
    summary: 'the kernel writes the page through the direct map',
    run: (k, args) => nothing(write_page(k, number(args, 0))),
  },
  {
    name: 'copy_from_kernel_nofault',
    parameters: [{ name: 'addr', kind: 'address' }],
    returns: 'int',
    summary: 'a read that survives a fault',
    run: (k, args) => copy_from_kernel_nofault(k, number(args, 0)),
  },
  {
    name: 'local_irq_disable',
    parameters: [],
    returns: 'void',
    summary: 'this CPU takes no interrupts',
    run: (k) => local_irq(k, true),
  },
  {
    name: 'local_irq_enable',
    parameters: [],
    returns: 'void',
    summary: 'this CPU takes interrupts again',
    run: (k) => local_irq(k, false),
  },
  {
    name: 'syscore_suspend',
    parameters: [],
    returns: 'int',
    summary: 'as hibernation is when it copies memory: interrupts off, SYSTEM_SUSPEND',
    run: (k) => system_sleep(k, true),
  },
  {
    name: 'syscore_resume',
    parameters: [],
    returns: 'void',
    summary: 'back to normal',
    run: (k) => nothing(system_sleep(k, false)),
  },
  {
    name: 'saveable_page',
    parameters: [PAGE],
    returns: 'bool',
    summary: 'whether hibernation would save the page',
    missing: hibernationMissing,
    *run(k, args) {
      return (yield* saveable_page(k, number(args, 0))) ? 1 : 0;
    },
  },
  {
    name: 'safe_copy_page',
    parameters: [PAGE],
    returns: 'void',
    summary: 'hibernation copies the page, mapping it first if it must',
    missing: hibernationMissing,
    run: (k, args) => nothing(safe_copy_page(k, number(args, 0))),
  },
  {
    name: 'hibernate',
    parameters: [{ name: 'resume', kind: 'flag', default: 0 }],
    returns: 'int',
    summary: 'the snapshot, with interrupts off on one CPU; with 1 also what follows a resume',
    missing: hibernationMissing,
    run: (k, args) => hibernate(k, { resume: number(args, 0) !== 0 }),
  },
  {
    name: 'memfd_secret',
    parameters: [],
    returns: 'int',
    summary: 'a file whose pages are not in the direct map',
    missing: secretmemMissing,
    run: (k) => plain(memfd_secret(k)),
  },
  {
    name: 'secretmem_fault',
    parameters: [FD, OFFSET],
    returns: 'int',
    summary: 'the first access to one of its pages; VM_FAULT_* bits',
    missing: secretmemMissing,
    run: (k, args) => secretmem_fault(k, number(args, 0), number(args, 1)),
  },
  {
    name: 'secretmem_page',
    parameters: [FD, OFFSET],
    returns: 'page',
    summary: 'the page behind an offset',
    missing: secretmemMissing,
    run: (k, args) => plain(secretmem_page(k, number(args, 0), number(args, 1))),
  },
  {
    name: 'secretmem_release',
    parameters: [FD],
    returns: 'int',
    summary: 'the last reference goes: its pages return',
    missing: secretmemMissing,
    run: (k, args) => secretmem_release(k, number(args, 0)),
  },
  {
    name: 'vmalloc',
    parameters: [{ name: 'nr_pages', kind: 'count' }],
    returns: 'address',
    summary: 'virtually contiguous pages',
    run: (k, args) => vmalloc(k, number(args, 0)),
  },
  {
    name: 'vmalloc_reset_perms',
    parameters: [
      { name: 'nr_pages', kind: 'count' },
      { name: 'huge', kind: 'flag', default: 0 },
    ],
    returns: 'address',
    summary: 'the same with VM_FLUSH_RESET_PERMS, as modules and BPF take it',
    run: (k, args) =>
      vmalloc(k, number(args, 0), VM_FLUSH_RESET_PERMS | (number(args, 1) === 0 ? 0 : VM_ALLOW_HUGE_VMAP)),
  },
  {
    name: 'vmalloc_to_page',
    parameters: [{ name: 'addr', kind: 'address' }],
    returns: 'page',
    summary: 'the page behind an address',
    run: (k, args) => plain(vmalloc_to_page(k, number(args, 0))),
  },
  {
    name: 'vfree',
    parameters: [{ name: 'addr', kind: 'address' }],
    returns: 'void',
    summary: 'gives the area back, its direct-map permissions reset if it asked for that',
    run: (k, args) => nothing(vfree(k, number(args, 0))),
  },
  {
    name: 'execmem_alloc',
    parameters: [NR_PAGES],
    returns: 'address',
    summary: 'memory for module text, read-only and executable, from the cache or a new area of it',
    missing: execmemMissing,
    run: (k, args) => execmem_alloc(k, number(args, 0) * k.page_size),
  },
  {
    name: 'execmem_alloc_rw',
    parameters: [NR_PAGES],
    returns: 'address',
    summary: 'the same, writable and not executable for now',
    missing: execmemMissing,
    run: (k, args) => execmem_alloc_rw(k, number(args, 0) * k.page_size),
  },
  {
    name: 'execmem_restore_rox',
    parameters: [ADDR, NR_PAGES],
    returns: 'int',
    summary: 'read-only and executable again',
    missing: execmemMissing,
    run: (k, args) => execmem_restore_rox(k, number(args, 0), number(args, 1) * k.page_size),
  },
  {
    name: 'execmem_free',
    parameters: [ADDR],
    returns: 'void',
    summary: 'back into the cache, at once or by execmem_cache_free_slow()',
    missing: execmemMissing,
    run: (k, args) => nothing(execmem_free(k, number(args, 0))),
  },
  {
    name: 'execmem_cache_free_slow',
    parameters: [],
    returns: 'void',
    summary: 'the workqueue tries again what execmem_free() could not do',
    missing: execmemMissing,
    run: (k) => nothing(execmem_cache_free_slow(k)),
  },
  {
    name: 'execmem_cache_clean',
    parameters: [],
    returns: 'void',
    summary: 'the workqueue gives back what of the cache is free in large pages',
    missing: execmemMissing,
    run: (k) => nothing(execmem_cache_clean(k)),
  },
  {
    name: 'execmem_set_direct_map_valid',
    parameters: [ADDR, { name: 'valid', kind: 'flag' }],
    returns: 'int',
    summary:
      'the pages of the vmalloc area around an address in or out of the direct map, undone after an error',
    missing: execmemMissing,
    run: (k, args) => execmem_set_direct_map_valid_at(k, number(args, 0), number(args, 1) !== 0),
  },
  {
    name: 'ptdump_walk_pgd',
    parameters: [ADDR],
    returns: 'int',
    summary: 'reads the entries for an address under the mmap lock; the level of the last, 1 for a PTE',
    run: (k, args) => ptdump_walk_pgd(k, number(args, 0)),
  },
  ...CALLER_CALLS,
];
