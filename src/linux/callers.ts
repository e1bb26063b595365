/**
 * Who in the kernel edits the direct map, what each takes for granted about failure, and what becomes of one. Lines are
 * those of v7.2, or of the last modelled kernel that has the caller.
 */

import type { KernelVersion } from './kernels.ts';

/** What a caller does with an error. */
export type OnError =
  /** It drops the return value. */
  | 'ignored'
  /** The function returns nothing, so that nobody can learn of it. */
  | 'invisible'
  | 'logged-once'
  | 'logged'
  /** It undoes or frees what it has, and returns the error. */
  | 'returned'
  /** It gives up what it was about to do, and all that led to it. */
  | 'aborted'
  /** It keeps the pages for ever rather than give them to anybody. */
  | 'leaked'
  /** It warns, and turns itself off. */
  | 'disabled'
  | 'retried';

/** The same, to be read after the caller's name. */
export const ON_ERROR: Readonly<Record<OnError, string>> = {
  ignored: 'ignores it',
  invisible: 'cannot learn of it',
  'logged-once': 'prints one line, once, and goes on',
  logged: 'prints a line and goes on',
  returned: 'returns it',
  aborted: 'gives up',
  leaked: 'loses the pages rather than free them',
  disabled: 'warns, and turns itself off',
  retried: 'tries again later',
};

export interface Caller {
  /** Its own name, and where it stands. */
  readonly name: string;
  readonly file: string;
  /** Functions that it calls. */
  readonly calls: readonly string[];
  /** What it takes for granted about their failure. */
  readonly assumes: string;
  readonly onError: OnError;
  /** Whether it may be called where nobody may sleep: with interrupts off, or a spinlock held. */
  readonly atomic: boolean;
  /** The worst that can come of a failure. */
  readonly worst: string;
  /** The call by which a scenario can have it run. */
  readonly run?: string;
  /** The change that brought it, or brought this behaviour. */
  readonly since?: string;
  /** The change that ended it. */
  readonly until?: string;
}

const PAGE_ALLOCATOR: readonly Caller[] = [
  {
    name: 'post_alloc_hook(), __free_pages_prepare()',
    file: 'include/linux/mm.h:4735',
    calls: ['__kernel_map_pages'],
    assumes: 'it cannot happen: the direct map is mapped by base pages before the first page is freed',
    onError: 'invisible',
    atomic: true,
    worst: 'the next write to an allocated page kills the machine; or a freed page can be used unnoticed',
    run: 'alloc_pages',
  },
  {
    name: 'online_pages_range()',
    file: 'mm/memory_hotplug.c:687',
    calls: ['__kernel_map_pages'],
    assumes: 'it cannot happen; pages must be mapped before the free that unmaps them',
    onError: 'invisible',
    atomic: false,
    worst: 'pages are unmapped twice, of which hash tables of powerpc die',
    run: 'online_pages',
    since: 'online-maps-first',
  },
  {
    name: 'slab_kernel_map()',
    file: 'mm/slab.c:1422 (v6.1)',
    calls: ['__kernel_map_pages'],
    assumes: 'it cannot happen',
    onError: 'invisible',
    atomic: true,
    worst: 'the next write to an object kills the machine; or a freed one can be used unnoticed',
    run: 'kmem_cache_free',
    until: 'slab-gone',
  },
];

