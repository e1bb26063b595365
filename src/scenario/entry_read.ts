/**
 * Which entry a CPU reads that goes on at a 'read' point. The point names no more than the top-level entry or table.
 * What the CPU accesses then or writes next tells the rest, or that its call is about a single page.
 */

import { type Kernel, tableIndex } from '../linux/kernel.ts';
import type { PreemptionPoint } from '../linux/task.ts';
import type { VirtualAddress } from '../mmu/format.ts';
import type { TableIndex } from '../mmu/table_index.ts';
import { walkAddress } from '../mmu/walk.ts';

/** What is known of the step. */
export interface ReadHints {
  /** The address of memory that was accessed. */
  readonly accessed: VirtualAddress | undefined;
  /** The point at which the same call goes on. */
  readonly next: PreemptionPoint | undefined;
  /** The only page that the call has to do with. */
  readonly page: VirtualAddress | undefined;
}

/** The entry's physical address, or undefined if it cannot be told. To be asked before another step is taken. */
export function entryRead(
  k: Kernel,
  index: TableIndex,
  at: PreemptionPoint,
  { accessed, next, page }: ReadHints,
): number | undefined {
  const lastEntry = (address: VirtualAddress) =>
    walkAddress(k.memory, k.format, k.root, address).at(-1)?.entryAddress;
  if (accessed !== undefined) return lastEntry(accessed);
  if (next?.at === 'write') {
    const written = index.placeOf(Number(next.what));
    const isUnder = written !== undefined && topEntry(k, written.address) === at.what;
    return isUnder ? Number(next.what) : undefined;
  }
  if (page === undefined || (at.what !== topEntry(k, page) && at.what !== k.root)) return undefined;
  return lastEntry(page);
}

/** The entry of the top table for an address. */
function topEntry(k: Kernel, address: VirtualAddress): number {
  return k.root + tableIndex(k.format, k.format.levels, address) * 8;
}
