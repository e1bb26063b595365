/** A scenario's outcome as text that fits in a mail: 72 columns where the bits allow it, no colour. */

import type { Cost, EntryChange, Outcome, Step } from '../scenario/outcome.ts';
import { interleavingLines } from './two_columns.ts';
import { wrap } from './wrap.ts';

const RESULT_COLUMN = 50;
const LABEL_COLUMN = 21;
const MARGIN = '     ';

export interface TextOptions {
  /** Add what the run cost. */
  cost: boolean;
  /** The command that repeats the run, if there is one. */
  repeat?: string;
  /** The fragment of a link that opens it in the workbench. */
  link?: string | undefined;
}

export function outcomeText(outcome: Outcome, options: TextOptions): string {
  const lines = [...header(outcome), ''];
  for (const interleaving of outcome.interleavings) lines.push(...interleavingLines(interleaving), '');
  for (const step of outcome.steps) lines.push(...stepLines(step, outcome.steps));
  lines.push('', ...conclusions(outcome));
  if (options.cost) lines.push('', ...costLines(outcome.cost), '');
  const { repeat, link } = options;
  if (repeat !== undefined) lines.push(`${'repeat'.padEnd(LABEL_COLUMN)}${repeat}`);
  if (link !== undefined) lines.push(`${'see it'.padEnd(LABEL_COLUMN)}${serveCommand(link)}`);
  return `${lines.join('\n')}\n`;
}

/** The command that opens a link, of which `fragment` is the part after '#'. */
export function serveCommand(fragment: string): string {
  return `directmap serve '#${fragment}'`;
}

function header(outcome: Outcome): string[] {
  const lines = outcome.title.map((line) => (line === '' ? '' : `# ${line}`));
  if (lines.length > 0) lines.push('');
  lines.push(`${outcome.arch} ${outcome.kernel}, ${outcome.machine}, ${outcome.boot}`);
  if (outcome.startedOn !== 'the model') lines.push(`on the page tables of ${outcome.startedOn}`);
  if (outcome.ignoredParameters.length > 0) {
    lines.push(`boot parameters without effect here: ${outcome.ignoredParameters.join(' ')}`);
  }
  return lines;
}

function stepLines(step: Step, steps: readonly Step[]): string[] {
  const width = String(steps.length).length;
  const cpus = new Set(steps.map((each) => each.cpu)).size;
  const cpu = cpus > 1 ? `CPU${step.cpu} ` : '';
  const head = `${String(step.step).padStart(width)}  ${cpu}${step.call}`;
  const result = step.returned === undefined ? 'never returned' : resultText(step);
  const lines = [`${head.padEnd(RESULT_COLUMN - 1)} ${result}`.trimEnd()];
  const body: string[] = [];
  for (const { what, purpose } of step.refused) body.push(`refused: ${what} ${purpose}`.trimEnd());
  body.push(...step.changes.flatMap(changeLines));
  if (step.changes.length === 0 && (step.refused.length > 0 || (step.value ?? 0) < 0))
    body.push('nothing changed');
  body.push(...step.messages.map((message) => `console: ${message}`));
  body.push(...step.unreported.map(({ option, text }) => `not reported without ${option}: ${text}`));
  if (step.staleAccess) body.push('only a stale translation in the TLB let this pass');
  if (step.notAsPromised !== undefined) {
    const { pages, of, example } = step.notAsPromised;
    body.push(`returned 0, but ${pages} of ${of} page(s) not as promised:`, `  ${example}`);
  }
  if (step.died !== undefined) body.push(step.died);
  if (step.expected?.met === false) body.push(`EXPECTED ${step.expected.value}`);
  return [...lines, ...countRepeats(body).flatMap((line) => hung(MARGIN, line))];
}

/** Equal lines in a row become one, with how often. */
function countRepeats(lines: readonly string[]): string[] {
  const counted: { line: string; times: number }[] = [];
  for (const line of lines) {
    const last = counted.at(-1);
    if (last?.line === line) last.times++;
    else counted.push({ line, times: 1 });
  }
  return counted.map(({ line, times }) => (times === 1 ? line : `${line} (${times} times)`));
}

/** Break text after `margin` and its own indent; what goes on is indented by `hang` more. */
function hung(margin: string, text: string, hang = 2): string[] {
  const first = margin + (/^ */.exec(text)?.[0] ?? '');
  return wrap(text.trimStart(), first, ' '.repeat(first.length + hang));
}

