/** The kernel's own callers of what edits the direct map, as calls by name: whole jobs, with all that they edit. */

import { type CallParameter, type KernelBuild, type KernelCall, number } from './call.ts';
import type { ChangeName } from './changes.ts';
import {
  ttm_page,
  ttm_pool_alloc,
  ttm_pool_free,
  ttm_write_combined,
} from './drivers/gpu/drm/ttm/ttm_pool.ts';
import { hwpoison_clear } from './drivers/nvdimm/pmem.ts';
import {
  bpf_jit_binary_load,
  bpf_prog_free,
  bpf_prog_load,
  bpf_prog_pack_alloc,
  bpf_prog_pack_free,
  bpf_trampoline_alloc,
} from './kernel/bpf/core.ts';
import { dma_direct_alloc, dma_direct_free } from './kernel/dma/direct.ts';
import { alloc_insn_page, create_trampoline, free_insn_page } from './kernel/kprobes.ts';
import { free_module, load_module, module_address } from './kernel/module/main.ts';
import { image_page, snapshot_write_next, swsusp_free } from './kernel/power/snapshot.ts';
import type { Kernel } from './kernel.ts';
import {
  __kfence_alloc,
  __kfence_free,
  KFENCE_NUM_OBJECTS,
  kfence_disable,
  kfence_enable_late,
  kfence_pool_page,
} from './mm/kfence/core.ts';
import { add_memory, offline_pages, online_pages, remove_memory } from './mm/memory_hotplug.ts';
import { memory_failure, unpoison_memory } from './mm/memory-failure.ts';
import { kmem_cache_alloc, kmem_cache_create, kmem_cache_free, kmem_cache_shrink } from './mm/slab.ts';
import { get_freepointer_safe } from './mm/slub.ts';
import type { Task } from './task.ts';

const PAGE: CallParameter = { name: 'pfn', kind: 'page' };
const ADDR: CallParameter = { name: 'addr', kind: 'address' };
const NR_PAGES: CallParameter = { name: 'nr_pages', kind: 'count', default: 1 };
const MODULE: CallParameter = { name: 'module', kind: 'count' };
const CACHE: CallParameter = { name: 'cache', kind: 'count' };

function count(name: string, byDefault?: number): CallParameter {
  return byDefault === undefined ? { name, kind: 'count' } : { name, kind: 'count', default: byDefault };
}

function since(change: ChangeName): (build: KernelBuild) => string | undefined {
  return ({ has, version }) => (has[change] ? undefined : `${version.name} lacks the change ${change}`);
}

function kfenceMissing({ has, config, version }: KernelBuild): string | undefined {
  if (!config.KFENCE) return 'needs CONFIG_KFENCE=y';
  return has.kfence && has['kfence-late']
    ? undefined
    : `${version.name} lacks the change ${has.kfence ? 'kfence-late' : 'kfence'}`;
}

function slabMissing({ has, config }: KernelBuild): string | undefined {
  if (has['slab-gone']) return 'gone with the change slab-gone';
  return config.SLAB ? undefined : 'needs CONFIG_SLAB=y';
}

function slubMissing({ has, config }: KernelBuild): string | undefined {
  return config.SLAB && !has['slab-gone'] ? 'needs CONFIG_SLAB=n' : undefined;
}

function hibernationMissing(build: KernelBuild): string | undefined {
  if (!build.config.HIBERNATION) return 'needs CONFIG_HIBERNATION=y';
  return build.version.arch.lacks?.('ARCH_HIBERNATION_POSSIBLE', build);
}

function* plain<T>(value: T): Task<T> {
  return value;
}

function* nothing(task: Task<unknown>): Task<undefined> {
  yield* task;
  return undefined;
}

function* done(k: Kernel, f: (k: Kernel) => void): Task<undefined> {
  f(k);
  return undefined;
}

const KFENCE_CALLS: readonly KernelCall[] = [
  {
    name: 'kfence_enable_late',
    parameters: [count('objects', KFENCE_NUM_OBJECTS)],
    returns: 'int',
    summary: 'turns KFENCE on while the system runs, with a pool of ordinary pages',
    missing: kfenceMissing,
    run: (k, args) => kfence_enable_late(k, number(args, 0)),
  },
  {
    name: 'kfence_disable',
    parameters: [],
    returns: 'void',
    summary: 'turns KFENCE off; its pool stays as it is',
    missing: kfenceMissing,
    run: (k) => done(k, kfence_disable),
  },
  {
    name: '__kfence_alloc',
    parameters: [],
    returns: 'address',
    summary: 'an object of KFENCE, its page present',
    missing: kfenceMissing,
    run: (k) => __kfence_alloc(k),
  },
  {
    name: '__kfence_free',
    parameters: [ADDR],
    returns: 'void',
    summary: 'the object is free, its page not present',
    missing: kfenceMissing,
    run: (k, args) => nothing(__kfence_free(k, number(args, 0))),
  },
  {
    name: 'kfence_pool_page',
    parameters: [count('index')],
    returns: 'page',
    summary: 'a page of the pool: 0 and the odd ones are guards, 2 is the first object',
    missing: kfenceMissing,
    run: (k, args) => plain(kfence_pool_page(k, number(args, 0))),
  },
];

