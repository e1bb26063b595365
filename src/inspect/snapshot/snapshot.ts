/** An address space and what was found in it as plain data: all that a report needs when the machine is not at hand. */

import { sizeName } from '../../mmu/describe.ts';
import { hexAddress, type VirtualAddress } from '../../mmu/format.ts';
import type { Inspection } from '../inspection.ts';
import { Machine } from '../machine.ts';
import type { Finding } from '../survey/finding.ts';
import type { Fragmentation } from '../survey/fragmentation.ts';
import type { RegionSurvey } from '../survey/survey.ts';
import { AttributesList, snapshotMap } from './map_snapshot.ts';
import type {
  FindingSnapshot,
  FragmentationSnapshot,
  RegionSnapshot,
  ReportSnapshot,
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
    map:
      space.directMap === undefined
        ? null
        : snapshotMap(space, space.directMap, attributes, limits.stretches),
    tables:
      space instanceof Machine
        ? snapshotTables({ ...space.located, tables: space.tables }, limits.runs)
        : null,
    attributes: attributes.list,
  };
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

/** Of a range that ends before `end`, which is 0 at the end of the address space. */
function lastAddress(end: VirtualAddress): string {
  return hex(BigInt.asUintN(64, BigInt(end) - 1n));
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
