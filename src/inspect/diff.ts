/** What differs between two address spaces: two snapshots of one machine, or two machines, or two ways of reading one. */

import { InputError } from '../errors.ts';
import type { VirtualAddress } from '../mmu/format.ts';
import type { AddressRange } from '../mmu/walk.ts';
import type { AddressSpace, LeafAttributes, Stretch } from './address_space.ts';

/** What happened to a part of the address space; `split` and `merged` may go with any of those behind them. */
export const CHANGE_KINDS = [
  'split',
  'merged',
  'appeared',
  'vanished',
  'made not present',
  'made present',
  'attributes',
  'remapped',
  'cannot tell',
] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** What one of the two has there. */
export interface Side {
  readonly kind: Stretch['kind'];
  readonly leaf: LeafAttributes | undefined;
  /** The first frame, where that is known. */
  readonly frame: number | undefined;
}

/** The longest part of the address space that changed in one way. */
export interface Change {
  readonly kinds: readonly ChangeKind[];
  /** In the second of the two. */
  readonly address: VirtualAddress;
  /** In base pages. */
  readonly pages: number;
  readonly inDirectMap: boolean;
  readonly before: Side;
  readonly after: Side;
}

export interface Comparison {
  /** Why the parts outside the direct map are not compared, if they are not. */
  readonly onlyDirectMap: string | undefined;
  /** In ascending order: the direct map, then the rest. Each call compares anew. */
  changes(): Iterable<Change>;
}

/**
 * `where` names the second in errors, `whereFirst` the first.
 * @throws InputError where the two are not of one architecture and page size, or only one has a direct map.
 */
export function compareSpaces(
  a: AddressSpace,
  b: AddressSpace,
  where: string,
  whereFirst = 'the first',
): Comparison {
  if (a.arch !== b.arch || a.pageBytes !== b.pageBytes) {
    throw new InputError({
      code: 'bad-format',
      what: 'architecture',
      where,
      found: `${b.arch} with pages of ${b.pageBytes} bytes`,
      expected: `${a.arch} with pages of ${a.pageBytes} bytes, as the first has`,
    });
  }
  if ((a.directMap === undefined) !== (b.directMap === undefined)) {
    const [without, other] = a.directMap === undefined ? [whereFirst, where] : [where, whereFirst];
    throw new InputError({
      code: 'missing',
      what: 'a direct map',
      where: without,
      hint: `nothing could be compared, as only ${other} has one`,
    });
  }
  const onlyDirectMap = whyOnlyDirectMap(a, b);
  return {
    onlyDirectMap,
    *changes() {
      yield* joined(directMapChanges(a, b), a.pageBytes);
      if (onlyDirectMap !== undefined) return;
      for (const range of outside(a, b)) {
        yield* joined(zip(a.stretches(range), b.stretches(range), a.pageBytes, 0, false), a.pageBytes);
      }
    },
  };
}

function whyOnlyDirectMap(a: AddressSpace, b: AddressSpace): string | undefined {
  if (a.directMap === undefined) return undefined;
  const moved = shiftOf(a, b) !== 0 || a.regions[0]?.start !== b.regions[0]?.start;
  return moved ? 'their direct maps are at different addresses, so what is outside has moved too' : undefined;
}

/** How far the direct map of the second is from that of the first: by frame, or by where they begin. */
function shiftOf({ directMap: a }: AddressSpace, { directMap: b }: AddressSpace): number {
  if (a === undefined || b === undefined) return 0;
  return a.offset !== undefined && b.offset !== undefined ? b.offset - a.offset : b.start - a.start;
}

/** By frame, so that it does not matter where KASLR has put either. */
function directMapChanges(a: AddressSpace, b: AddressSpace): Iterable<Change> {
  if (a.directMap === undefined || b.directMap === undefined) return [];
  const shift = shiftOf(a, b);
  const start = Math.min(a.directMap.start + shift, b.directMap.start);
  const end = Math.max(a.directMap.end + shift, b.directMap.end);
  return zip(
    a.stretches({ start: start - shift, end: end - shift }),
    b.stretches({ start, end }),
    a.pageBytes,
    shift,
    true,
  );
}

/** The parts of the two address spaces that are in neither direct map. */
function outside(a: AddressSpace, b: AddressSpace): AddressRange[] {
  const regions = [...a.regions, ...b.regions];
  const start = Math.min(...regions.map((each) => each.start));
  const ends = regions.map((each) => each.end);
  const end = ends.includes(0) && start < 0 ? 0 : Math.max(...ends);
  const maps = [a.directMap, b.directMap].filter((map) => map !== undefined);
  if (maps.length === 0) return [{ start, end }];
  const from = Math.min(...maps.map((map) => map.start));
  const to = Math.max(...maps.map((map) => map.end));
  return [
    { start, end: from },
    { start: to, end },
  ].filter((range) => range.start < range.end || range.end === 0);
}

