/** What KFENCE knows of its pool (mm/kfence/kfence.h). */

import type { VirtualAddress } from '../../../mmu/format.ts';
import type { FrameRange } from '../frame_allocator.ts';

/** One object, which has a page to itself. Never changed: a change makes a new one. */
export interface kfence_metadata {
  readonly state: 'UNUSED' | 'ALLOCATED' | 'FREED';
  /** Start of its page. */
  readonly addr: VirtualAddress;
  /** A guard page that an access out of bounds has opened, until the object is freed; 0 for none. */
  readonly unprotected_page: VirtualAddress;
}

/** Never changed: a change makes a new one. */
export interface KfenceState {
  /** __kfence_pool: two guard pages, then a page for each object and a guard page behind each. */
  readonly pool: FrameRange | undefined;
  readonly enabled: boolean;
  readonly disabled_by_warn: boolean;
  readonly objects: readonly kfence_metadata[];
  /** Objects by number, in the order in which they will be given out. */
  readonly freelist: readonly number[];
}

export const KFENCE_OFF: KfenceState = {
  pool: undefined,
  enabled: false,
  disabled_by_warn: false,
  objects: [],
  freelist: [],
};
