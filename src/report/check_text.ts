/** Verdicts as text for a mail: a block for each claim, a paragraph for each kernel, 72 columns. */

import { FAILURE_CLASSES } from '../check/claim.ts';
import type { Answer } from '../check/jobs.ts';
import { buildText, coverageText, spaceText } from './bounds_text.ts';
import { sourceText } from './claims_text.ts';
import { counted, wrap } from './wrap.ts';

const INDENT = '  ';
/** Where text begins after a label or a kernel's name. */
const LABEL_COLUMN = 13;
const MARGIN = ' '.repeat(LABEL_COLUMN);
/** Seconds that are not worth telling apart. */
const SOON = 10;

export function checkText(answers: readonly Answer[]): string {
  const blocks = claimsOf(answers).map((each) => claimLines(each).join('\n'));
  return `${[...blocks, summaryText(answers)].join('\n\n')}\n`;
}

/** The answers by claim, in the order in which they come. */
function claimsOf(answers: readonly Answer[]): Answer[][] {
  const claims = new Map<string, Answer[]>();
  for (const answer of answers) {
    const known = claims.get(answer.claim);
    if (known === undefined) claims.set(answer.claim, [answer]);
    else known.push(answer);
  }
  return [...claims.values()];
}

export function summaryText(answers: readonly Answer[]): string {
  const count = (verdict: Answer['verdict']) => answers.filter((each) => each.verdict === verdict).length;
  const seconds = answers.reduce((sum, { bounds }) => sum + (bounds?.seconds ?? 0), 0);
  const time = seconds < SOON ? `less than ${SOON} s` : `${Math.round(seconds)} s`;
  return [
    `${count('holds')} hold, ${count('refuted')} refuted, ${count('undecided')} undecided, `,
    `${count('not modelled')} not modelled; ${time}`,
  ].join('');
}

function claimLines(answers: readonly Answer[]): string[] {
  const facts = commonFacts(answers);
  const lines = [...claimHead(answers[0]!), ''];
  if (facts.length > 0) lines.push(...facts, '');
  let refuted: Answer | undefined;
  for (const answer of answers) {
    lines.push(...kernelLines(answer, answers, refuted));
    if (answer.verdict === 'refuted') refuted ??= answer;
  }
  return lines;
}

/** The claim, as it was said and by whom. */
export function claimHead({
  claim,
  sentence,
  source,
}: Pick<Answer, 'claim' | 'sentence' | 'source'>): string[] {
  return [claim, ...wrap(sentence, INDENT), ...wrap(sourceText(source), INDENT)];
}

function label(name: string, text: string): string[] {
  const first = `${INDENT}${name}`.padEnd(LABEL_COLUMN);
  return first.length > LABEL_COLUMN ? [first, ...wrap(text, MARGIN)] : wrap(text, first);
}

// ---- what all kernels have in common is said once

function commonFacts(answers: readonly Answer[]): string[] {
  const lines: string[] = [];
  const space = common(answers, spaceOf);
  if (space !== undefined) lines.push(...label('explored', space));
  const calls = callsText(answers);
  if (calls !== '') lines.push(...label('calls', calls));
  const build = common(answers, buildOf);
  if (build !== undefined && build !== '') lines.push(...label('kernels', build));
  const seen = common(answers, seenOf);
  if (seen !== undefined && seen !== '') lines.push(...label('seen', seen));
  const never = common(answers, neverOf);
  if (never !== undefined && never !== '') lines.push(...label('never here', never));
  return lines;
}

/** What `of` says of each answer that it says something of, if that is always the same. */
function common(answers: readonly Answer[], of: (answer: Answer) => string | undefined): string | undefined {
  const texts = new Set(answers.map(of).filter((text) => text !== undefined));
  return texts.size === 1 ? [...texts][0] : undefined;
}

function spaceOf({ bounds, world }: Answer): string | undefined {
  return bounds === undefined || world === undefined ? undefined : spaceText(bounds, world);
}

function buildOf({ world }: Answer): string | undefined {
  return world === undefined ? undefined : buildText(world);
}

/** The interesting states, which show that the claim was put to the test. */
function seenOf({ verdict, seen }: Answer): string | undefined {
  return verdict === 'holds' ? (seen ?? []).join('; ') : undefined;
}