const HIBERNATION: readonly Caller[] = [
  {
    name: 'safe_copy_page()',
    file: 'kernel/power/snapshot.c:1346 (v5.10)',
    calls: ['__kernel_map_pages'],
    assumes: 'it cannot happen',
    onError: 'invisible',
    atomic: true,
    worst: 'the copy kills the machine, without a word why',
    run: 'safe_copy_page',
    until: 'hibernate-explicit-map',
  },
  {
    name: 'hibernate_map_page(), hibernate_unmap_page()',
    file: 'kernel/power/snapshot.c:88',
    calls: ['set_direct_map_default_noflush', 'set_direct_map_invalid_noflush'],
    assumes: 'it should not happen',
    onError: 'logged-once',
    atomic: true,
    worst: 'the copy kills the machine, after one line; or a page stays mapped that was not',
    run: 'safe_copy_page',
    since: 'hibernate-explicit-map',
  },
  {
    name: 'hibernate_restore_protect_page()',
    file: 'kernel/power/snapshot.c:61 (v6.1)',
    calls: ['set_memory_ro'],
    assumes: 'it does no harm',
    onError: 'ignored',
    atomic: false,
    worst: 'a stray write to the image goes unnoticed, and is resumed from',
    run: 'snapshot_write_next',
    until: 'hibernate-protect-honoured',
  },
  {
    name: 'hibernate_restore_protect_page()',
    file: 'kernel/power/snapshot.c:61',
    calls: ['set_memory_ro'],
    assumes: 'it may happen',
    onError: 'aborted',
    atomic: false,
    worst: 'no resume where set_memory_ro() always refuses the direct map',
    run: 'snapshot_write_next',
    since: 'hibernate-protect-honoured',
  },
  {
    name: 'hibernate_restore_unprotect_page()',
    file: 'kernel/power/snapshot.c:68',
    calls: ['set_memory_rw'],
    assumes: 'it cannot happen',
    onError: 'ignored',
    atomic: false,
    worst: 'a page is freed read-only',
    run: 'swsusp_free',
  },
  {
    name: 'clear_or_poison_free_pages()',
    file: 'kernel/power/snapshot.c:1194',
    calls: [],
    assumes: 'free pages are present: it maps none of them',
    onError: 'ignored',
    atomic: false,
    worst: 'under debug_pagealloc with init_on_free=1 every resume kills the machine',
    run: 'hibernate',
  },
];

const SECRETMEM: readonly Caller[] = [
  {
    name: 'secretmem_fault()',
    file: 'mm/secretmem.c:142',
    calls: ['set_direct_map_invalid_noflush'],
    assumes: 'it may happen; and 0 means that the page is not in the direct map',
    onError: 'returned',
    atomic: false,
    worst: 'where 0 means nothing, secrets stay in the direct map',
    run: 'secretmem_fault',
    since: 'secretmem',
  },
  {
    name: 'secretmem_fault(), when its page is not wanted',
    file: 'mm/secretmem.c:159',
    calls: ['set_direct_map_default_noflush'],
    assumes: 'it cannot happen: the leaf is split already',
    onError: 'ignored',
    atomic: false,
    worst: 'a page is freed that is not present',
    run: 'secretmem_fault',
    since: 'secretmem',
  },
  {
    name: 'secretmem_free_folio()',
    file: 'mm/secretmem.c:229',
    calls: ['set_direct_map_default_noflush'],
    assumes: 'it cannot happen: the leaf is split already',
    onError: 'ignored',
    atomic: false,
    worst: 'zeroing the page kills the machine',
    run: 'secretmem_release',
    since: 'secretmem',
  },
];

