/** What was found of a real machine, as data: schema directmap-inspect/1 (docs/json.md). */

import {
  type AddressSpace,
  type Explanation,
  type LeafCount,
  leavesByBits,
  type RegionSurvey,
  type Stretch,
} from '../inspect/index.ts';
import type { Inspection } from '../inspect/inspection.ts';
import { hexAddress } from '../mmu/format.ts';

export const INSPECT_SCHEMA = 'directmap-inspect/1';

export function inspectJson(inspection: Inspection, explanations: readonly [string, Explanation][]): object {
  const { survey, space, root, countsNotPresent, counters } = inspection;
  const leaves = survey.directMap?.leaves ?? [];
  return {
    schema: INSPECT_SCHEMA,
    source: inspection.source,
    kind: inspection.kind,
    leftOut: inspection.leftOut ?? null,
    arch: space.arch,
    format: inspection.format,
    release: inspection.release ?? null,
    pageSize: space.pageBytes,
    root: root === undefined ? null : `0x${root.toString(16)}`,
    rootFrom: inspection.rootFrom ?? null,
    found: inspection.found,
    doubts: inspection.doubts,
    missing: inspection.missing ?? null,
    directMap: directMapJson(space),
    windows: inspection.windows ?? null,
    linearLeaves: leavesByBits(leaves, ({ present }) => present || countsNotPresent),
    notPresentLeaves: leavesByBits(leaves, ({ present }) => !present),
    regions: survey.regions.map((region) => regionJson(region, space.pageBytes)),
    fragmentation: survey.fragmentation.map(({ firstMergeable, differing, ...counts }) => ({
      ...counts,
      firstMergeable: firstMergeable === undefined ? null : hexAddress(firstMergeable),
      differing: differing.map(({ what, blocks, first }) => ({ what, blocks, first: hexAddress(first) })),
    })),
    tables: inspection.tables.map(({ levelName, tables, bytes }) => ({ level: levelName, tables, bytes })),
    notPresentBy: [...inspection.origins].map(([{ bits, names, bytes }, origins]) => ({
      size: bytes,
      bits: bits === undefined ? null : `0x${bits.toString(16)}`,
      names,
      origins,
    })),
    counters: counters === undefined ? null : { from: counters.from, bytes: counters.bytes },
    findings: survey.findings.map(({ places, ...finding }) => ({
      ...finding,
      places: places.map((place) => ({
        address: hexAddress(place.address),
        pages: place.pages,
        pfn: hexFrame(place.frame),
        what: place.what,
      })),
    })),
    notChecked: survey.notChecked,
    addresses: explanations.map(([asked, explanation]) => explanationJson(asked, explanation, space)),
  };
}

/** One stretch: a line of `--ranges json`. */
export function stretchJson(stretch: Stretch, space: AddressSpace): object {
  const { kind, address, pages, count, frame, leaf, why } = stretch;
  return {
    kind,
    address: hexAddress(address),
    end: hexAddress(address + pages * space.pageBytes),
    pages,
    count,
    size: leaf?.bytes ?? null,
    pfn: hexFrame(frame),
    access: leaf?.access ?? null,
    bits: leaf?.bits === undefined ? null : `0x${leaf.bits.toString(16)}`,
    names: leaf?.names ?? null,
    why: why ?? null,
  };
}

function directMapJson({ directMap }: AddressSpace): object | null {
  if (directMap === undefined) return null;
  const { start, end, offset } = directMap;
  return {
    start: hexAddress(start),
    end: hexAddress(end),
    offset: offset === undefined ? null : hexAddress(offset),
  };
}

function regionJson(region: RegionSurvey, pageBytes: number): object {
  const { name, start, end, leaves, holePages, badPages, missingPages, sharedEntries, sharedPages } = region;
  return {
    name,
    start: hexAddress(start),
    end: hexAddress(end),
    leaves: leaves.map((each) => leafJson(each, pageBytes)),
    holePages,
    badPages,
    missingPages,
    sharedEntries,
    sharedPages,
  };
}

function leafJson({ leaf, count, pages }: LeafCount, pageBytes: number): object {
  const { bytes, present, access, memoryType, names, bits } = leaf;
  return {
    size: bytes,
    present,
    access,
    memoryType,
    names,
    bits: bits === undefined ? null : `0x${bits.toString(16)}`,
    count,
    bytes: pages * pageBytes,
  };
}

function explanationJson(asked: string, explanation: Explanation, space: AddressSpace): object {
  const { exact, region, steps, leaf, frame, aliases, moreAliases, presence, origins } = explanation;
  return {
    asked,
    address: `0x${exact.toString(16)}`,
    region: region?.name ?? null,
    symbol: explanation.symbol ?? null,
    steps: steps.map(({ step, levelName, raw, names }) => ({
      level: levelName,
      entryAddress: `0x${step.entryAddress.toString(16)}`,
      entry: `0x${raw.toString(16)}`,
      kind: step.kind,
      names,
      why: step.why ?? null,
    })),
    size: leaf?.bytes ?? null,
    present: leaf?.present ?? null,
    access: leaf?.access ?? null,
    pfn: hexFrame(frame),
    origins,
    aliases: aliases.map((alias) => ({
      address: hexAddress(alias.address),
      region: alias.region.name,
      size: alias.leaf.bytes,
      access: alias.leaf.access,
    })),
    moreAliases,
    kernelPagePresent: { answer: presence.answer ?? null, because: presence.because },
    before: explanation.before === undefined ? null : stretchJson(explanation.before, space),
    around: explanation.stretch === undefined ? null : stretchJson(explanation.stretch, space),
    after: explanation.after === undefined ? null : stretchJson(explanation.after, space),
  };
}

function hexFrame(frame: number | undefined): string | null {
  return frame === undefined ? null : `0x${frame.toString(16)}`;
}
