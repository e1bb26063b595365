/** Schedules of an interleave() as text: "0*3 1" is three steps of CPU 0, then one of CPU 1. */

import { InputError } from '../errors.ts';

export const MAX_SCHEDULE_STEPS = 100_000;

const WORD = /^(0|[1-9]\d{0,8})(?:\*([1-9]\d{0,8}))?$/;

/** The CPU of each step. `cpus` is how many there are to choose from. */
export function parseSchedule(text: string, cpus: number, where: string): number[] {
  let turns: number[] = [];
  for (const word of text.split(/\s+/)) {
    if (word !== '') turns = turns.concat(turnsOf(word, cpus, where, MAX_SCHEDULE_STEPS - turns.length));
  }
  return turns;
}

function turnsOf(word: string, cpus: number, where: string, room: number): number[] {
  const [, cpu, times = '1'] = WORD.exec(word) ?? [];
  if (cpu === undefined) {
    throw new InputError({
      code: 'bad-format',
      what: 'schedule',
      where,
      found: `"${word}"`,
      expected: 'a CPU such as 0, or a CPU and a number of its steps such as 0*3',
    });
  }
  if (Number(cpu) >= cpus)
    throw outOfRange('schedule: CPU', cpu, where, `0 to ${cpus - 1}, as there are bodies`);
  if (Number(times) > room) {
    throw outOfRange(
      'schedule: number of steps',
      `in "${word}"`,
      where,
      `at most ${MAX_SCHEDULE_STEPS} in all`,
    );
  }
  return Array<number>(Number(times)).fill(Number(cpu));
}

function outOfRange(what: string, found: string, where: string, expected: string): InputError {
  return new InputError({ code: 'out-of-range', what, where, found, expected });
}

/** The shortest text of a schedule. */
export function scheduleText(turns: readonly number[]): string {
  const runs: { cpu: number; times: number }[] = [];
  for (const cpu of turns) {
    const last = runs.at(-1);
    if (last?.cpu === cpu) last.times++;
    else runs.push({ cpu, times: 1 });
  }
  return runs.map(({ cpu, times }) => (times === 1 ? `${cpu}` : `${cpu}*${times}`)).join(' ');
}
