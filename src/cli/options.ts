/** Options as numbers, addresses and lists. */

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

/** An address in hexadecimal, a multiple of `alignment`. @throws InputError */
export function addressOption(name: string, text: string | undefined, alignment = 4096n): bigint | undefined {
  if (text === undefined) return undefined;
  const value = /^0x[0-9a-f]{1,16}$/i.test(text) ? BigInt(text) : undefined;
  if (value === undefined || value % alignment !== 0n) {
    const expected = `${alignment === 1n ? 'an' : 'a page-aligned'} address such as 0x2a10000`;
    throw new InputError({ code: 'bad-format', what: 'address', where: name, found: text, expected });
  }
  return value;
}