const EXECUTABLE: readonly Caller[] = [
  {
    name: 'vm_reset_perms()',
    file: 'mm/vmalloc.c:3374',
    calls: ['set_direct_map_invalid_noflush', 'set_direct_map_default_noflush'],
    assumes: 'the first does no harm if it fails, the second cannot',
    onError: 'ignored',
    atomic: false,
    worst: 'a page is freed read-only, or not present',
    run: 'vfree',
  },
  {
    name: 'module_enable_ro(), module_enable_nx(), module_enable_x()',
    file: 'kernel/module.c:2021 (v5.10)',
    calls: ['set_memory_ro', 'set_memory_nx', 'set_memory_x'],
    assumes: 'it does no harm',
    onError: 'ignored',
    atomic: false,
    worst: "a module's text stays writable, or its first call kills the machine",
    run: 'load_module',
    until: 'module-errors-honoured',
  },
  {
    name: 'complete_formation()',
    file: 'kernel/module/main.c:3334',
    calls: ['set_memory_ro', 'set_memory_nx', 'set_memory_rox'],
    assumes: 'it may happen',
    onError: 'aborted',
    atomic: false,
    worst: 'a module is not loaded',
    run: 'load_module',
    since: 'module-errors-honoured',
  },
  {
    name: 'do_init_module()',
    file: 'kernel/module/main.c:3163',
    calls: ['set_memory_ro'],
    assumes: 'it may happen, too late to undo what the init did',
    onError: 'logged',
    atomic: false,
    worst: 'data that should be read-only after init stays writable',
    run: 'load_module',
    since: 'module-ro-after-init-warns',
  },
  {
    name: 'bpf_prog_lock_ro()',
    file: 'include/linux/filter.h:834 (v5.10)',
    calls: ['set_memory_ro'],
    assumes: 'it does no harm',
    onError: 'ignored',
    atomic: false,
    worst: 'a BPF program stays writable',
    run: 'bpf_prog_load',
    until: 'bpf-prog-lock-checked',
  },
  {
    name: 'bpf_prog_lock_ro()',
    file: 'include/linux/filter.h:1154',
    calls: ['set_memory_ro'],
    assumes: 'it may happen',
    onError: 'aborted',
    atomic: false,
    worst: 'a BPF program is not loaded',
    run: 'bpf_prog_load',
    since: 'bpf-prog-lock-checked',
  },
  {
    name: 'bpf_jit_binary_lock_ro(), alloc_new_pack(), arch_protect_bpf_trampoline()',
    file: 'include/linux/filter.h:896 (v6.1)',
    calls: ['set_memory_ro', 'set_memory_x'],
    assumes: 'it does no harm',
    onError: 'ignored',
    atomic: false,
    worst: 'compiled BPF stays writable while it is executable',
    run: 'bpf_jit_binary_load',
    until: 'bpf-jit-lock-checked',
  },
  {
    name: 'bpf_jit_binary_lock_ro(), alloc_new_pack(), arch_protect_bpf_trampoline()',
    file: 'include/linux/filter.h:1165',
    calls: ['set_memory_rox'],
    assumes: 'it may happen',
    onError: 'aborted',
    atomic: false,
    worst: 'a BPF program is not loaded',
    run: 'bpf_prog_pack_alloc',
    since: 'bpf-jit-lock-checked',
  },
  {
    name: 'alloc_insn_page()',
    file: 'arch/x86/kernel/kprobes/core.c:494 (v6.12)',
    calls: ['set_memory_ro', 'set_memory_x', 'set_memory_rox'],
    assumes: 'it does no harm',
    onError: 'ignored',
    atomic: false,
    worst: "kprobes' instructions stay writable",
    run: 'alloc_insn_page',
    until: 'execmem-rox-cache',
  },
  {
    name: 'alloc_insn_page()',
    file: 'arch/arm64/kernel/probes/kprobes.c:52',
    calls: ['set_memory_rox'],
    assumes: 'it may happen',
    onError: 'returned',
    atomic: false,
    worst: 'a probe is not set',
  },
  {
    name: 'alloc_insn_page()',
    file: 'arch/s390/kernel/kprobes.c:43',
    calls: ['set_memory_rox'],
    assumes: 'it does no harm',
    onError: 'ignored',
    atomic: false,
    worst: "kprobes' instructions stay writable",
    run: 'alloc_insn_page',
  },
  {
    name: 'arch_ftrace_update_trampoline()',
    file: 'arch/x86/kernel/ftrace.c:428',
    calls: ['set_memory_ro', 'set_memory_x', 'set_memory_rox'],
    assumes: 'it does no harm',
    onError: 'ignored',
    atomic: false,
    worst: "ftrace's trampoline stays writable, or its first call kills the machine",
    run: 'create_trampoline',
  },
  {
    name: 'execmem_cache_populate()',
    file: 'mm/execmem.c:303',
    calls: ['set_memory_rox'],
    assumes: 'it may happen, and has changed nothing then',
    onError: 'returned',
    atomic: false,
    worst: 'pages whose alias it had made read-only are freed so',
    run: 'execmem_alloc',
    since: 'execmem-rox-cache',
  },
  {
    name: 'execmem_set_direct_map_valid(), rolling back',
    file: 'mm/execmem.c:115',
    calls: ['set_direct_map_valid_noflush'],
    assumes: 'it cannot happen',
    onError: 'ignored',
    atomic: false,
    worst: 'a page stays out of the direct map',
    run: 'execmem_set_direct_map_valid',
    since: 'execmem-rox-cache',
  },
  {
    name: 'execmem_cache_clean()',
    file: 'mm/execmem.c:173',
    calls: ['set_direct_map_valid_noflush'],
    assumes: 'it cannot happen',
    onError: 'ignored',
    atomic: false,
    worst: 'a page is freed read-only',
    run: 'execmem_cache_clean',
    since: 'execmem-rox-cache',
  },
  {
    name: '__execmem_cache_free()',
    file: 'mm/execmem.c:357',
    calls: ['set_memory_nx', 'set_memory_rw'],
    assumes: 'it may happen',
    onError: 'retried',
    atomic: false,
    worst: 'memory stays in use until it works',
    run: 'execmem_free',
    since: 'execmem-rox-cache',
  },
  {
    name: '__execmem_cache_free(), making it read-only again',
    file: 'mm/execmem.c:367',
    calls: ['set_memory_rox'],
    assumes: 'it does no harm',
    onError: 'ignored',
    atomic: false,
    worst: 'free executable memory is writable',
    run: 'execmem_free',
    since: 'execmem-rox-cache',
  },
];

