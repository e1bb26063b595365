/** What the kernel has while it boots and not after. */

import type { Memblock } from '../../mm/memblock.ts';
import type { SparcKernel } from './sparc_kernel.ts';

export interface BootState {
  readonly k: SparcKernel;
  readonly memblock: Memblock;
  /** Where boot's next table lies in a geometry too small to have room for tables in its RAM. */
  next_small_table: number;
}
