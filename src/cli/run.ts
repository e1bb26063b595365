/** directmap run: one scenario, on the model or on a real machine's page tables. */

import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import type { DumpHints } from '../linux/architecture.ts';
import { splitConfig } from '../linux/config.ts';
import { splitFeatures } from '../linux/machine.ts';
import type { MachineMemory } from '../memory/machine_memory.ts';
import { outcomeText } from '../report/outcome_text.ts';
import { parseChoices } from '../scenario/choices.ts';
import type { Outcome } from '../scenario/outcome.ts';
import { MAX_SCRIPT_BYTES, parseScenario } from '../scenario/parse.ts';
import { runScenario } from '../scenario/run.ts';
import { knownNames } from '../scenario/script_calls.ts';
import { startMachine } from '../scenario/start.ts';
import { EXIT_CLEAN, EXIT_REFUTED, runCommand } from './errors.ts';
import { readTextFile } from './files.ts';
import { linkIfShort } from './link_to.ts';
import { addressOption, numberOption } from './options.ts';

export interface RunOptions {
  arch?: string;
  kernel?: string;
  features?: string;
  ram?: string;
  cpus?: string;
  config?: string;
  boot?: string;
  refuse?: string;
  grant?: string;
  schedule?: string[];
  from?: string;
  root?: string;
  pageOffset?: string;
  levels?: string;
  json?: boolean;
  cost?: boolean;
}

export function addRunCommand(program: Command): void {
  program
    .command('run')
    .description('run a scenario and tell what each call returned, changed and was refused')
    .argument('<scenario>', 'a script, such as scenarios/thread/large-np-leaf.js')
    .option('--arch <name>', 'architecture to run it on, e.g. arm64 (the script may say)')
    .option('--kernel <kernel>', 'kernel to run it on, e.g. v7.2 or v6.1+cpa-collapse (the script may say)')
    .option('--config <settings>', 'config options, e.g. DEBUG_PAGEALLOC=y,SECRETMEM=n')
    .option('--boot <parameters>', 'kernel command line, e.g. "debug_pagealloc=on nogbpages"')
    .option('--features <settings>', 'what the machine has, e.g. bbml2=y; directmap archs lists them')
    .option('--ram <amount>', 'how much memory it has, e.g. 16G (the script may say)')
    .option('--cpus <n>', 'how many CPUs it has (the script may say)')
    .option('--refuse <numbers>', 'allocations to refuse, as the workbench counts them, e.g. 2,5')
    .option('--grant <numbers>', 'allocations to grant that the script refuses')
    .option(
      '--schedule <steps>',
      "whose step it is in an interleave(), in place of the script's, e.g. '0*3 1'; again for the next one",
      (text: string, all: string[] = []) => [...all, text],
    )
    .option('--from <dump>', "start on the page tables of a real machine's dump")
    .option('--root <address>', 'with --from: physical address of the top table, if the dump does not tell')
    .option('--page-offset <address>', 'with --from: where the direct map starts, if the tables do not tell')
    .option('--levels <n>', 'with --from: paging levels, 4 or 5, if the dump does not tell')
    .option('--json', 'print the outcome as JSON (docs/json.md)')
    .option('--cost', 'add what it cost: splits, tables, flushes, large leaves left')
    .action((scenario: string, options: RunOptions) =>
      runCommand(() => runScenarioCommand(scenario, options)),
    );
}

async function runScenarioCommand(path: string, options: RunOptions): Promise<number> {
  const script = readTextFile(path, MAX_SCRIPT_BYTES);
  const outcome = await withDump(options.from, (memory) => runScript(script, path, options, memory));
  if (options.json === true) process.stdout.write(`${JSON.stringify(outcome)}\n`);
  else {
    // A link has no room for a dump.
    const link = options.from === undefined ? await linkIfShort(script, path, options) : undefined;
    const repeat = repeatCommand(path, options);
    const text = outcomeText(outcome, { cost: options.cost === true, repeat, link });
    process.stdout.write(text);
  }
  return isClean(outcome) ? EXIT_CLEAN : EXIT_REFUTED;
}