const DETECTORS: readonly Caller[] = [
  {
    name: 'kfence_protect(), kfence_unprotect()',
    file: 'mm/kfence/core.c:252',
    calls: ['kfence_protect_page'],
    assumes: 'it cannot happen once the pool is mapped by base pages',
    onError: 'disabled',
    atomic: true,
    worst:
      'KFENCE is off, or sees nothing where the architecture does not report failure; on s390 memory is overwritten',
    run: '__kfence_free',
    since: 'kfence',
  },
  {
    name: 'arch_kfence_init_pool()',
    file: 'arch/x86/include/asm/kfence.h:22',
    calls: ['set_memory_4k'],
    assumes: 'it does no harm: protecting the page will fail',
    onError: 'ignored',
    atomic: false,
    worst: 'KFENCE is off, and part of its pool lost',
    run: 'kfence_enable_late',
    since: 'kfence',
  },
  {
    name: 'uc_decode_notifier(), kill_me_maybe()',
    file: 'arch/x86/kernel/cpu/mce/core.c:624',
    calls: ['set_mce_nospec', 'set_memory_np'],
    assumes: 'it may happen; set_mce_nospec() prints a line',
    onError: 'ignored',
    atomic: false,
    worst: 'a speculative access raises a second machine check, which is fatal',
    run: 'uc_decode_notifier',
  },
  {
    name: 'hwpoison_clear()',
    file: 'drivers/nvdimm/pmem.c:84',
    calls: ['clear_mce_nospec', 'set_memory_p', 'set_memory_wb'],
    assumes: 'it cannot happen',
    onError: 'ignored',
    atomic: false,
    worst: 'the next write to the page kills the machine; before v5.19 always',
    run: 'hwpoison_clear',
  },
];

const BOOT: readonly Caller[] = [
  {
    name: 'free_init_pages()',
    file: 'arch/x86/mm/init.c:897',
    calls: ['set_memory_np', 'set_memory_nx', 'set_memory_rw'],
    assumes: 'it cannot happen: memory is ample at boot',
    onError: 'ignored',
    atomic: false,
    worst: 'a page is freed read-only or executable',
    run: 'free_init_pages',
  },
  {
    name: 'free_kernel_image_pages()',
    file: 'arch/x86/mm/init.c:946',
    calls: ['set_memory_np_noalias'],
    assumes: 'it cannot happen',
    onError: 'ignored',
    atomic: false,
    worst: "freed pages stay in the image's mapping",
  },
  {
    name: 'mark_rodata_ro()',
    file: 'arch/x86/mm/init_64.c:1416',
    calls: ['set_memory_ro', 'set_memory_nx', 'set_memory_rw'],
    assumes: 'it cannot happen',
    onError: 'ignored',
    atomic: false,
    worst: "the kernel's text or constants stay writable",
  },
  {
    name: 'set_real_mode_permissions()',
    file: 'arch/x86/realmode/init.c:203',
    calls: ['set_memory_nx', 'set_memory_ro', 'set_memory_x'],
    assumes: 'it cannot happen',
    onError: 'ignored',
    atomic: false,
    worst: 'the real-mode trampoline stays writable',
  },
  {
    name: 'efi_setup_page_tables()',
    file: 'arch/x86/platform/efi/efi_64.c:195',
    calls: ['kernel_map_pages_in_pgd', 'kernel_unmap_pages_in_pgd'],
    assumes: 'it may happen',
    onError: 'aborted',
    atomic: false,
    worst: 'there are no runtime services of firmware',
    run: 'efi_setup_page_tables',
  },
  {
    name: '__map_region()',
    file: 'arch/x86/platform/efi/efi_64.c:302',
    calls: ['kernel_map_pages_in_pgd'],
    assumes: 'it may happen',
    onError: 'logged',
    atomic: false,
    worst: 'firmware faults when it is called',
    run: 'efi_map_region',
  },
  {
    name: 'gart_iommu_init()',
    file: 'arch/x86/kernel/amd_gart_64.c:780',
    calls: ['set_memory_np'],
    assumes: 'it does no harm',
    onError: 'ignored',
    atomic: false,
    worst: 'the CPU reads ahead from the aperture',
    run: 'gart_iommu_init',
  },
];

