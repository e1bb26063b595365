import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import type { AddressSpace, LeafAttributes, Stretch } from '../../src/inspect/address_space.ts';
import { type Change, type ChangeKind, compareSpaces } from '../../src/inspect/diff.ts';
import { bootX86, inspectX86, LARGE, MIB, PAGE, PAGE_OFFSET, RW, VMALLOC } from '../support/synthetic_x86.ts';

const START = -64 * PAGE;
const SPACE_PAGES = 64;
const DIRECT_PAGES = 32;

/** What a page is: a hole, a leaf of some kind with its frame, or what is not known. */
type Page = { kind: Stretch['kind']; leaf?: LeafAttributes; frame?: number };

function leaf(names: string, bytes: number, present: boolean): LeafAttributes {
  return {
    level: bytes === PAGE ? 1 : 2,
    bytes,
    present,
    writable: names.includes('RW'),
    executable: false,
    user: false,
    memoryType: 'WB',
    names,
    access: '',
    bits: BigInt(names.length),
    mergeKey: `${names} ${present}`,
  };
}

/** Of each space its own objects, as they are of machines. */
function leaves(): LeafAttributes[] {
  return [leaf('RW', PAGE, true), leaf('P', PAGE, true), leaf('RW', PAGE, false), leaf('RW', 4 * PAGE, true)];
}

/** A space of pages, with a direct map in its first half; `shift` moves all of it. */
function spaceOf(pages: readonly Page[], shift = 0): AddressSpace {
  const start = START + shift;
  const middle = start + DIRECT_PAGES * PAGE;
  const end = start + SPACE_PAGES * PAGE;
  return {
    arch: 'x86_64',
    pageBytes: PAGE,
    usualMemoryType: 'WB',
    regions: [
      { name: 'direct map', start, end: middle },
      { name: 'other', start: middle, end },
    ],
    directMap: { start, end: middle, offset: start },
    *stretches(range = { start, end }) {
      for (const [index, { kind, leaf, frame }] of pages.entries()) {
        const address = start + index * PAGE;
        if (address < range.start || (address >= range.end && range.end !== 0)) continue;
        yield { kind, address, pages: 1, count: 1, frame, leaf, why: undefined, entry: undefined };
      }
    },
  };
}

const page = fc.record({
  kind: fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 5, 6),
  frame: fc.constantFrom(0, 0, 0, 7),
});
const pages = fc.array(page, { minLength: SPACE_PAGES, maxLength: SPACE_PAGES });

function pagesOf(drawn: readonly { kind: number; frame: number }[]): Page[] {
  const kinds = leaves();
  return drawn.map(({ kind, frame }, index): Page => {
    const attributes = kinds[kind - 1];
    if (attributes !== undefined) {
      return { kind: attributes.present ? 'leaf' : 'not-present', leaf: attributes, frame: index + frame };
    }
    return { kind: kind === 0 ? 'hole' : kind === 5 ? 'missing' : 'shared' };
  });
}

/** The law for one page. */
function kindsOf(was: Page, is: Page): ChangeKind[] {
  if (was.kind === 'shared' || is.kind === 'shared') {
    if (was.kind !== 'hole' && is.kind !== 'hole') return [];
    return [was.kind === 'hole' ? 'appeared' : 'vanished'];
  }
  if (was.leaf === undefined || is.leaf === undefined) {
    if (was.kind === is.kind) return [];
    if (was.kind === 'missing' || is.kind === 'missing') return ['cannot tell'];
    return [was.leaf === undefined ? 'appeared' : 'vanished'];
  }
  const kinds: ChangeKind[] = [];
  if (was.leaf.bytes !== is.leaf.bytes) kinds.push(was.leaf.bytes > is.leaf.bytes ? 'split' : 'merged');
  if (was.leaf.present !== is.leaf.present) kinds.push(is.leaf.present ? 'made present' : 'made not present');
  else if (was.leaf.names !== is.leaf.names) kinds.push('attributes');
  if (was.frame !== is.frame) kinds.push('remapped');
  return kinds;
}

function byPage(changes: Iterable<Change>, shift = 0): Map<number, string> {
  const kinds = new Map<number, string>();
  for (const { address, pages, kinds: of, inDirectMap } of changes) {
    for (let index = 0; index < pages; index++) {
      const at = (address - START - shift) / PAGE + index;
      expect(kinds.has(at)).toBe(false);
      expect(inDirectMap).toBe(at < DIRECT_PAGES);
      kinds.set(at, of.join());
    }
  }
  return kinds;
}

const INVERSE: Partial<Record<ChangeKind, ChangeKind>> = {
  split: 'merged',
  merged: 'split',
  appeared: 'vanished',
  vanished: 'appeared',
  'made present': 'made not present',
  'made not present': 'made present',
};

