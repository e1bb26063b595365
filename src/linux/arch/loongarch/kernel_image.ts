/** Where the sections of kernel images lie. Physical addresses, in bytes. */

export interface KernelImage {
  text: number;
  data: number;
  /** One past all that boot keeps for the image. */
  end: number;
  /** init_mm's top table. */
  swapper_pg_dir: number;
}

/** 7.2.13+deb14-loong64, Debian 7.2.13-1: what /proc/iomem says, and where its top table is. Others are taken to be like it. */
export const IMAGE_7_2: KernelImage = {
  text: 0x20_0000,
  data: 0x130_0000,
  end: 0x1c0_0000,
  swapper_pg_dir: 0x1b2_0000,
};

/** No image at all, for geometries smaller than the hardware's. The top table lies outside of RAM. */
export const NO_IMAGE: KernelImage = { text: 0, data: 0, end: 0, swapper_pg_dir: 2 ** 32 };