const CONFIDENTIAL: readonly Caller[] = [
  {
    name: 'dma_direct_alloc()',
    file: 'kernel/dma/direct.c:190 (v5.10)',
    calls: ['set_memory_decrypted'],
    assumes: 'it may happen, and has changed nothing then',
    onError: 'returned',
    atomic: false,
    worst: 'pages that the host can read are freed',
    run: 'dma_direct_alloc',
    until: 'dma-leaks-on-error',
  },
  {
    name: 'dma_direct_free()',
    file: 'kernel/dma/direct.c:285 (v5.10)',
    calls: ['set_memory_encrypted'],
    assumes: 'it cannot happen',
    onError: 'ignored',
    atomic: false,
    worst: 'pages that the host can read are freed',
    run: 'dma_direct_free',
    until: 'dma-leaks-on-error',
  },
  {
    name: 'dma_direct_alloc(), dma_direct_free()',
    file: 'kernel/dma/direct.c:79',
    calls: ['set_memory_decrypted', 'set_memory_encrypted'],
    assumes: 'it may happen, and nobody knows what the host can read then',
    onError: 'leaked',
    atomic: false,
    worst: 'memory is lost',
    run: 'dma_direct_alloc',
    since: 'dma-leaks-on-error',
  },
  {
    name: 'swiotlb_update_mem_attributes(), swiotlb_exit()',
    file: 'kernel/dma/swiotlb.c:265',
    calls: ['set_memory_decrypted', 'set_memory_encrypted'],
    assumes: 'it cannot happen at boot',
    onError: 'ignored',
    atomic: false,
    worst: 'devices read what they cannot, or the host what it should not',
  },
  {
    name: 'kvm_mmu_free_page_tables(), __kvm_mmu_create()',
    file: 'arch/x86/kvm/mmu/mmu.c:6823',
    calls: ['set_memory_decrypted', 'set_memory_encrypted'],
    assumes: 'it cannot happen',
    onError: 'ignored',
    atomic: false,
    worst: 'a page that the host can read is freed',
  },
  {
    name: 'hv_vtom_set_host_visibility()',
    file: 'arch/x86/hyperv/ivm.c:816',
    calls: ['set_memory_p'],
    assumes: 'it should not happen: the range is split already',
    onError: 'returned',
    atomic: false,
    worst: 'pages stay not present, and whoever frees them kills the next owner',
    run: 'dma_direct_alloc',
    since: 'vtom-not-present',
  },
  {
    name: 'hv_vtom_clear_present()',
    file: 'arch/x86/hyperv/ivm.c:756',
    calls: ['set_memory_np'],
    assumes: 'it may happen',
    onError: 'returned',
    atomic: false,
    worst: 'some pages of the range stay not present',
    run: 'dma_direct_alloc',
    since: 'vtom-not-present',
  },
  {
    name: 'adjust_direct_map()',
    file: 'arch/x86/virt/svm/sev.c:941',
    calls: ['set_memory_4k'],
    assumes: 'it may happen',
    onError: 'returned',
    atomic: false,
    worst: 'a guest does not get the page; without the call the host dies of a write beside it',
    run: 'rmp_make_private',
    since: 'snp-adjusts-direct-map',
  },
  {
    name: 'iommu_alloc_4k_pages()',
    file: 'drivers/iommu/amd/init.c:840',
    calls: ['set_memory_4k'],
    assumes: 'it may happen',
    onError: 'returned',
    atomic: false,
    worst: 'the IOMMU does not work',
    since: 'snp-host',
  },
];

const HOTPLUG: readonly Caller[] = [
  {
    name: 'add_memory_resource()',
    file: 'mm/memory_hotplug.c:1518',
    calls: ['arch_add_memory'],
    assumes: 'it may happen; x86 dies of a missing page for a table',
    onError: 'returned',
    atomic: false,
    worst: 'on x86 the machine dies',
    run: 'add_memory',
  },
  {
    name: 'try_remove_memory()',
    file: 'mm/memory_hotplug.c:2262',
    calls: ['arch_remove_memory'],
    assumes: 'it cannot happen',
    onError: 'invisible',
    atomic: false,
    worst: 'a mapping of what is gone stays; on s390 memory is overwritten',
    run: 'remove_memory',
  },
];

