/** directmap ask, directmap bisect: questions that are answered by many explorations, one after the other. */

import type { Command } from 'commander';
import { ask } from '../check/ask.ts';
import { bisect } from '../check/bisect.ts';
import { findClaim } from '../check/find_claim.ts';
import { DEFAULT_ARCH } from '../linux/arch/index.ts';
import { PRESETS } from '../linux/kernels.ts';
import { askText } from '../report/ask_text.ts';
import { bisectText } from '../report/bisect_text.ts';
import { progressText } from '../report/progress_text.ts';
import { EXIT_CLEAN, EXIT_REFUTED, EXIT_UNDECIDED, runCommand } from './errors.ts';
import {
  addBuildOptions,
  addLimitOptions,
  type BuildOptions,
  buildOptionsOf,
  buildOptionsText,
  type LimitOptions,
  limitsOf,
} from './limits.ts';
import { ProgressLine } from './progress_line.ts';

const ASK_SCHEMA = 'directmap-ask/1';
const BISECT_SCHEMA = 'directmap-bisect/1';

interface AskOptions extends BuildOptions, LimitOptions {
  arch?: string;
  kernel: string;
  json?: boolean;
}

interface BisectOptions extends BuildOptions, LimitOptions {
  arch?: string;
  from: string;
  to: string;
  json?: boolean;
}

export function addAskCommands(program: Command): void {
  const newest = PRESETS.at(-1)!.name;
  const asking = program
    .command('ask')
    .description('tell from which states a call can fail, how, and who would notice')
    .argument('<call>', "such as 'set_memory_np(addr, n)' or 'set_direct_map_default_noflush(page)'")
    .option('--arch <name>', `architecture; ${DEFAULT_ARCH.name} if not given`)
    .option('--kernel <kernel>', 'kernel, e.g. v5.10 or v6.1+cpa-collapse', newest);
  addLimitOptions(addBuildOptions(asking))
    .option('--json', 'print the answer as JSON (docs/json.md)')
    .action((call: string, options: AskOptions) => runCommand(() => askCommand(call, options)));

  const bisecting = program
    .command('bisect')
    .description('find the changes between two kernels that turn a claim')
    .argument('<claim>', 'a claim of directmap claims')
    .option('--arch <name>', `architecture; ${DEFAULT_ARCH.name} if not given`)
    .requiredOption('--from <kernel>', 'the one kernel, e.g. v5.10')
    .option('--to <kernel>', 'the other kernel', newest);
  addLimitOptions(addBuildOptions(bisecting))
    .option('--json', 'print the answer as JSON (docs/json.md)')
    .action((claim: string, options: BisectOptions) => runCommand(() => bisectCommand(claim, options)));
}

function askCommand(call: string, options: AskOptions): number {
  const { arch, kernel, json } = options;
  const line = new ProgressLine();
  const job = {
    ...{ call, kernel, limits: limitsOf(options) },
    ...(arch !== undefined && { arch }),
    ...buildOptionsOf(options),
  };
  const result = ask(job, (progress) => {
    const running = { claim: call, kernel, seconds: line.seconds, progress };
    line.show((columns) => progressText(0, 1, [running], columns));
    return false;
  });
  line.end();
  process.stdout.write(
    json === true ? `${JSON.stringify({ schema: ASK_SCHEMA, ...result })}\n` : askText(result),
  );
  if (result.failures.length > 0) return EXIT_REFUTED;
  return result.exhausted ? EXIT_CLEAN : EXIT_UNDECIDED;
}

function bisectCommand(id: string, options: BisectOptions): number {
  const { arch, from, to, json } = options;
  const claim = findClaim(id, 'bisect');
  const line = new ProgressLine();
  const bounds = {
    ...{ from, to, limits: limitsOf(options) },
    ...(arch !== undefined && { arch }),
    ...buildOptionsOf(options),
  };
  const result = bisect(claim, bounds, (kernel, tried) => {
    line.show((columns) => `${id}: ${tried} kernels tried, now ${kernel}`.slice(0, columns - 1));
    return false;
  });
  line.end();
  const text = () => bisectText(result, claim.source, buildOptionsText(options));
  process.stdout.write(json === true ? `${JSON.stringify({ schema: BISECT_SCHEMA, ...result })}\n` : text());
  const decided = [result.from, result.to].every(
    ({ verdict }) => verdict === 'holds' || verdict === 'refuted',
  );
  const answered =
    result.from.verdict === result.to.verdict || result.flips.length + result.reverts.length > 0;
  return decided && answered ? EXIT_CLEAN : EXIT_UNDECIDED;
}
