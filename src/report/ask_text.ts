/** What can go wrong with one call, as text: where it cannot fail and why, where it can and who would notice. */

import type { AskResult, Failure } from '../check/ask.ts';
import { FAILURE_CLASSES } from '../check/claim.ts';
import { replayCommand } from './check_text.ts';
import { counted, wrap } from './wrap.ts';

const INDENT = '  ';
const LABEL_COLUMN = 13;

export function askText(result: AskResult): string {
  const { call, arch, kernel, states, transitions, exhausted } = result;
  const extent = `${counted(states, 'state')}, ${exhausted ? 'exhausted' : 'NOT exhausted'}, ${counted(transitions, 'call')} made`;
  const lines = [
    `${call}() on ${arch} ${kernel}`,
    ...label('explored', result.explored.join('; ')),
    ...label('states', extent),
    ...label('left out', result.notExplored.join('; ')),
    '',
    ...safeLines(result),
    ...failureLines(result),
    ...callerLines(result),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function label(name: string, text: string): string[] {
  return wrap(text, `${INDENT}${name}`.padEnd(LABEL_COLUMN));
}

function safeLines({ safe, failures }: AskResult): string[] {
  if (safe.length === 0) return [];
  const title = failures.length === 0 ? 'cannot fail; the pages were' : 'does as asked when the pages are';
  const lines = safe.flatMap(({ when, states, because }) => [
    ...wrap(`${when}: ${counted(states, 'call')}`, INDENT, INDENT + INDENT),
    ...because.flatMap((each) => wrap(each, '      because  ')),
  ]);
  return [title, ...lines, ''];
}

/** The same failure in several situations is told once, with the shortest way to it. */
function failureLines({ failures, exhausted }: AskResult): string[] {
  if (failures.length === 0) return [exhausted ? 'no failure is possible here' : 'no failure was seen', ''];
  const groups = new Map<string, Failure[]>();
  for (const each of failures) {
    const key = `${each.failure} ${each.text}`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return ['can go wrong', ...[...groups.values()].flatMap(groupLines)];
}

function groupLines(group: readonly Failure[]): string[] {
  const shortest = [...group].sort((a, b) => effort(a) - effort(b))[0]!;
  const { failure, text, notices, trace, returned } = shortest;
  return [
    ...wrap(`${failure}  ${text}`, INDENT, `${INDENT}    `),
    ...wrap(`class    ${FAILURE_CLASSES[failure]}`, '      ', ' '.repeat(15)),
    ...group.flatMap(({ when, times }, i) => {
      return wrap(`${when}: ${counted(times, 'time')}`, i === 0 ? '      when     ' : ' '.repeat(15));
    }),
    ...trace.calls.flatMap((call, i) =>
      wrap(`${i + 1}  ${call}`, i === 0 ? '      e.g.     ' : ' '.repeat(15)),
    ),
    ...wrap(
      `${returned}; ${counted(trace.refusals, 'allocation refused', 'allocations refused')}`,
      '      returns  ',
    ),
    ...wrap(notices.join(', '), '      notices  '),
    `    ${replayCommand({ trace })}`,
    '',
  ];
}

function effort({ trace }: Failure): number {
  return trace.calls.length * 100 + trace.refusals;
}

function callerLines({ callers, kernel }: AskResult): string[] {
  if (callers.length === 0) return [];
  const lines = callers.flatMap(({ name, file, does, worst }) => [
    ...wrap(`${name}, ${file}: ${does}; at worst, ${worst}`, INDENT, INDENT + INDENT),
  ]);
  return [`callers in ${kernel}, and what they do with an error`, ...lines];
}
