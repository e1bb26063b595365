/** What is known of a source as a whole, in the few words of a report's head. */

import { sizeName } from '../../mmu/describe.ts';
import { hexAddress } from '../../mmu/format.ts';
import type { KernelCounters } from '../counters.ts';
import type { Inspection } from '../inspection.ts';
import type { Fact } from './report_snapshot.ts';

export function factsOf(inspection: Inspection): Fact[] {
  const { format, release, kind, leftOut, space, windows, doubts } = inspection;
  const facts: Fact[] = [
    {
      name: 'kernel',
      value: `${format}, ${release === undefined ? 'release not known' : `Linux ${release}`}`,
    },
    { name: 'source', value: leftOut === undefined ? kind : `${kind}, without ${leftOut}` },
    ...tableFacts(inspection),
  ];
  if (space.directMap !== undefined) {
    const { start, end, offset } = space.directMap;
    const linear = offset === undefined ? '' : `; virtual address = physical + ${hexAddress(offset)}`;
    facts.push({ name: 'direct map', value: `${hexAddress(start)} to ${hexAddress(end)}${linear}` });
  } else facts.push({ name: 'direct map', value: windows ?? 'none found' });
  if (inspection.counters !== undefined) facts.push(counterFact(inspection, inspection.counters));
  if (inspection.missing !== undefined) facts.push(missingFact(inspection.missing));
  return [...facts, ...doubts.map((value) => ({ name: 'not sure', value }))];
}

function tableFacts({ root, rootFrom, found, tables }: Inspection): Fact[] {
  if (root === undefined) return [];
  const byLevel = tables.filter((each) => each.tables > 0).map((each) => `${each.levelName} ${each.tables}`);
  const from = rootFrom === undefined ? '' : ` from ${rootFrom}`;
  return [
    { name: 'page tables', value: byLevel.reverse().join(', ') },
    { name: 'found by', value: [`top table 0x${root.toString(16)}${from}`, ...found].join('; ') },
  ];
}

/** The kernel's own count, and that of the tables where it is another. */
function counterFact({ survey }: Inspection, { from, bytes }: KernelCounters): Fact {
  const leaves = survey.directMap?.leaves ?? [];
  const parts = Object.entries(bytes).map(([key, theirs]) => {
    const size = Number(key);
    const same = leaves.filter(({ leaf }) => leaf.bytes === size);
    const ours = same.reduce((sum, { count }) => sum + count, 0);
    const said = `${sizeName(size)} ${theirs / size}`;
    return ours === theirs / size ? said : `${said} (tables: ${ours})`;
  });
  return { name: 'counters', value: `leaves by ${from}: ${parts.join(', ')}` };
}

function missingFact({ directMapPages, directMapSeen }: NonNullable<Inspection['missing']>): Fact {
  const share = (100 * directMapSeen) / (directMapSeen + directMapPages);
  const seen =
    directMapSeen === 0 ? '' : `; of the direct map as far as it is known, ${share.toFixed(1)} % was seen`;
  return { name: 'not seen', value: `tables that are not in the source${seen}` };
}
