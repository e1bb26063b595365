/**
 * Pages for the instructions that kprobes and ftrace make (kernel/kprobes.c, arch/x86/kernel/kprobes/core.c and
 * ftrace.c). What set_memory_*() return, nobody looks at; arm64 does, which is not modelled. Line numbers are those of v7.2.
 */

import type { VirtualAddress } from '../../mmu/format.ts';
import type { Kernel } from '../kernel.ts';
import { write_kernel } from '../mm/access.ts';
import { execmem_alloc, execmem_alloc_rw, execmem_free } from '../mm/execmem.ts';
import { __vmalloc_node_range, VM_FLUSH_RESET_PERMS } from '../mm/vmalloc.ts';
import type { Task } from '../task.ts';

/** Read-only first, so that it is never writable and executable. */
function* make_rox(k: Kernel, addr: VirtualAddress, pages: number): Task<void> {
  if (k.has['set-memory-rox']) {
    yield* k.set_memory_rox(addr, pages);
    return;
  }
  yield* k.set_memory_ro(addr, pages);
  yield* k.set_memory_x(addr, pages);
}

/** Returns a page for a probe's instructions, read-only and executable if that worked, or undefined (NULL). :112 */
export function* alloc_insn_page(k: Kernel): Task<VirtualAddress | undefined> {
  if (k.arch_has_execmem_rox) return yield* execmem_alloc(k, k.page_size);
  const page = yield* __vmalloc_node_range(k, 1, VM_FLUSH_RESET_PERMS);
  if (page !== undefined) yield* make_rox(k, page, 1);
  return page;
}

/** :130 */
export function* free_insn_page(k: Kernel, page: VirtualAddress): Task<void> {
  yield* execmem_free(k, page);
}

/** Returns a trampoline, written and then read-only and executable if that worked, or undefined (NULL). ftrace.c:318 */
export function* create_trampoline(k: Kernel, pages: number): Task<VirtualAddress | undefined> {
  const trampoline = yield* k.arch_has_execmem_rox
    ? execmem_alloc_rw(k, pages * k.page_size)
    : __vmalloc_node_range(k, pages, VM_FLUSH_RESET_PERMS);
  if (trampoline === undefined) return undefined;
  for (let page = 0; page < pages; page++) yield* write_kernel(k, trampoline + page * k.page_size);
  yield* make_rox(k, trampoline, pages);
  return trampoline;
}