/** Goes through both at once; addresses of the first are moved by `shift`. Yields what differs, piece by piece. */
function* zip(
  a: Iterable<Stretch>,
  b: Iterable<Stretch>,
  pageBytes: number,
  shift: number,
  inDirectMap: boolean,
): Generator<Change> {
  const before = new Cursor(a, pageBytes, shift);
  const after = new Cursor(b, pageBytes, 0);
  while (!before.done || !after.done) {
    const address = Math.min(before.at, after.at);
    const end = Math.min(before.endAfter(address), after.endAfter(address));
    const pages = (end - address) / pageBytes;
    const [was, is] = [before.side(address), after.side(address)];
    const kinds = kindsOf(was, is);
    if (kinds.length > 0) yield { kinds, address, pages, inDirectMap, before: was, after: is };
    before.advance(end);
    after.advance(end);
  }
}

const NOTHING: Side = { kind: 'hole', leaf: undefined, frame: undefined };

/** Where one of the two stands. */
class Cursor {
  readonly #stretches: Iterator<Stretch>;
  readonly #pageBytes: number;
  readonly #shift: number;
  #stretch: Stretch | undefined;
  #start = Number.POSITIVE_INFINITY;
  #end = Number.POSITIVE_INFINITY;

  constructor(stretches: Iterable<Stretch>, pageBytes: number, shift: number) {
    this.#stretches = stretches[Symbol.iterator]();
    this.#pageBytes = pageBytes;
    this.#shift = shift;
    this.#next();
  }

  get done(): boolean {
    return this.#stretch === undefined;
  }

  /** Where what is not yet gone past begins. */
  get at(): number {
    return this.#start;
  }

  /** Where what is at `address` ends, or something begins behind it. */
  endAfter(address: number): number {
    return this.#start > address ? this.#start : this.#end;
  }

  side(address: number): Side {
    if (this.#stretch === undefined || this.#start > address) return NOTHING;
    const { kind, leaf, frame } = this.#stretch;
    const begun = this.#stretch.address + this.#shift;
    return {
      kind,
      leaf,
      frame: frame === undefined ? undefined : frame + (address - begun) / this.#pageBytes,
    };
  }

  advance(address: number): void {
    if (this.#start >= address) return;
    if (address >= this.#end) this.#next();
    else this.#start = address;
  }

  #next(): void {
    const { value, done } = this.#stretches.next();
    this.#stretch = done === true ? undefined : value;
    this.#start =
      this.#stretch === undefined ? Number.POSITIVE_INFINITY : this.#stretch.address + this.#shift;
    this.#end = this.#start + (this.#stretch?.pages ?? 0) * this.#pageBytes;
  }
}

/**
 * Which of the entries that name one table is met first, and which are `shared`, is a matter of the walk: what is shared
 * in one and read in the other is taken for the same. Only where the other has a hole has something come or gone.
 */
function kindsOf(was: Side, is: Side): ChangeKind[] {
  if (was.kind === 'shared' || is.kind === 'shared') {
    if (was.kind === 'hole') return ['appeared'];
    return is.kind === 'hole' ? ['vanished'] : [];
  }
  if (was.leaf === undefined && is.leaf === undefined) return was.kind === is.kind ? [] : ['cannot tell'];
  if (was.leaf === undefined) return [was.kind === 'hole' ? 'appeared' : 'cannot tell'];
  if (is.leaf === undefined) return [is.kind === 'hole' ? 'vanished' : 'cannot tell'];

  const kinds: ChangeKind[] = [];
  if (is.leaf.bytes < was.leaf.bytes) kinds.push('split');
  if (is.leaf.bytes > was.leaf.bytes) kinds.push('merged');
  if (was.leaf.present && !is.leaf.present) kinds.push('made not present');
  else if (!was.leaf.present && is.leaf.present) kinds.push('made present');
  else if (!sameAttributes(was.leaf, is.leaf)) kinds.push('attributes');
  if (was.frame !== undefined && is.frame !== undefined && was.frame !== is.frame) kinds.push('remapped');
  return kinds;
}

/** By what they allow, which tables above can change; and bit for bit where both show bits. */
function sameAttributes(a: LeafAttributes, b: LeafAttributes): boolean {
  const sameAccess =
    a.writable === b.writable &&
    a.executable === b.executable &&
    a.user === b.user &&
    a.memoryType === b.memoryType;
  if (!sameAccess || a.bits === undefined || b.bits === undefined) return sameAccess;
  return a.bytes === b.bytes ? a.bits === b.bits : a.mergeKey === b.mergeKey;
}

/** Puts changes together that go on as one. */
function* joined(changes: Iterable<Change>, pageBytes: number): Generator<Change> {
  let last: Change | undefined;
  for (const change of changes) {
    if (last !== undefined && goesOn(last, change, pageBytes)) {
      last = { ...last, pages: last.pages + change.pages };
    } else {
      if (last !== undefined) yield last;
      last = change;
    }
  }
  if (last !== undefined) yield last;
}

function goesOn(last: Change, next: Change, pageBytes: number): boolean {
  return (
    last.address + last.pages * pageBytes === next.address &&
    last.kinds.join() === next.kinds.join() &&
    sideGoesOn(last.before, next.before, last.pages) &&
    sideGoesOn(last.after, next.after, last.pages)
  );
}

function sideGoesOn(last: Side, next: Side, pages: number): boolean {
  if (last.kind !== next.kind || last.leaf !== next.leaf) return false;
  return last.frame === undefined ? next.frame === undefined : last.frame + pages === next.frame;
}