function resultText(step: Step): string {
  return step.returned === 'void' ? '' : `= ${step.returned}`;
}

function changeLines(change: EntryChange): string[] {
  const many = change.count === 1 ? '' : ` x ${change.count}`;
  const place = `${change.level} ${change.address}${many}`;
  const bare = (word: string) => word.replace(/^0x/, '').padStart(16, '0');
  if (change.inNewTable) return [`  ${place.padEnd(30)}  ${change.after.text}`];
  const size = change.count === 1 ? change.size : `${change.size} each`;
  const what =
    change.effect === 'split'
      ? [`${place}  ${change.before.text}`, `    -> a table of the next smaller size`]
      : [`${place}  ${change.before.text}`, `    -> ${change.after.text}   ${size}`];
  return [...what, `    ${bare(change.before.word)} -> ${bare(change.after.word)}`];
}

function label(name: string, text: string): string[] {
  return hung(name.padEnd(LABEL_COLUMN), text, 0);
}

function conclusions(outcome: Outcome): string[] {
  const lines: string[] = [];
  for (const step of outcome.steps) {
    if (step.refused.length > 0)
      lines.push(...label(`who notices step ${step.step}`, whoNotices(step, outcome)));
  }
  if (outcome.ended === 'stopped') {
    lines.push(...label('stopped', 'the script goes on with what the last call returned, which is NULL'));
  }
  const classes = new Set(outcome.steps.flatMap(failureClasses));
  for (const each of [...classes].sort()) lines.push(...label('class', each));
  for (const { observer, says, tables, because } of outcome.disagreements) {
    lines.push(...label('observer disagrees', `${observer}: ${says}; the tables: ${tables} (${because})`));
  }
  const expected = outcome.steps.filter((step) => step.expected !== undefined).length;
  if (outcome.expectationsFailed > 0) {
    lines.push(...label('expectations', `${outcome.expectationsFailed} of ${expected} NOT met`));
  } else if (expected > 0) lines.push(...label('expectations', `all ${expected} met`));
  return lines;
}

/** Of a refused allocation: who could know, from what that step returned and printed. */
export function whoNotices(step: Step, outcome: Outcome): string {
  const parts: string[] = [];
  if (step.returned === undefined) parts.push('the call never returns');
  else if (step.returned === 'void') parts.push('nobody: the function is void');
  else
    parts.push(
      (step.value ?? -1) < 0 || step.returned === 'NULL' ? 'the return value' : 'nobody: it returned 0',
    );
  parts.push(step.messages.length > 0 ? 'the console' : 'nothing is printed');
  const death = outcome.steps.find((each) => each.died !== undefined);
  if (death !== undefined && death.step > step.step) parts.push(`step ${death.step} dies`);
  return parts.join('; ');
}

/** The failure classes F1..F9 that a step shows by itself. */
function failureClasses(step: Step): string[] {
  const classes: string[] = [];
  const failed = step.returned?.startsWith('-E') === true;
  if (step.refused.some(({ what }) => what === 'page table')) {
    classes.push('F1  a page-table page was not to be had');
  }
  if (failed && step.changes.length > 0) classes.push('F3  part of the range was done, then the error');
  if (step.notAsPromised !== undefined && step.changes.length === 0) {
    classes.push('F2  returned 0, nothing done');
  } else if (step.notAsPromised !== undefined) classes.push('F5  returned 0, not everything done');
  if (step.staleAccess) classes.push('F4  the entry changed, a stale translation remained');
  return classes;
}

function costLines(cost: Cost): string[] {
  const counts = (record: Record<string, number>) => {
    const parts = Object.entries(record).map(([size, count]) => `${size} ${count}`);
    return parts.length === 0 ? 'none' : parts.join(', ');
  };
  return [
    label('splits', counts(cost.splits)),
    label('collapses', counts(cost.collapses)),
    label('page tables', `${cost.tablesAllocated} allocated, ${cost.tablesFreed} freed`),
    label(
      'flushes',
      `${cost.flushesOfAll} of all, ${cost.flushesOfPages} of ranges, ${cost.localFlushes} local`,
    ),
    label('leaves before', counts(cost.leavesBefore)),
    label('leaves after', counts(cost.leavesAfter)),
  ].flat();
}
