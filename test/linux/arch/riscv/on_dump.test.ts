import { describe, expect, it } from 'vitest';
import { InputError } from '../../../../src/errors.ts';
import { bootRiscv } from '../../../../src/linux/arch/riscv/boot.ts';
import { RISCV } from '../../../../src/linux/arch/riscv/index.ts';
import type { RiscvKernel } from '../../../../src/linux/arch/riscv/riscv_kernel.ts';
import { set_entry } from '../../../../src/linux/mm/entry.ts';
import { entry_in, table_of } from '../../../../src/linux/mm/pgtable.ts';
import { table_alloc } from '../../../../src/linux/mm/vmap.ts';
import { call } from '../../../support/calls.ts';
import { bootOptions, leafAt, leafOf, MiB } from './support.ts';

const KERNELS = ['v5.10', 'v6.1', 'v6.12', 'v7.2'];

/** The same machine, started on the tables that another kernel has built. */
function again(k: RiscvKernel, levels = k.format.levels as number): RiscvKernel {
  return RISCV.onTables({
    tables: k.memory,
    root: k.root,
    levels,
    page_size: 4096,
    memory: k.machine.memory,
    cpus: 1,
    version: k.version,
    config: k.config,
    boot: k.boot,
    page_offset: k.page_offset,
    phys_offset: k.page_offset - k.va_pa_offset,
    direct_pages_count: [],
    frames: k.frames,
    facts: {},
  }) as RiscvKernel;
}

/** Effect: a page below the kernel is mapped, as a module or a BPF program would be. */
function mapModule(k: RiscvKernel, address: number): void {
  let table = k.root;
  for (let level: number = k.format.levels; level > 1; level--) {
    const entry = entry_in(k, table, level, address);
    call(table_alloc(k, entry, level, address));
    table = table_of(k, entry, level);
  }
  const { low, high } = k.pgtable.kernelLeaf(1, 0x90000);
  call(set_entry(k, entry_in(k, table, 1, address), low, high));
}

describe.each(KERNELS)('a kernel started on tables of %s', (kernel) => {
  it('has the direct map where it is, and can edit it', () => {
    const { kernel: booted } = bootRiscv(bootOptions(kernel, { levels: 3 }));
    const k = again(booted);
    expect(k.direct_map).toEqual(booted.direct_map);
    expect(k.system_state).toBe('RUNNING');
    const page = k.frames.allocate(9, undefined)!;
    call(k.set_memory_ro(k.page_address(page), 512));
    expect(leafOf(k, page)).toMatch(/^PMD [ce]3$/);
    expect(leafOf(booted, page)).toMatch(/^PMD [ce]7$/);
  });
});

describe.each(['v6.1', 'v6.12', 'v7.2'])('a kernel started on tables of %s', (kernel) => {
  it('knows its own mapping, wherever KASLR has put it and whatever lies before it', () => {
    const { kernel: booted } = bootRiscv({
      ...bootOptions(kernel, { levels: 4 }),
      virt_offset: 6 * MiB,
    });
    mapModule(booted, -(2 ** 31) + MiB);
    const k = again(booted);
    const pfn = booted.sections!.end / 4096 - 1;
    const address = booted.image_address(Math.floor(pfn));
    expect(k.is_kernel_mapping(address)).toBe(true);
    expect(k.lm_alias(address)).toBe(k.page_address(Math.floor(pfn)));
    expect(k.is_vmalloc_or_module_addr(-(2 ** 31) + MiB)).toBe(true);
    call(k.set_memory_ro(address, 1));
    expect(leafAt(k, k.lm_alias(address))).toBe('PTE e3');
  });
});

it('a dump of 2 levels is none of riscv64', () => {
  const { kernel } = bootRiscv(bootOptions('v7.2'));
  expect(() => again(kernel, 2)).toThrow(InputError);
});
