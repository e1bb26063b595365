/** The command line. Each command's file adds it, and only that of the command at hand is loaded. */

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { EXIT_CLEAN, EXIT_INPUT } from './errors.ts';

type AddCommands = (program: Command) => void;

/** In the order in which help lists them. */
const COMMANDS: readonly { names: readonly string[]; load: () => Promise<AddCommands> }[] = [
  { names: ['run'], load: async () => (await import('./run.ts')).addRunCommand },
  { names: ['claims', 'check', 'merge'], load: async () => (await import('./check.ts')).addCheckCommands },
  { names: ['replay'], load: async () => (await import('./replay.ts')).addReplayCommand },
  { names: ['ask', 'bisect'], load: async () => (await import('./ask.ts')).addAskCommands },
  { names: ['inspect'], load: async () => (await import('./inspect.ts')).addInspectCommand },
  { names: ['diff'], load: async () => (await import('./diff.ts')).addDiffCommand },
  { names: ['serve'], load: async () => (await import('./serve.ts')).addServeCommand },
  { names: ['compare'], load: async () => (await import('./compare.ts')).addCompareCommand },
  { names: ['conform'], load: async () => (await import('./conform.ts')).addConformCommand },
  { names: ['kernels', 'changes', 'archs'], load: async () => (await import('./lists.ts')).addLists },
];

/** "0.1.0", as package.json has it. */
function version(): string {
  const url = new URL('../../package.json', import.meta.url);
  return String((JSON.parse(readFileSync(url, 'utf8')) as { version: unknown }).version);
}

async function createProgram(command: string | undefined): Promise<Command> {
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

  const asked = COMMANDS.filter(({ names }) => names.includes(command ?? ''));
  for (const { load } of asked.length > 0 ? asked : COMMANDS) (await load())(program);
  return program;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  process.stderr.write(`directmap: standard output cannot be written: ${error.message}\n`);
  process.exit(EXIT_INPUT);
});

try {
  const program = await createProgram(process.argv[2]);
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT_CLEAN : EXIT_INPUT;
}
