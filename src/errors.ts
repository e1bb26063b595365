/**
 * The two kinds of answer that are not a result: bad input, and a refusal to guess.
 *
 * Both are data first (`problem`, a discriminated union on `code`), text last (`describeProblem`).
 * A kernel errno is neither: it is a result, returned by the modelled function.
 * Any other exception that leaves this library is a bug of ours.
 */

/** What is wrong, as data. `where` names the place: a file, a line and column, an option. */
export type Problem =
  | { code: 'unknown-name'; what: string; where: string; found: string; known: readonly string[] }
  | { code: 'out-of-range'; what: string; where: string; found: string; expected: string }
  | { code: 'bad-format'; what: string; where: string; found: string; expected: string }
  | { code: 'missing'; what: string; where: string; hint: string }
  | { code: 'unreadable'; what: string; where: string; because: string }
  | { code: 'not-modelled'; what: string; where: string; because: string };

const MAX_QUOTED = 80;

/** One or two lines for a person: the place, what was found, what was expected. */
export function describeProblem(problem: Problem): string {
  const at = problem.where === '' ? '' : `${oneLine(problem.where)}: `;
  switch (problem.code) {
    case 'unknown-name':
      return `${at}unknown ${problem.what} "${clip(problem.found)}"\n  known: ${problem.known.join(', ')}`;
    case 'out-of-range':
      return `${at}${problem.what} ${clip(problem.found)} is out of range: expected ${problem.expected}`;
    case 'bad-format':
      return `${at}${problem.what}: found ${clip(problem.found)}, expected ${problem.expected}`;
    case 'missing':
      return `${at}${problem.what} is missing: ${problem.hint}`;
    case 'unreadable':
      return `${at}cannot read ${problem.what}: ${problem.because}`;
    case 'not-modelled':
      return `${at}not modelled: ${problem.what}: ${problem.because}`;
  }
}

/** Without what a terminal would obey. */
export function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

function clip(text: string): string {
  const line = oneLine(text);
  return line.length <= MAX_QUOTED ? line : `${line.slice(0, MAX_QUOTED)}...`;
}

/** The user's input cannot be used. Exit status 2. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly problem: Exclude<Problem, { code: 'not-modelled' }>;

  constructor(problem: Exclude<Problem, { code: 'not-modelled' }>) {
    super(describeProblem(problem));
    this.problem = problem;
  }
}

/** The question is understood, and the model does not answer it. Exit status 3. */
export class NotModelledError extends Error {
  override readonly name = 'NotModelledError';
  readonly problem: Extract<Problem, { code: 'not-modelled' }>;

  constructor(what: string, because: string, where = '') {
    const problem = { code: 'not-modelled', what, where, because } as const;
    super(describeProblem(problem));
    this.problem = problem;
  }
}