/** Whether everything was as the scenario expects: a machine that dies must have been expected to. */
export function isClean(outcome: Outcome): boolean {
  if (outcome.expectationsFailed > 0) return false;
  return outcome.ended === 'finished' || outcome.steps.some((step) => step.expected?.value === 'OOPS');
}

/** On the dump's page tables if there is one; `path` and `options.from` name script and dump in errors. */
export function runScript(
  script: string,
  path: string,
  options: RunOptions,
  memory?: MachineMemory,
): Outcome {
  const program = parseScenario(script, path, knownNames());
  const config = options.config === undefined ? undefined : splitConfig(options.config, '--config');
  const { arch, kernel, boot, ram, refuse, grant, schedule: schedules } = options;
  const cpus =
    options.cpus === undefined ? undefined : numberOption('--cpus', options.cpus, { min: 1, max: 64 });
  const choices = parseChoices({ refuse, grant, schedules }, (word) => OPTION_OF[word]);
  const features = options.features === undefined ? undefined : splitFeatures(options.features, '--features');
  const start = { arch, kernel, boot, config, features, ram, cpus };
  if (memory === undefined) return runScenario(program, startMachine(program, start), { choices });
  const dump = { memory, name: options.from ?? '', hints: hintsOf(options) };
  return runScenario(program, startMachine(program, { ...start, dump }), { choices });
}

const OPTION_OF = { refuse: '--refuse', grant: '--grant', schedules: '--schedule' } as const;

/** Opens a dump, if one is named, for as long as `body` needs it. */
export async function withDump<Result>(
  path: string | undefined,
  body: (memory: MachineMemory | undefined) => Result,
): Promise<Result> {
  if (path === undefined) return body(undefined);
  const { openMemory } = await import('../memory/sources/open_memory.ts');
  const { memory, close } = await openMemory(path);
  try {
    if (memory === undefined) throw noMemory(path);
    return body(memory);
  } finally {
    close();
  }
}

function noMemory(where: string): InputError {
  return new InputError({
    code: 'bad-format',
    what: 'dump',
    where,
    found: 'the text of ptdump',
    expected: 'page tables themselves: an ELF core or a kdump file',
  });
}

function hintsOf(options: RunOptions): DumpHints {
  const { levels } = options;
  if (levels !== undefined && levels !== '4' && levels !== '5') {
    throw new InputError({
      code: 'bad-format',
      what: 'levels',
      where: '--levels',
      found: levels,
      expected: '4 or 5',
    });
  }
  const root = addressOption('--root', options.root);
  const page_offset = addressOption('--page-offset', options.pageOffset);
  return {
    root: root === undefined ? undefined : Number(root),
    page_offset: page_offset === undefined ? undefined : Number(BigInt.asIntN(64, page_offset)),
    levels: levels === undefined ? undefined : levels === '5' ? 5 : 4,
  };
}

/** The command as it must be typed to see the same again. */
export function repeatCommand(path: string, options: RunOptions): string {
  const words = ['directmap run', path];
  const add = (name: string, value: string | undefined) => {
    if (value !== undefined) words.push(name, /^[\w./+~:=,-]+$/.test(value) ? value : `'${value}'`);
  };
  add('--arch', options.arch);
  add('--kernel', options.kernel);
  add('--features', options.features);
  add('--ram', options.ram);
  add('--cpus', options.cpus);
  add('--config', options.config);
  add('--boot', options.boot);
  add('--refuse', options.refuse);
  add('--grant', options.grant);
  for (const steps of options.schedule ?? []) add('--schedule', steps);
  add('--from', options.from);
  add('--root', options.root);
  add('--page-offset', options.pageOffset);
  add('--levels', options.levels);
  return words.join(' ');
}
