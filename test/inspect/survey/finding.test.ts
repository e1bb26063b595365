import { expect, test } from 'vitest';
import type { LeafAttributes, Region, Stretch } from '../../../src/inspect/address_space.ts';
import { AliasScan } from '../../../src/inspect/survey/aliases.ts';
import { Findings } from '../../../src/inspect/survey/finding.ts';

test('of a million places 64 are named, and the others only counted', () => {
  const findings = new Findings();
  let asked = 0;
  for (let index = 0; index < 1_000_000; index++) {
    findings.add('cycle', 2, () => {
      asked++;
      return { address: -4096 * index, pages: 2, frame: undefined, what: 'a table above itself' };
    });
  }
  const [found, ...others] = findings.list();
  expect(found).toMatchObject({ rule: 'cycle', pages: 2_000_000, count: 1_000_000 });
  expect(found?.places).toHaveLength(64);
  expect([asked, others]).toEqual([64, []]);
});

test('one frame at more addresses than are looked at is said not to be checked', () => {
  const compared = (aliases: number) => {
    const findings = new Findings();
    const scan = new AliasScan(SPACE, findings);
    for (let index = 0; index < aliases; index++) scan.addAlias(stretch(2 ** 30 * index, 512), VMALLOC);
    scan.compareAliases();
    scan.addDirect(stretch(-(2 ** 40), 1, { writable: true }));
    return { places: findings.list()[0]?.count, notChecked: scan.notChecked };
  };
  expect(compared(64)).toEqual({ places: 64, notChecked: [] });
  expect(compared(65)).toEqual({
    places: 64,
    notChecked: [expect.stringContaining('beyond 64 of one frame')],
  });
});

const VMALLOC: Region = { name: 'vmalloc', start: 0, end: 2 ** 40 };
const SPACE = {
  arch: 'x86_64',
  pageBytes: 4096,
  usualMemoryType: 'WB',
  regions: [VMALLOC],
  directMap: undefined,
  stretches: () => [],
} as const;

/** Of pages from frame 7 on. */
function stretch(address: number, pages: number, said: Partial<LeafAttributes> = {}): Stretch {
  const leaf: LeafAttributes = {
    ...{ level: 1, bytes: 4096, present: true, writable: false, executable: false, user: false },
    ...{ memoryType: 'WB', names: 'P', access: 'ro nx', bits: 1n, mergeKey: '', ...said },
  };
  return { kind: 'leaf', address, pages, count: pages, frame: 7, leaf, why: undefined, entry: undefined };
}
