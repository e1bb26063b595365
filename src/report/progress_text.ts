/** How far long work is, on one line of a terminal. */

import type { Progress } from '../check/explore/explore.ts';
import { grouped } from './wrap.ts';

export interface RunningJob {
  claim: string;
  kernel: string;
  /** Since it began. */
  seconds: number;
  progress: Progress | undefined;
}

/** Says of the job that has run longest how far it is. */
export function progressText(
  done: number,
  total: number,
  running: readonly RunningJob[],
  columns: number,
): string {
  const longest = [...running].sort((a, b) => b.seconds - a.seconds)[0];
  const parts = [`${done}/${total} done`];
  if (longest !== undefined) {
    const { claim, kernel, seconds, progress } = longest;
    parts.push(`${claim} ${kernel}`);
    if (progress !== undefined) {
      const { states, frontier, bytes } = progress;
      parts.push(`${grouped(states)} states, ${grouped(Math.round(states / Math.max(seconds, 0.001)))}/s`);
      parts.push(`${grouped(frontier)} wait`, `${grouped(Math.ceil(bytes / 2 ** 20))} MiB`);
    }
  }
  const text = parts.join('; ');
  return text.length < columns ? text : text.slice(0, Math.max(0, columns - 1));
}