/** What cannot be seen on this kernel, and why. */
function neverOf({ verdict, never }: Answer): string | undefined {
  if (never === undefined) return verdict === 'holds' ? '' : undefined;
  return `${never.texts.join('; ')} (${never.because.join(', ')})`;
}

/** The functions that may be called, with the kernels that have them if not all do. */
function callsText(answers: readonly Answer[]): string {
  const explored = answers.filter(({ bounds }) => bounds !== undefined);
  const names = new Set(explored.flatMap(({ bounds }) => bounds!.calls));
  const words = [...names].map((name) => {
    const having = explored.filter(({ bounds }) => bounds!.calls.includes(name));
    const where =
      having.length === explored.length
        ? ''
        : ` (${having.map((each) => kernelName(each, answers)).join(' ')})`;
    return `${name}()${where}`;
  });
  return words.join(', ');
}

// ---- a kernel

/** With its architecture where the answers are of several. */
function kernelName({ arch, kernel }: Answer, answers: readonly Answer[]): string {
  return answers.every((each) => each.arch === arch) ? kernel : `${arch} ${kernel}`;
}

function kernelLines(answer: Answer, answers: readonly Answer[], refuted: Answer | undefined): string[] {
  const [first = '', ...rest] = verdictTexts(answer, refuted);
  const texts = [...rest, ...ownFacts(answer, answers)];
  const lines = [
    ...label(kernelName(answer, answers), `${answer.verdict}: ${first}`),
    ...texts.flatMap((text) => wrap(text, MARGIN)),
  ];
  // In one piece, to be copied.
  return answer.trace === undefined ? lines : [...lines, `${INDENT}  ${replayCommand(answer)}`];
}

/** What is not the same for all kernels. */
function ownFacts(answer: Answer, answers: readonly Answer[]): string[] {
  const facts: [title: string, (answer: Answer) => string | undefined][] = [
    ['explored: ', spaceOf],
    ['kernel: ', buildOf],
    ['seen: ', seenOf],
    ['never here: ', neverOf],
  ];
  return facts.flatMap(([title, of]) => {
    const text = of(answer);
    return text === undefined || text === '' || common(answers, of) !== undefined ? [] : [title + text];
  });
}

function verdictTexts(answer: Answer, refuted: Answer | undefined): string[] {
  const { verdict, bounds, because = '' } = answer;
  const covered = bounds === undefined ? [] : [coverageText(bounds, verdict === 'refuted')];
  switch (verdict) {
    case 'holds':
      return covered;
    case 'undecided':
      return [because, ...covered];
    case 'not modelled':
      return [because.replace(/^not modelled: /, '')];
    case 'refuted':
      return [...refutedTexts(answer, refuted), ...covered];
  }
}

function refutedTexts(answer: Answer, before: Answer | undefined): string[] {
  const { trace, finding, notices = [] } = answer;
  if (trace === undefined || finding === undefined) return ['no trace was kept'];
  if (before !== undefined && tellsOf(before) === tellsOf(answer))
    return [`as on ${before.arch === answer.arch ? '' : `${before.arch} `}${before.kernel}`];
  const { calls, refusals, switches, fullSize } = trace;
  const parts = [
    counted(calls.length, 'call'),
    counted(refusals, 'allocation refused', 'allocations refused'),
  ];
  if (switches > 0) parts.push(counted(switches, 'change of CPU', 'changes of CPU'));
  return [
    parts.join(', '),
    finding.text,
    ...calls.map((call, i) => `${i + 1}  ${call}`),
    `${finding.failure}  ${FAILURE_CLASSES[finding.failure]}`,
    `who notices: ${notices.join(', ')}`,
    fullSize
      ? 'confirmed with tables of 512 entries'
      : 'NOT confirmed with tables of 512 entries, only in small ones',
  ];
}

/** All that is told of a refutation, but where it starts. */
function tellsOf({ trace, finding, notices }: Answer): string {
  return JSON.stringify([trace?.calls, trace?.refusals, trace?.switches, trace?.fullSize, finding, notices]);
}

/** The command that shows it again. An id has characters that a shell takes for its own. */
export function replayCommand({ trace }: Pick<Answer, 'trace'>): string {
  return `directmap replay '${trace?.id ?? ''}'`;
}
