/** Where pages come from, seen from the kernel's code. */

import type { Undoable } from '../../memory/journalled.ts';
import type { TablePurpose } from '../task.ts';

export interface FrameAllocator extends Undoable {
  /**
   * First frame of a free, aligned block of 2^order pages, now no longer free; undefined if there is none.
   * `purpose` tells what it is for, where that is known.
   */
  allocate(order: number, purpose: TablePurpose | undefined): number | undefined;
  /** Give back a block got from `allocate`. */
  free(pfn: number, order: number): void;
}
