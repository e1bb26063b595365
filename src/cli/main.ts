/** The command line. */

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { type ConformOptions, conformCommand } from './conform.ts';
import { EXIT_CLEAN, EXIT_INPUT, runCommand } from './errors.ts';
import { changesCommand, kernelsCommand } from './lists.ts';
import { type RunOptions, runScenarioCommand } from './run.ts';

/** "0.1.0", as package.json has it. */
function version(): string {
  const url = new URL('../../package.json', import.meta.url);
  return String((JSON.parse(readFileSync(url, 'utf8')) as { version: unknown }).version);
}

function createProgram(): Command {
  const program = new Command('directmap')
    .description('an executable, bit-exact model of the Linux direct map and of all that edits it')
    .version(version())
    .configureHelp({ showGlobalOptions: false })
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit status: 0 clean, 1 an expectation not met or a difference found, 2 bad input or usage, 3 not modelled',
    );

  program
    .command('run')
    .description('run a scenario and tell what each call returned, changed and was refused')
    .argument('<scenario>', 'a script, such as scenarios/thread/large-np-leaf.js')
    .option('--kernel <kernel>', 'kernel to run it on, e.g. v7.2 or v6.1+cpa-collapse (the script may say)')
    .option('--config <settings>', 'config options, e.g. DEBUG_PAGEALLOC=y,SECRETMEM=n')
    .option('--boot <parameters>', 'kernel command line, e.g. "debug_pagealloc=on nogbpages"')
    .option('--from <dump>', "start on the page tables of a real machine's ELF core")
    .option('--root <address>', 'with --from: physical address of the top table, if the dump does not tell')
    .option('--page-offset <address>', 'with --from: where the direct map starts, if the tables do not tell')
    .option('--levels <n>', 'with --from: paging levels, 4 or 5, if the dump does not tell')
    .option('--json', 'print the outcome as JSON (docs/json.md)')
    .option('--cost', 'add what it cost: splits, tables, flushes, large leaves left')
    .action((scenario: string, options: RunOptions) =>
      runCommand(() => runScenarioCommand(scenario, options)),
    );

  program
    .command('conform')
    .description('replay recordings of real kernels and compare every entry')
    .argument('<trace...>', 'recordings, .jsonl or .jsonl.gz')
    .option('--cores <dir>', 'where the cores are that the recordings begin with')
    .option('--all', 'go on after the first difference')
    .option('--json', 'print the result as JSON (docs/json.md)')
    .action((paths: string[], options: ConformOptions) => runCommand(() => conformCommand(paths, options)));

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

  return program;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  createProgram().parse();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT_CLEAN : EXIT_INPUT;
}
