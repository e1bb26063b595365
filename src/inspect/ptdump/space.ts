/** A kernel's address space as its own text shows it. */

import { describeProtection } from '../../mmu/describe.ts';
import type { EntryFormat, VirtualAddress } from '../../mmu/format.ts';
import type { AddressRange } from '../../mmu/walk.ts';
import type { AddressSpace, ArchName, DirectMap, LeafAttributes, Region, Stretch } from '../address_space.ts';
import { fillRegions } from '../regions.ts';
import { sectionsOf } from './areas.ts';
import {
  ALL_PAGES,
  type Columns,
  type LineFormat,
  PAGE_4K,
  type Page4K,
  type TextMachine,
  UPPER_HALF,
} from './line_format.ts';
import type { Lines } from './lines.ts';

/** A radix leaf above the base page has this many pages of 4K, or a multiple. */
const PAGES_2M = 512;

/**
 * What such a text does not have stays open. Of all architectures: entries (`bits`, `entry`) and what tables take away:
 * `writable` and the like are as the leaf says it. Of some: frames, and then `directMap.offset` unless the architecture
 * fixes it (x86, s390x); which entries are not present (x86, s390x: they are holes); of ppc64 before v7.2 the level, and
 * then `level`, `bytes` and `count` are 0. Where a text has lines for holes, a part without any line is missing.
 *
 * Regions are as exact as the places of the markers: a kernel prints one at the next entry behind its address.
 */
export class PtdumpSpace implements AddressSpace {
  readonly arch: ArchName;
  readonly pageBytes: number;
  readonly usualMemoryType: string;
  readonly regions: readonly Region[];
  readonly directMap: DirectMap | undefined;
  /** What the text does not tell, for people: "the entries themselves", "physical addresses". */
  readonly notTold: readonly string[];
  readonly #lines: Lines;
  readonly #machine: TextMachine;
  readonly #printsHoles: boolean;
  /** By place of the wording and level. */
  readonly #attributes = new Map<number, LeafAttributes>();

  constructor(lines: Lines, machine: TextMachine, format: LineFormat) {
    this.arch = format.arch;
    this.pageBytes = 2 ** machine.format.pageShift;
    this.usualMemoryType = machine.format.usualMemoryType;
    this.notTold = ['the entries themselves', ...format.notTold(lines)];
    this.#lines = lines;
    this.#machine = machine;
    this.#printsHoles = format.printsHoles;

    const known = this.#knownRegions(format);
    this.regions = fillRegions(known, addressOf(machine.start), addressOf(machine.end));
    const direct = this.regions.filter(({ name }) => name === 'direct map');
    if (direct.length > 0) {
      const range = { start: direct[0]!.start, end: direct.at(-1)!.end };
      const offset = format.directMapFromZero ? this.#firstAddress(range) : this.#offsetIn(range);
      this.directMap = { ...range, offset };
    }
  }

  *stretches(range?: AddressRange): Generator<Stretch> {
    let hole: { start: Page4K; end: Page4K; count: number } | undefined;
    for (const part of this.#partsIn(range)) {
      if (part.kind === 'hole') {
        if (hole === undefined) hole = { start: part.start, end: part.end, count: part.count };
        else hole = { start: hole.start, end: part.end, count: hole.count + part.count };
        continue;
      }
      if (hole !== undefined) yield this.#stretch('hole', hole);
      hole = undefined;
      yield this.#stretchOf(part);
    }
    if (hole !== undefined) yield this.#stretch('hole', hole);
  }

