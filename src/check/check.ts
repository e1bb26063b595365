/** One claim on one kernel: explored, and if refuted, the trace made small, confirmed and written down. */

import { InputError, NotModelledError } from '../errors.ts';
import { architectureNamed, DEFAULT_ARCH } from '../linux/arch/index.ts';
import type { KernelBuild } from '../linux/call.ts';
import { configOptions } from '../linux/config.ts';
import { type KernelVersion, parseKernelVersion } from '../linux/kernels.ts';
import type { Features } from '../linux/machine.ts';
import { levelSizeName } from '../mmu/describe.ts';
import { callsOf } from '../scenario/script_calls.ts';
import type { Bounds, Choice, Claim, Done, Finding, Sometimes, Verdict, World } from './claim.ts';
import {
  type Exploration,
  explore,
  type Limits,
  type OnProgress,
  type SeenSometimes,
} from './explore/explore.ts';
import { interleave } from './interleave/interleave.ts';
import { WatchedMemory } from './interleave/watched_memory.ts';
import { isBuilt } from './machine/actions.ts';
import {
  bitsOf,
  CheckedMachine,
  HARDWARE_BITS,
  LEAF_LEVEL,
  plainBuild,
  type Surroundings,
} from './machine/machine.ts';
import { minimise } from './trace/minimise.ts';
import { noticesOf } from './trace/notices.ts';
import { type Replayed, replay } from './trace/replay.ts';
import { scenarioText } from './trace/scenario_text.ts';
import { encodeTrace, placedName, type TraceStart } from './trace/trace_id.ts';

/** What to check a claim with. Plain data, so that it can be sent to a worker. */
export interface Job {
  claim: string;
  /** The usual one if not given. */
  arch?: string;
  /** As `parseKernelVersion` takes it. */
  kernel: string;
  config?: readonly (readonly [string, string])[];
  boot?: string;
  /** Over the world's, by the architecture's names. */
  features?: Features;
  cpus?: number;
  geometry?: number;
  limits: Limits;
  /** Leave out the trace of a refutation. */
  verdictOnly?: boolean;
}

/** What came of it. Plain data: the shape behind `--json`. */
export interface Result {
  claim: string;
  sentence: string;
  arch: string;
  kernel: string;
  verdict: Verdict;
  /** Why, if undecided or not modelled. */
  because?: string;
  bounds?: Bounds;
  /** Interesting states that were reached. */
  seen?: readonly string[];
  /** Interesting states that this kernel cannot get into, and what it does not do. */
  never?: { readonly texts: readonly string[]; readonly because: readonly string[] };
  finding?: Finding;
  /** Who would notice: "return value", "log line", "WARN", "oops", or "nobody". */
  notices?: readonly string[];
  trace?: TraceResult;
}

export interface TraceResult {
  /** What `directmap replay` takes. */
  id: string;
  calls: readonly string[];
  refusals: number;
  switches: number;
  /** Whether it was confirmed in hardware's geometry, or only in the one that was explored. */
  fullSize: boolean;
  /** For `directmap run`. */
  scenario: string;
}

/** @throws InputError for bounds that cannot be met. */
export function checkClaim(claim: Claim, job: Job, onProgress?: OnProgress): Result {
  return checkClaimOn(claim, versionOf(job), job, onProgress);
}

/** The kernel that a job names. @throws InputError, NotModelledError */
export function versionOf({ arch, kernel }: Pick<Job, 'arch' | 'kernel'>): KernelVersion {
  const named = arch === undefined ? DEFAULT_ARCH : architectureNamed(arch, '--arch');
  return parseKernelVersion(kernel, '--kernel', named);
}

/** The same on a kernel that is not to be found by its name. */
export function checkClaimOn(
  claim: Claim,
  version: KernelVersion,
  job: Omit<Job, 'kernel'>,
  onProgress?: OnProgress,
): Result {
  const head = { claim: claim.id, sentence: claim.sentence, arch: version.arch.name, kernel: version.name };
  const surroundings: Surroundings = { ...job, version };
  try {
    const build = plainBuild(surroundings);
    const because = claim.notModelled?.(build);
    if (because !== undefined) return { ...head, verdict: 'not modelled', because };
    return { ...head, ...judge(claim, surroundings, job, onProgress) };
  } catch (error) {
    if (!(error instanceof NotModelledError)) throw error;
    const { what, because } = error.problem;
    return { ...head, verdict: 'not modelled', because: `${what}: ${because}` };
  }
}

/** Why a kernel lacks a function that the claim is about, if it does. */
function subjectMissing({ sometimes }: Claim, build: KernelBuild): string | undefined {
  const { arch } = build.version;
  for (const { about } of sometimes) {
    if (about === undefined) continue;
    const call = callsOf(arch).get(about);
    if (call === undefined) return `${about}() is what it is about, and ${arch.name} has none`;
    const because = call.missing?.(build);
    if (because !== undefined) return `${about}() is what it is about, and: ${because}`;
  }
  return undefined;
}

