/**
 * Smaller traces that show the same: fewest calls, then fewest refusals, then fewest context switches. Exploration is
 * breadth first, so that little is left to take away; what is tried is judged by running it.
 */

import type { Choice, Claim } from '../claim.ts';
import type { CheckedMachine } from '../machine/machine.ts';
import { replay } from './replay.ts';

export function minimise(claim: Claim, machine: CheckedMachine, choices: readonly Choice[]): Choice[] {
  const shows = (attempt: readonly Choice[]) => replay(claim, machine, attempt).finding !== undefined;
  const kinds = [withoutOneAction, withoutOneRefusal];
  if (machine.world.interleaved === true) kinds.push(withOneSwitchLess);
  // What one kind takes away may make something of another superfluous.
  for (let best = [...choices]; ; ) {
    const better = kinds.reduce((smaller, attempts) => improve(smaller, attempts, shows), best);
    if (better === best) return best;
    best = better;
  }
}

/** Takes the first attempt that still shows it, again and again. */
function improve(
  choices: Choice[],
  attempts: (choices: readonly Choice[]) => Iterable<Choice[]>,
  shows: (attempt: readonly Choice[]) => boolean,
): Choice[] {
  for (;;) {
    const better = find(attempts(choices), shows);
    if (better === undefined) return choices;
    choices = better;
  }
}

function find<T>(attempts: Iterable<T>, good: (attempt: T) => boolean): T | undefined {
  for (const attempt of attempts) if (good(attempt)) return attempt;
  return undefined;
}

/** Each action with all its steps left out. */
function* withoutOneAction(choices: readonly Choice[]): Generator<Choice[]> {
  const owners = ownersOf(choices);
  for (const begun of new Set(owners)) yield choices.filter((_, i) => owners[i] !== begun);
}

/** For each choice, the index of the one that began its action. */
function ownersOf(choices: readonly Choice[]): number[] {
  const current = new Map<number, number>();
  return choices.map(({ cpu, action }, i) => {
    if (action !== undefined) current.set(cpu, i);
    return current.get(cpu) ?? i;
  });
}

function* withoutOneRefusal(choices: readonly Choice[]): Generator<Choice[]> {
  for (const [i, choice] of choices.entries()) {
    for (const each of choice.refused) {
      const refused = choice.refused.filter((other) => other !== each);
      yield choices.with(i, { ...choice, refused });
    }
  }
}

/** Each run of one CPU's steps moved before or behind the run next to it, where that makes runs grow together. */
function* withOneSwitchLess(choices: readonly Choice[]): Generator<Choice[]> {
  const runs = runsOf(choices);
  for (let i = 0; i + 1 < runs.length; i++) {
    const swapped = [...runs.slice(0, i), runs[i + 1]!, runs[i]!, ...runs.slice(i + 2)].flat();
    if (runsOf(swapped).length < runs.length) yield swapped;
  }
}

export function runsOf(choices: readonly Choice[]): Choice[][] {
  const runs: Choice[][] = [];
  for (const choice of choices) {
    const run = runs.at(-1);
    if (run?.[0]?.cpu === choice.cpu) run.push(choice);
    else runs.push([choice]);
  }
  return runs;
}