describe('any two spaces', () => {
  test('differ in the pages in which one page after the other differs', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(pages, pages, (a, b) => {
        const [was, is] = [pagesOf(a), pagesOf(b)];
        const expected = new Map<number, string>();
        for (const [index, each] of was.entries()) {
          const kinds = kindsOf(each, is[index]!);
          for (const kind of kinds) seen.add(kind);
          if (kinds.length > 0) expected.set(index, kinds.join());
        }
        expect(byPage(compareSpaces(spaceOf(was), spaceOf(is), '').changes())).toEqual(expected);
      }),
      { numRuns: 50 },
    );
    expect(seen.size).toBe(9);
  });

  test('differ the other way round backwards, and not at all from themselves', () => {
    fc.assert(
      fc.property(pages, pages, (a, b) => {
        const [was, is] = [spaceOf(pagesOf(a)), spaceOf(pagesOf(b))];
        expect([...compareSpaces(was, was, '').changes()]).toEqual([]);
        const mirrored = [...compareSpaces(was, is, '').changes()].map(
          (change): Change => ({
            ...change,
            kinds: change.kinds.map((kind) => INVERSE[kind] ?? kind),
            before: change.after,
            after: change.before,
          }),
        );
        expect([...compareSpaces(is, was, '').changes()]).toEqual(mirrored);
      }),
      { numRuns: 50 },
    );
  });

  test('are compared by frame where KASLR has moved one, and in the direct map only', () => {
    const shift = -512 * PAGE;
    fc.assert(
      fc.property(pages, pages, (a, b) => {
        const [was, is] = [pagesOf(a), pagesOf(b)];
        const comparison = compareSpaces(spaceOf(was), spaceOf(is, shift), '');
        expect(comparison.onlyDirectMap).toMatch(/different addresses/);
        const inPlace = byPage(compareSpaces(spaceOf(was), spaceOf(is), '').changes());
        const direct = new Map([...inPlace].filter(([at]) => at < DIRECT_PAGES));
        expect(byPage(comparison.changes(), shift)).toEqual(direct);
      }),
      { numRuns: 50 },
    );
  });
});

test('changes that go on as one are one', () => {
  const [rw, ro] = leaves() as [LeafAttributes, LeafAttributes];
  const space = (attributes: LeafAttributes) =>
    spaceOf(Array.from({ length: SPACE_PAGES }, (_, frame) => ({ kind: 'leaf', leaf: attributes, frame })));
  const changes = [...compareSpaces(space(rw), space(ro), '').changes()];
  expect(changes.map(({ kinds, pages }) => [kinds.join(), pages])).toEqual([
    ['attributes', DIRECT_PAGES],
    ['attributes', SPACE_PAGES - DIRECT_PAGES],
  ]);
});

test('spaces of two architectures, or of which one has no direct map, are not compared', () => {
  const one = spaceOf([]);
  const without = { ...one, directMap: undefined };
  expect(() => compareSpaces(one, { ...one, arch: 'arm64' }, 'b')).toThrow(InputError);
  const missing = (where: string) =>
    new RegExp(`^${where}: a direct map is missing: nothing could be compared`);
  expect(() => compareSpaces(one, without, 'b', 'a')).toThrow(missing('b'));
  expect(() => compareSpaces(without, one, 'b', 'a')).toThrow(missing('a'));
});

test('spaces that have no direct map are compared by address, wherever they begin', () => {
  const [rw] = leaves() as [LeafAttributes];
  const mapped = Array.from({ length: SPACE_PAGES }, (_, frame): Page => ({ kind: 'leaf', leaf: rw, frame }));
  const without = (shift: number) => ({ ...spaceOf(mapped, shift), directMap: undefined });
  const comparison = compareSpaces(without(0), without(-PAGE), '');
  expect(comparison.onlyDirectMap).toBeUndefined();
  expect([...comparison.changes()].map(({ kinds, pages }) => [kinds.join(), pages])).toEqual([
    ['appeared', 1],
    ['remapped', SPACE_PAGES - 1],
    ['vanished', 1],
  ]);
});

describe('machines', () => {
  const DIRECT = PAGE_OFFSET + 64 * MIB;
  const FRAME = (64 * MIB) / PAGE;

  test('a split alone changes no attributes, though the new table forbids user space', () => {
    const after = bootX86();
    const entry = after.entryAt(DIRECT, 2);
    const table = after.allocate(1);
    for (let page = 0; page < 512; page++) after.write(table + 8 * page, after.leaf(FRAME + page, RW));
    after.write(entry, BigInt(table) | 0x63n);
    const changes = [...compareSpaces(inspectX86(bootX86()), inspectX86(after), '').changes()];
    expect(changes.map(({ kinds, address, pages }) => [kinds.join(), address, pages])).toEqual([
      ['split', DIRECT, 512],
    ]);
  });

  test('a table that takes away changes attributes, though no leaf changed', () => {
    const [before, after] = [bootX86(), bootX86()];
    for (const each of [before, after]) each.map(VMALLOC, 2 ** 19, 2, 2, RW | LARGE);
    const above = after.entryAt(VMALLOC, 3);
    after.write(above, after.read(above) & ~2n);
    const changes = [...compareSpaces(inspectX86(before), inspectX86(after), '').changes()];
    expect(changes.map(({ kinds, pages }) => [kinds.join(), pages])).toEqual([['attributes', 1024]]);
  });

  test('the first page of the direct map may vanish without all being moved', () => {
    const after = bootX86();
    after.set(PAGE_OFFSET, 2, 0n);
    const comparison = compareSpaces(inspectX86(bootX86()), inspectX86(after), '');
    expect(comparison.onlyDirectMap).toBeUndefined();
    expect(
      [...comparison.changes()].map(({ kinds, address, pages }) => [kinds.join(), address, pages]),
    ).toEqual([['vanished', PAGE_OFFSET, 512]]);
  });
});