/** The world that a claim means on a kernel. */
export function worldOf(claim: Claim, surroundings: Surroundings): World {
  const world = claim.world(plainBuild(surroundings));
  return surroundings.cpus === undefined ? world : { ...world, cpus: surroundings.cpus };
}

/** A machine to check a claim on, or to replay a trace. */
export function machineFor(world: World, surroundings: Surroundings): CheckedMachine {
  const bits = bitsOf(world, surroundings);
  return new CheckedMachine(
    world,
    surroundings,
    world.interleaved === true ? new WatchedMemory(2 ** bits) : undefined,
  );
}

type Judged = Omit<Result, 'claim' | 'sentence' | 'arch' | 'kernel'>;

function judge(
  claim: Claim,
  surroundings: Surroundings,
  { limits, verdictOnly }: Pick<Job, 'limits' | 'verdictOnly'>,
  onProgress: OnProgress | undefined,
): Judged {
  const world = worldOf(claim, surroundings);
  checkBounds(world, surroundings);
  checkKnown(world, surroundings);
  const started = performance.now();
  const machine = machineFor(world, surroundings);
  const missing = subjectMissing(claim, machine.kernel);
  if (missing !== undefined) return { verdict: 'not modelled', because: missing };
  if (claim.counts === true && machine.kernel.direct_pages_count === undefined)
    throw new NotModelledError('DirectMap counters', `${surroundings.version.arch.name} has none`);
  if (machine.actions.length === 0) {
    return {
      verdict: 'not modelled',
      because: `${surroundings.version.name} has none of the calls that the claim is about`,
    };
  }
  const exploreIt = world.interleaved === true ? interleave : explore;
  const explored = exploreIt(claim, machine, limits, onProgress);
  const bounds = boundsOf(machine, explored, (performance.now() - started) / 1000);
  const { refutation } = explored;
  if (refutation !== undefined) {
    if (verdictOnly === true) return { verdict: 'refuted', bounds, finding: refutation.finding };
    const { finding, notices, trace } = showTrace(claim, world, surroundings, refutation.choices);
    return { verdict: 'refuted', bounds, finding, notices, trace };
  }
  const seen = [...explored.seen.texts];
  if (!explored.exhausted)
    return { verdict: 'undecided', bounds, seen, because: explored.limit ?? 'interrupted' };
  const notSeen = claim.sometimes.filter(({ text }) => !explored.seen.texts.has(text));
  const unseen = notSeen.map(({ text }) => text);
  if (unseen.length > 0) {
    const because = whyUnseen(machine, explored.seen, notSeen);
    if (because.length > 0) return { verdict: 'holds', bounds, seen, never: { texts: unseen, because } };
    const all = `it would hold, but never was seen: ${unseen.join('; ')}`;
    return { verdict: 'undecided', bounds, seen, because: all };
  }
  return { verdict: 'holds', bounds, seen };
}

/**
 * What this kernel does not do at all in the world, and every state of it was looked at: what has to do with it never
 * happens, and is no sign of a claim that was not put to the test.
 */
function whyUnseen(
  { leafLevel, world, kernel }: CheckedMachine,
  { asked, changed }: SeenSometimes,
  unseen: readonly Sometimes[],
): string[] {
  const because: string[] = [];
  const lacking = unseen.map(({ by }) => by?.every((name) => !isBuilt(kernel, name)) === true && by);
  if (lacking.every((by) => by !== false))
    because.push(`there is no ${[...new Set(lacking.flat())].join('(), ')}()`);
  if (leafLevel > kernel.format.levels) because.push('no table maps these pages');
  else if (leafLevel < LEAF_LEVEL[world.leaf])
    because.push(`boot maps these pages by ${levelSizeName(kernel.format, leafLevel)} entries`);
  if (!changed) because.push('no call changes how a page is mapped');
  else if (!asked) because.push('no call asks for memory');
  return because;
}

/** @throws NotModelledError for a world of which this architecture has not all */
function checkKnown({ features = {}, config = {} }: World, { version }: Surroundings): void {
  const { arch } = version;
  const options = configOptions(arch);
  const feature = Object.keys(features).find((name) => !Object.hasOwn(arch.features, name));
  if (feature !== undefined)
    throw new NotModelledError(`a machine with ${feature}`, `${arch.name} has no such thing`);
  const option = Object.keys(config).find((name) => !Object.hasOwn(options, name));
  if (option !== undefined) throw new NotModelledError(`CONFIG_${option}`, `${arch.name} has no such option`);
}

/** @throws InputError */
function checkBounds(world: World, { geometry, cpus }: Surroundings): void {
  const wrong = (what: string, where: string, found: number, expected: string) =>
    new InputError({ code: 'out-of-range', what, where, found: String(found), expected });
  if (geometry !== undefined && ![1, 2, 3, HARDWARE_BITS].includes(geometry)) {
    throw wrong('geometry', '--geometry', geometry, '1, 2 or 3 index bits per level, or 9 as in hardware');
  }
  if (cpus !== undefined && (!Number.isInteger(cpus) || cpus < 1 || cpus > 4)) {
    throw wrong('number of CPUs', '--cpus', cpus, '1 to 4');
  }
  const named = Math.max(0, ...world.calls.flatMap((pattern) => pattern.cpus ?? []));
  if (cpus !== undefined && named >= cpus) {
    throw wrong('number of CPUs', '--cpus', cpus, `at least ${named + 1}: the claim is about so many`);
  }
  if (geometry === HARDWARE_BITS && world.interleaved === true) {
    throw wrong(
      'geometry',
      '--geometry',
      geometry,
      '1 to 3 for a claim about interleavings; its traces are tried at 9',
    );
  }
}

