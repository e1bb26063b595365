/**
 * Frames that are mapped twice. What the two addresses allow must go together.
 *
 * All mappings outside the direct map are held, sorted by frame, and compared with one another; then the direct map goes
 * past them, whose frames are in order by themselves.
 */

import { sizeName } from '../../mmu/describe.ts';
import { hexAddress, type VirtualAddress } from '../../mmu/format.ts';
import type { AddressSpace, LeafAttributes, Region, RegionName, Stretch } from '../address_space.ts';
import type { Findings, Place, RuleName } from './finding.ts';

/** Mappings held at most: 50 MB. */
const MAX_ALIASES = 2 ** 20;
/** Mappings of one frame that are looked at. */
const MAX_OVERLAPS = 64;

/** x86 shows the CPU read-only views of what it writes itself: stacks of interrupts, descriptor tables. */
const READ_ONLY_BY_DESIGN: ReadonlySet<RegionName> = new Set(['espfix', 'CPU entry area']);

interface Alias {
  readonly frame: number;
  readonly pages: number;
  readonly address: VirtualAddress;
  readonly leaf: LeafAttributes;
  readonly region: Region;
}

/** Many of them, in columns that take a quarter of the room, in the order of their frames once they are sorted. */
class Aliases {
  readonly #frames: number[] = [];
  readonly #pages: number[] = [];
  readonly #addresses: VirtualAddress[] = [];
  readonly #leaves: LeafAttributes[] = [];
  readonly #regions: Region[] = [];
  #order = new Uint32Array(0);

  get size(): number {
    return this.#frames.length;
  }

  add({ frame, pages, address, leaf, region }: Alias): void {
    this.#frames.push(frame);
    this.#pages.push(pages);
    this.#addresses.push(address);
    this.#leaves.push(leaf);
    this.#regions.push(region);
  }

  sort(): void {
    const frames = this.#frames;
    this.#order = Uint32Array.from(frames, (_, index) => index);
    this.#order.sort((a, b) => frames[a]! - frames[b]!);
  }

  /** undefined beyond the last. */
  at(position: number): Alias | undefined {
    const index = this.#order[position];
    if (index === undefined) return undefined;
    return {
      frame: this.#frames[index]!,
      pages: this.#pages[index]!,
      address: this.#addresses[index]!,
      leaf: this.#leaves[index]!,
      region: this.#regions[index]!,
    };
  }
}

export class AliasScan {
  readonly #space: AddressSpace;
  readonly #findings: Findings;
  readonly #aliases = new Aliases();
  #next = 0;
  #active: Alias[] = [];
  #tooMany = false;

  constructor(space: AddressSpace, findings: Findings) {
    this.#space = space;
    this.#findings = findings;
  }

