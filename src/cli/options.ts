/** Options as numbers and lists. */

import { InputError } from '../errors.ts';

/** A number within bounds, both allowed. @throws InputError */
export function numberOption(
  name: string,
  text: string,
  { min, max, whole = true }: { min: number; max: number; whole?: boolean },
): number {
  const value = Number(text);
  const problem = { what: 'number', where: name, found: text };
  if (!/^\d+(\.\d+)?$/.test(text.trim()) || (whole && !Number.isInteger(value))) {
    const expected = whole ? 'a whole number' : 'a number';
    throw new InputError({ code: 'bad-format', ...problem, expected });
  }
  if (value < min || value > max) {
    throw new InputError({ code: 'out-of-range', ...problem, expected: `${min} to ${max}` });
  }
  return value;
}

/** "a,b": its parts, without blanks around them. */
export function listOption(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
