/** From changed words to what a reader wants to see: runs of entries that changed alike. */

import type { ChangedWord } from '../memory/simulated_memory.ts';
import { describeEntry, describeLeaf, levelSizeName } from '../mmu/describe.ts';
import { type EntryFormat, EntryKind, hexAddress, hexWord } from '../mmu/format.ts';
import type { EntryPlace, TableIndex } from '../mmu/table_index.ts';
import type { EntryChange } from './outcome.ts';

interface PlacedWord extends ChangedWord {
  place: EntryPlace;
}

/**
 * The changes among `changed`, by address from the largest entries down. Words of memory that is no table, such as a
 * page that was zeroed or a table that was freed, are left out.
 */
export function entryChanges(
  changed: readonly ChangedWord[],
  index: Pick<TableIndex, 'placeOf'>,
  format: EntryFormat,
  freedFrames: ReadonlySet<number>,
): EntryChange[] {
  const placed: PlacedWord[] = [];
  for (const word of changed) {
    const place = index.placeOf(word.address);
    if (place !== undefined && !freedFrames.has(Math.floor(word.address / 4096)))
      placed.push({ ...word, place });
  }
  placed.sort((a, b) => b.place.level - a.place.level || a.place.address - b.place.address);
  const runs: PlacedWord[][] = [];
  for (const word of placed) {
    const run = runs.at(-1);
    if (run !== undefined && continues(run, word, format)) run.push(word);
    else runs.push([word]);
  }
  return runs.map((run) => toChange(run, format));
}

/** Whether `word` goes on where `run` ends: the next entry, and changed in the same way. */
function continues(run: readonly PlacedWord[], word: PlacedWord, format: EntryFormat): boolean {
  const first = run[0]!;
  const { level, address, isNew } = word.place;
  const step = 2 ** format.levelShift(level);
  if (level !== first.place.level || address !== first.place.address + run.length * step) return false;
  if (isNew !== first.place.isNew) return false;
  const frames = (run.length * step) / 2 ** format.pageShift;
  const alike = (oldLow: number, oldHigh: number, low: number, high: number) => {
    const kind = format.kind(level, oldLow, oldHigh);
    if (kind !== format.kind(level, low, high)) return false;
    if (kind === EntryKind.None) return true;
    if (kind !== EntryKind.Leaf && kind !== EntryKind.NotPresentLeaf) return false;
    const sameFlags = format.flags(level, oldLow, oldHigh) === format.flags(level, low, high);
    return (
      sameFlags && format.leafFrame(level, low, high) === format.leafFrame(level, oldLow, oldHigh) + frames
    );
  };
  const before = isNew || alike(first.oldLow, first.oldHigh, word.oldLow, word.oldHigh);
  return before && alike(first.low, first.high, word.low, word.high);
}

function toChange(run: readonly PlacedWord[], format: EntryFormat): EntryChange {
  const { place, oldLow, oldHigh, low, high } = run[0]!;
  const { level } = place;
  const was = format.kind(level, oldLow, oldHigh);
  const is = format.kind(level, low, high);
  const leaf = (kind: EntryKind) => kind === EntryKind.Leaf || kind === EntryKind.NotPresentLeaf;
  let effect: EntryChange['effect'] = 'changed';
  if (leaf(was) && is === EntryKind.Table) effect = 'split';
  else if (was === EntryKind.Table && leaf(is)) effect = 'collapse';
  return {
    level: format.levelName(level),
    size: leaf(is) ? describeLeaf(format, level, low, high) : levelSizeName(format, level),
    address: hexAddress(place.address),
    count: run.length,
    before: { word: hexWord(oldLow, oldHigh), text: describeEntry(format, level, oldLow, oldHigh) },
    after: { word: hexWord(low, high), text: describeEntry(format, level, low, high) },
    effect,
    inNewTable: place.isNew,
  };
}
