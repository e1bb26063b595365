/** directmap replay: a trace by its id, run again and told as a mail. */

import type { Command } from 'commander';
import { replayTrace } from '../check/trace/replay_trace.ts';
import { replayText } from '../report/replay_text.ts';
import { EXIT_CLEAN, EXIT_REFUTED, runCommand } from './errors.ts';
import { runTraceScenario } from './trace_run.ts';

const REPLAY_SCHEMA = 'directmap-replay/1';

interface ReplayOptions {
  json?: boolean;
  scenario?: boolean;
}

export function addReplayCommand(program: Command): void {
  program
    .command('replay')
    .description('run a trace again that refutes a claim, and show what each step does')
    .argument(
      '<id...>',
      "as directmap check prints it, in '...'; parts of one that was broken in a mail are joined",
    )
    .option('--scenario', 'print only the scenario, for a file that directmap run takes')
    .option('--json', 'print the trace and its run as JSON (docs/json.md)')
    .action((id: string[], options: ReplayOptions) => runCommand(() => replayCommand(id.join(''), options)));
}

function replayCommand(id: string, { json, scenario }: ReplayOptions): number {
  const replayed = replayTrace(id);
  const { trace, claim, verdict } = replayed;
  if (scenario === true) process.stdout.write(trace.scenario);
  else {
    const outcome = runTraceScenario(trace.scenario, claim);
    const text =
      json === true
        ? `${JSON.stringify({ schema: REPLAY_SCHEMA, ...replayed, outcome })}\n`
        : replayText(replayed, outcome);
    process.stdout.write(text);
  }
  return verdict === 'refuted' ? EXIT_REFUTED : EXIT_CLEAN;
}
