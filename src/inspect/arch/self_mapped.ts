/** Finding a top table whose virtual address is known and whose physical one is not. */

import type { PhysicalRange } from '../../memory/machine_memory.ts';
import { PAGE_SIZE, type PageSource } from '../../memory/physical_memory.ts';
import type { EntryFormat, VirtualAddress } from '../../mmu/format.ts';
import { walkAddress } from '../../mmu/walk.ts';

/** Where to look if a source does not say where it has memory. */
const ANYWHERE: readonly PhysicalRange[] = [{ start: 0, size: 2 ** 36 }];

/**
 * The page through which `address`, that of the top table, leads to that very page; with the format for which it does.
 * Looked for at all physical addresses that are as far from a multiple of `step` as `address` is.
 */
export function findSelfMapped<Format extends EntryFormat>(
  tables: PageSource,
  ranges: readonly PhysicalRange[],
  formats: readonly Format[],
  address: VirtualAddress,
  step: number,
): { root: number; format: Format } | undefined {
  const inside = ((address % step) + step) % step;
  for (const { start, size } of ranges.length === 0 ? ANYWHERE : ranges) {
    const first = Math.ceil((start - inside) / step) * step + inside;
    for (let root = first; root < start + size; root += step) {
      if (tables.readPage(Math.floor(root / PAGE_SIZE)) === undefined) continue;
      for (const format of formats) {
        if (physicalOf(tables, format, root, address) === root) return { root, format };
      }
    }
  }
  return undefined;
}

/** Where an address leads, if to a present leaf. */
export function physicalOf(
  tables: PageSource,
  format: EntryFormat,
  root: number,
  address: VirtualAddress,
): number | undefined {
  const last = walkAddress(tables, format, root, address).at(-1);
  if (last?.kind !== 'leaf') return undefined;
  const bytes = 2 ** format.levelShift(last.level);
  const inside = ((address % bytes) + bytes) % bytes;
  return format.leafFrame(last.level, last.low, last.high) * 2 ** format.pageShift + inside;
}
