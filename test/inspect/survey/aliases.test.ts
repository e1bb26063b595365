import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LeafAttributes, Region, Stretch } from '../../../src/inspect/address_space.ts';
import { AliasScan } from '../../../src/inspect/survey/aliases.ts';
import { Findings, type RuleName } from '../../../src/inspect/survey/finding.ts';

const FRAMES = 40;
const IMAGE: Region = { name: 'kernel image', start: 0, end: 2 ** 40 };
const MODULES: Region = { name: 'modules', start: 2 ** 40, end: 2 ** 41 };
const SPACE = {
  arch: 'x86_64',
  pageBytes: 4096,
  usualMemoryType: 'WB',
  regions: [IMAGE, MODULES],
  directMap: undefined,
  stretches: () => [],
} as const;

interface Drawn {
  frame: number;
  pages: number;
  writable: boolean;
  executable: boolean;
  memoryType: string;
  image: boolean;
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  frame: fc.integer({ min: 0, max: FRAMES - 10 }),
  pages: fc.integer({ min: 1, max: 10 }),
  writable: fc.boolean(),
  executable: fc.boolean(),
  memoryType: fc.constantFrom('WB', 'WB', 'UC'),
  image: fc.boolean(),
});

function stretchOf({ frame, pages, writable, executable, memoryType }: Drawn): Stretch {
  const leaf: LeafAttributes = {
    ...{ level: 1, bytes: 4096, present: true, writable, executable, user: false, memoryType },
    ...{ names: 'P', access: '', bits: 1n, mergeKey: '' },
  };
  const address = frame * 4096;
  return { kind: 'leaf', address, pages, count: pages, frame, leaf, why: undefined, entry: undefined };
}

const wayOf = ({ writable, executable, memoryType, image }: Drawn) =>
  [writable, executable, memoryType, image].join();

/** The law for two mappings of one frame. */
function rulesOf(a: Drawn, b: Drawn): RuleName[] {
  if (wayOf(a) === wayOf(b)) return [];
  const rules: RuleName[] = a.memoryType === b.memoryType ? [] : ['alias-memory-type'];
  const imageRuns = (a.image && a.executable && b.writable) || (b.image && b.executable && a.writable);
  if (imageRuns) rules.push('text-writable');
  else if ((a.executable && b.writable) || (b.executable && a.writable)) rules.push('alias-executable');
  return rules;
}

/** Each frame by rule and by the two ways in which it is mapped, once. */
function expectedPages(all: readonly Drawn[]): Map<RuleName, number> {
  const told = new Set<string>();
  const pages = new Map<RuleName, number>();
  for (let frame = 0; frame < FRAMES; frame++) {
    const here = all.filter((each) => each.frame <= frame && frame < each.frame + each.pages);
    for (const a of here) {
      for (const b of here) {
        const pair = [frame, ...[wayOf(a), wayOf(b)].sort()].join(' ');
        if (told.has(pair)) continue;
        told.add(pair);
        for (const rule of rulesOf(a, b)) pages.set(rule, (pages.get(rule) ?? 0) + 1);
      }
    }
  }
  return pages;
}

test('any mappings outside the direct map are compared frame by frame, once for each two ways', () => {
  const seen = new Set<RuleName>();
  fc.assert(
    fc.property(fc.array(drawn, { maxLength: 12 }), (all) => {
      const findings = new Findings();
      const scan = new AliasScan(SPACE, findings);
      for (const each of all) scan.addAlias(stretchOf(each), each.image ? IMAGE : MODULES);
      scan.compareAliases();
      const found = findings.list().map(({ rule, pages }) => [rule, pages] as const);
      for (const [rule] of found) seen.add(rule);
      expect(new Map(found)).toEqual(expectedPages(all));
    }),
    { numRuns: 300 },
  );
  expect(seen.size).toBe(3);
});

test('a frame at half a million addresses takes no more than to go past them', () => {
  const findings = new Findings();
  const scan = new AliasScan(SPACE, findings);
  const one = { frame: 7, pages: 1, writable: true, executable: false, memoryType: 'WB', image: false };
  const stretch = stretchOf(one);
  for (let count = 0; count < 2 ** 19; count++) scan.addAlias(stretch, MODULES);
  scan.addAlias(stretchOf({ ...one, writable: false, executable: true }), MODULES);
  const begin = performance.now();
  scan.compareAliases();
  expect(performance.now() - begin).toBeLessThan(2000);
  expect(findings.list()).toMatchObject([{ rule: 'alias-executable', pages: 1, count: 1 }]);
});