function boundsOf(machine: CheckedMachine, explored: Exploration, seconds: number): Bounds {
  const { world } = machine;
  const { states, transitions, depth, exhausted, limit, collisions, bytes } = explored;
  return {
    geometry: machine.bits,
    pages: machine.pageCount,
    calls: [...new Set(machine.actions.flatMap(({ calls }) => calls.map(({ name }) => name)))],
    cpus: world.cpus ?? 1,
    interleaved: world.interleaved ?? false,
    refusals: world.memoryIsPlenty === true ? 'none' : 'any',
    states,
    transitions,
    depth,
    exhausted,
    ...(limit === undefined ? {} : { limit }),
    collisions,
    seconds: Math.round(seconds * 1000) / 1000,
    bytesPerState: Math.round(bytes / states),
  };
}

interface Confirmed {
  machine: CheckedMachine;
  replayed: Replayed;
}

/** What a trace shows, in short and in full. */
export interface Shown {
  finding: Finding;
  notices: readonly string[];
  trace: TraceResult;
  /** The last action that ended. */
  last: Done | undefined;
}

/** The trace made small where it was found, then tried in hardware's geometry, and written down. */
export function showTrace(
  claim: Claim,
  world: World,
  surroundings: Surroundings,
  found: readonly Choice[],
): Shown {
  const small = machineFor(world, surroundings);
  const choices = minimise(claim, small, found);
  const inSmall = { machine: small, replayed: replay(claim, small, choices) };
  const { machine, replayed } = atFullSize(claim, world, surroundings, choices, inSmall) ?? inSmall;
  const start: TraceStart = {
    ...{ claim: claim.id, kernel: surroundings.version.name, geometry: machine.bits },
    ...(surroundings.version.arch === DEFAULT_ARCH ? {} : { arch: surroundings.version.arch.name }),
    ...(surroundings.boot === undefined ? {} : { boot: surroundings.boot }),
    ...(surroundings.config === undefined ? {} : { config: surroundings.config }),
    ...(surroundings.features === undefined ? {} : { features: surroundings.features }),
    ...(surroundings.cpus === undefined ? {} : { cpus: surroundings.cpus }),
  };
  const finding = replayed.finding;
  if (finding === undefined)
    throw new Error(`the model does not confirm the trace of ${claim.id} on ${start.kernel}`);
  const trace = describeTrace(claim, machine, start, replayed);
  return { finding, notices: noticesOf(replayed), trace, last: replayed.done.at(-1) };
}

/** A trace that has been run, in short and as a scenario. */
export function describeTrace(
  claim: Claim,
  machine: CheckedMachine,
  start: TraceStart,
  replayed: Replayed,
): TraceResult {
  const { choices } = replayed;
  return {
    id: encodeTrace(start, choices),
    calls: callTexts(choices, machine.cpus),
    refusals: choices.reduce((sum, { refused }) => sum + refused.length, 0),
    switches: choices.filter(({ cpu }, i) => i > 0 && cpu !== choices[i - 1]!.cpu).length,
    fullSize: machine.bits === HARDWARE_BITS,
    scenario: scenarioText({ claim, machine, start, choices, replayed }),
  };
}

/** The actions in the order in which they begin, with who begins them if there are several. */
function callTexts(choices: readonly Choice[], cpus: number): string[] {
  return choices.flatMap(({ cpu, action }) => {
    if (action === undefined) return [];
    return cpus === 1 ? [action.text] : [`CPU ${cpu}: ${action.text}`];
  });
}

function atFullSize(
  claim: Claim,
  world: World,
  surroundings: Surroundings,
  choices: readonly Choice[],
  small: Confirmed,
): Confirmed | undefined {
  try {
    const machine = machineFor(world, { ...surroundings, geometry: HARDWARE_BITS });
    const same = sameActions(choices, machine);
    for (const like of [undefined, small.replayed]) {
      const replayed = replay(claim, machine, same, like);
      if (replayed.finding !== undefined) return { machine, replayed };
    }
    return undefined;
  } catch (error) {
    // Then the trace stays what it is: one of the small geometry.
    if (error instanceof NotModelledError || error instanceof InputError) return undefined;
    throw error;
  }
}

/** The choices with the actions of another machine of the same world. */
function sameActions(choices: readonly Choice[], machine: CheckedMachine): Choice[] {
  const byName = new Map(machine.actions.map((action) => [placedName(action), action]));
  return choices.map((choice) => {
    if (choice.action === undefined) return choice;
    const action = byName.get(placedName(choice.action));
    if (action === undefined)
      throw new NotModelledError(choice.action.text, 'there is no such call at full size');
    return { ...choice, action };
  });
}
