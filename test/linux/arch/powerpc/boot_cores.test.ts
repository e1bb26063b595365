/**
 * Boot makes the direct map of real machines, leaf by leaf, from their RAM and command line. No later edit is needed, but
 * that KFENCE has closed the pages of objects that were given out and came back.
 */

import { describe, expect, it } from 'vitest';
import { POWERPC } from '../../../../src/linux/arch/powerpc/index.ts';
import type { PowerpcKernel } from '../../../../src/linux/arch/powerpc/powerpc_kernel.ts';
import { parseConfig } from '../../../../src/linux/config.ts';
import { parseKernelVersion } from '../../../../src/linux/kernels.ts';
import { kfence_protect } from '../../../../src/linux/mm/kfence/core.ts';
import { isHashTable } from '../../../../src/mmu/ppc64_radix.ts';
import { walk } from '../../../../src/mmu/walk.ts';
import { booted, call, linesOf, type PowerpcCore, readPowerpcCore } from './powerpc.ts';

const RADIX_CORES = [
  'ppc64-6.1-64k-p9',
  'ppc64-6.12-p10',
  'ppc64-6.12-64k-p10',
  'ppc64-7.2-p10',
  'ppc64-7.2-p10-kfence',
  'ppc64-7.2-64k-p10',
];

/** Returns of how many objects. */
function freeAsIn(core: PowerpcCore, k: PowerpcKernel): number {
  if (k.kfence_pool === undefined) return 0;
  const range = { start: k.page_address(k.kfence_pool.start), end: k.page_address(k.kfence_pool.end) };
  const closed = [...walk(core.memory, k.format, core.root, { range })]
    .filter(({ kind }) => kind === 'not-present')
    .flatMap(({ address, pages }) => Array.from({ length: pages }, (_, i) => address + i * k.page_size))
    .filter((address) => k.translate(address) !== undefined);
  for (const address of closed) expect(call(kfence_protect(k, address))).toBe(true);
  return closed.length;
}

describe.each(RADIX_CORES)('%s', (name) => {
  const core = readPowerpcCore(name);
  const k = booted(core.kernel, { ram: core.ram, page_size: core.page_size, boot: core.cmdline });
  const freed = freeAsIn(core, k);

  it('was edited later by KFENCE alone', () => {
    expect(freed).toBe(name === 'ppc64-7.2-p10-kfence' ? 41 : 0);
  });

  it('has every leaf of the direct map', () => {
    expect(linesOf(k)).toEqual(linesOf(k, core.memory, core.root));
    expect(linesOf(k).length).toBeGreaterThan(1);
  });

  it('has its top table where the kernel has it', () => {
    expect(k.root).toBe(core.root);
  });

  it('counts as the kernel does', () => {
    const [, base, pmd, pud] = k.direct_pages_count!.toArray();
    const own = core.page_size === 4096 ? 'DirectMap4k' : 'DirectMap64k';
    expect(core.meminfo[own]).toBe((base! * core.page_size) / 1024);
    expect(core.meminfo.DirectMap2M).toBe(pmd! * 2048);
    expect(core.meminfo.DirectMap1G).toBe(pud! * 1024 * 1024);
  });
});

describe('ppc64-6.12-p8-hash', () => {
  const core = readPowerpcCore('ppc64-6.12-p8-hash');

  it('has no linear map in its page tables, so that there is nothing to compare and nothing to start from', () => {
    expect(isHashTable(core.memory, core.root)).toBe(true);
    const config = parseConfig([], 'test', POWERPC);
    const dump = {
      tables: core.memory,
      root: core.root,
      levels: 4,
      page_size: core.page_size,
      memory: core.ram,
      cpus: 1,
      version: parseKernelVersion(core.kernel, 'test', POWERPC),
      config,
      boot: POWERPC.parseBoot('', config, 'test'),
      page_offset: -(2 ** 62),
      phys_offset: 0,
      direct_pages_count: [],
      frames: { allocate: () => undefined, free: () => {}, mark: () => 0, undo: () => {} },
      facts: {},
    };
    expect(() => POWERPC.onTables(dump)).toThrow('the tables of a hash kernel');
  });
});
