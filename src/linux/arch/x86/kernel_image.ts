/** Where the kernel image's sections lie, physically, as the linker script and the boot loader placed them. */

/** Physical byte addresses; the ends are exclusive. */
export interface KernelImage {
  /** _text. */
  text: number;
  /** _etext. */
  etext: number;
  start_rodata: number;
  end_rodata: number;
  /** __end_rodata rounded up to 2M. */
  end_rodata_hpage_align: number;
  /** _sdata. */
  sdata: number;
  init_begin: number;
  init_end: number;
  brk_base: number;
  brk_end: number;
  /** _end. */
  end: number;
  init_top_pgt: number;
  level3_kernel_pgt: number;
  level2_kernel_pgt: number;
  level4_kernel_pgt: number;
}
