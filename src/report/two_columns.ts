/**
 * An interleaving as kernel people write it in mail: a column for each CPU, time downwards, 72 columns wide. More
 * than three CPUs do not fit side by side: then it is a list that names the CPU.
 */

import type { InterleavedStep, Interleaving } from '../scenario/outcome.ts';
import { scheduleText } from '../scenario/schedule.ts';

const COLUMNS = 72;
const MOST_SIDE_BY_SIDE = 3;
/** Room for the step's number, and what is left free after it. */
const LABEL = 4;
const AFTER_LABEL = 2;
/** A step that says more than this is cut short: all of it is in the JSON. */
const MOST_TEXTS = 20;

export function interleavingLines(interleaving: Interleaving): string[] {
  const { cpus, line, steps } = interleaving;
  const schedule = scheduleText(steps.map(({ cpu }) => cpu));
  const { legend, shorten } = shortNames(steps);
  const moments = momentsOf(steps).map((moment) => ({ ...moment, did: moment.did.map(shorten) }));
  return [
    ...wrapText(`interleave() of line ${line}, run as '${schedule}'`, COLUMNS),
    ...(legend === '' ? [] : wrapText(`where ${legend}`, COLUMNS)),
    '',
    ...(cpus > MOST_SIDE_BY_SIDE ? list(moments) : columns(moments, cpus)),
  ];
}

/** Steps of one CPU in a row that did the same, such as waiting for a lock. */
interface Moment {
  step: number;
  cpu: number;
  did: string[];
  times: number;
}

function momentsOf(steps: readonly InterleavedStep[]): Moment[] {
  const moments: Moment[] = [];
  for (const { step, cpu, did } of steps) {
    const last = moments.at(-1);
    if (last?.cpu === cpu && last.did.join('\n') === did.join('\n')) last.times++;
    else moments.push({ step, cpu, did, times: 1 });
  }
  return moments;
}

// Long hex numbers

/** Addresses and entries in full: they get a letter each. */
const LONG_HEX = /0x[\da-f]{9,16}\b/g;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

function shortNames(steps: readonly InterleavedStep[]): {
  legend: string;
  shorten: (text: string) => string;
} {
  const words = new Set(steps.flatMap(({ did }) => did.flatMap((text) => text.match(LONG_HEX) ?? [])));
  const names = new Map([...words].slice(0, LETTERS.length).map((word, i) => [word, LETTERS[i]!]));
  const shorten = (text: string) =>
    text.replaceAll(LONG_HEX, (word) => names.get(word) ?? `0x..${word.slice(-8)}`);
  return { legend: [...names].map(([word, name]) => `${name} = ${word}`).join(', '), shorten };
}

// Layout

function columns(moments: readonly Moment[], cpus: number): string[] {
  const gap = cpus === 2 ? 4 : 3;
  const width = Math.floor((COLUMNS - LABEL - AFTER_LABEL - gap * (cpus - 1)) / cpus);
  const indentOf = (cpu: number) => ' '.repeat(LABEL + AFTER_LABEL + cpu * (width + gap));
  const across = (cell: (cpu: number) => string) => {
    const cells = Array.from({ length: cpus }, (_, cpu) => cell(cpu).padEnd(width));
    return `${indentOf(0)}${cells.join(' '.repeat(gap))}`.trimEnd();
  };
  const body = moments.flatMap((moment) => labelled(moment, indentOf(moment.cpu), width));
  return [across((cpu) => `CPU ${cpu}`), across(() => '-'.repeat(width)), ...body];
}

function list(moments: readonly Moment[]): string[] {
  const indent = (cpu: number) => `${' '.repeat(LABEL + AFTER_LABEL)}CPU ${cpu}`.padEnd(15);
  return moments.flatMap((moment) => {
    const [first = '', ...rest] = textLines(moment, COLUMNS - 15);
    const lines = [`${indent(moment.cpu)}${first}`, ...rest.map((line) => ' '.repeat(15) + line)];
    return withLabel(moment.step, lines);
  });
}

function labelled(moment: Moment, indent: string, width: number): string[] {
  return withLabel(
    moment.step,
    textLines(moment, width).map((line) => indent + line),
  );
}

/** The step's number takes the place of blanks at the start of the first line. */
function withLabel(step: number, [first = '', ...rest]: readonly string[]): string[] {
  const label = String(step).padStart(LABEL);
  return [label + first.slice(label.length), ...rest];
}

function textLines({ did, times }: Moment, width: number): string[] {
  const often = times === 1 ? '' : ` (${times} times)`;
  const texts = did.length === 0 ? ['goes on'] : did;
  const shown = texts.slice(0, MOST_TEXTS).map((text, i) => (i === 0 ? text + often : text));
  if (texts.length > MOST_TEXTS) shown.push(`and ${texts.length - MOST_TEXTS} more`);
  return shown.flatMap((text) => wrapText(text, width, isCall(text) ? '' : '  '));
}

/** Calls stand at the margin of their column, and what they do under them. */
function isCall(text: string): boolean {
  return /^\w+\(/.test(text);
}

/** Break text into lines of `width`, each after `indent` and those after the first after two more blanks. */
function wrapText(text: string, width: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ').flatMap((each) => pieces(each, width - indent.length - 2))) {
    const blank = line.trim() === '' || word.continues ? '' : ' ';
    if (line.trim() !== '' && line.length + blank.length + word.text.length > width) {
      lines.push(line);
      line = `${indent}  ${word.text}`;
    } else line += blank + word.text;
  }
  return [...lines, line];
}

/** A word that is too long for a line, cut where names are cut. */
function pieces(word: string, width: number): { text: string; continues: boolean }[] {
  const cut: string[] = [];
  let rest = word;
  while (rest.length > width) {
    const end = Math.max(...['_', '(', ',', '*'].map((mark) => rest.lastIndexOf(mark, width - 1))) + 1;
    cut.push(rest.slice(0, end > 0 ? end : width));
    rest = rest.slice(end > 0 ? end : width);
  }
  return [...cut, rest].map((text, i) => ({ text, continues: i > 0 }));
}
