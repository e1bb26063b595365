/** directmap kernels, directmap changes: what can be named. */

import type { Command } from 'commander';
import { CHANGE_NAMES, CHANGES, type Change } from '../linux/changes.ts';
import { PRESETS } from '../linux/kernels.ts';
import { wrap } from '../report/wrap.ts';
import { EXIT_CLEAN, runCommand } from './errors.ts';

const INDENT = '    ';

export function addLists(program: Command): void {
  program
    .command('kernels')
    .description('list the kernels that can be named')
    .option('--json', 'print them as JSON')
    .action((options: { json?: boolean }) => runCommand(() => kernelsCommand(options.json === true)));

  program
    .command('changes')
    .description('list the differences between kernels; each can be put in or taken out')
    .option('--json', 'print them as JSON')
    .action((options: { json?: boolean }) => runCommand(() => changesCommand(options.json === true)));
}

function kernelsCommand(json: boolean): number {
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

function changesCommand(json: boolean): number {
  if (json) {
    const changes = CHANGE_NAMES.map((name) => ({ name, ...CHANGES[name], kernels: kernelsWith(name) }));
    process.stdout.write(`${JSON.stringify(changes)}\n`);
    return EXIT_CLEAN;
  }
  const lines: string[] = [];
  for (const name of CHANGE_NAMES) {
    const change: Change = CHANGES[name];
    lines.push(`${name}  (${change.release})`, ...wrap(change.effect, INDENT));
    if (change.subject !== undefined) {
      const commit = change.commit === undefined ? '' : `${change.commit} `;
      lines.push(...wrap(`${commit}("${change.subject}")`, INDENT));
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
