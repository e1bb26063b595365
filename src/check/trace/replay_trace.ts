/** What a replay id stands for, run again on the model of today. */

import { InputError } from '../../errors.ts';
import { architectureNamed, DEFAULT_ARCH } from '../../linux/arch/index.ts';
import { parseKernelVersion } from '../../linux/kernels.ts';
import { describeTrace, machineFor, type TraceResult, worldOf } from '../check.ts';
import type { Choice, Claim, Finding, Source } from '../claim.ts';
import { findClaim } from '../find_claim.ts';
import { type CheckedMachine, HARDWARE_BITS, type Surroundings } from '../machine/machine.ts';
import { noticesOf } from './notices.ts';
import { replay } from './replay.ts';
import { type ParsedTrace, parseSteps, parseTraceId } from './trace_id.ts';

const WHERE = 'replay id';
const MAX_CPUS = 4;

/** What a replay came to. */
export interface ReplayedTrace {
  claim: string;
  sentence: string;
  source: Source;
  arch: string;
  kernel: string;
  /** "holds": the trace does not contradict the claim, or no longer. */
  verdict: 'refuted' | 'holds';
  finding?: Finding;
  notices: readonly string[];
  trace: TraceResult;
}

/** @throws InputError that says what is likely to be wrong with the id; NotModelledError. */
export function replayTrace(id: string): ReplayedTrace {
  const text = unwrapped(id);
  const parsed = parse(text);
  const claim = claimOf(parsed);
  const machine = machineOf(parsed, claim);
  const choices = parseSteps(parsed.steps, machine.actions);
  checkCpus(choices, machine);
  const replayed = replay(claim, machine, choices);
  if (replayed.impossible !== undefined) {
    const expected = `steps that this kernel can take: ${replayed.impossible}; the model may have changed since`;
    throw bad(parsed.steps, expected);
  }
  const { finding } = replayed;
  const { steps: _, ...start } = parsed;
  return {
    claim: claim.id,
    sentence: claim.sentence,
    source: claim.source,
    arch: machine.kernel.version.arch.name,
    kernel: machine.kernel.version.name,
    verdict: finding === undefined ? 'holds' : 'refuted',
    ...(finding && { finding }),
    notices: noticesOf(replayed),
    trace: describeTrace(claim, machine, start, replayed),
  };
}

/** As a mail or a terminal may have broken it. */
function unwrapped(id: string): string {
  return id.replaceAll(/[\s>]/g, '').replace(/^.*#(?:r=)?/, '');
}

function parse(text: string): ParsedTrace {
  if (/^[\w.+~-]+@[\w.+~-]+$/.test(text)) {
    throw bad(text, "more after the kernel: a shell ends a word at ';', so the id must stand in '...'");
  }
  try {
    return parseTraceId(text);
  } catch (error) {
    if (error instanceof URIError) throw bad(text, 'boot parameters as encodeURIComponent() writes them');
    throw error;
  }
}

function claimOf({ claim }: ParsedTrace): Claim {
  try {
    return findClaim(claim, WHERE);
  } catch (error) {
    if (!(error instanceof InputError) || error.problem.code !== 'unknown-name') throw error;
    const known = [...error.problem.known.slice(0, -1), '... (was it renamed? directmap claims lists all)'];
    throw new InputError({ ...error.problem, known });
  }
}

function machineOf(parsed: ParsedTrace, claim: Claim): CheckedMachine {
  const { geometry, cpus, boot, config, features } = parsed;
  if (![1, 2, 3, HARDWARE_BITS].includes(geometry)) throw bad(String(geometry), 'geometry 1, 2, 3 or 9');
  if (cpus !== undefined && !(Number.isInteger(cpus) && cpus >= 1 && cpus <= MAX_CPUS)) {
    throw bad(String(cpus), `1 to ${MAX_CPUS} CPUs`);
  }
  const arch = parsed.arch === undefined ? DEFAULT_ARCH : architectureNamed(parsed.arch, WHERE);
  const version = parseKernelVersion(parsed.kernel, WHERE, arch);
  const surroundings: Surroundings = {
    ...{ version, geometry },
    ...(config && { config }),
    ...(boot !== undefined && { boot }),
    ...(features && { features }),
    ...(cpus !== undefined && { cpus }),
  };
  return machineFor(worldOf(claim, surroundings), surroundings);
}

function checkCpus(choices: readonly Choice[], machine: CheckedMachine): void {
  for (const { cpu, action } of choices) {
    const may = action?.cpus ?? Array.from({ length: machine.cpus }, (_, each) => each);
    if (may.includes(cpu)) continue;
    const who = action === undefined ? 'a step' : action.text;
    throw bad(`CPU ${cpu}`, `CPU ${may.join(' or ')} for ${who}; the claim may have changed since`);
  }
}

function bad(found: string, expected: string): InputError {
  return new InputError({ code: 'bad-format', what: WHERE, where: '', found, expected });
}
