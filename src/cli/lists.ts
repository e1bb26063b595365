/** directmap kernels, directmap changes: what can be named. */

import { CHANGE_NAMES, CHANGES, type Change } from '../linux/changes.ts';
import { PRESETS } from '../linux/kernels.ts';
import { EXIT_CLEAN } from './errors.ts';

const WIDTH = 72;
const INDENT = '    ';

export function kernelsCommand(json: boolean): number {
  if (json) {
    const kernels = PRESETS.map(({ name, note, changes }) => ({ arch: 'x86_64', name, note, changes }));
    process.stdout.write(`${JSON.stringify(kernels)}\n`);
    return EXIT_CLEAN;
  }
  const lines = PRESETS.map(({ name, note, changes }) => {
    const count = changes.length === 0 ? 'the base' : `${changes.length} changes`;
    return `${name.padEnd(11)} x86_64  ${count.padEnd(11)} ${note}`;
  });
  lines.push('', 'A change is put in with +NAME and taken out with ~NAME: v6.1+cpa-collapse');
  process.stdout.write(`${lines.join('\n')}\n`);
  return EXIT_CLEAN;
}

export function changesCommand(json: boolean): number {
  if (json) {
    const changes = CHANGE_NAMES.map((name) => ({ name, ...CHANGES[name], kernels: kernelsWith(name) }));
    process.stdout.write(`${JSON.stringify(changes)}\n`);
    return EXIT_CLEAN;
  }
  const lines: string[] = [];
  for (const name of CHANGE_NAMES) {
    const change: Change = CHANGES[name];
    lines.push(`${name}  (${change.release})`, ...wrap(change.effect));
    if (change.subject !== undefined) {
      lines.push(...wrap(`${change.commit === undefined ? '' : `${change.commit} `}("${change.subject}")`));
    }
    const kernels = kernelsWith(name);
    lines.push(`${INDENT}in ${kernels.length === 0 ? 'none of the kernels here' : kernels.join(' ')}`, '');
  }
  process.stdout.write(lines.join('\n'));
  return EXIT_CLEAN;
}

function kernelsWith(change: string): string[] {
  return PRESETS.filter(({ changes }) => (changes as readonly string[]).includes(change)).map(
    ({ name }) => name,
  );
}

/** Break a sentence into indented lines. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = INDENT;
  for (const word of text.split(' ')) {
    if (line.length + word.length > WIDTH && line.trim() !== '') {
      lines.push(line.trimEnd());
      line = INDENT;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
