/** An address space and what was found in it as plain data: all that a report needs when the machine is not at hand. */

import { sizeName } from '../../mmu/describe.ts';
import { hexAddress, type VirtualAddress } from '../../mmu/format.ts';
import type { AddressSpace, DirectMap, LeafAttributes, Stretch } from '../address_space.ts';
import type { Inspection } from '../inspection.ts';
import { Machine } from '../machine.ts';
import type { Finding } from '../survey/finding.ts';
import type { Fragmentation } from '../survey/fragmentation.ts';
import type { RegionSurvey } from '../survey/survey.ts';
import {
  type AttributesSnapshot,
  type FindingSnapshot,
  type FragmentationSnapshot,
  type MapSnapshot,
  NO_LEAF,
  type RegionSnapshot,
  type ReportSnapshot,
} from './report_snapshot.ts';
import { factsOf } from './snapshot_facts.ts';
import { snapshotTables } from './table_snapshot.ts';

export interface SnapshotLimits {
  /** Runs of table entries: about 20 bytes each. */
  readonly runs: number;
  /** Stretches of the direct map: about 8 bytes each. */
  readonly stretches: number;
  /** Kinds of leaves in a region. */
  readonly kinds: number;
}

export const SNAPSHOT_LIMITS: SnapshotLimits = { runs: 200_000, stretches: 500_000, kinds: 64 };

/** Reads the tables of a machine once more. */
export function snapshot(inspection: Inspection, limits: SnapshotLimits = SNAPSHOT_LIMITS): ReportSnapshot {
  const { source, space, survey } = inspection;
  const attributes = new AttributesList(inspection.origins);
  return {
    format: 'directmap-report/1',
    name: source,
    arch: space.arch,
    pageBytes: space.pageBytes,
    usualMemoryType: space.usualMemoryType,
    facts: factsOf(inspection),
    regions: survey.regions.map((region) => snapshotRegion(region, attributes, limits.kinds)),
    findings: survey.findings.map(snapshotFinding),
    notChecked: survey.notChecked,
    fragmentation: survey.fragmentation.map(snapshotFragmentation),
    map: space.directMap === undefined ? null : snapshotMap(space, space.directMap, attributes, limits),
    tables:
      space instanceof Machine
        ? snapshotTables({ ...space.located, tables: space.tables }, limits.runs)
        : null,
    attributes: attributes.list,
  };
}

/** The direct map alone, of a space that is not inspected. */
export function snapshotDirectMap(
  space: AddressSpace,
  limits: SnapshotLimits = SNAPSHOT_LIMITS,
): Pick<ReportSnapshot, 'attributes' | 'map' | 'pageBytes' | 'usualMemoryType'> {
  const { directMap, pageBytes, usualMemoryType } = space;
  const attributes = new AttributesList(new Map());
  const map = directMap === undefined ? null : snapshotMap(space, directMap, attributes, limits);
  return { attributes: attributes.list, map, pageBytes, usualMemoryType };
}

class AttributesList {
  readonly list: AttributesSnapshot[] = [];
  readonly #numbers = new Map<LeafAttributes, number>();
  readonly #origins: Inspection['origins'];

  constructor(origins: Inspection['origins']) {
    this.#origins = origins;
  }

  numberOf(leaf: LeafAttributes): number {
    let number = this.#numbers.get(leaf);
    if (number === undefined) {
      const { mergeKey: _mergeKey, bits, ...said } = leaf;
      const leftBy = [...new Set(this.#origins.get(leaf)?.map(({ who }) => who))];
      const inHex = bits === undefined ? null : hex(bits);
      number = this.list.push({ ...said, size: sizeName(leaf.bytes), bits: inHex, leftBy }) - 1;
      this.#numbers.set(leaf, number);
    }
    return number;
  }
}

function snapshotRegion(region: RegionSurvey, attributes: AttributesList, maxKinds: number): RegionSnapshot {
  const { name, start, end, leaves, holePages, badPages, missingPages, sharedPages } = region;
  return {
    name,
    start: hexAddress(start),
    last: lastAddress(end),
    leaves: leaves
      .slice(0, maxKinds)
      .map(({ leaf, count, pages }) => [attributes.numberOf(leaf), count, pages]),
    moreKinds: Math.max(0, leaves.length - maxKinds),
    holePages,
    badPages,
    missingPages,
    sharedPages,
  };
}

function snapshotFinding({ rule, severity, why, pages, count, places }: Finding): FindingSnapshot {
  const inHex = places.map(({ address, pages, what }) => ({ address: hexAddress(address), pages, what }));
  return { rule, severity, why, pages, count, places: inHex };
}

function snapshotFragmentation(found: Fragmentation): FragmentationSnapshot {
  const { bytes, blocks, lost, mergeable, firstMergeable, differing } = found;
  return {
    size: sizeName(bytes),
    blocks,
    lost,
    mergeable,
    firstMergeable: firstMergeable === undefined ? null : hexAddress(firstMergeable),
    differing: differing.map(({ what, blocks, first }) => ({ what, blocks, first: hexAddress(first) })),
  };
}

function snapshotMap(
  space: AddressSpace,
  { start, end, offset }: DirectMap,
  attributes: AttributesList,
  limits: SnapshotLimits,
): MapSnapshot | null {
  const { pageBytes } = space;
  const allPages = (end - start) / pageBytes;
  const firstFrame = offset === undefined ? null : (start - offset) / pageBytes;
  const kinds: number[] = [];
  const lengths: number[] = [];
  const oddFrames: [number, number][] = [];
  let pages = 0;
  let omittedPages = 0;
  const add = (kind: number, length: number, frame?: number) => {
    if (frame !== undefined && frame !== (firstFrame ?? Number.NaN) + pages)
      oddFrames.push([kinds.length, frame]);
    kinds.push(kind);
    lengths.push(length);
    pages += length;
  };
  for (const stretch of space.stretches({ start, end })) {
    if (kinds.length >= limits.stretches) {
      omittedPages = allPages - pages;
      break;
    }
    const gap = (stretch.address - start) / pageBytes - pages;
    if (gap > 0) add(NO_LEAF.hole, gap);
    const length = Math.min(stretch.pages, allPages - pages);
    if (length > 0) add(kindOf(stretch, attributes), length, stretch.frame);
  }
  // What may be mapped later is not to dwarf what is.
  if (kinds.at(-1) === NO_LEAF.hole && omittedPages === 0) {
    kinds.pop();
    pages -= lengths.pop()!;
  }
  if (pages === 0) return null;
  return {
    start: hexAddress(start),
    pages,
    omittedPages,
    firstFrame,
    kinds,
    lengths,
    oddFrames,
    blockBytes: blockBytes(space, pages * pageBytes),
  };
}

function kindOf({ kind, leaf }: Stretch, attributes: AttributesList): number {
  if (leaf !== undefined) return attributes.numberOf(leaf);
  return kind === 'leaf' || kind === 'not-present' ? NO_LEAF.bad : NO_LEAF[kind];
}

function blockBytes({ format }: AddressSpace, most: number): number[] {
  if (format === undefined) return [2 ** 21, 2 ** 30].filter((bytes) => bytes <= most);
  const sizes = Array.from({ length: format.levels - 1 }, (_, index) => 2 ** format.levelShift(index + 2));
  return sizes.filter((bytes) => bytes <= most);
}

/** Of a range that ends before `end`, which is 0 at the end of the address space. */
function lastAddress(end: VirtualAddress): string {
  return hex(BigInt.asUintN(64, BigInt(end) - 1n));
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