const MODULE_CALLS: readonly KernelCall[] = [
  {
    name: 'load_module',
    parameters: [count('text', 1), count('data', 1), count('rodata', 1), count('ro_after_init', 1)],
    returns: 'int',
    summary: 'a module of so many pages, protected and its init run; its number, or an error',
    run: (k, args) =>
      load_module(
        k,
        [0, 1, 2, 3].map((each) => number(args, each)),
      ),
  },
  {
    name: 'free_module',
    parameters: [MODULE],
    returns: 'int',
    summary: 'gives its memory back, writable',
    run: (k, args) => free_module(k, number(args, 0)),
  },
  {
    name: 'module_address',
    parameters: [MODULE, count('type', 0)],
    returns: 'address',
    summary: 'where it has its text (0), data (1), rodata (2) or what is read-only after init (3)',
    run: (k, args) => plain(module_address(k, number(args, 0), number(args, 1))),
  },
  {
    name: 'alloc_insn_page',
    parameters: [],
    returns: 'address',
    summary: "a page for kprobes' instructions; errors ignored",
    run: (k) => alloc_insn_page(k),
  },
  {
    name: 'free_insn_page',
    parameters: [ADDR],
    returns: 'void',
    summary: 'gives it back',
    run: (k, args) => nothing(free_insn_page(k, number(args, 0))),
  },
  {
    name: 'create_trampoline',
    parameters: [NR_PAGES],
    returns: 'address',
    summary: 'a trampoline of ftrace; errors ignored',
    run: (k, args) => create_trampoline(k, number(args, 0)),
  },
];

const BPF_CALLS: readonly KernelCall[] = [
  {
    name: 'bpf_prog_load',
    parameters: [NR_PAGES],
    returns: 'address',
    summary: 'a BPF program for the interpreter, read-only',
    run: (k, args) => bpf_prog_load(k, number(args, 0)),
  },
  {
    name: 'bpf_jit_binary_load',
    parameters: [NR_PAGES],
    returns: 'address',
    summary: 'a compiled BPF program in pages of its own',
    run: (k, args) => bpf_jit_binary_load(k, number(args, 0)),
  },
  {
    name: 'bpf_prog_free',
    parameters: [ADDR],
    returns: 'void',
    summary: "gives either's pages back, writable",
    run: (k, args) => nothing(bpf_prog_free(k, number(args, 0))),
  },
  {
    name: 'bpf_prog_pack_alloc',
    parameters: [NR_PAGES],
    returns: 'address',
    summary: 'memory for a compiled BPF program, from an area of 2M that many share',
    missing: since('bpf-prog-pack'),
    run: (k, args) => bpf_prog_pack_alloc(k, number(args, 0)),
  },
  {
    name: 'bpf_prog_pack_free',
    parameters: [ADDR, NR_PAGES],
    returns: 'int',
    summary: 'gives it back, and with the last the whole area',
    missing: since('bpf-prog-pack'),
    run: (k, args) => bpf_prog_pack_free(k, number(args, 0), number(args, 1)),
  },
  {
    name: 'bpf_trampoline_alloc',
    parameters: [],
    returns: 'address',
    summary: 'a page for a BPF trampoline',
    run: (k) => bpf_trampoline_alloc(k),
  },
];

const SLAB_CALLS: readonly KernelCall[] = [
  {
    name: 'kmem_cache_create',
    parameters: [NR_PAGES],
    returns: 'int',
    summary: 'a cache of objects of whole pages; its number',
    missing: slabMissing,
    run: (k, args) => plain(kmem_cache_create(k, number(args, 0))),
  },
  {
    name: 'kmem_cache_alloc',
    parameters: [CACHE],
    returns: 'page',
    summary: 'an object, by its first page, mapped first under debug_pagealloc',
    missing: slabMissing,
    run: (k, args) => kmem_cache_alloc(k, number(args, 0)),
  },
  {
    name: 'kmem_cache_free',
    parameters: [CACHE, PAGE],
    returns: 'int',
    summary: 'the object is free, and unmapped under debug_pagealloc',
    missing: slabMissing,
    run: (k, args) => kmem_cache_free(k, number(args, 0), number(args, 1)),
  },
  {
    name: 'kmem_cache_shrink',
    parameters: [CACHE],
    returns: 'void',
    summary: 'gives back what of the cache nobody uses',
    missing: slabMissing,
    run: (k, args) => nothing(kmem_cache_shrink(k, number(args, 0))),
  },
  {
    name: 'get_freepointer_safe',
    parameters: [PAGE],
    returns: 'void',
    summary: "SLUB's read of an object that somebody may have freed meanwhile",
    missing: slubMissing,
    run: (k, args) => nothing(get_freepointer_safe(k, number(args, 0))),
  },
];

