/**
 * What the world is to decide otherwise than a script says: which allocations it grants, and which CPU runs next. With the
 * script they are a trace, and the run is the same each time.
 */

import { InputError } from '../errors.ts';

export interface Choices {
  /** Allocations by number, from 1 in the order in which the run asks for them: true grants, false refuses. */
  readonly allocations: ReadonlyMap<number, boolean>;
  /** Of an interleave(), by number from 0 in the order in which they run: its schedule, as `parseSchedule` takes it. */
  readonly schedules: ReadonlyMap<number, string>;
}

export const AS_WRITTEN: Choices = { allocations: new Map(), schedules: new Map() };

/** More than any run asks for. */
const MAX_ALLOCATION = 10_000_000;
/** Allocations and schedules that are told apart. */
const MAX_CHOICES = 10_000;

/** Choices as words of a command line or a link. What is empty is as the script says. */
export interface ChoiceWords {
  /** "3,7". */
  readonly refuse?: string | undefined;
  readonly grant?: string | undefined;
  /** Of each interleave() in turn; "" where it is as written. */
  readonly schedules?: readonly string[] | undefined;
}

/** All of the words, none left out. */
export interface WrittenChoices extends ChoiceWords {
  readonly refuse: string;
  readonly grant: string;
  readonly schedules: readonly string[];
}

/** `whereOf` names the place of each of the words, for errors. @throws InputError */
export function parseChoices(
  { refuse = '', grant = '', schedules = [] }: ChoiceWords,
  whereOf: (word: keyof ChoiceWords) => string,
): Choices {
  const allocations = new Map<number, boolean>();
  for (const number of numbersIn(grant, whereOf('grant'))) allocations.set(number, true);
  for (const number of numbersIn(refuse, whereOf('refuse'))) {
    if (allocations.has(number)) throw both(number, whereOf('refuse'));
    allocations.set(number, false);
  }
  if (schedules.length > MAX_CHOICES) throw tooMany(schedules.length, whereOf('schedules'));
  return { allocations, schedules: new Map([...schedules.entries()].filter(([, text]) => text !== '')) };
}

export function choiceWords({ allocations, schedules }: Choices): WrittenChoices {
  const numbers = (granted: boolean) =>
    [...allocations]
      .filter(([, each]) => each === granted)
      .map(([number]) => number)
      .sort((a, b) => a - b)
      .join(',');
  const last = Math.max(-1, ...schedules.keys());
  const texts = Array.from({ length: last + 1 }, (_, number) => schedules.get(number) ?? '');
  return { refuse: numbers(false), grant: numbers(true), schedules: texts };
}

function numbersIn(text: string, where: string): number[] {
  if (text === '') return [];
  const words = text.split(',');
  if (words.length > MAX_CHOICES) throw tooMany(words.length, where);
  return words.map((word) => {
    const number = /^\s*\d{1,8}\s*$/.test(word) ? Number(word) : 0;
    if (number >= 1 && number <= MAX_ALLOCATION) return number;
    const expected = `numbers from 1 to ${MAX_ALLOCATION} with commas, such as 1,3: the first allocation of the run is 1`;
    throw new InputError({ code: 'bad-format', what: 'allocation', where, found: `"${word}"`, expected });
  });
}

function both(number: number, where: string): InputError {
  const found = `${number}, which is also to be granted`;
  return new InputError({ code: 'bad-format', what: 'allocation', where, found, expected: 'one of the two' });
}

function tooMany(found: number, where: string): InputError {
  const expected = `at most ${MAX_CHOICES}`;
  return new InputError({
    code: 'out-of-range',
    what: 'number of choices',
    where,
    found: String(found),
    expected,
  });
}
