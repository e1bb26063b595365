/**
 * The sections of riscv64 kernel images, where the boot loader has put them: 2M above the beginning of RAM. A value
 * with `~` behind it is not from the image: no one edit of the direct map that is modelled here depends on it but by
 * the 2M in which it lies.
 */

/** Physical byte addresses; the ends are exclusive. */
export interface RiscvImage {
  /** _start, a multiple of 2M. */
  start: number;
  /** _text. */
  text: number;
  /** _etext. */
  etext: number;
  init_begin: number;
  /** __init_data_begin: what lies below is executable. Not used while the kernel runs in the direct map. */
  init_data_begin: number;
  init_end: number;
  start_rodata: number;
  /** _data. */
  data: number;
  /** _end. */
  end: number;
  swapper_pg_dir: number;
  /** Bytes that the build sets aside for contiguous DMA, before anything else is allocated. */
  cma: number;
}

/** 5.10.223, a small build. */
export const IMAGE_5_10: RiscvImage = {
  start: 0x80200000,
  text: 0x80400000,
  etext: 0x805f0000, // ~
  init_begin: 0x80201000, // ~
  init_data_begin: 0x80200000,
  init_end: 0x80240000, // ~
  start_rodata: 0x80600000,
  data: 0x80a00000,
  end: 0x80b00000, // ~
  swapper_pg_dir: 0x80a9b000,
  cma: 0,
};

/** 6.12.107+deb13-riscv64, Debian 6.12.107-1. */
export const IMAGE_6_12: RiscvImage = {
  start: 0x80200000,
  text: 0x80202000,
  etext: 0x80c76978,
  init_begin: 0x80e00000,
  init_data_begin: 0x81000000,
  init_end: 0x81140000, // ~
  start_rodata: 0x81200000,
  data: 0x81e00000,
  end: 0x8206a338,
  swapper_pg_dir: 0x81fca000,
  cma: 0,
};

/** No build of 6.1 has been read: laid out as the next one. */
export const IMAGE_6_1: RiscvImage = IMAGE_6_12;

/** 7.2.13+deb14-riscv64, Debian 7.2.13-1. */
export const IMAGE_7_2: RiscvImage = {
  start: 0x80200000,
  text: 0x80202000,
  etext: 0x80fd39fa,
  init_begin: 0x81000000,
  init_data_begin: 0x81200000,
  init_end: 0x81340000, // ~
  start_rodata: 0x81400000,
  data: 0x82200000,
  end: 0x8259fa90,
  swapper_pg_dir: 0x82507000,
  cma: 0x800_0000,
};

/** By the release that a preset names. v5.11 is v5.10.223 with four patches, none of which moves a section. */
const IMAGES: Readonly<Record<string, RiscvImage>> = {
  '5.10.223': IMAGE_5_10,
  '5.11': IMAGE_5_10,
  '6.1.192': IMAGE_6_1,
  '6.12.107': IMAGE_6_12,
  '7.2.13': IMAGE_7_2,
};

/** The image that is booted when none is given. The newest one for a release that is not a preset's. */
export function defaultImage(release: string): RiscvImage {
  return IMAGES[release] ?? IMAGE_7_2;
}
