import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Arm64Kernel } from '../../../../src/linux/arch/arm64/arm64_kernel.ts';
import { ARM64 } from '../../../../src/linux/arch/arm64/index.ts';
import { kernelOnDump } from '../../../../src/linux/arch/arm64/on_dump.ts';
import { parseConfig } from '../../../../src/linux/config.ts';
import { parseKernelVersion } from '../../../../src/linux/kernels.ts';
import { memoryFromInclusive } from '../../../../src/linux/machine.ts';
import { BuddyAllocator } from '../../../../src/linux/mm/buddy.ts';
import { call } from '../../../support/calls.ts';
import { readCore, signedAddress } from '../../../support/real_core.ts';
import { arm64, FREE_BLOCK, GiB, leaf, MiB, type Wanted } from './support.ts';

/** The machine of one kernel, recorded and started again. The recorder knows its cmdline, but not how it was built. */
function again(wanted: Wanted, facts: Record<string, unknown> = {}, phys_offset?: number): Arm64Kernel {
  const k = arm64(wanted);
  const debug = wanted.boot?.includes('debug_pagealloc') ? 'y' : 'n';
  const config = parseConfig([['DEBUG_PAGEALLOC', debug]], 'test', ARM64);
  return kernelOnDump({
    tables: k.memory,
    root: k.root,
    levels: k.format.levels,
    page_size: k.page_size,
    memory: k.machine.memory,
    cpus: 1,
    version: parseKernelVersion(wanted.kernel, 'test', ARM64),
    config,
    boot: ARM64.parseBoot(wanted.boot ?? '', config, 'test'),
    page_offset: k.page_offset,
    phys_offset: phys_offset ?? k.memstart_addr,
    direct_pages_count: [],
    frames: new BuddyAllocator([{ start: 2 ** 20, end: 2 ** 20 + 64 }]),
    facts,
  });
}

function recorded(name: string): Arm64Kernel {
  const json = JSON.parse(readFileSync(new URL(`../../../data/cores/${name}.json`, import.meta.url), 'utf8'));
  const kernel = `v${/^\d+\.\d+/.exec(json.kernel)![0]}`;
  const config = parseConfig([], name, ARM64);
  return kernelOnDump({
    tables: readCore(name),
    root: Number(json.root),
    levels: json.levels,
    page_size: json.pageSize,
    memory: memoryFromInclusive(
      json.ram.map((range: string[]) => range.map(Number)),
      name,
    ),
    cpus: 1,
    version: parseKernelVersion(kernel, name, ARM64),
    config,
    boot: ARM64.parseBoot(json.cmdline, config, name),
    page_offset: signedAddress(json.pageOffset),
    phys_offset: signedAddress(json.physOffset),
    direct_pages_count: [],
    frames: new BuddyAllocator([]),
    facts: json,
  });
}

const NO_BBM = { sysregs: { ID_AA64MMFR2_EL1: '0x0' } };
const BBM2 = { sysregs: { ID_AA64MMFR2_EL1: '0x1221011112011011' } };

describe('whether the direct map of a recording can be edited', () => {
  it.each(['v6.1', 'v6.12', 'v7.2'])(
    'by %s: not, where it has blocks without rodata=full: no KFENCE',
    (kernel) => {
      const k = again({ kernel, boot: 'rodata=off', config: 'KFENCE=n' }, NO_BBM);
      expect(k.can_set_direct_map()).toBe(false);
      expect(call(k.set_direct_map_invalid_noflush(FREE_BLOCK))).toBe(0);
      expect(leaf(k, FREE_BLOCK)).toBe('PMD CONT');
    },
  );

  it.each(['v6.1', 'v6.12', 'v7.2'])('by %s: yes, where KFENCE had it mapped by pages', (kernel) => {
    const k = again({ kernel, boot: 'rodata=off' }, NO_BBM);
    expect(k.can_set_direct_map()).toBe(true);
    call(k.set_direct_map_invalid_noflush(FREE_BLOCK));
    expect(leaf(k, FREE_BLOCK)).toBe('PTE invalid');
  });

  it('by v6.1: not, where a crash kernel had it mapped by pages: nothing tells of KFENCE', () => {
    const k = again({ kernel: 'v6.1', boot: 'rodata=off crashkernel=16M', config: 'KFENCE=n' }, NO_BBM);
    expect(leaf(k, FREE_BLOCK)).toBe('PTE');
    expect(k.can_set_direct_map()).toBe(false);
    expect(call(k.set_direct_map_invalid_noflush(FREE_BLOCK))).toBe(0);
    expect(leaf(k, FREE_BLOCK)).toBe('PTE');
  });

  it('by v6.12: yes, as its crash kernel leaves blocks', () => {
    const k = again({ kernel: 'v6.12', boot: 'rodata=off crashkernel=16M' }, NO_BBM);
    expect(k.can_set_direct_map()).toBe(true);
  });
});

