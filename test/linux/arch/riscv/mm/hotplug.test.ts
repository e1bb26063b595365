import { describe, expect, it } from 'vitest';
import { NotModelledError } from '../../../../../src/errors.ts';
import { NR_PAGETABLE } from '../../../../../src/linux/kernel.ts';
import { add_memory, remove_memory } from '../../../../../src/linux/mm/memory_hotplug.ts';
import { call, refuseAll, watch } from '../../../../support/calls.ts';
import { bootMachine, GiB, leafOf, type MachineOptions, MiB } from '../support.ts';

const KERNELS = ['v6.12', 'v7.2'];
const ADDED = (0x80000000 + 4 * GiB) / 4096;
const PAGES = (2 * GiB + 4 * MiB) / 4096;

function machine(kernel: string, options: MachineOptions = {}) {
  return bootMachine(kernel, { levels: 4, ram: GiB, ...options });
}

describe.each(KERNELS)('memory added on %s', (kernel) => {
  it('is mapped by the largest leaves that fit, and is gone again without a trace', () => {
    const k = machine(kernel);
    const { end } = k.direct_map;
    const counted = k.vm_events.get(NR_PAGETABLE);
    expect(call(add_memory(k, ADDED, PAGES))).toBe(0);
    expect(leafOf(k, ADDED)).toBe('PUD e7');
    expect(leafOf(k, ADDED + PAGES - 1)).toBe('PMD e7');
    expect(leafOf(k, ADDED + PAGES)).toBe('none');
    expect(k.direct_map.end).toBe(k.page_address(ADDED + PAGES));
    expect(call(remove_memory(k, ADDED))).toBe(0);
    expect(leafOf(k, ADDED)).toBe('none');
    expect(leafOf(k, ADDED + PAGES - 1)).toBe('none');
    expect(k.direct_map.end).toBe(end);
    expect(k.vm_events.get(NR_PAGETABLE)).toBe(counted);
  });

  it('is mapped by 4K under debug_pagealloc', () => {
    const k = machine(kernel, { ram: 128 * MiB, boot: 'debug_pagealloc=on' });
    expect(call(add_memory(k, ADDED, 512))).toBe(0);
    expect(leafOf(k, ADDED)).toBe('PTE e7');
  });

  it('kills the kernel where there is no page for a table', () => {
    const k = machine(kernel);
    const { died } = watch(k, add_memory(k, ADDED, 512), refuseAll);
    expect(died).toContain('BUG_ON(!ptdesc)');
  });

  it('may be without V: what was taken out goes all the same, but for a whole 1G', () => {
    const k = machine(kernel);
    call(add_memory(k, ADDED, PAGES));
    call(k.set_direct_map_invalid_noflush(ADDED + PAGES - 1));
    call(remove_memory(k, ADDED));
    expect(leafOf(k, ADDED + PAGES - 1)).toBe('none');
  });

  it('leaves the counter of tables short by those of splits, which nobody had counted', () => {
    const k = machine(kernel);
    const counted = k.vm_events.get(NR_PAGETABLE);
    call(add_memory(k, ADDED, PAGES));
    call(k.set_memory_ro(k.page_address(ADDED), 1));
    call(remove_memory(k, ADDED));
    expect(k.vm_events.get(NR_PAGETABLE)).toBe(counted - 2);
  });
});

it('a 1G leaf without V is not known as a leaf, and stays when its memory is removed', () => {
  const k = machine('v7.2');
  call(add_memory(k, ADDED, PAGES));
  call(k.set_direct_map_valid_noflush(ADDED, 2 ** 18, false));
  call(remove_memory(k, ADDED));
  expect(leafOf(k, ADDED)).toBe('PUD e6');
});

it.each(['v5.10', 'v6.1'])('%s cannot add memory', (kernel) => {
  const k = machine(kernel, { levels: 3 });
  expect(() => call(add_memory(k, ADDED, 512))).toThrow(NotModelledError);
});
