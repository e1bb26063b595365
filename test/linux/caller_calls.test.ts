import { describe, expect, it } from 'vitest';
import { X86 } from '../../src/linux/arch/x86/index.ts';
import type { CallArgument, KernelCall } from '../../src/linux/call.ts';
import { CALLER_CALLS } from '../../src/linux/caller_calls.ts';
import { GENERIC_CALLS } from '../../src/linux/calls.ts';
import type { Kernel } from '../../src/linux/kernel.ts';
import { call, KERNELS } from '../support/calls.ts';
import { smallX86 } from '../support/small_x86.ts';

/** Calls a function by its name, as a script does. */
function by(k: Kernel): (name: string, ...args: number[]) => number | undefined {
  return (name, ...args) => {
    const found = [...GENERIC_CALLS, ...X86.calls].find((each) => each.name === name)!;
    expect(found.missing?.(k), name).toBeUndefined();
    return call(found.run(k, withDefaults(found, args)));
  };
}

function withDefaults({ parameters }: KernelCall, given: readonly number[]): CallArgument[] {
  return parameters.map((parameter, i) => given[i] ?? parameter.default!);
}

describe('the calls of whole jobs', () => {
  it('have names of their own, and a line of what they do', () => {
    const names = [...GENERIC_CALLS, ...X86.calls].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { summary } of CALLER_CALLS) expect(summary).toMatch(/^\S.*\S$/);
  });

  it('say why a kernel does not have them', () => {
    const missing = (kernel: string, config: string) => {
      const k = smallX86({ kernel, config });
      return CALLER_CALLS.filter((each) => each.missing?.(k) !== undefined).length;
    };
    expect(KERNELS.map((kernel) => missing(kernel, ''))).toEqual([11, 11, 4, 4, 4]);
    expect(missing('v6.1', 'SLAB=y')).toBe(1);
    expect(missing('v7.2', 'KFENCE=n,HIBERNATION=n')).toBe(12);
  });

  it('do what the functions do: KFENCE', () => {
    const run = by(smallX86({ kernel: 'v7.2' }));
    expect(run('kfence_enable_late', 1)).toBe(0);
    const object = run('__kfence_alloc')!;
    run('__kfence_free', object);
    expect(run('kernel_page_present', run('kfence_pool_page', 2)!)).toBe(0);
    run('kfence_disable');
    expect(run('__kfence_alloc')).toBeUndefined();
  });

  it('do what the functions do: modules, BPF, kprobes and ftrace', () => {
    const run = by(smallX86({ kernel: 'v7.2' }));
    const module = run('load_module')!;
    expect(module).toBe(1);
    const rodata = run('vmalloc_to_page', run('module_address', module, 2)!)!;
    expect(run('free_module', module)).toBe(0);
    run('write_page', rodata);
    for (const name of ['bpf_prog_load', 'bpf_jit_binary_load', 'bpf_trampoline_alloc']) {
      run('bpf_prog_free', run(name)!);
    }
    expect(run('bpf_prog_pack_free', run('bpf_prog_pack_alloc', 2)!, 2)).toBe(0);
    run('free_insn_page', run('alloc_insn_page')!);
    expect(run('create_trampoline')).toBeDefined();
  });

  it('do what the functions do: SLAB, memory failure, image, devices, graphics', () => {
    const run = by(smallX86({ kernel: 'v6.1', config: 'SLAB=y' }));
    const cache = run('kmem_cache_create')!;
    const object = run('kmem_cache_alloc', cache)!;
    expect(run('kmem_cache_free', cache, object)).toBe(0);
    run('kmem_cache_shrink', cache);
    const page = run('alloc_pages', 0)!;
    expect(run('memory_failure', page)).toBe(0);
    run('hwpoison_clear', page);
    expect(run('unpoison_memory', page)).toBeLessThan(0);
    expect(run('snapshot_write_next')).toBe(0);
    expect(run('image_page', 0)).toBeDefined();
    run('swsusp_free');
    const dma = run('dma_direct_alloc')!;
    expect(run('host_can_read', dma)).toBe(0);
    run('dma_direct_free', dma);
    const tt = run('ttm_pool_alloc', 1)!;
    expect(run('ttm_page', tt)).toBeDefined();
    expect(run('ttm_pool_free', tt)).toBe(0);
    by(smallX86({ kernel: 'v7.2' }))('get_freepointer_safe', 0x2000);
  });

  it('do what the functions do: memory hotplug', () => {
    const k = smallX86({ kernel: 'v7.2' });
    const run = by(k);
    expect(run('add_memory', 0x4_0000, 512)).toBe(0);
    expect(run('online_pages', 0x4_0000)).toBe(0);
    expect(run('offline_pages', 0x4_0000)).toBe(0);
    expect(run('remove_memory', 0x4_0000)).toBe(0);
  });

  it("do what the functions do: x86's own", () => {
    const k = smallX86({ kernel: 'v7.2', features: { snp_host: true } });
    const run = by(k);
    const page = run('alloc_pages', 0)!;
    expect(run('rmp_make_private', page)).toBe(0);
    expect(run('rmp_make_shared', page)).toBe(0);
    expect(run('uc_decode_notifier', page)).toBe(0);
    run('free_init_pages', k.page_address(0x800), 1);
    run('kexec_mark_crashkres', 0x900, 2, 1);
    run('kexec_mark_crashkres', 0x900, 2, 0);
    run('kexec_mark_dm_crypt_keys', 0x900, 2, 1);
    expect(run('kernel_page_present', 0x900)).toBe(0);
    run('machine_kexec_cleanup', run('machine_kexec_prepare')!);
    run('gart_iommu_init', 0xa00, 512);
    expect(run('kernel_page_present', 0xa00)).toBe(0);
    const pgd = run('alloc_pages', 0)!;
    k.clear_page(pgd);
    expect(run('efi_setup_page_tables', pgd, 0x2000, 1)).toBe(0);
    run('efi_map_region', pgd, 0x2000, -(2 ** 36), 1);
  });
});
