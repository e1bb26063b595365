import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import { parseSchedule, scheduleText } from '../../src/scenario/schedule.ts';

const parse = (text: string, cpus = 3) => parseSchedule(text, cpus, 's.js:1:1');

describe('a schedule', () => {
  test('names the CPU of each step, with a number for several in a row', () => {
    expect(parse('0*3 1 2*2 0')).toEqual([0, 0, 0, 1, 2, 2, 0]);
    expect(parse(' 0\n\t1 ')).toEqual([0, 1]);
    expect(parse('')).toEqual([]);
  });

  test('is read as it was printed', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(63)), (turns) => {
        expect(parse(scheduleText(turns), 64)).toEqual(turns);
      }),
    );
  });

  test('is printed with the steps of one CPU taken together', () => {
    expect(scheduleText([0, 0, 0, 1, 0])).toBe('0*3 1 0');
    expect(scheduleText([])).toBe('');
  });

  test.each([
    ['x', 'schedule: found "x", expected a CPU such as 0, or a CPU and a number of its steps such as 0*3'],
    ['0*', 'schedule: found "0*", expected'],
    ['0*0', 'schedule: found "0*0", expected'],
    ['0 *3', 'schedule: found "*3", expected'],
    ['-1', 'schedule: found "-1", expected'],
    ['01', 'schedule: found "01", expected'],
    ['0,1', 'schedule: found "0,1", expected'],
    ['0 3', 'schedule: CPU 3 is out of range: expected 0 to 2, as there are bodies'],
    ['0 1*100000', 'schedule: number of steps in "1*100000" is out of range: expected at most 100000 in all'],
  ])('is refused with its place when it reads "%s"', (text, message) => {
    expect(() => parse(text)).toThrow(InputError);
    expect(() => parse(text)).toThrow(`s.js:1:1: ${message}`);
  });
});
