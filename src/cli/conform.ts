/** directmap conform: replay recordings of real kernels, and say whether the model does the same. */

import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import { openDump } from '../memory/sources/open_dump.ts';
import { conformanceText } from '../report/conformance_text.ts';
import { type Conformance, Conformer } from '../scenario/conform.ts';
import { parseTrace } from '../scenario/trace.ts';
import { EXIT_CLEAN, EXIT_REFUTED, EXIT_UNDECIDED, runCommand } from './errors.ts';
import { readTextFile } from './files.ts';

const MAX_TRACE_BYTES = 2 ** 30;

interface ConformOptions {
  json?: boolean;
  cores?: string;
  all?: boolean;
}

export function addConformCommand(program: Command): void {
  program
    .command('conform')
    .description('replay recordings of real kernels and compare every entry')
    .argument('<trace...>', 'recordings, .jsonl or .jsonl.gz')
    .option('--cores <dir>', 'where the cores are that the recordings begin with')
    .option('--all', 'go on after the first difference')
    .option('--json', 'print the result as JSON (docs/json.md)')
    .action((paths: string[], options: ConformOptions) => runCommand(() => conformCommand(paths, options)));
}

function conformCommand(paths: readonly string[], options: ConformOptions): number {
  const files = paths.map((path) => conformOne(path, options));
  const total = (count: (file: Conformance) => number) => files.reduce((sum, file) => sum + count(file), 0);
  const differ = total((file) => file.differences.length);
  if (options.json === true) {
    const result = {
      calls: total((file) => file.calls),
      entries: total((file) => file.entries),
      differ,
      files: files.map((file) => ({ ...file, accepted: Object.fromEntries(file.accepted) })),
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } else process.stdout.write(conformanceText(files));
  if (differ > 0) return EXIT_REFUTED;
  return files.some((file) => file.stopped !== undefined) ? EXIT_UNDECIDED : EXIT_CLEAN;
}

function conformOne(path: string, options: ConformOptions): Conformance {
  const trace = parseTrace(readTextFile(path, MAX_TRACE_BYTES), path);
  const dump = openDump(findCore(path, trace.header.core, options.cores));
  try {
    return new Conformer(trace, dump.core, { stopAtFirst: options.all !== true }).run();
  } finally {
    dump.close();
  }
}

/** The core that a trace names: beside it, in ../cores, or where --cores says. */
function findCore(tracePath: string, core: string, cores: string | undefined): string {
  const name = basename(core);
  const folder = dirname(tracePath);
  const folders = cores === undefined ? [folder, join(folder, '..', 'cores')] : [cores];
  const found = folders.map((each) => join(each, name)).find((each) => existsSync(each));
  if (found === undefined) {
    throw new InputError({
      code: 'missing',
      what: `core ${name}, which holds the tables before the first call,`,
      where: tracePath,
      hint: `looked in ${folders.join(' and ')}; --cores DIR says where it is`,
    });
  }
  return found;
}
