/** What a comparison with recordings of real kernels came to. */

import type { Conformance, Difference } from '../scenario/conform.ts';

/** Differences shown of a file; one mistake often shows in many entries. */
const MAX_SHOWN = 5;

export function conformanceText(files: readonly Conformance[]): string {
  const lines: string[] = [];
  for (const file of files) {
    lines.push(`${file.name}: ${counts([file])}`);
    for (const [rule, count] of file.accepted) lines.push(`  taken over: ${count} x ${rule}`);
    if (file.applied > 0) lines.push(`  taken over: ${file.applied} helper call(s), not predicted`);
    if (file.stopped !== undefined) {
      lines.push(`  ended before call ${file.stopped.call}: ${file.stopped.because}`);
    }
    lines.push(...file.differences.slice(0, MAX_SHOWN).flatMap(differenceLines));
    const more = file.differences.length - MAX_SHOWN;
    if (more > 0) lines.push(`  and ${more} more`);
  }
  lines.push(counts(files));
  return `${lines.join('\n')}\n`;
}

function counts(files: readonly Conformance[]): string {
  const total = (count: (file: Conformance) => number) => files.reduce((sum, file) => sum + count(file), 0);
  const calls = total((file) => file.calls);
  const entries = total((file) => file.entries);
  const differ = total((file) => file.differences.length);
  return `${calls} calls, ${entries} entries compared, ${differ} differ`;
}

function differenceLines({ call, name, what, expected, found }: Difference): string[] {
  return [`  call ${call} ${name}: ${what}`, `    expected ${expected}`, `    found    ${found}`];
}
