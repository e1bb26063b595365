/** Where the sections of kernel images lie (arch/powerpc/kernel/vmlinux.lds.S). Physical addresses, as linked: from 0 on. */

export interface KernelImage {
  stext: number;
  /** Where what becomes read-only ends and __init begins, a multiple of 16M with STRICT_KERNEL_RWX. */
  srwx_boundary: number;
  init_end: number;
  /** One past all that boot keeps for the image. */
  end: number;
  /** init_mm's top table. */
  swapper_pg_dir: number;
}

/**
 * Of Debian's builds the recordings show where swapper_pg_dir lies and where the read-only part ends. How long __init and
 * the whole are they do not show: what is here is a round number, on which no bit of the direct map depends that is
 * recorded.
 */
function image(swapper_pg_dir: number): KernelImage {
  return {
    stext: 0,
    srwx_boundary: 0x200_0000,
    init_end: 0x260_0000,
    end: Math.ceil((swapper_pg_dir + 0x10_0000) / 0x10_0000) * 0x10_0000,
    swapper_pg_dir,
  };
}

const IMAGES: Readonly<Record<string, Readonly<Record<number, KernelImage>>>> = {
  '6.1.192': { 4096: image(0x274_0000), 65536: image(0x274_0000) },
  '6.12.107': { 4096: image(0x275_0000), 65536: image(0x283_0000) },
  '7.2.13': { 4096: image(0x29d_0000), 65536: image(0x2a6_0000) },
};

/** Above all RAM that a small geometry can have. */
const TABLES_OUT_OF_THE_WAY = 2 ** 32;

/** No image at all, for geometries smaller than the hardware's. The top table and all others of boot lie outside of RAM. */
export const NO_IMAGE: KernelImage = {
  stext: 0,
  srwx_boundary: 0,
  init_end: 0,
  end: 0,
  swapper_pg_dir: TABLES_OUT_OF_THE_WAY,
};

/** The image that is booted when none is given; that of v6.1 for older kernels, of which there is no recording. */
export function defaultImage(release: string, page_size: number, small: boolean): KernelImage {
  if (small) return NO_IMAGE;
  const known = IMAGES[release]?.[page_size];
  return known ?? IMAGES['6.1.192']![page_size]!;
}
