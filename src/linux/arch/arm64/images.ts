/**
 * Kernel images of Debian's builds, where QEMU's "virt" machine loads them, as their page tables and /proc/iomem show them.
 * Of all but v7.2, nothing in the direct map depends on where .bss ends.
 */

import type { KernelImage } from './kernel_image.ts';

/** 5.10.0-32-arm64, Debian 5.10.223-1. */
const IMAGE_5_10: KernelImage = {
  text: 0x4020_0000,
  stext: 0x4020_0000,
  start_rodata: 0x40d8_0000,
  init_begin: 0x4148_0000,
  init_end: 0x419d_0000,
  bss_stop: 0x41cd_0000,
  end: 0x41cd_0000,
  swapper_pg_dir: 0x4147_5000,
};

/** 6.1.0-50-arm64, Debian 6.1.176-1: the nearest to 6.1.192 whose tables are known. */
const IMAGE_6_1: KernelImage = {
  text: 0x4020_0000,
  stext: 0x4021_0000,
  start_rodata: 0x40f0_0000,
  init_begin: 0x4186_0000,
  init_end: 0x41eb_0000,
  bss_stop: 0x4221_0000,
  end: 0x4221_0000,
  swapper_pg_dir: 0x4185_3000,
};

/** 6.12.107+deb13-arm64, Debian 6.12.107-1. */
const IMAGE_6_12: KernelImage = {
  text: 0x4020_0000,
  stext: 0x4021_0000,
  start_rodata: 0x4116_0000,
  init_begin: 0x41f2_0000,
  init_end: 0x4223_0000,
  bss_stop: 0x426f_0000,
  end: 0x426f_0000,
  swapper_pg_dir: 0x41f1_6000,
};

/** 7.2.13+deb14-arm64, Debian 7.2.13-1. */
const IMAGE_7_2: KernelImage = {
  text: 0x4020_0000,
  stext: 0x4021_0000,
  start_rodata: 0x414c_0000,
  init_begin: 0x4271_0000,
  init_end: 0x42ae_0000,
  bss_stop: 0x430e_6000,
  end: 0x4310_0000,
  swapper_pg_dir: 0x4270_3000,
};

/** By the release that a preset names. v5.11 is v5.10.223 with four patches, none of which moves a section. */
const IMAGES: Readonly<Record<string, KernelImage>> = {
  '5.10.223': IMAGE_5_10,
  '5.11': IMAGE_5_10,
  '6.1.192': IMAGE_6_1,
  '6.12.107': IMAGE_6_12,
  '7.2.13': IMAGE_7_2,
};

/** The image of a preset's release, its borders at whole pages, and it at 2M above the start of RAM. */
export function defaultImage(release: string, ramStart: number, page_size: number): KernelImage | undefined {
  const image = IMAGES[release];
  if (image === undefined) return undefined;
  const moved = Object.entries(image).map(([name, at]) => {
    const whole = Math.floor(at / page_size) * page_size;
    return [name, whole - 2 ** 30 + ramStart];
  });
  return Object.fromEntries(moved) as Record<keyof KernelImage, number>;
}
