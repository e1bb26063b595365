/** The command line. Each command's file adds it. */

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addAskCommands } from './ask.ts';
import { addCheckCommands } from './check.ts';
import { addConformCommand } from './conform.ts';
import { EXIT_CLEAN, EXIT_INPUT } from './errors.ts';
import { addLists } from './lists.ts';
import { addReplayCommand } from './replay.ts';
import { addRunCommand } from './run.ts';

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
      '\nExit status: 0 clean, or the claims hold; 1 an expectation not met, a difference found, a claim refuted;\n' +
        '2 bad input or usage; 3 undecided or not modelled; 70 a bug of ours; 130 interrupted',
    );

  addRunCommand(program);
  addCheckCommands(program);
  addReplayCommand(program);
  addAskCommands(program);
  addConformCommand(program);
  addLists(program);
  return program;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT_CLEAN : EXIT_INPUT;
}
