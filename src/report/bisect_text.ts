/** Which change between two kernels turned a claim, as text. */

import type { BisectResult, Flip } from '../check/bisect.ts';
import type { Result } from '../check/check.ts';
import type { Source } from '../check/claim.ts';
import { coverageText } from './bounds_text.ts';
import { claimHead } from './check_text.ts';
import { counted, wrap } from './wrap.ts';

const INDENT = '  ';
const LABEL_COLUMN = 13;

/** `options` are those of the command line that the claim is to be checked with, to see it again. */
export function bisectText(result: BisectResult, source: Source, options: string): string {
  const { claim, from, to, relevant, irrelevant, tried, flips, reverts } = result;
  const between = counted(relevant.length + irrelevant, 'change');
  const lines = [
    ...claimHead({ claim, sentence: from.sentence, source }),
    '',
    ...label('from', verdictText(from)),
    ...label('to', verdictText(to)),
    ...label(
      'tried',
      `${counted(tried, 'kernel')}; of the ${between} between the two, ${relevant.length} were asked for on the way`,
    ),
    '',
  ];
  if (from.verdict === to.verdict) lines.push(`no change turned it: ${to.verdict} on both`);
  else {
    lines.push(...setLines(flips, `put into ${from.kernel}`, to, options));
    lines.push(...setLines(reverts, `taken out of ${to.kernel}`, from, options));
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function label(name: string, text: string): string[] {
  return wrap(text, `${INDENT}${name}`.padEnd(LABEL_COLUMN));
}

function verdictText({ kernel, verdict, bounds, because, finding }: Result): string {
  const parts = [because, finding?.text, bounds && coverageText(bounds, verdict === 'refuted')];
  return `${kernel}, ${verdict}: ${parts.filter((part) => part !== undefined).join('; ')}`;
}

function setLines(sets: readonly Flip[], how: string, wanted: Result, options: string): string[] {
  if (sets.length === 0) return [`no one to three changes ${how} make it "${wanted.verdict}"`, ''];
  return sets.flatMap(({ changes, kernel, result }) => [
    ...wrap(`${how}, ${changes.length === 1 ? 'this makes' : 'these together make'} it "${wanted.verdict}":`),
    ...changes.flatMap(({ name, effect, release, commit }) => [
      `${INDENT}${name}  (${release}${commit === undefined ? '' : `, commit ${commit}`})`,
      ...wrap(effect, INDENT + INDENT),
    ]),
    `${INDENT}directmap check ${result.claim} --kernel ${kernel}${options}`,
    '',
  ]);
}
