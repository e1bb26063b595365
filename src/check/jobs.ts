/**
 * From what a user asks for to jobs, one for each claim and kernel, and from a job to its answer. Jobs need nothing of
 * one another: they run on any number of workers and machines, and their order is that of the answers.
 */

import { InputError, NotModelledError, type Problem } from '../errors.ts';
import { ARCHITECTURES, architectureNamed, DEFAULT_ARCH } from '../linux/arch/index.ts';
import type { Architecture } from '../linux/architecture.ts';
import { type KernelVersion, PRESETS, parseKernelVersion, presetsOf } from '../linux/kernels.ts';
import { checkClaim, type Job, type Result, versionOf, worldOf } from './check.ts';
import type { Claim, Source, World } from './claim.ts';
import { CLAIMS } from './claims/index.ts';
import type { Limits, OnProgress } from './explore/explore.ts';
import { findClaim } from './find_claim.ts';
import { bootText, plainBuild } from './machine/machine.ts';

/** What to check. */
export interface Plan {
  /** Ids; none, or "all", for all claims. */
  claims: readonly string[];
  /** As `parseKernelVersion` takes them; none for the newest, "all" for all presets. */
  kernels: readonly string[];
  /** Names of architectures, or "all"; the usual one if there are none. */
  arches?: readonly string[];
  config?: readonly (readonly [string, string])[];
  boot?: string;
  cpus?: number;
  geometry?: number;
  limits: Limits;
}

/** What came of a job, with all that a reader must know to judge it. Plain data. */
export interface Answer extends Result {
  source: Source;
  /** On what the claim was explored, beside `bounds`. */
  world?: WorldFacts;
  /** The claim's own code failed, with this message. The verdict is then "undecided". */
  bug?: string;
}

export interface WorldFacts {
  leaf: World['leaf'];
  /** Translations stay in the TLBs until they are flushed. */
  tlb: boolean;
  /** What the kernel was built with, of the claim and of the user. */
  config: Readonly<Record<string, string>>;
  boot: string;
}

/** Stands for everything there is in a list of names. */
export const ALL = 'all';

/**
 * Every claim on every kernel, claim by claim.
 * @throws InputError for names that are not known; NotModelledError for a boot parameter whose effect is not modelled.
 */
export function planJobs(plan: Plan): Job[] {
  const { limits, config, boot, cpus, geometry } = plan;
  const rest = {
    limits,
    ...(config && { config }),
    ...(boot !== undefined && { boot }),
    ...(cpus !== undefined && { cpus }),
    ...(geometry !== undefined && { geometry }),
  };
  const chosen = isAll(plan.claims) ? CLAIMS.map(({ id }) => id) : unique(plan.claims);
  const kernels = architecturesOf(plan).flatMap((arch) => kernelsOf(plan, arch));
  // Options that cannot be are told before any work is done.
  for (const version of kernels) buildFor(version, plan);
  return chosen.flatMap((id) => {
    const claim = findClaim(id, '').id;
    return kernels.map(({ arch, name }) => ({
      ...{ claim, kernel: name, ...rest },
      ...(arch === DEFAULT_ARCH ? {} : { arch: arch.name }),
    }));
  });
}

function isAll(names: readonly string[]): boolean {
  return names.length === 0 || names.includes(ALL);
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}

export function architecturesOf({ arches = [] }: Pick<Plan, 'arches'>): readonly Architecture[] {
  if (arches.length === 0) return [DEFAULT_ARCH];
  if (arches.includes(ALL)) return ARCHITECTURES;
  return [...new Set(arches.map((name) => architectureNamed(name, '--arch')))];
}

/**
 * The kernels of an architecture that are meant. A release in which it did not exist is left out where others are meant,
 * too. @throws InputError; NotModelledError where it is all that is meant
 */
export function kernelsOf(plan: Pick<Plan, 'kernels' | 'arches'>, arch: Architecture): KernelVersion[] {
  const { kernels } = plan;
  const meant = architecturesOf(plan);
  const parse = (name: string) => parseKernelVersion(name, '--kernel', arch);
  const all = presetsOf(arch).map(({ name }) => name);
  const names =
    kernels.length === 0 ? [PRESETS.at(-1)!.name] : kernels.flatMap((name) => (name === ALL ? all : [name]));
  const versions = meant.length > 1 ? names.flatMap((name) => ifThere(name, arch, meant)) : names.map(parse);
  return [...new Map(versions.map((version) => [version.name, version])).values()];
}

