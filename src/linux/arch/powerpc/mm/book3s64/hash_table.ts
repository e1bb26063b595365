/** The hash table's variables: what hash_utils.c and hash_native.c share. */

import type { VirtualAddress } from '../../../../../mmu/format.ts';

export interface HashTable {
  /** Physical address of the table. */
  readonly htab_address: number;
  /** Number of groups less one. */
  readonly htab_hash_mask: number;
  /** log2 of the page that the linear map is made of. */
  readonly linear_shift: number;
  /** The linear map's pages by frame number, one byte each: 0x80 and the slot of a page that is mapped. */
  linear_map_hash_slots: SlotArray;
  /** The same for KFENCE's pool, counted from its first page. */
  linear_map_kf_hash_slots: SlotArray;
  /** __kfence_pool and its end, once it is known. */
  kfence: { start: VirtualAddress; end: VirtualAddress } | undefined;
}

/** Bytes in memory. */
export interface SlotArray {
  /** Physical address of the first; any multiple of 8. */
  readonly base: number;
  /** How many; 0 if there is no array. */
  readonly count: number;
}

export const NO_SLOTS: SlotArray = { base: 0, count: 0 };
