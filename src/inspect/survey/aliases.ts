/**
 * Frames that are mapped twice: in the direct map and elsewhere. What the two addresses allow must go together.
 *
 * All mappings outside the direct map are held, sorted by frame; then the direct map goes past them, whose frames are
 * in order by themselves.
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
  #sorted = false;
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
   * What the direct map maps, in the order of its frames, after all that is outside it. What has another frame there
   * is not in that order, and left out.
   */
  addDirect({ leaf, frame, pages, address }: Stretch): void {
    if (leaf === undefined || frame === undefined) return;
    const offset = this.#space.directMap?.offset;
    if (offset !== undefined && address - frame * this.#space.pageBytes !== offset) return;
    if (!this.#sorted) {
      this.#aliases.sort();
      this.#sorted = true;
    }
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
      what: `${sizeName(leaf.bytes)} ${leaf.access}; ${alias.region.name} ${hexAddress(alias.address + (frame - alias.frame) * bytes)}: ${sizeName(alias.leaf.bytes)} ${alias.leaf.access}`,
    });
    const add = (rule: RuleName) => this.#findings.add(rule, pages, place);
    if (alias.leaf.memoryType !== leaf.memoryType) add('alias-memory-type');
    if (alias.leaf.executable && leaf.writable) {
      add(alias.region.name === 'kernel image' ? 'text-writable' : 'alias-executable');
    } else if (leaf.executable && alias.leaf.writable) add('alias-executable');
    else if (leaf.writable !== alias.leaf.writable && !READ_ONLY_BY_DESIGN.has(alias.region.name)) {
      add('alias-read-only');
    }
  }
}