/** The kernel of that name, unless the architecture had none, or has not the change while another that is meant has. */
function ifThere(name: string, arch: Architecture, meant: readonly Architecture[]): KernelVersion[] {
  try {
    return [parseKernelVersion(name, '--kernel', arch)];
  } catch (error) {
    const others = meant.filter((each) => each !== arch && isKernelOf(name, each));
    if (error instanceof NotModelledError || others.length > 0) return [];
    throw error;
  }
}

function isKernelOf(name: string, arch: Architecture): boolean {
  try {
    return parseKernelVersion(name, '--kernel', arch).name !== '';
  } catch {
    return false;
  }
}

/** Boot parameters that the model does not know, and that have no effect. */
export function ignoredParameters(plan: Omit<Plan, 'claims'>): string[] {
  const builds = architecturesOf(plan).map((arch) =>
    buildFor(kernelsOf({ ...plan, kernels: [] }, arch)[0]!, plan),
  );
  const [first, ...others] = builds.map(({ boot }) => boot.ignored);
  return first!.filter((word) => others.every((ignored) => ignored.includes(word)));
}

function buildFor(
  version: KernelVersion,
  { config, boot }: Pick<Plan, 'config' | 'boot'>,
): ReturnType<typeof plainBuild> {
  return plainBuild({ version, ...(config && { config }), ...(boot && { boot }) });
}

// ---- shards

/** Part `index`, from 1, of `of`. */
export interface Shard {
  index: number;
  of: number;
}

const MAX_SHARDS = 10_000;

/** "3/8". @throws InputError */
export function parseShard(text: string): Shard {
  const [, index, of] = /^(\d{1,9})\/(\d{1,9})$/.exec(text.trim()) ?? [];
  const problem = { what: 'shard', where: '--shard', found: text };
  if (index === undefined) {
    throw new InputError({
      code: 'bad-format',
      ...problem,
      expected: 'i/n, e.g. 1/8 for the first of eight',
    });
  }
  const shard = { index: Number(index), of: Number(of) };
  if (shard.of < 1 || shard.of > MAX_SHARDS) {
    throw new InputError({ code: 'out-of-range', ...problem, expected: `n from 1 to ${MAX_SHARDS}` });
  }
  if (shard.index < 1 || shard.index > shard.of) {
    throw new InputError({ code: 'out-of-range', ...problem, expected: `i from 1 to ${shard.of}` });
  }
  return shard;
}

/** Every n-th job, so that the kernels of one claim, which take alike, are spread. */
export function jobsOfShard<T>(jobs: readonly T[], { index, of }: Shard): T[] {
  return jobs.filter((_, i) => i % of === index - 1);
}

/** A word that two runs share if they were asked the same, so that only shards of one run are merged. */
export function runName(jobs: readonly Job[]): string {
  let hash = 0xcbf29ce484222325n;
  for (const char of JSON.stringify(jobs.map(({ limits: _, ...job }) => job))) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(char.codePointAt(0)!)) * 0x100000001b3n);
  }
  return hash.toString(36);
}

// ---- one job

/** @throws InputError for bounds that cannot be met. */
export function answerTo(job: Job, onProgress?: OnProgress): Answer {
  const claim = findClaim(job.claim, '');
  try {
    const result = checkClaim(claim, job, onProgress);
    return { ...result, source: claim.source, ...(result.bounds && { world: factsOf(claim, job) }) };
  } catch (error) {
    if (error instanceof InputError) throw new InputError(onClaim(error.problem, claim));
    return brokenAnswer(job, error instanceof Error ? error.message : String(error));
  }
}

function onClaim<P extends Problem>(problem: P, { id }: Claim): P {
  return { ...problem, where: problem.where === '' ? id : `${problem.where}, claim ${id}` };
}

function factsOf(claim: Claim, job: Job): WorldFacts {
  const world = worldOf(claim, { ...job, version: versionOf(job) });
  return {
    leaf: world.leaf,
    tlb: world.tlb ?? false,
    config: { ...world.config, ...Object.fromEntries(job.config ?? []) },
    boot: bootText(world, job.boot),
  };
}

/** Our own mistake, in a claim or below it: others are answered all the same. */
export function brokenAnswer(job: Job, message: string): Answer {
  return { ...undecided(job, `this is a bug in claim ${job.claim}: ${message}`), bug: message };
}

/** A job that was not begun, or whose answer did not arrive. */
export function interruptedAnswer(job: Job): Answer {
  return undecided(job, 'interrupted');
}

function undecided(job: Job, because: string): Answer {
  const { id, sentence, source } = findClaim(job.claim, '');
  const arch = job.arch ?? DEFAULT_ARCH.name;
  return { claim: id, sentence, source, arch, kernel: job.kernel, verdict: 'undecided', because };
}