describe('whether the kernel of a recording splits', () => {
  it('yes, where it has blocks in spite of rodata=full', () => {
    for (const facts of [{}, BBM2, NO_BBM]) {
      const k = again({ kernel: 'v7.2', features: { bbml2: true } }, facts);
      expect(k.linear_map_requires_bbml2).toBe(true);
      expect(call(k.set_direct_map_invalid_noflush(FREE_BLOCK))).toBe(0);
      expect(leaf(k, FREE_BLOCK)).toBe('PTE invalid');
    }
  });

  it('yes, where KFENCE may come late and the CPU has the level of BBM; else KFENCE cannot come', () => {
    const wanted = { kernel: 'v7.2', boot: 'rodata=off', features: { bbml2: true } };
    expect(again(wanted, BBM2).linear_map_requires_bbml2).toBe(true);
    expect(again(wanted, NO_BBM).can_set_direct_map()).toBe(false);
  });

  it('no, where it has pages alone', () => {
    expect(again({ kernel: 'v7.2' }, BBM2).linear_map_requires_bbml2).toBe(false);
    const debug = { kernel: 'v7.2', boot: 'debug_pagealloc=on', config: 'DEBUG_PAGEALLOC=y' };
    expect(again(debug, BBM2).linear_map_requires_bbml2).toBe(false);
  });

  it('no more, where only the alias of the image has blocks: a second CPU could not', () => {
    const features = { bbml2: true, secondaries_bbml2: false };
    const wanted = { kernel: 'v7.2', cpus: 2, features };
    const k = again(wanted, BBM2);
    expect(leaf(k, k.__pa(k.page_offset) / 4096 + 0x600)).toMatch(/^PMD/);
    expect(k.machine.features.secondaries_bbml2).toBe(false);
    expect(k.linear_map_requires_bbml2).toBe(true);
  });
});

describe('other facts', () => {
  it('nG is seen in the tables', () => {
    expect(again({ kernel: 'v6.12', features: { nonglobal: true } }).arm64_use_ng_mappings).toBe(true);
    expect(again({ kernel: 'v7.2' }).arm64_use_ng_mappings).toBe(false);
    const k = again({ kernel: 'v7.2', boot: 'rodata=off kfence.sample_interval=1' }, NO_BBM);
    expect(k.arm64_use_ng_mappings).toBe(false);
  });

  it('PHYS_OFFSET of a kernel for 52 bits on a CPU with 48 wraps below 0', () => {
    const wanted = { kernel: 'v6.12', features: { va_bits: 52 } };
    const facts = { va_bits: 48, va_bits_config: 52 };
    for (const wrapped of [GiB - 2 ** 52 + 2 ** 48, 2 ** 64 + GiB - 2 ** 52 + 2 ** 48]) {
      const k = again(wanted, facts, wrapped);
      expect(k.page_address(GiB / 4096)).toBe(-(2 ** 48));
      expect(leaf(k, FREE_BLOCK)).toBe('PTE');
    }
  });

  it("KFENCE's pool is where its guard pages are", () => {
    const k = again({ kernel: 'v6.12', boot: 'rodata=off kfence.sample_interval=1' }, NO_BBM);
    const end = (GiB + 192 * MiB) / 4096;
    expect(k.kfence_pool).toEqual({ start: end - 512, end });
    expect(again({ kernel: 'v6.12' }).kfence_pool).toBeUndefined();
  });

  it('the image is where kimage_voffset says', () => {
    const k = again({ kernel: 'v6.12' }, { kimage_voffset: '0xffff80003fe00000' });
    expect(k.image_address(0x40200)).toBe(-(2 ** 47) + 2 ** 31);
  });
});

/** What is known of each machine by other ways: how QEMU and Debian made it. */
describe('the recorded machines', () => {
  it.each([
    ['arm64-5.10', 'rodata=full', {}],
    ['arm64-5.10-rodata-off', 'rodata=off', { can: false }],
    ['arm64-6.1-rodata-off', 'rodata=off', { can: false }],
    ['arm64-6.12', 'rodata=full', {}],
    ['arm64-6.12-max', 'rodata=full', {}],
    ['arm64-6.12-rodata-off-kfence100', 'rodata=off', { can: false, pool: 0xbfe00000 }],
    ['arm64-6.12-16k-rodata-off', 'rodata=off', { can: false, pool: 0x7f800000, nonglobal: true }],
    ['arm64-6.12-16k-lpa2-rodata-off', 'rodata=off', { can: false, pool: 0x7f800000 }],
    ['arm64-7.2', 'rodata=full', {}],
    ['arm64-7.2-bbml2-q10', 'rodata=full', { splits: true }],
  ])('%s is found to be %s, %o', (name, rodata, expected) => {
    const k = recorded(name);
    const found = {
      can: k.can_set_direct_map(),
      splits: k.linear_map_requires_bbml2,
      pool: k.kfence_pool && k.kfence_pool.start * k.page_size,
      nonglobal: k.arm64_use_ng_mappings,
    };
    expect(found).toEqual({ can: true, splits: false, pool: undefined, nonglobal: false, ...expected });
    expect(k.describeBoot()).toContain(rodata);
    const { start } = k.direct_map;
    const { level, low, high } = k.leafAt(start)!;
    expect(k.format.leafFrame(level, low, high) * k.page_size).toBe(k.__pa(start));
  });
});

describe('the name of each architecture', () => {
  it('is known by its alias, and its boots tell its kernels apart', () => {
    expect(ARM64.aliases).toContain('aarch64');
    const shapes = ARM64.boots.map(({ boot, config = [], features = {} }) =>
      leaf(
        arm64({ kernel: 'v7.2', boot, config: config.map((pair) => pair.join('=')).join(','), features }),
        FREE_BLOCK,
      ),
    );
    expect(shapes).toEqual(['PTE', 'PMD CONT', 'PTE invalid', 'PTE invalid', 'PMD CONT', 'PMD CONT']);
  });
});
