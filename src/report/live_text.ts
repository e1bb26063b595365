/** What this machine's kernel says of its direct map, where its tables cannot be read. */

import type { KernelCounters } from '../inspect/index.ts';
import { sizeName } from '../mmu/describe.ts';
import { binarySize } from './inspect_text.ts';
import { grouped, wrap } from './wrap.ts';

export interface LiveFacts {
  readonly counters: KernelCounters | undefined;
  /** Counters of /proc/vmstat by name. */
  readonly events: readonly (readonly [string, number])[];
  /** What could not be read, and why. */
  readonly unread: readonly string[];
}

const LABEL = 14;
const INDENT = ' '.repeat(LABEL);

export function liveText({ counters, events, unread }: LiveFacts): string {
  const lines: string[] = [];
  if (counters === undefined) {
    lines.push(
      ...wrap(
        'not counted: only x86, s390 and powerpc have DirectMap lines in /proc/meminfo',
        'direct map'.padEnd(LABEL),
        INDENT,
      ),
    );
  } else {
    const parts = Object.entries(counters.bytes).map(
      ([size, bytes]) => `${sizeName(Number(size))} ${binarySize(bytes)}`,
    );
    lines.push(...wrap(`${parts.join(', ')}, says ${counters.from}`, 'direct map'.padEnd(LABEL), INDENT));
    lines.push(
      ...wrap("these are the kernel's counts, which drift from its tables: see docs/counters.md", INDENT),
    );
  }
  for (const [name, count] of events) lines.push(`${'/proc/vmstat'.padEnd(LABEL)}${name} ${grouped(count)}`);
  for (const because of unread)
    lines.push(...wrap(because.replaceAll('\n', ' '), 'not read'.padEnd(LABEL), INDENT));
  return `${lines.join('\n')}\n`;
}
