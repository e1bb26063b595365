/**
 * Which changes between two kernels turn a claim's verdict: those that do alone; if none does, those that do two or
 * three together. Only changes that the model asks for on the way can matter, and which those are, it tells.
 */

import { InputError } from '../errors.ts';
import { architectureNamed, DEFAULT_ARCH } from '../linux/arch/index.ts';
import { type ChangeSet, changeSet, hasChange } from '../linux/changes.ts';
import { changesOf, type KernelVersion, parseKernelVersion } from '../linux/kernels.ts';
import { checkClaimOn, type Job, type Result } from './check.ts';
import type { Claim } from './claim.ts';

/** Changes that are flipped together, at most. */
const MAX_TOGETHER = 3;

export interface BisectOptions extends Omit<Job, 'claim' | 'kernel'> {
  from: string;
  to: string;
}

/** A smallest set of changes that turns the verdict. */
export interface Flip {
  changes: readonly { name: string; effect: string; commit?: string; release: string }[];
  /** The kernel to name to see it: "v6.12.107+cpa-collapse". */
  kernel: string;
  result: Result;
}

export interface BisectResult {
  claim: string;
  from: Result;
  to: Result;
  /** The changes between the two that the model asked for. */
  relevant: readonly string[];
  /** How many of the changes between the two it did not ask for. */
  irrelevant: number;
  /** Put into `from`, they give the verdict of `to`. */
  flips: readonly Flip[];
  /** Taken back in `to`, they give the verdict of `from`. */
  reverts: readonly Flip[];
  /** Kernels checked. */
  tried: number;
}

/** What is being tried, now and then. Returns true to stop. */
export type OnBisect = (kernel: string, tried: number) => boolean;

/** @throws InputError for unknown kernels, or two that do not differ. */
export function bisect(claim: Claim, options: BisectOptions, onProgress?: OnBisect): BisectResult {
  return new Bisection(claim, options, onProgress).run();
}

class Bisection {
  readonly #claim: Claim;
  readonly #options: BisectOptions;
  readonly #onProgress: OnBisect | undefined;
  readonly #from: KernelVersion;
  readonly #to: KernelVersion;
  readonly #between: readonly string[];
  readonly #asked = new Set<string>();
  readonly #results = new Map<string, Result>();

  constructor(claim: Claim, options: BisectOptions, onProgress: OnBisect | undefined) {
    this.#claim = claim;
    this.#options = options;
    this.#onProgress = onProgress;
    const arch = options.arch === undefined ? DEFAULT_ARCH : architectureNamed(options.arch, '--arch');
    this.#from = parseKernelVersion(options.from, '--from', arch);
    this.#to = parseKernelVersion(options.to, '--to', arch);
    const all = Object.keys(changesOf(arch));
    this.#between = all.filter((name) => hasChange(this.#from.has, name) !== hasChange(this.#to.has, name));
    if (this.#between.length > 0) return;
    const found = `${this.#from.name} and ${this.#to.name}`;
    throw new InputError({
      code: 'bad-format',
      what: 'kernels',
      where: '--from, --to',
      found,
      expected: 'two that differ',
    });
  }

  run(): BisectResult {
    const from = this.#check(this.#from);
    const to = this.#check(this.#to);
    const turned = from.verdict !== to.verdict;
    const flips = turned ? this.#smallestSets(this.#from, to.verdict) : [];
    const reverts = turned ? this.#smallestSets(this.#to, from.verdict) : [];
    const relevant = this.#relevant();
    return {
      ...{ claim: this.#claim.id, from, to, relevant, flips, reverts },
      irrelevant: this.#between.length - relevant.length,
      tried: this.#results.size,
    };
  }

  /** Changes between the two that some kernel tried so far was asked about. */
  #relevant(): string[] {
    return this.#between.filter((name) => this.#asked.has(name));
  }

  #smallestSets(base: KernelVersion, wanted: Result['verdict']): Flip[] {
    const flips: Flip[] = [];
    for (let size = 1; size <= MAX_TOGETHER && flips.length === 0; size++) {
      // What a set of one size makes the model ask for is tried in the next.
      for (const set of subsets(this.#relevant(), size)) {
        const version = flipped(base, set);
        if (this.#onProgress?.(version.name, this.#results.size) === true) return flips;
        const result = this.#check(version);
        if (result.verdict !== wanted) continue;
        flips.push({
          changes: set.map((name) => ({ name, ...changesOf(base.arch)[name]! })),
          kernel: version.name,
          result,
        });
      }
    }
    return flips;
  }

  #check(version: KernelVersion): Result {
    const known = this.#results.get(version.name);
    if (known !== undefined) return known;
    const watched = { ...version, has: watchedSet(version.has, this.#asked) };
    const job = { ...this.#options, claim: this.#claim.id, verdictOnly: true };
    const result = checkClaimOn(this.#claim, watched, job);
    this.#results.set(version.name, result);
    return result;
  }
}

/** The set with some changes put in or taken out, named as the user would. */
function flipped(base: KernelVersion, names: readonly string[]): KernelVersion {
  const all = Object.keys(changesOf(base.arch));
  const has = new Set(all.filter((name) => hasChange(base.has, name) !== names.includes(name)));
  const sign = (name: string) => (hasChange(base.has, name) ? '~' : '+');
  const name = names.reduce((text, each) => text + sign(each) + each, base.name);
  return { ...base, name, has: changeSet(all, has) };
}

/** Notes in `asked` which changes are asked for. */
function watchedSet(has: ChangeSet, asked: Set<string>): ChangeSet {
  const watched = {};
  for (const name of Object.keys(has)) {
    Object.defineProperty(watched, name, {
      enumerable: true,
      get: () => {
        asked.add(name);
        return hasChange(has, name);
      },
    });
  }
  return watched as ChangeSet;
}

function* subsets<T>(items: readonly T[], size: number, from = 0): Generator<T[]> {
  if (size === 0) yield [];
  else {
    for (let i = from; i < items.length; i++) {
      for (const rest of subsets(items, size - 1, i + 1)) yield [items[i]!, ...rest];
    }
  }
}
