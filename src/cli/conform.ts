/** directmap conform: replay recordings of real kernels, and say whether the model does the same. */

import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import { hasBigEndianTables } from '../memory/elf_machine.ts';
import { FrameWords } from '../memory/frame_words.ts';
import { conformanceText } from '../report/conformance_text.ts';
import { type Conformance, Conformer } from '../scenario/conform.ts';
import { parseTrace } from '../scenario/trace.ts';
import { EXIT_CLEAN, EXIT_REFUTED, EXIT_UNDECIDED, runCommand } from './errors.ts';
import { readTextFile } from './files.ts';
import { withDump } from './run.ts';

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

async function conformCommand(paths: readonly string[], options: ConformOptions): Promise<number> {
  const files: Conformance[] = [];
  for (const path of paths) files.push(await conformOne(path, options));
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

async function conformOne(path: string, options: ConformOptions): Promise<Conformance> {
  const trace = parseTrace(readTextFile(path, MAX_TRACE_BYTES), path);
  const core = findCore(path, trace.header.core, options.cores);
  return withDump(core, (memory) => {
    const tables = new FrameWords(memory!, memory!.littleEndian && !hasBigEndianTables(memory!.machine));
    return new Conformer(trace, tables, { stopAtFirst: options.all !== true }).run();
  });
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
