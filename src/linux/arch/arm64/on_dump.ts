/** A kernel started on the page tables of a real machine, copy-on-write. */

import { SimulatedMemory } from '../../../memory/simulated_memory.ts';
import { PTE_ATTRINDX_MASK, PTE_CONT, PTE_NG } from '../../../mmu/arm64.ts';
import { walk } from '../../../mmu/walk.ts';
import type { DumpedMachine } from '../../architecture.ts';
import { KFENCE_NUM_OBJECTS, KFENCE_POOL_PAGES } from '../../mm/kfence/core.ts';
import { KFENCE_OFF } from '../../mm/kfence/state.ts';
import { Arm64Kernel } from './arm64_kernel.ts';
import type { Arm64BootParameters } from './boot_parameters.ts';
import type { Arm64Config } from './config.ts';
import { PAGE_END } from './include/asm/memory.ts';
import { type Arm64Features, arm64Machine } from './machine.ts';
import { hasLateCrashkernel } from './mm/map_mem.ts';
import { can_set_direct_map } from './mm/pageattr.ts';

/**
 * Effect: a running kernel whose tables are the dump's. What tables do not tell comes from the facts "va_bits",
 * "va_bits_config", "sysregs" and "kimage_voffset", as far as they are there. How the direct map is mapped tells whether
 * KFENCE is built in, and whether the kernel splits (`judge`).
 */
export function kernelOnDump(dump: DumpedMachine): Arm64Kernel {
  const bits = numberOf(dump.facts.va_bits) ?? Math.log2(-dump.page_offset);
  const built = numberOf(dump.facts.va_bits_config) ?? bits;
  const features = { va_bits: built, lva: bits > 48 };
  const probe = createKernel(dump, features);
  const shape = shapeOf(probe);
  const { kfence, bbml2, secondaries_bbml2 } = judge(dump, probe, shape);
  const k = createKernel(dump, { ...features, bbml2, secondaries_bbml2, nonglobal: shape.nonglobal });
  k.memstart_addr = memstartOf(dump, bits, built);
  k.kfence_configured = kfence;
  k.linear_map_requires_bbml2 = bbml2 && can_set_direct_map(k) && !k.debug_pagealloc_enabled();
  k.kimage_voffset = addressOf(dump.facts.kimage_voffset);
  if (k.kfence_early_init) findKfencePool(k);
  k.system_capabilities_finalized = true;
  k.page_alloc_available = true;
  k.num_online_cpus = dump.cpus;
  k.debug_pagealloc_key = dump.boot.debug_pagealloc;
  k.system_state = 'RUNNING';
  return k;
}

function createKernel(dump: DumpedMachine, features: Partial<Arm64Features>): Arm64Kernel {
  const { memory: ram, cpus, page_size } = dump;
  return new Arm64Kernel({
    memory: new SimulatedMemory(dump.tables),
    version: dump.version,
    config: dump.config as Arm64Config,
    boot: dump.boot as Arm64BootParameters,
    machine: arm64Machine({ ram, cpus, page_size, features, where: 'dump' }),
    frames: dump.frames,
    image: undefined,
    pgd: dump.root,
    mair: sysreg(dump, 'MAIR_EL1'),
  });
}

/**
 * What the direct map begins with, physically. PHYS_OFFSET counts from the PAGE_OFFSET of the width that the kernel is
 * built for, and wraps below 0 on a narrower CPU. mm/init.c:238 (v6.12)
 */
function memstartOf({ phys_offset }: DumpedMachine, bits: number, built: number): number {
  const signed = phys_offset >= 2 ** 63 ? phys_offset - 2 ** 64 : phys_offset;
  return signed < 0 ? signed + 2 ** built - 2 ** bits : signed;
}

/** How the direct map is mapped. */
interface Shape {
  /** Valid entries have nG. */
  nonglobal: boolean;
  /** Memory outside of the image is mapped by blocks or contiguous groups: its entries are those of tagged memory. */
  large: boolean;
  /** The read-only alias of the image is. */
  largeAlias: boolean;
}