  /** The lines of a range, cut at its ends, and what is between them. */
  *#partsIn(range?: AddressRange): Generator<Part> {
    const lines = this.#lines;
    const unit = this.pageBytes / PAGE_4K;
    let at = this.#machine.start;
    let end = this.#machine.end;
    if (range !== undefined) {
      const all = range.end === 0 && range.start < 0;
      at = Math.max(at, Math.floor(pageOf(range.start) / unit) * unit);
      end = Math.min(end, all ? ALL_PAGES : Math.ceil(pageOf(range.end) / unit) * unit);
    }
    for (let line = lines.firstEndingBehind(at); at < end; line++) {
      const start = line < lines.length ? Math.max(at, Math.min(end, lines.start(line))) : end;
      if (start > at)
        yield { kind: this.#printsHoles ? 'missing' : 'hole', start: at, end: start, count: 0, line };
      at = start;
      if (at === end) return;
      const { kind } = lines.columns(line);
      const stop = Math.min(end, lines.end(line));
      yield { kind, start: at, end: stop, count: this.#count(line, at, stop), line };
      at = stop;
    }
  }

  #stretchOf({ kind, start, end, count, line }: Part): Stretch {
    if (kind === 'missing') return this.#stretch('missing', { start, end, count });
    const frame = this.#frame(line, count);
    const at =
      frame === undefined
        ? undefined
        : ((frame + start - this.#lines.start(line)) * PAGE_4K) / this.pageBytes;
    return { ...this.#stretch(kind, { start, end, count }), frame: at, leaf: this.#leaf(line) };
  }

  #stretch(
    kind: Stretch['kind'],
    { start, end, count }: { start: Page4K; end: Page4K; count: number },
  ): Stretch {
    return {
      kind,
      address: addressOf(start),
      pages: ((end - start) * PAGE_4K) / this.pageBytes,
      count,
      frame: undefined,
      leaf: undefined,
      why: kind === 'missing' ? 'unreadable table' : undefined,
      entry: undefined,
    };
  }

  /** The level of a line's entries, 0 if not told. */
  #level(line: number): number {
    const { level } = this.#lines.columns(line);
    if (level > 0 || this.#printsHoles) return Math.min(level, this.#machine.format.levels);
    const only = [this.#lines.start(line), this.#lines.end(line), this.#lines.frame(line) ?? 0];
    return only.some((page) => page % PAGES_2M !== 0) ? 1 : 0;
  }

  /** How many entries have a part in it. */
  #count(line: number, start: Page4K, end: Page4K): number {
    const level = this.#level(line);
    if (level === 0) return 0;
    const size = 2 ** this.#machine.format.levelShift(level) / PAGE_4K;
    return Math.ceil(end / size) - Math.floor(start / size);
  }

  /** The frame of a line's first page, in 4K, if the text tells those of all of it. */
  #frame(line: number, count: number): Page4K | undefined {
    const frame = this.#lines.frame(line);
    if (frame === undefined || count === 1) return frame;
    const address = addressOf(this.#lines.start(line));
    const { directMap } = this;
    if (directMap === undefined || address < directMap.start || address >= (directMap.end || 1))
      return undefined;
    return address - frame * PAGE_4K === directMap.offset ? frame : undefined;
  }

  #leaf(line: number): LeafAttributes {
    const level = this.#level(line);
    const key = this.#lines.saidAt(line) * 8 + level;
    let attributes = this.#attributes.get(key);
    if (attributes === undefined) {
      attributes = attributesOf(this.#machine.format, level, this.#lines.columns(line));
      this.#attributes.set(key, attributes);
    }
    return attributes;
  }

  #knownRegions(format: LineFormat): Region[] {
    const lines = this.#lines;
    const sections = sectionsOf(lines.markers, format.beginsWithDirectMap ? 'direct map' : 'other');
    const regions: Region[] = [];
    sections.forEach(({ name, line }, index) => {
      const next = sections[index + 1]?.line ?? lines.length;
      if (name === 'other' || line >= next) return;
      const start = Math.max(lines.start(line), this.#machine.start);
      const end = format.printsHoles && next < lines.length ? lines.start(next) : lines.end(next - 1);
      if (start < end) regions.push({ name, start: addressOf(start), end: addressOf(end) });
    });
    return regions;
  }

  /** Where a range begins, unless lines before it are missing, so that it could begin further down. */
  #firstAddress({ start }: AddressRange): VirtualAddress | undefined {
    const lines = this.#lines;
    const line = lines.firstEndingBehind(pageOf(start));
    return line === 0 || lines.end(line - 1) === lines.start(line) ? start : undefined;
  }

  /** Virtual minus physical address, if all lines in the range that have one agree. */
  #offsetIn({ start, end }: AddressRange): number | undefined {
    const lines = this.#lines;
    let offset: number | undefined;
    const last = end === 0 ? ALL_PAGES : pageOf(end);
    for (let line = lines.firstEndingBehind(pageOf(start)); line < lines.length; line++) {
      if (lines.start(line) >= last) break;
      const frame = lines.frame(line);
      if (frame === undefined) continue;
      const here = addressOf(lines.start(line)) - frame * PAGE_4K;
      if (offset !== undefined && offset !== here) return undefined;
      offset = here;
    }
    return offset;
  }
}

/** A line or a gap. */
interface Part {
  readonly kind: Columns['kind'] | 'missing';
  readonly start: Page4K;
  readonly end: Page4K;
  readonly count: number;
  readonly line: number;
}

function attributesOf(format: EntryFormat, level: number, { kind, low, high }: Columns): LeafAttributes {
  // A leaf of a level that is not told is described as a base page, whose bits are the same (ppc64).
  const as = level === 0 ? 1 : level;
  const flags = format.flags(as, low, high);
  const present = kind === 'leaf';
  return {
    level,
    bytes: level === 0 ? 0 : 2 ** format.levelShift(level),
    present,
    writable: format.writable(as, flags),
    executable: format.executable(as, flags),
    user: format.user(as, flags),
    memoryType: format.memoryType(as, flags),
    names: format.describe(as, low, high).join(' '),
    access: describeProtection(format, as, flags),
    bits: undefined,
    mergeKey: `${format.mergeable(as, flags)} ${present}`,
  };
}

function addressOf(page: Page4K): VirtualAddress {
  return (page < UPPER_HALF ? page : page - ALL_PAGES) * PAGE_4K;
}

function pageOf(address: VirtualAddress): Page4K {
  const page = address / PAGE_4K;
  return page < 0 ? page + ALL_PAGES : page;
}
