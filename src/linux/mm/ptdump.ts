/**
 * A walk of the kernel's page tables by somebody who does not own them: /sys/kernel/debug/page_tables/kernel and the
 * search for W^X mappings (mm/ptdump.c over mm/pagewalk.c). What keeps a table from being freed under it is the mmap
 * lock of init_mm, if who frees takes that too.
 *
 * Not modelled: the walk of more than one address, of another mm than init_mm, memory hotplug's lock, and what is
 * printed. An entry is read once; the kernel's functions read each several times, and trust the last.
 */

import { NotModelledError } from '../../errors.ts';
import { EntryKind, hexAddress, type VirtualAddress } from '../../mmu/format.ts';
import { down_write, up_write } from '../kernel/locking/locks.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task.ts';

/** The highest level whose entries may be leaves. */
const PUD_LEVEL = 3;

/**
 * Returns the level of the entry at which the walk for `address` ended: a leaf, a hole, or one that is not present;
 * 1 for a PTE. Context: may sleep; holds the mmap lock of init_mm for writing, in every kernel. ptdump.c:140 (v5.10),
 * :151 (v6.1), :175 (v6.12, v7.2)
 */
export function* ptdump_walk_pgd(k: Kernel, address: VirtualAddress): Task<number> {
  yield* down_write(k, k.init_mm.mmap_lock);
  const level = yield* walk_pgd_range(k, address);
  up_write(k, k.init_mm.mmap_lock);
  return level;
}

/**
 * One entry of each level, from the top. Caller's duty: whoever may free a table is kept out; what the memory of a
 * freed one says is taken for entries. pagewalk.c:201 (v5.10), :248 (v6.1), :239 (v6.12), :286 (v7.2)
 */
function* walk_pgd_range(k: Kernel, address: VirtualAddress): Task<number> {
  let table = k.root;
  for (let level = k.format.levels; ; level--) {
    const entry = entry_of(k, table, level, address);
    if (k.interleaved) yield { kind: 'preemption', at: 'read', what: entry };
    const low = k.memory.low(entry);
    const high = k.memory.high(entry);
    const kind = k.format.kind(level, low, high);
    if (level > PUD_LEVEL) refuse_bad(k, level, kind, address);
    if (kind !== EntryKind.Table) return level;
    table = k.format.tableAddress(level, low, high);
  }
}

/** Physical address of the entry for `address` in a table. */
function entry_of(k: Kernel, table: number, level: number, address: VirtualAddress): number {
  const entries = 2 ** k.format.indexBits(level);
  const index = Math.floor(address / 2 ** k.format.levelShift(level));
  return table + (index - Math.floor(index / entries) * entries) * 8;
}

/** A P4D or PGD entry that is neither none nor a table, the kernel clears: p4d_none_or_clear_bad(). */
function refuse_bad(k: Kernel, level: number, kind: EntryKind, address: VirtualAddress): void {
  if (kind === EntryKind.Table || kind === EntryKind.None) return;
  throw new NotModelledError(
    `a walk over a bad ${k.format.levelName(level)} entry for ${hexAddress(address)}`,
    'the kernel reports and clears it',
  );
}