const MEMORY_TYPES: readonly Caller[] = [
  {
    name: 'ttm_pool_apply_caching()',
    file: 'drivers/gpu/drm/ttm/ttm_pool.c:245',
    calls: ['set_pages_array_uc', 'set_pages_array_wc'],
    assumes: 'it may happen',
    onError: 'returned',
    atomic: false,
    worst: 'graphics do not get the memory',
    run: 'ttm_pool_alloc',
  },
  {
    name: 'ttm_pool_free_page()',
    file: 'drivers/gpu/drm/ttm/ttm_pool.c:276',
    calls: ['set_pages_wb', 'set_pages_array_wb'],
    assumes: 'it cannot happen',
    onError: 'ignored',
    atomic: false,
    worst: 'a page is freed uncached, which is slow, or undefined beside a cached mapping',
    run: 'ttm_pool_free',
  },
  {
    name: 'agp_generic_alloc_pages(), agp_generic_destroy_pages()',
    file: 'drivers/char/agp/generic.c:1196',
    calls: ['set_pages_array_uc', 'set_pages_array_wb'],
    assumes: 'it cannot happen',
    onError: 'ignored',
    atomic: false,
    worst: 'a page is freed uncached',
  },
  {
    name: 'ioremap_change_attr()',
    file: 'arch/x86/mm/ioremap.c:45',
    calls: ['_set_memory_uc', '_set_memory_wc', '_set_memory_wt', '_set_memory_wb'],
    assumes: 'it may happen',
    onError: 'returned',
    atomic: false,
    worst: "a device's memory is not mapped",
  },
  {
    name: 'kexec_mark_crashkres()',
    file: 'arch/x86/kernel/machine_kexec_64.c:629',
    calls: ['set_pages_ro', 'set_pages_rw'],
    assumes: 'it does no harm',
    onError: 'ignored',
    atomic: false,
    worst: 'a crash kernel is overwritten by a stray write; or loading the next one kills the machine',
    run: 'kexec_mark_crashkres',
  },
  {
    name: 'crash_protect_pages()',
    file: 'arch/s390/kernel/machine_kexec.c:160',
    calls: ['set_memory_ro', 'set_memory_rw'],
    assumes: 'it does no harm',
    onError: 'ignored',
    atomic: false,
    worst: 'a crash kernel is overwritten by a stray write; or loading the next one kills the machine',
  },
  {
    name: 'machine_kexec_prepare()',
    file: 'arch/riscv/kernel/machine_kexec.c:78',
    calls: ['set_memory_x'],
    assumes: 'it cannot happen',
    onError: 'ignored',
    atomic: false,
    worst: 'kexec dies at its first instruction',
  },
  {
    name: 'machine_kexec_prepare(), machine_kexec_cleanup()',
    file: 'arch/x86/kernel/machine_kexec_64.c:365',
    calls: ['set_memory_rox', 'set_memory_nx', 'set_memory_rw'],
    assumes: 'it cannot happen',
    onError: 'ignored',
    atomic: false,
    worst: 'a page is freed read-only',
    run: 'machine_kexec_prepare',
    since: 'kexec-control-rox',
  },
  {
    name: 'kexec_mark_dm_crypt_keys()',
    file: 'arch/x86/kernel/machine_kexec_64.c:658',
    calls: ['set_memory_np', 'set_memory_p'],
    assumes: 'it cannot happen',
    onError: 'ignored',
    atomic: false,
    worst: 'loading the next crash kernel kills the machine',
    run: 'kexec_mark_dm_crypt_keys',
    since: 'kexec-dm-crypt-keys',
  },
];

export const CALLERS: readonly Caller[] = [
  ...EXECUTABLE,
  ...HIBERNATION,
  ...SECRETMEM,
  ...PAGE_ALLOCATOR,
  ...DETECTORS,
  ...BOOT,
  ...CONFIDENTIAL,
  ...HOTPLUG,
  ...MEMORY_TYPES,
];

/** Those that call `name` in a kernel. An architecture's own are in its own kernels only. */
export function callersOf(name: string, { has, arch }: Pick<KernelVersion, 'has' | 'arch'>): Caller[] {
  const changes: Readonly<Record<string, boolean>> = has;
  return CALLERS.filter(({ calls, file, since, until }) => {
    const there = since === undefined || changes[since] === true;
    const gone = until !== undefined && changes[until] === true;
    const [, folder] = /^arch\/(\w+)\//.exec(file) ?? [];
    const here = folder === undefined || folder === arch.name || arch.aliases.includes(folder);
    return calls.includes(name) && there && !gone && here;
  });
}
