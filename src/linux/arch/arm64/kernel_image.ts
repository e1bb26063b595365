/** Where the kernel image lies, and its sections: physical addresses. */

export interface KernelImage {
  /** _text. */
  text: number;
  stext: number;
  start_rodata: number;
  init_begin: number;
  init_end: number;
  bss_stop: number;
  end: number;
  /** The kernel's top table. */
  swapper_pg_dir: number;
}
