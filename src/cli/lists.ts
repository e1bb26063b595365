/** directmap kernels, directmap changes, directmap archs: what can be named. */

import type { Command } from 'commander';
import { ARCHITECTURES, architectureNamed, DEFAULT_ARCH } from '../linux/arch/index.ts';
import type { Architecture } from '../linux/architecture.ts';
import { changesOf, changesOfPreset, PRESETS, presetsOf } from '../linux/kernels.ts';
import { wrap } from '../report/wrap.ts';
import { EXIT_CLEAN, runCommand } from './errors.ts';

const INDENT = '    ';
const ARCH_COLUMNS = 13;

interface ListOptions {
  arch?: string;
  json?: boolean;
}

export function addLists(program: Command): void {
  program
    .command('kernels')
    .description('list the kernels that can be named')
    .option('--arch <name>', 'of one architecture only')
    .option('--json', 'print them as JSON')
    .action((options: ListOptions) => runCommand(() => kernelsCommand(options)));

  program
    .command('changes')
    .description('list the differences between kernels; each can be put in or taken out')
    .option('--arch <name>', `of another architecture than ${DEFAULT_ARCH.name}`)
    .option('--json', 'print them as JSON')
    .action((options: ListOptions) => runCommand(() => changesCommand(options)));

  program
    .command('archs')
    .description('list the architectures, and what their machines and builds may have')
    .option('--json', 'print them as JSON')
    .action((options: ListOptions) => runCommand(() => archsCommand(options)));
}

function kernelsCommand({ arch, json }: ListOptions): number {
  const architectures = arch === undefined ? ARCHITECTURES : [architectureNamed(arch, '--arch')];
  const kernels = architectures.flatMap((each) =>
    presetsOf(each).map((preset) => ({
      arch: each.name,
      name: preset.name,
      note: preset.note,
      changes: changesOfPreset(each, preset),
    })),
  );
  if (json === true) {
    process.stdout.write(`${JSON.stringify(kernels)}\n`);
    return EXIT_CLEAN;
  }
  const lines = kernels.map(({ arch: of, name, note, changes }) => {
    const count = changes.length === 0 ? 'the base' : `${changes.length} changes`;
    return `${name.padEnd(11)} ${of.padEnd(ARCH_COLUMNS)} ${count.padEnd(11)} ${note}`;
  });
  lines.push('', 'A change is put in with +NAME and taken out with ~NAME: v6.1+set-memory-rox');
  process.stdout.write(`${lines.join('\n')}\n`);
  return EXIT_CLEAN;
}

function changesCommand({ arch, json }: ListOptions): number {
  const of = arch === undefined ? DEFAULT_ARCH : architectureNamed(arch, '--arch');
  const changes = Object.entries(changesOf(of)).map(([name, change]) => ({
    name,
    ...change,
    kernels: kernelsWith(of, name),
  }));
  if (json === true) {
    process.stdout.write(`${JSON.stringify(changes)}\n`);
    return EXIT_CLEAN;
  }
  const lines: string[] = [];
  for (const { name, release, effect, subject, commit, kernels } of changes) {
    lines.push(`${name}  (${release})`, ...wrap(effect, INDENT));
    if (subject !== undefined)
      lines.push(...wrap(`${commit === undefined ? '' : `${commit} `}("${subject}")`, INDENT));
    lines.push(`${INDENT}in ${kernels.length === 0 ? 'none of the kernels here' : kernels.join(' ')}`, '');
  }
  process.stdout.write(lines.join('\n'));
  return EXIT_CLEAN;
}

function kernelsWith(arch: Architecture, change: string): string[] {
  return presetsOf(arch)
    .filter((preset) => changesOfPreset(arch, preset).includes(change))
    .map(({ name }) => name);
}

function archsCommand({ json }: ListOptions): number {
  if (json === true) {
    const list = ARCHITECTURES.map(({ name, aliases, config, features, missing }) => ({
      ...{ name, aliases, config, features, missing },
      kernels: PRESETS.map((preset) => preset.name).filter((preset) => missing[preset] === undefined),
    }));
    process.stdout.write(`${JSON.stringify(list)}\n`);
    return EXIT_CLEAN;
  }
  process.stdout.write(ARCHITECTURES.map(archText).join('\n'));
  return EXIT_CLEAN;
}

function archText({ name, aliases, config, features, missing }: Architecture): string {
  const lines = [aliases.length === 0 ? name : `${name}  (also ${aliases.join(', ')})`];
  for (const [preset, because] of Object.entries(missing))
    lines.push(...wrap(`no ${preset}: ${because}`, '  '));
  for (const [feature, { meaning, default: usual }] of Object.entries(features))
    lines.push(...wrap(`${feature}=${usual ?? 'none'}: ${meaning}`, '  feature '));
  for (const [option, { meaning, default: usual }] of Object.entries(config))
    lines.push(...wrap(`${option}=${usual}: ${meaning}`, '  config  '));
  return `${lines.join('\n')}\n`;
}
