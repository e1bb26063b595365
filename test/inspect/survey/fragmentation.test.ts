import { describe, expect, test } from 'vitest';
import type { LeafAttributes, Stretch } from '../../../src/inspect/address_space.ts';
import { differenceOf, FragmentationScan } from '../../../src/inspect/survey/fragmentation.ts';

const PAGE = 4096;
const BLOCK = 8 * PAGE;
const OFFSET = -64 * BLOCK;

function leaf(names: string, changes: Partial<LeafAttributes> = {}): LeafAttributes {
  return {
    level: 1,
    bytes: PAGE,
    present: true,
    writable: true,
    executable: false,
    user: false,
    memoryType: 'WB',
    names,
    access: '',
    bits: undefined,
    mergeKey: names.replace(' PSE', ''),
    ...changes,
  };
}

const RW = leaf('P RW');
const RO = leaf('P');
const NP = leaf('RW', { present: false });
const LARGE = leaf('P RW PSE', { level: 2, bytes: BLOCK });

/** Stretches of pages from the beginning of the direct map on; undefined is a hole, a number another frame. */
function scan(
  stretches: readonly (readonly [LeafAttributes | undefined, number, number?])[],
  offset = OFFSET,
) {
  const found = new FragmentationScan(BLOCK, PAGE, { offset, start: offset, end: 0 });
  let page = 0;
  for (const [attributes, pages, moved = 0] of stretches) {
    found.add({
      kind: attributes === undefined ? 'hole' : attributes.present ? 'leaf' : 'not-present',
      address: offset + page * PAGE,
      pages,
      count: pages,
      frame: attributes && page + moved,
      leaf: attributes,
      why: undefined,
      entry: undefined,
    } satisfies Stretch);
    page += pages;
  }
  return found.result();
}

describe('a block', () => {
  test('that a large leaf maps is not lost, however large the leaf', () => {
    expect(scan([[LARGE, 24]])).toMatchObject({
      bytes: BLOCK,
      blocks: 3,
      lost: 0,
      mergeable: 0,
      differing: [],
    });
  });

  test('of small leaves that say the same is lost and could be merged', () => {
    const found = scan([
      [LARGE, 8],
      [RW, 20],
      [undefined, 4],
    ]);
    expect(found).toMatchObject({
      blocks: 3,
      lost: 2,
      mergeable: 2,
      firstMergeable: OFFSET + BLOCK,
      differing: [],
    });
  });

  test('of leaves that differ is lost by what differs, which is told with the first', () => {
    const found = scan([
      [RW, 3],
      [RO, 5],
      [RW, 7],
      [RO, 1],
      [RW, 4],
      [NP, 4],
    ]);
    expect(found).toMatchObject({ blocks: 3, lost: 3, mergeable: 0, firstMergeable: undefined });
    expect(found.differing).toEqual([
      { what: 'RW', blocks: 2, first: OFFSET },
      { what: 'not present', blocks: 1, first: OFFSET + 2 * BLOCK },
    ]);
  });

  test('that is not mapped from end to end is none', () => {
    expect(
      scan([
        [RW, 7],
        [undefined, 1],
        [undefined, 1],
        [RW, 7],
      ]),
    ).toMatchObject({ blocks: 0, lost: 0 });
  });

  test('with a frame of another place in it is none', () => {
    expect(
      scan([
        [RW, 4],
        [RW, 1, 1000],
        [RW, 3],
        [RW, 8],
      ]),
    ).toMatchObject({ blocks: 1, mergeable: 1 });
  });

  test('is none where addresses and frames are not as well aligned', () => {
    expect(scan([[RW, 64]], OFFSET + PAGE)).toMatchObject({ blocks: 0 });
  });

  test('of more kinds than are told apart is not taken for one that could be merged', () => {
    const same = Array.from({ length: 16 }, (_, index) => leaf(`P RW SW${index}`, { mergeKey: 'same' }));
    const block = new FragmentationScan(32 * PAGE, PAGE, { offset: 0, start: 0, end: 0 });
    const add = (attributes: LeafAttributes, page: number) =>
      block.add({
        kind: 'leaf',
        address: page * PAGE,
        pages: 1,
        count: 1,
        frame: page,
        leaf: attributes,
        why: undefined,
        entry: undefined,
      });
    for (const [page, each] of same.entries()) add(each, page);
    for (let page = 16; page < 31; page++) add(same[0]!, page);
    add(RO, 31);
    expect(block.result()).toMatchObject({ blocks: 1, lost: 1, mergeable: 0 });
  });
});

test('bits that only say the size are no difference beside others', () => {
  expect(differenceOf([LARGE, RO])).toBe('RW');
  expect(differenceOf([LARGE, RW])).toBe('PSE');
  expect(differenceOf([RW, NP])).toBe('not present');
});
