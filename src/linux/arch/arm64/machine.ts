/** The arm64 machine, and the width of addresses that its kernel is built for, that are meant by what somebody says. */

import { InputError } from '../../../errors.ts';
import {
  checkFeatures,
  type Features,
  type Machine,
  type MemoryRange,
  type WantedMachine,
} from '../../machine.ts';

/** Where a scenario begins: boot goes on to the end, or stops on its way. */
export const BOOT_STAGE = {
  done: 0,
  before_page_allocator: 1,
  one_cpu: 2,
  all_cpus: 3,
} as const;

export interface Arm64Features extends Features {
  /** CONFIG_ARM64_VA_BITS. */
  va_bits: number;
  /** Whether the CPUs translate 52-bit addresses: LPA2 with pages of 4K and 16K, LVA with 64K. */
  lva: boolean;
  bbml2: boolean;
  secondaries_bbml2: boolean;
  nonglobal: boolean;
  realm: boolean;
  rmm_refuses: boolean;
  boot_stage: number;
}

export interface Arm64Machine extends Machine {
  page_size: 4096 | 16384 | 65536;
  features: Arm64Features;
}

export const ARM64_FEATURES = {
  va_bits: {
    meaning: 'the width of addresses that the kernel is built for: 36, 39, 42, 47, 48 or 52',
    default: undefined,
  },
  lva: { meaning: 'the CPUs can use 52-bit addresses, if the kernel is built for them', default: false },
  bbml2: {
    meaning: 'the boot CPU may change the size of live leaves: BBML2, without conflict aborts',
    default: false,
  },
  secondaries_bbml2: { meaning: 'the other CPUs may, too, if the boot CPU does', default: true },
  nonglobal: { meaning: 'the kernel maps itself by nG entries, as KASLR with KPTI needs', default: false },
  realm: { meaning: 'the machine is a guest in a realm (CCA)', default: false },
  rmm_refuses: { meaning: "the realm's monitor refuses to change the state of pages", default: false },
  boot_stage: {
    meaning:
      'the boot stops: 1 before the page allocator, 2 before other CPUs come up, 3 before it is known what all CPUs have; 0 goes on to the end',
    default: 0,
  },
} as const;

const KiB = 2 ** 10;

/** CONFIG_ARM64_VA_BITS by page size and levels, for machines of which only the levels are given. */
const VA_BITS: Readonly<Record<number, Readonly<Record<number, number>>>> = {
  [4 * KiB]: { 3: 39, 4: 48, 5: 52 },
  [16 * KiB]: { 2: 36, 3: 47, 4: 48 },
  [64 * KiB]: { 2: 42, 3: 48 },
};

/** Every width that a page size can be built with. arch/arm64/Kconfig */
const WIDTHS: Readonly<Record<number, readonly number[]>> = {
  [4 * KiB]: [39, 48, 52],
  [16 * KiB]: [36, 47, 48, 52],
  [64 * KiB]: [42, 48, 52],
};

const DEFAULT_SMALL_LEVELS = 4;
const MAX_INDEX_BITS: Readonly<Record<number, number>> = { [4 * KiB]: 9, [16 * KiB]: 11, [64 * KiB]: 13 };
/** Where QEMU's "virt" machine has its RAM. */
const VIRT_RAM = 2 ** 30;

/** @throws InputError */
export function arm64Machine(wanted: WantedMachine): Arm64Machine {
  const { ram, cpus = 1, page_size = 4 * KiB, where } = wanted;
  checkFeatures(wanted, Object.keys(ARM64_FEATURES));
  const max = MAX_INDEX_BITS[page_size];
  if (max === undefined || !isPageSize(page_size))
    throw wrong('page size', where, page_size, '4K, 16K or 64K');
  const { index_bits = max } = wanted;
  if (!(index_bits >= 1 && index_bits <= max)) throw wrong('index bits', where, index_bits, `1 to ${max}`);
  const small = index_bits < max;
  const features = featuresOf(wanted, page_size, small);
  const memory: readonly MemoryRange[] =
    typeof ram === 'number'
      ? [{ start: small ? 0 : VIRT_RAM, end: (small ? 0 : VIRT_RAM) + ram, type: 'RAM' }]
      : ram;
  const paging_levels = small
    ? (wanted.levels ?? DEFAULT_SMALL_LEVELS)
    : levelsOf(page_size, vabits_actual(page_size, features));
  if (!(paging_levels >= 2 && paging_levels <= 5)) throw wrong('levels', where, paging_levels, '2 to 5');
  return { memory, cpus, page_size, paging_levels, index_bits, features };
}

function isPageSize(bytes: number): bytes is Arm64Machine['page_size'] {
  return bytes === 4 * KiB || bytes === 16 * KiB || bytes === 64 * KiB;
}

function featuresOf(wanted: WantedMachine, page_size: number, small: boolean): Arm64Features {
  const { levels, where } = wanted;
  const given = wanted.features ?? {};
  const lva = given.lva === true || (!small && levels === 5);
  const byLevels = small || levels === undefined ? undefined : VA_BITS[page_size]?.[levels];
  if (!small && levels !== undefined && given.va_bits === undefined && byLevels === undefined)
    throw wrong('levels', where, levels, Object.keys(VA_BITS[page_size]!).join(' or '));
  const va_bits = Number(given.va_bits ?? byLevels ?? (page_size === 16 * KiB ? 47 : 48));
  if (!WIDTHS[page_size]!.includes(va_bits))
    throw wrong('va_bits', where, va_bits, WIDTHS[page_size]!.join(', '));
  const stage = Number(given.boot_stage ?? 0);
  if (!Number.isInteger(stage) || stage < 0 || stage > 3) throw wrong('boot_stage', where, stage, '0 to 3');
  const features: Arm64Features = {
    va_bits,
    lva,
    bbml2: given.bbml2 === true,
    secondaries_bbml2: given.secondaries_bbml2 !== false,
    nonglobal: given.nonglobal === true,
    realm: given.realm === true,
    rmm_refuses: given.rmm_refuses === true,
    boot_stage: stage,
  };
  const needed = small ? undefined : levelsOf(page_size, vabits_actual(page_size, features));
  if (levels !== undefined && needed !== undefined && levels !== needed)
    throw wrong('levels', where, levels, `${needed}, with va_bits ${va_bits}`);
  return features;
}

/** VA_BITS_MIN: what a kernel for 52 bits does with on CPUs without. asm/memory.h:58 (v7.2) */
export function VA_BITS_MIN(page_size: number, va_bits: number): number {
  if (va_bits <= 48) return va_bits;
  return page_size === 16 * KiB ? 47 : 48;
}

/** The width of the addresses that the tables translate. */
export function vabits_actual(page_size: number, { va_bits, lva }: Arm64Features): number {
  return lva ? va_bits : VA_BITS_MIN(page_size, va_bits);
}

function levelsOf(page_size: number, bits: number): number {
  const shift = Math.log2(page_size);
  return Math.ceil((bits - shift) / (shift - 3));
}

/** To be asked before boot. @throws InputError */
export function checkAligned({ memory, page_size }: Machine): void {
  for (const { start, end, type } of memory) {
    if (type !== 'RAM' || (start % page_size === 0 && end % page_size === 0)) continue;
    const found = `0x${start.toString(16)}-0x${end.toString(16)}`;
    const expected = 'whole pages: what kernels do with parts of one differs, and is not modelled';
    throw new InputError({ code: 'bad-format', what: 'RAM range', where: '', found, expected });
  }
}

function wrong(what: string, where: string, found: number, expected: string): InputError {
  return new InputError({ code: 'out-of-range', what, where, found: String(found), expected });
}
