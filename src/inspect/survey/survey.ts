/** All that is told of an address space as a whole. One pass over it, in memory that does not grow with it. */

import type { AddressSpace, DirectMap, Region, Stretch } from '../address_space.ts';
import { AliasScan } from './aliases.ts';
import { type Finding, Findings } from './finding.ts';
import { type Fragmentation, FragmentationScan } from './fragmentation.ts';
import { LeafCensus, type LeafCount } from './leaf_census.ts';
import { checkDirectMapStretch, checkStretch } from './rules.ts';

export interface RegionSurvey extends Region {
  readonly leaves: readonly LeafCount[];
  /** Base pages that nothing maps, that no reading makes sense of, and whose tables the source lacks. */
  readonly holePages: number;
  readonly badPages: number;
  readonly missingPages: number;
  /** Entries that name tables which other entries name too, beyond the first, and the base pages that they map. */
  readonly sharedEntries: number;
  readonly sharedPages: number;
}

export interface Survey {
  readonly regions: readonly RegionSurvey[];
  /** The direct map's among them. */
  readonly directMap: RegionSurvey | undefined;
  /** By size, the smallest first; empty where sizes are not known or there is no direct map. */
  readonly fragmentation: readonly Fragmentation[];
  readonly findings: readonly Finding[];
  /** What was not looked at, for people. */
  readonly notChecked: readonly string[];
}

/** `largeLeaves` are the sizes in bytes that leaves above base pages may have. */
export function survey(space: AddressSpace, largeLeaves: readonly number[]): Survey {
  const findings = new Findings();
  const aliases = new AliasScan(space, findings);
  const surveyed = new Map<Region, RegionSurvey>();
  const shown = new Shown(space.arch);
  const notChecked: string[] = [];
  const { directMap } = space;
  const scans =
    directMap === undefined
      ? []
      : largeLeaves.map((bytes) => new FragmentationScan(bytes, space.pageBytes, directMap));

  const look = (region: Region) => {
    const tally = new RegionTally();
    for (const stretch of space.stretches(region)) {
      tally.add(stretch);
      shown.add(stretch);
      if (stretch.kind === 'hole' || stretch.kind === 'shared') continue;
      if (stretch.why === 'too many tables')
        notChecked.push(`${region.name}, from where too many tables were read`);
      checkStretch(stretch, region, space, findings);
      if (!isDirect(region)) aliases.addAlias(stretch, region);
      else {
        checkDirectMapStretch(stretch, directMap as DirectMap, space, findings);
        aliases.addDirect(stretch);
        for (const scan of scans) scan.add(stretch);
      }
    }
    surveyed.set(region, tally.result(region));
  };
  // The direct map comes last: its frames are in order, so that all others can be held beside it.
  for (const region of space.regions) if (!isDirect(region)) look(region);
  aliases.compareAliases();
  for (const region of space.regions) if (isDirect(region)) look(region);
  return {
    regions: space.regions.map((region) => surveyed.get(region)!),
    directMap: [...surveyed.values()].find(isDirect),
    fragmentation: scans.map((scan) => scan.result()).filter(({ blocks }) => blocks > 0),
    findings: findings.list(),
    notChecked: [...shown.notChecked, ...aliases.notChecked, ...notChecked],
  };
}

function isDirect({ name }: Region): boolean {
  return name === 'direct map';
}

/** What a source shows of its leaves: rules of what it does not show cannot be broken. */
class Shown {
  readonly #arch: string;
  #leaves = 0;
  #frames = 0;
  #entries = 0;

  constructor(arch: string) {
    this.#arch = arch;
  }

  add({ leaf, frame, entry }: Stretch): void {
    if (leaf === undefined) return;
    this.#leaves++;
    if (frame !== undefined) this.#frames++;
    if (entry !== undefined) this.#entries++;
  }

  get notChecked(): string[] {
    const notChecked: string[] = [];
    if (this.#frames < this.#leaves) {
      notChecked.push(
        this.#frames === 0
          ? 'aliases and wrong frames: the source shows no physical addresses'
          : 'aliases and wrong frames where the source shows no physical addresses',
      );
    }
    if (this.#entries === this.#leaves) return notChecked;
    notChecked.push('reserved bits, cycles, missing tables: the source shows no entries');
    if (PRINTED_AS_HOLES.has(this.#arch)) {
      notChecked.push('leaves that are not present: the source shows them as holes');
    }
    return notChecked;
  }
}

/** Whose kernels print what is not present as if nothing was there. */
const PRINTED_AS_HOLES: ReadonlySet<string> = new Set(['x86_64', 's390x']);

class RegionTally {
  readonly #census = new LeafCensus();
  readonly #pages = { hole: 0, bad: 0, missing: 0, shared: 0 };
  #sharedEntries = 0;

  add(stretch: Stretch): void {
    const { kind } = stretch;
    if (kind === 'leaf' || kind === 'not-present') this.#census.add(stretch);
    else this.#pages[kind] += stretch.pages;
    if (kind === 'shared') this.#sharedEntries += stretch.count;
  }

  result(region: Region): RegionSurvey {
    return {
      ...region,
      leaves: this.#census.counts,
      holePages: this.#pages.hole,
      badPages: this.#pages.bad,
      missingPages: this.#pages.missing,
      sharedEntries: this.#sharedEntries,
      sharedPages: this.#pages.shared,
    };
  }
}
