/** What a survey says that it could not look at, and what it lets pass. */

import { expect, test } from 'vitest';
import type { AddressSpace, LeafAttributes, Stretch } from '../../../src/inspect/address_space.ts';
import { survey } from '../../../src/inspect/index.ts';

const PAGE = 4096;
const ENTRY = { table: PAGE, low: 1, high: 0 };
const NO_ENTRIES = 'reserved bits, cycles, missing tables: the source shows no entries';
const NO_HOLES = 'leaves that are not present: the source shows them as holes';

/** Writable and executable. */
const RWX: LeafAttributes = {
  ...{ level: 1, bytes: PAGE, present: true, writable: true, executable: true, user: false },
  ...{ memoryType: 'WB', names: 'P', access: 'rw x', bits: 1n, mergeKey: '' },
};

/** Stretches of one page and what else they show, from address 0 on. */
function surveyOf(arch: AddressSpace['arch'], stretches: readonly Partial<Stretch>[]) {
  const region = { name: 'other', start: 0, end: 2 ** 40 } as const;
  return survey(
    {
      arch,
      pageBytes: PAGE,
      usualMemoryType: 'WB',
      regions: [region],
      directMap: undefined,
      *stretches() {
        let address = 0;
        for (const each of stretches) {
          const { pages = 1 } = each;
          const stretch = {
            kind: 'leaf',
            frame: undefined,
            leaf: RWX,
            why: undefined,
            entry: undefined,
          } as const;
          yield { ...stretch, address, pages, count: pages, ...each };
          address += pages * PAGE;
        }
      },
    },
    [],
  );
}

test('where entries and frames are shown, all is checked, and so it is where nothing is mapped', () => {
  expect(surveyOf('x86_64', [{ frame: 1, entry: ENTRY }]).notChecked).toEqual([]);
  expect(surveyOf('x86_64', [{ kind: 'hole', leaf: undefined, entry: ENTRY }]).notChecked).toEqual([]);
});

test('a text without entries or frames is not said to be free of what only those show', () => {
  const frames = 'aliases and wrong frames: the source shows no physical addresses';
  expect(surveyOf('x86_64', [{}]).notChecked).toEqual([frames, NO_ENTRIES, NO_HOLES]);
  expect(surveyOf('s390x', [{}]).notChecked).toEqual([frames, NO_ENTRIES, NO_HOLES]);
  expect(surveyOf('arm64', [{}]).notChecked).toEqual([frames, NO_ENTRIES]);
});

test('a text with some frames says that aliases were looked for among these only', () => {
  expect(surveyOf('riscv64', [{ frame: 1 }, {}]).notChecked).toEqual([
    'aliases and wrong frames where the source shows no physical addresses',
    NO_ENTRIES,
  ]);
  expect(surveyOf('riscv64', [{ frame: 1 }]).notChecked).toEqual([NO_ENTRIES]);
});

test('the lowcore of s390x is writable and executable by design: its first page, and no other', () => {
  const places = (arch: AddressSpace['arch'], stretches: readonly Partial<Stretch>[]) =>
    surveyOf(arch, stretches).findings.map(({ rule, places }) => [
      rule,
      places.map(({ address }) => address),
    ]);
  expect(places('s390x', [{ pages: 1 }])).toEqual([]);
  expect(places('s390x', [{ pages: 1 }, { pages: 1 }])).toEqual([['writable-executable', [PAGE]]]);
  expect(places('s390x', [{ pages: 2 }])).toEqual([['writable-executable', [0]]]);
  expect(places('riscv64', [{ pages: 1 }])).toEqual([['writable-executable', [0]]]);
});
