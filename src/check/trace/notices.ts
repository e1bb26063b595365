/** Who would notice what went wrong in a trace. */

import type { Done, Event } from '../claim.ts';
import type { Replayed } from './replay.ts';

/** "return value", "log line", "WARN", "oops", or "nobody". */
export function noticesOf({ done }: Replayed): string[] {
  const notices: string[] = [];
  const last = done.at(-1);
  const concerned = done.filter((each) => each === last || each.refused > 0);
  if (concerned.some(hasFailed)) notices.push('return value');
  const events = concerned.flatMap((each) => each.events);
  if (events.some(isLogLine)) notices.push('log line');
  if (events.some(({ kind }) => kind === 'warn')) notices.push('WARN');
  if (done.some(({ died }) => died !== undefined)) notices.push('oops');
  return notices.length === 0 ? ['nobody'] : notices;
}

function hasFailed({ returned }: Done): boolean {
  return returned.some((value) => value !== undefined && value < 0 && value > -4096);
}

function isLogLine(event: Event): boolean {
  return event.kind === 'printk' && event.level !== 'info';
}
