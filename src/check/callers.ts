/** What the kernel's own callers do when a call fails: who would notice, beside the return value itself. */

export interface Caller {
  /** Functions that it calls. */
  readonly calls: readonly string[];
  /** Its own name, and where it stands in v7.2. */
  readonly name: string;
  readonly file: string;
  readonly does:
    | 'ignores it'
    | 'prints one line, once, and goes on'
    | 'returns it'
    | 'prints a line and goes on';
}

export const CALLERS: readonly Caller[] = [
  {
    calls: ['set_direct_map_invalid_noflush', 'set_direct_map_default_noflush'],
    name: 'vm_reset_perms()',
    file: 'mm/vmalloc.c:3374',
    does: 'ignores it',
  },
  {
    calls: ['set_direct_map_invalid_noflush', 'set_direct_map_default_noflush'],
    name: 'hibernate_map_page(), hibernate_unmap_page()',
    file: 'kernel/power/snapshot.c:88',
    does: 'prints one line, once, and goes on',
  },
  {
    calls: ['set_direct_map_invalid_noflush'],
    name: 'secretmem_fault()',
    file: 'mm/secretmem.c:142',
    does: 'returns it',
  },
  {
    calls: ['set_direct_map_default_noflush'],
    name: 'secretmem_free_folio()',
    file: 'mm/secretmem.c:151',
    does: 'ignores it',
  },
  {
    calls: ['set_direct_map_valid_noflush'],
    name: 'execmem_set_direct_map_valid(), rolling back',
    file: 'mm/execmem.c:115',
    does: 'ignores it',
  },
  {
    calls: ['__kernel_map_pages'],
    name: 'debug_pagealloc_map_pages(), debug_pagealloc_unmap_pages()',
    file: 'include/linux/mm.h',
    does: 'ignores it',
  },
  {
    calls: ['set_memory_np', 'set_mce_nospec'],
    name: 'set_mce_nospec()',
    file: 'arch/x86/mm/pat/set_memory.c:2324',
    does: 'prints a line and goes on',
  },
  {
    calls: ['set_memory_np', 'set_memory_nx', 'set_memory_rw'],
    name: 'free_init_pages()',
    file: 'arch/x86/mm/init.c',
    does: 'ignores it',
  },
];

/** Those that call `name`. */
export function callersOf(name: string): Caller[] {
  return CALLERS.filter(({ calls }) => calls.includes(name));
}