  /** What is mapped outside the direct map. */
  addAlias({ leaf, frame, pages, address }: Stretch, region: Region): void {
    if (leaf?.present !== true || frame === undefined) return;
    if (this.#aliases.size === MAX_ALIASES) this.#tooMany = true;
    else this.#aliases.add({ frame, pages, address, leaf, region });
  }

  /**
   * To be called when all aliases are added: compares them with one another, whatever the direct map says of their
   * frames. A frame is told once for each two ways in which it is mapped, however many addresses map it so: of those
   * that say the same, only the one that reaches furthest is held.
   */
  compareAliases(): void {
    this.#aliases.sort();
    const furthest = new Map<string, Alias>();
    for (let position = 0; position < this.#aliases.size; position++) {
      const alias = this.#aliases.at(position)!;
      const way = wayOf(alias);
      const last = furthest.get(way);
      const from = Math.max(alias.frame, last === undefined ? 0 : endOf(last));
      if (from >= endOf(alias)) continue;
      for (const other of furthest.values()) if (other !== last) this.#comparePair(other, alias, from);
      furthest.set(way, alias);
    }
  }

  /**
   * What the direct map maps, in the order of its frames, after `compareAliases`. What has another frame there is not
   * in that order, and left out.
   */
  addDirect({ leaf, frame, pages, address }: Stretch): void {
    if (leaf === undefined || frame === undefined) return;
    const offset = this.#space.directMap?.offset;
    if (offset !== undefined && address - frame * this.#space.pageBytes !== offset) return;
    const end = frame + pages;
    this.#active = this.#active.filter((alias) => alias.frame + alias.pages > frame);
    for (let alias = this.#aliases.at(this.#next); alias !== undefined && alias.frame < end; ) {
      if (alias.frame + alias.pages > frame) {
        if (this.#active.length < MAX_OVERLAPS || alias.frame + alias.pages <= end) this.#active.push(alias);
        else this.#tooMany = true;
      }
      alias = this.#aliases.at(++this.#next);
    }
    if (leaf.present) for (const alias of this.#active) this.#compare(alias, { leaf, frame, end, address });
  }

  get notChecked(): string[] {
    return this.#tooMany
      ? [
          `aliases beyond the first ${MAX_ALIASES}, and beyond ${MAX_OVERLAPS} of one frame: there are too many`,
        ]
      : [];
  }

  /** Of the frames from `from` on. The other side of what can be executed is told first, as the direct map is below. */
  #comparePair(a: Alias, b: Alias, from: number): void {
    const end = Math.min(endOf(a), endOf(b));
    if (from >= end) return;
    const [one, other] = a.leaf.executable ? [b, a] : [a, b];
    const place = (): Place => ({
      address: this.#addressIn(one, from),
      pages: end - from,
      frame: from,
      what: `${kindOf(one.leaf)}; ${this.#textOf(other, from)}`,
    });
    const add = (rule: RuleName) => this.#findings.add(rule, end - from, place);
    if (one.leaf.memoryType !== other.leaf.memoryType) add('alias-memory-type');
    const runs = [one, other].filter(
      ({ leaf }, index, both) => leaf.executable && both[1 - index]!.leaf.writable,
    );
    if (runs.some(isImage)) add('text-writable');
    else if (runs.length > 0) add('alias-executable');
  }

  #addressIn(alias: Alias, frame: number): VirtualAddress {
    return alias.address + (frame - alias.frame) * this.#space.pageBytes;
  }

  #textOf(alias: Alias, frame: number): string {
    return `${alias.region.name} ${hexAddress(this.#addressIn(alias, frame))}: ${kindOf(alias.leaf)}`;
  }

  #compare(
    alias: Alias,
    direct: { leaf: LeafAttributes; frame: number; end: number; address: VirtualAddress },
  ): void {
    const frame = Math.max(alias.frame, direct.frame);
    const pages = Math.min(alias.frame + alias.pages, direct.end) - frame;
    if (pages <= 0) return;
    const { leaf } = direct;
    const bytes = this.#space.pageBytes;
    const place = (): Place => ({
      address: direct.address + (frame - direct.frame) * bytes,
      pages,
      frame,
      what: `${kindOf(leaf)}; ${this.#textOf(alias, frame)}`,
    });
    const add = (rule: RuleName) => this.#findings.add(rule, pages, place);
    if (alias.leaf.memoryType !== leaf.memoryType) add('alias-memory-type');
    if (alias.leaf.executable && leaf.writable) {
      add(isImage(alias) ? 'text-writable' : 'alias-executable');
    } else if (leaf.executable && alias.leaf.writable) add('alias-executable');
    else if (leaf.writable !== alias.leaf.writable && !READ_ONLY_BY_DESIGN.has(alias.region.name)) {
      add('alias-read-only');
    }
  }
}

/** What pairs are judged by. */
function wayOf({ leaf, region }: Alias): string {
  return `${leaf.writable} ${leaf.executable} ${leaf.memoryType} ${region.name === 'kernel image'}`;
}

function endOf({ frame, pages }: Alias): number {
  return frame + pages;
}

function isImage({ region }: Alias): boolean {
  return region.name === 'kernel image';
}

function kindOf({ bytes, access }: LeafAttributes): string {
  return `${sizeName(bytes)} ${access}`;
}