const FAILURE_CALLS: readonly KernelCall[] = [
  {
    name: 'memory_failure',
    parameters: [PAGE],
    returns: 'int',
    summary: 'the page is poisoned; the direct map stays as it is',
    run: (k, args) => plain(memory_failure(k, number(args, 0))),
  },
  {
    name: 'unpoison_memory',
    parameters: [PAGE],
    returns: 'int',
    summary: 'the page is poisoned no more; the direct map stays as it is',
    run: (k, args) => plain(unpoison_memory(k, number(args, 0))),
  },
  {
    name: 'hwpoison_clear',
    parameters: [PAGE],
    returns: 'void',
    summary: 'persistent memory was written anew: back into the direct map; errors ignored',
    run: (k, args) => nothing(hwpoison_clear(k, number(args, 0))),
  },
];

const HIBERNATION_CALLS: readonly KernelCall[] = [
  {
    name: 'snapshot_write_next',
    parameters: [NR_PAGES],
    returns: 'int',
    summary: 'loads pages of an image, read-only from then on with hibernate=protect_image',
    missing: hibernationMissing,
    run: (k, args) => snapshot_write_next(k, number(args, 0)),
  },
  {
    name: 'image_page',
    parameters: [count('index')],
    returns: 'page',
    summary: 'a page of the image that is being loaded',
    missing: hibernationMissing,
    run: (k, args) => plain(image_page(k, number(args, 0))),
  },
  {
    name: 'swsusp_free',
    parameters: [],
    returns: 'void',
    summary: "gives the image's pages back, writable",
    missing: hibernationMissing,
    run: (k) => nothing(swsusp_free(k)),
  },
];

const DMA_CALLS: readonly KernelCall[] = [
  {
    name: 'dma_direct_alloc',
    parameters: [count('order', 0)],
    returns: 'page',
    summary: 'memory for a device, shared with the host of a confidential guest',
    run: (k, args) => dma_direct_alloc(k, number(args, 0)),
  },
  {
    name: 'dma_direct_free',
    parameters: [PAGE, count('order', 0)],
    returns: 'void',
    summary: 'gives it back, private',
    run: (k, args) => nothing(dma_direct_free(k, number(args, 0), number(args, 1))),
  },
  {
    name: 'host_can_read',
    parameters: [PAGE],
    returns: 'bool',
    summary: 'whether the host of a confidential guest can read the page',
    run: (k, args) => plain(k.host_can_read(number(args, 0)) ? 1 : 0),
  },
];

const HOTPLUG_CALLS: readonly KernelCall[] = [
  {
    name: 'add_memory',
    parameters: [PAGE, count('nr_pages')],
    returns: 'int',
    summary: 'frames that come while the kernel runs are in the direct map; nobody uses them',
    run: (k, args) => add_memory(k, number(args, 0), number(args, 1)),
  },
  {
    name: 'online_pages',
    parameters: [PAGE],
    returns: 'int',
    summary: 'the frames added there are free, for anybody',
    run: (k, args) => online_pages(k, number(args, 0)),
  },
  {
    name: 'offline_pages',
    parameters: [PAGE],
    returns: 'int',
    summary: 'nobody gets them any more',
    run: (k, args) => plain(offline_pages(k, number(args, 0))),
  },
  {
    name: 'remove_memory',
    parameters: [PAGE],
    returns: 'int',
    summary: 'they go, and their mapping as far as the architecture can',
    run: (k, args) => remove_memory(k, number(args, 0)),
  },
];

const TTM_CALLS: readonly KernelCall[] = [
  {
    name: 'ttm_pool_alloc',
    parameters: [NR_PAGES, count('caching', ttm_write_combined)],
    returns: 'int',
    summary: 'pages for graphics, uncached (0), write-combining (1) or cached (2); their number',
    run: (k, args) => ttm_pool_alloc(k, number(args, 0), number(args, 1)),
  },
  {
    name: 'ttm_page',
    parameters: [count('tt'), count('index', 0)],
    returns: 'page',
    summary: 'one of them',
    run: (k, args) => plain(ttm_page(k, number(args, 0), number(args, 1))),
  },
  {
    name: 'ttm_pool_free',
    parameters: [count('tt')],
    returns: 'int',
    summary: 'gives them back, cached again; errors ignored',
    run: (k, args) => ttm_pool_free(k, number(args, 0)),
  },
];

export const CALLER_CALLS: readonly KernelCall[] = [
  ...KFENCE_CALLS,
  ...MODULE_CALLS,
  ...BPF_CALLS,
  ...SLAB_CALLS,
  ...FAILURE_CALLS,
  ...HIBERNATION_CALLS,
  ...DMA_CALLS,
  ...HOTPLUG_CALLS,
  ...TTM_CALLS,
];
