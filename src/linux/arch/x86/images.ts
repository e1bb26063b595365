/**
 * Kernel images of Debian's builds, as their own page tables show them.
 *
 * A table tells a border to the page where rights differ on its two sides, and to the 2M otherwise: those borders are
 * marked `~` below, and any place within their 2M gives the same tables. `brk_base` is the first page of the brk area
 * that is left for tables, after what boot took before.
 */

import type { KernelImage } from './kernel_image.ts';

/** What boot needs to know of a build beyond its sections. What is left out does not happen. */
export interface BootImage extends KernelImage {
  /** Physical address of idt_table, a page of .bss that the kernel makes read-only. */
  idt_table?: number;
  /** The rest of .bss..decrypted that no variable uses, freed together with the init sections. */
  bss_decrypted_unused?: { start: number; end: number };
  real_mode?: RealModeBlob;
}

/** The real-mode trampoline, in pages from its first: [0, ro_end) is read-only, [text_start, ro_end) executable. */
export interface RealModeBlob {
  pages: number;
  text_start: number;
  ro_end: number;
}

const REAL_MODE_5_10: RealModeBlob = { pages: 6, text_start: 1, ro_end: 2 };
const REAL_MODE_6_1: RealModeBlob = { pages: 7, text_start: 1, ro_end: 3 };

/** 5.10.0-32-amd64, Debian 5.10.223-1. */
export const IMAGE_5_10: BootImage = {
  text: 0x1000000,
  etext: 0x1c02000,
  start_rodata: 0x1e00000,
  end_rodata: 0x2574000,
  end_rodata_hpage_align: 0x2600000,
  sdata: 0x2600000,
  init_begin: 0x2c01000, // ~
  init_end: 0x2e80000, // ~
  brk_base: 0x4001000,
  brk_end: 0x400d000,
  end: 0x4040000, // ~
  init_top_pgt: 0x260a000,
  level4_kernel_pgt: 0x260d000, // this build has no 5 levels, and level2_ident_pgt here
  level3_kernel_pgt: 0x260e000,
  level2_kernel_pgt: 0x260f000,
  idt_table: 0x2eba000,
  bss_decrypted_unused: { start: 0x3e02000 /* ~ */, end: 0x4000000 },
  real_mode: REAL_MODE_5_10,
};

/** 6.1.0-55-amd64, Debian 6.1.192-1. */
export const IMAGE_6_1: BootImage = {
  text: 0x1000000,
  etext: 0x1e02000,
  start_rodata: 0x2000000,
  end_rodata: 0x28eb000,
  end_rodata_hpage_align: 0x2a00000,
  sdata: 0x2a00000,
  init_begin: 0x3001000, // ~
  init_end: 0x3280000, // ~
  brk_base: 0x4401000,
  brk_end: 0x4411000,
  end: 0x4440000, // ~
  init_top_pgt: 0x2a10000,
  level4_kernel_pgt: 0x2a14000,
  level3_kernel_pgt: 0x2a15000,
  level2_kernel_pgt: 0x2a16000,
  idt_table: 0x3313000,
  bss_decrypted_unused: { start: 0x4202000 /* ~ */, end: 0x4400000 },
  real_mode: REAL_MODE_6_1,
};

/** 6.12.107+deb13-amd64, Debian 6.12.107-1. */
export const IMAGE_6_12: BootImage = {
  text: 0x1000000,
  etext: 0x2000000,
  start_rodata: 0x2000000,
  end_rodata: 0x2b8d000,
  end_rodata_hpage_align: 0x2c00000,
  sdata: 0x2c00000,
  init_begin: 0x3201000, // ~
  init_end: 0x3680000, // ~
  brk_base: 0x3c01000,
  brk_end: 0x3c11000,
  end: 0x3c40000, // ~
  init_top_pgt: 0x2c22000,
  level4_kernel_pgt: 0x2c26000,
  level3_kernel_pgt: 0x2c27000,
  level2_kernel_pgt: 0x2c28000,
  idt_table: 0x373b000,
  bss_decrypted_unused: { start: 0x3a02000 /* ~ */, end: 0x3c00000 },
  real_mode: REAL_MODE_6_1,
};

/** 7.2.13+deb14-amd64, Debian 7.2.13-1. */
export const IMAGE_7_2: BootImage = {
  text: 0x1000000,
  etext: 0x22cb000,
  start_rodata: 0x2400000,
  end_rodata: 0x3163000,
  end_rodata_hpage_align: 0x3200000,
  sdata: 0x3200000,
  init_begin: 0x3801000, // ~
  init_end: 0x3e40000, // ~
  brk_base: 0x4201000,
  brk_end: 0x4211000,
  end: 0x4240000, // ~
  init_top_pgt: 0x322a000,
  level4_kernel_pgt: 0x322c000,
  level3_kernel_pgt: 0x322d000,
  level2_kernel_pgt: 0x322e000,
  idt_table: 0x3e54000,
  bss_decrypted_unused: { start: 0x4002000 /* ~ */, end: 0x4200000 },
  real_mode: REAL_MODE_6_1,
};

/** By the release that a preset names. v5.11 is v5.10.223 with four patches, none of which moves a section. */
const IMAGES: Readonly<Record<string, BootImage>> = {
  '5.10.223': IMAGE_5_10,
  '5.11': IMAGE_5_10,
  '6.1.192': IMAGE_6_1,
  '6.12.107': IMAGE_6_12,
  '7.2.13': IMAGE_7_2,
};

/** Above all RAM that a small geometry can have. */
const TABLES_OUT_OF_THE_WAY = 2 ** 32;

/**
 * No image at all, for geometries smaller than the hardware's, in which an image and the 2G below the top of the
 * address space have no room. The top table and the first tables of boot lie outside of RAM and so take none of it.
 */
export const NO_IMAGE: BootImage = {
  text: 0,
  etext: 0,
  start_rodata: 0,
  end_rodata: 0,
  end_rodata_hpage_align: 0,
  sdata: 0,
  init_begin: 0,
  init_end: 0,
  brk_base: TABLES_OUT_OF_THE_WAY + 0x1000,
  brk_end: 0,
  end: 0,
  init_top_pgt: TABLES_OUT_OF_THE_WAY,
  level4_kernel_pgt: 0,
  level3_kernel_pgt: 0,
  level2_kernel_pgt: 0,
};

/** The image that is booted when none is given. The newest one for a release that is not a preset's. */
export function defaultImage(release: string, index_bits: number): BootImage {
  return index_bits < 9 ? NO_IMAGE : (IMAGES[release] ?? IMAGE_7_2);
}
