/** What rodata= means (arch/arm64/include/asm/setup.h, init/main.c, mm/mmu.c). */

import type { Arm64Kernel } from '../arm64_kernel.ts';

export interface Rodata {
  /** Aliases in the direct map of what is made read-only are made so, too. */
  rodata_full: boolean;
  rodata_enabled: boolean;
}

/** What the last rodata= leaves of the kernel's default. A word that a kernel does not know changes nothing. */
export function parse_rodata(k: Arm64Kernel): Rodata {
  const word = k.boot.rodata_word;
  const full = k.has['rodata-noalias'] || k.config.RODATA_FULL_DEFAULT_ENABLED;
  const usual = { rodata_full: full, rodata_enabled: true };
  if (word === undefined) return usual;
  if (k.has['rodata-noalias']) return arch_parse_debug_rodata(word, 'on', 'noalias') ?? usual;
  if (k.has['rodata-full-by-name']) return arch_parse_debug_rodata(word, 'full', 'on') ?? usual;
  return parse_rodata_5_10(word) ?? usual;
}

/** asm/setup.h:16 (v7.2), :16 (v6.12). Of what it does not know, v7.2's init/main.c knows nothing either. */
function arch_parse_debug_rodata(word: string, full: string, withoutAlias: string): Rodata | undefined {
  if (word === full) return { rodata_full: true, rodata_enabled: true };
  if (word === withoutAlias) return { rodata_full: false, rodata_enabled: true };
  return word === 'off' ? { rodata_full: false, rodata_enabled: false } : undefined;
}

/** By the first letter, or the second of on and off, as strtobool() does. mmu.c:613 (v5.10) */
function parse_rodata_5_10(word: string): Rodata | undefined {
  if (/^([y1]|on)/i.test(word)) return { rodata_full: false, rodata_enabled: true };
  if (/^([n0]|of)/i.test(word)) return { rodata_full: false, rodata_enabled: false };
  return word === 'full' ? { rodata_full: true, rodata_enabled: true } : undefined;
}