function shapeOf(k: Arm64Kernel): Shape {
  const shape: Shape = { nonglobal: false, large: false, largeAlias: false };
  const range = { start: k.page_offset, end: PAGE_END(k) };
  for (const run of walk(k.memory, k.format, k.root, { range })) {
    if (run.kind !== 'leaf') continue;
    shape.nonglobal ||= (run.flags & PTE_NG) !== 0;
    if (run.level === 1 && (run.flags & PTE_CONT) === 0) continue;
    if ((run.flags & PTE_ATTRINDX_MASK) !== 0) shape.large = true;
    else shape.largeAlias = true;
  }
  return shape;
}

/**
 * Effect: KFENCE's pool is known, if the direct map has what looks like it: as many single pages as a pool has, of which the
 * first two and then every other are invalid. Which objects are in use is not known.
 */
function findKfencePool(k: Arm64Kernel): void {
  const pages = KFENCE_POOL_PAGES(KFENCE_NUM_OBJECTS);
  const isGuard = (addr: number) => k.leafAt(addr)?.level === 1 && k.translate(addr) === undefined;
  for (const run of walk(k.memory, k.format, k.root, { range: k.direct_map })) {
    if (run.kind !== 'not-present' || run.pages < 2) continue;
    const guards = [0, ...Array.from({ length: pages / 2 }, (_, object) => 2 * object + 1)];
    if (!guards.every((page) => isGuard(run.address + page * k.page_size))) continue;
    const start = k.__pa(run.address) / k.page_size;
    k.kfence_pool = { start, end: start + pages };
    k.kfence.set({ ...KFENCE_OFF, pool: k.kfence_pool, enabled: true });
    return;
  }
}

interface Judgement {
  kfence: boolean;
  bbml2: boolean;
  secondaries_bbml2: boolean;
}

/**
 * Boot maps all by pages if the direct map can be edited and nothing can split it. So where memory is mapped by larger
 * leaves, either it cannot be edited, and KFENCE is not built in; or the CPUs have BBML2, which only such kernels use as
 * know how to split. A CPU whose ID_AA64MMFR2_EL1 says that it has no BBM level 2 is taken not to, if something else is
 * possible: the kernel itself goes by MIDR_EL1, which no recording has. Where only the alias of the image is mapped so, and
 * this kernel maps that no better than the rest, the boot CPU had it and another CPU did not, whereupon all else was split.
 * Pages that a crash kernel explains say nothing of KFENCE, which kernels of that time are built without by default.
 */
function judge(dump: DumpedMachine, k: Arm64Kernel, { large, largeAlias }: Shape): Judgement {
  const kfence = k.kfence_configured;
  const cannot: Judgement = { kfence, bbml2: false, secondaries_bbml2: true };
  if (k.debug_pagealloc_enabled() || !can_set_direct_map(k)) return cannot;
  const onlyForKfence = k.has['kfence-pool-of-pages'] && !k.rodata_full && !k.is_realm_world();
  if (!k.has['linear-map-split'])
    return onlyForKfence && (large || hasLateCrashkernel(k)) ? { ...cannot, kfence: false } : cannot;
  if (large && onlyForKfence && !hasBbmLevel2(dump)) return { ...cannot, kfence: false };
  if (large) return { ...cannot, bbml2: true };
  return largeAlias ? { kfence, bbml2: true, secondaries_bbml2: false } : cannot;
}

/** The field BBM, bits 55:52; true if it is not known. */
function hasBbmLevel2(dump: DumpedMachine): boolean {
  const mmfr2 = sysreg(dump, 'ID_AA64MMFR2_EL1');
  return mmfr2 === undefined || ((mmfr2 >> 52n) & 0xfn) >= 2n;
}

function sysreg({ facts }: DumpedMachine, name: string): bigint | undefined {
  const registers = facts.sysregs;
  if (typeof registers !== 'object' || registers === null) return undefined;
  const text = (registers as Readonly<Record<string, unknown>>)[name];
  return typeof text === 'string' && /^0x[0-9a-f]+$/i.test(text) ? BigInt(text) : undefined;
}

function numberOf(fact: unknown): number | undefined {
  return typeof fact === 'number' && Number.isInteger(fact) ? fact : undefined;
}

function addressOf(fact: unknown): number | undefined {
  if (typeof fact !== 'string' || !/^0x[0-9a-f]{1,16}$/i.test(fact)) return undefined;
  return Number(BigInt.asIntN(64, BigInt(fact)));
}
