/**
 * A trace as a word that fits into a URL and a mail: where it starts, and the choices, by the names of the calls, so
 * that it survives changes of a claim that leave its calls alone.
 *
 *     no-large-np-leaf@v7.2.13;9:set_memory_np,0,4~k3f2
 *     claim           @kernel ;geometry[;a=arch][;b=boot][;c=config][;f=features][;n=cpus] : choices ~ check
 *
 * A choice is `[cpu*]action,first,pages[!refused,...]`, or `cpu[*steps][!refused,...]` for steps of a CPU that goes on.
 */

import { InputError } from '../../errors.ts';
import { type Features, splitFeatures } from '../../linux/machine.ts';
import { scramble } from '../../memory/scramble.ts';
import type { Action, Choice, PatternCall, Trace } from '../claim.ts';

export interface TraceStart extends Omit<Trace, 'choices'> {
  readonly boot?: string;
  readonly config?: readonly (readonly [string, string])[];
  readonly features?: Features;
  readonly cpus?: number;
}

/** More allocations than any action at full size makes. */
const MAX_REFUSED = 2 ** 20;

export function encodeTrace(start: TraceStart, choices: readonly Choice[]): string {
  const { claim, arch, kernel, geometry, boot, config, features, cpus } = start;
  const parts = [`${claim}@${kernel}`, String(geometry)];
  if (arch !== undefined) parts.push(`a=${arch}`);
  if (boot !== undefined && boot !== '') parts.push(`b=${encodeURIComponent(boot)}`);
  if (config !== undefined && config.length > 0) {
    parts.push(`c=${config.map(([name, value]) => `${name}=${value}`).join(',')}`);
  }
  const machine = Object.entries(features ?? {}).filter(([, value]) => value !== undefined);
  if (machine.length > 0)
    parts.push(`f=${machine.map(([name, value]) => `${name}=${featureText(value)}`).join(',')}`);
  if (cpus !== undefined) parts.push(`n=${cpus}`);
  const body = `${parts.join(';')}:${stepsText(choices)}`;
  return `${body}~${checkOf(body)}`;
}

function featureText(value: boolean | number | undefined): string {
  return typeof value === 'number' ? String(value) : value === true ? 'y' : 'n';
}

function stepsText(choices: readonly Choice[]): string {
  const words: string[] = [];
  let steps = 0;
  choices.forEach(({ cpu, action, refused }, i) => {
    const no = refused.length === 0 ? '' : `!${rangesText(refused)}`;
    if (action !== undefined) {
      words.push(`${cpu}*${placedName(action)}${no}`);
      return;
    }
    steps++;
    const next = choices[i + 1];
    const goesOn =
      next !== undefined && next.action === undefined && next.cpu === cpu && next.refused.length === 0;
    if (goesOn && no === '') return;
    words.push(`${cpu}${steps > 1 ? `*${steps}` : ''}${no}`);
    steps = 0;
  });
  return words.join('.');
}

/** Ascending numbers, runs of them as "first-last". */
function rangesText(numbers: readonly number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && number === run[1] + 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',');
}

function rangeOf(text: string): number[] {
  const [first = 0, last = first] = text.split('-').map(Number);
  return Array.from({ length: Math.min(last - first + 1, MAX_REFUSED) }, (_, i) => first + i);
}

/** An action by what it does, and on which of the explored pages. */
export function placedName(action: Action): string {
  return `${actionName(action)},${action.first},${action.pages}`;
}

/** The names of an action's calls, with the arguments and kept names that tell them apart. */
export function actionName({ calls }: Action): string {
  return calls.map(callName).join('+');
}

function callName({ name, with: values = [], at, keep }: PatternCall): string {
  const names = [at, keep].filter((each) => each !== undefined);
  return [name, ...values, ...names].join('-');
}

/** Four letters that a mistyped or cut id will not have. */
function checkOf(text: string): string {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = scramble(hash ^ text.charCodeAt(i)) + i;
  return (hash >>> 0).toString(36).padStart(7, '0').slice(-4);
}

export interface ParsedTrace extends TraceStart {
  /** To be read with the actions of the claim's machine. */
  readonly steps: string;
}

/** @throws InputError that says what is likely to have happened to it. */
export function parseTraceId(id: string): ParsedTrace {
  const text = id.trim().replace(/^.*#(?:r=)?/, '');
  const [, body, check] = /^(.*)~([a-z0-9]{1,4})$/s.exec(text) ?? [];
  if (body === undefined) {
    throw bad(
      text,
      'claim@kernel;geometry:choices~check; its end is missing: was it cut off, or broken at a line end?',
    );
  }
  if (check !== checkOf(body)) {
    throw bad(
      text,
      `check letters ${checkOf(body)}, so a character was changed or lost on the way; copy it again`,
    );
  }
  const [, head = '', steps = ''] = /^([^:]*):(.*)$/s.exec(body) ?? [];
  const [name = '', geometry = '', ...rest] = head.split(';');
  const [claim = '', kernel = ''] = name.split('@');
  const options = new Map(rest.map((part) => [part.slice(0, 2), part.slice(2)]));
  const arch = options.get('a=');
  const boot = options.get('b=');
  const config = options
    .get('c=')
    ?.split(',')
    .map((part) => part.split('=') as [string, string]);
  const features = options.get('f=');
  const cpus = options.get('n=');
  return {
    ...{ claim, kernel, geometry: Number(geometry), steps },
    ...(arch === undefined ? {} : { arch }),
    ...(boot === undefined ? {} : { boot: decodeURIComponent(boot) }),
    ...(config === undefined ? {} : { config }),
    ...(features === undefined ? {} : { features: splitFeatures(features, 'replay id') }),
    ...(cpus === undefined ? {} : { cpus: Number(cpus) }),
  };
}

/** The choices of an id, with the actions that its claim has today. @throws InputError */
export function parseSteps(steps: string, actions: readonly Action[]): Choice[] {
  const byName = new Map(actions.map((action) => [placedName(action), action]));
  if (steps === '') return [];
  return steps.split('.').flatMap((word): Choice[] => {
    const [, cpu, times, action, no] = /^(\d+)(?:\*(\d+)|\*([^!]+))?(?:!([\d,-]+))?$/.exec(word) ?? [];
    if (cpu === undefined) throw bad(word, 'cpu*call,first,pages or cpu*steps');
    const refused = no === undefined ? [] : no.split(',').flatMap(rangeOf);
    if (action === undefined) {
      const count = Number(times ?? 1);
      return Array.from({ length: count }, (_, i) => ({
        cpu: Number(cpu),
        refused: i === count - 1 ? refused : [],
      }));
    }
    const found = byName.get(action);
    if (found === undefined) {
      throw bad(
        action,
        "a call of the claim's world; the claim may have changed since, or this kernel lacks the function",
      );
    }
    return [{ cpu: Number(cpu), action: found, refused }];
  });
}

function bad(found: string, expected: string): InputError {
  return new InputError({ code: 'bad-format', what: 'replay id', where: '', found, expected });
}
