/** directmap claims, check and merge: what is claimed, whether it is so, and the parts of a large run put together. */

import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { CLAIMS } from '../check/claims/index.ts';
import {
  type Answer,
  ignoredParameters,
  jobsOfShard,
  type Plan,
  parseShard,
  planJobs,
  runName,
} from '../check/jobs.ts';
import { mergeResults, parseResults, RESULTS_SCHEMA, type ResultsFile } from '../check/merge.ts';
import { DEFAULT_ARCH } from '../linux/arch/index.ts';
import { checkText, summaryText } from '../report/check_text.ts';
import { claimsText } from '../report/claims_text.ts';
import { matrixText } from '../report/matrix_text.ts';
import { traceText } from '../report/trace_text.ts';
import {
  EXIT_BUG,
  EXIT_CLEAN,
  EXIT_REFUTED,
  EXIT_UNDECIDED,
  reportError,
  runCommand,
  warnIgnored,
} from './errors.ts';
import { readTextFile } from './files.ts';
import {
  addBuildOptions,
  addLimitOptions,
  type BuildOptions,
  buildOptionsOf,
  type LimitOptions,
  limitsOf,
} from './limits.ts';
import { listOption, numberOption } from './options.ts';
import { checkOutput, writeOutput } from './output.ts';
import { watchJobs } from './progress_line.ts';
import { onInterrupt } from './signals.ts';
import { runTraceScenario } from './trace_run.ts';
import { JobRunner } from './workers.ts';

const MAX_RESULTS_BYTES = 2 ** 28;
const MAX_JOBS = 1024;

interface Output {
  json?: boolean;
  matrix?: boolean;
  output?: string;
}

interface CheckOptions extends Output, BuildOptions, LimitOptions {
  kernel?: string;
  arch?: string;
  cpus?: string;
  geometry?: string;
  jobs?: string;
  shard?: string;
}

export function addCheckCommands(program: Command): void {
  program
    .command('claims')
    .description('list the claims that can be checked, with who said so, when and where')
    .option('--json', 'print them as JSON')
    .action((options: { json?: boolean }) => runCommand(() => claimsCommand(options.json === true)));

  const checking = program
    .command('check')
    .description(
      'find out by exploration whether claims hold: the bounds of it, or the shortest way to refute them',
    )
    .argument('[claim...]', 'claims to check; all if none is given')
    .option('--kernel <kernels>', 'kernels, e.g. v5.10,v6.1+cpa-collapse, or all; the newest if not given')
    .option('--arch <names>', `architectures, e.g. arm64,riscv64, or all; ${DEFAULT_ARCH.name} if not given`)
    .option('--cpus <n>', 'how many CPUs, 1 to 4; as the claim has it if not given')
    .option(
      '--geometry <n>',
      'index bits per level, 1 to 3, or 9 as in hardware; as the claim has it if not given',
    );
  addLimitOptions(addBuildOptions(checking))
    .option('--jobs <n>', 'how many threads; one for each CPU of this machine if not given')
    .option('--shard <i/n>', 'do part i of n only; directmap merge puts them together')
    .option('--matrix', 'print the verdicts only, a row for each claim')
    .option('--json', 'print the results as JSON (docs/json.md)')
    .option('--output <file>', 'write the results to a file, once they are complete')
    .action((claims: string[], options: CheckOptions) => runCommand(() => checkCommand(claims, options)));

  program
    .command('merge')
    .description('put the results of all shards together, as one run would have printed them')
    .argument('<results...>', 'files that directmap check --json --shard i/n wrote')
    .option('--matrix', 'print the verdicts only, a row for each claim')
    .option('--json', 'print the results as JSON')
    .option('--output <file>', 'write the results to a file')
    .action((paths: string[], options: Output) => runCommand(() => mergeCommand(paths, options)));
}

function claimsCommand(json: boolean): number {
  const list = CLAIMS.map(({ id, sentence, source, catalogue }) => ({ id, sentence, source, catalogue }));
  process.stdout.write(json ? `${JSON.stringify(list)}\n` : claimsText(CLAIMS));
  return EXIT_CLEAN;
}

async function checkCommand(claims: readonly string[], options: CheckOptions): Promise<number> {
  const plan = planOf(claims, options);
  const jobs = planJobs(plan);
  const shard = options.shard === undefined ? undefined : parseShard(options.shard);
  const own = shard === undefined ? jobs : jobsOfShard(jobs, shard);
  const threads = threadsOf(options.jobs);
  checkOutput(options.output);
  warnIgnored(ignoredParameters(plan));

  const runner = new JobRunner(own);
  const interruption = onInterrupt(() => runner.stop());
  const endProgress = watchJobs(runner, own.length);
  let results: Answer[];
  try {
    results = await runner.run(threads);
  } finally {
    endProgress();
    interruption.end();
  }
  const part = shard && { shard: { ...shard, run: runName(jobs), jobs: jobs.length } };
  const status = printResults({ schema: RESULTS_SCHEMA, results, ...part }, options);
  return interruption.status ?? status;
}

function planOf(claims: readonly string[], options: CheckOptions): Plan {
  const { arch, kernel, cpus, geometry } = options;
  return {
    ...{ claims, arches: listOption(arch), kernels: listOption(kernel), limits: limitsOf(options) },
    ...buildOptionsOf(options),
    ...(cpus !== undefined && { cpus: numberOption('--cpus', cpus, { min: 1, max: 4 }) }),
    ...(geometry !== undefined && { geometry: numberOption('--geometry', geometry, { min: 1, max: 9 }) }),
  };
}

function threadsOf(text: string | undefined): number {
  return text === undefined
    ? availableParallelism()
    : numberOption('--jobs', text, { min: 1, max: MAX_JOBS });
}

function mergeCommand(paths: readonly string[], options: Output): number {
  checkOutput(options.output);
  const files = paths.map((path) => parseResults(readTextFile(path, MAX_RESULTS_BYTES), path));
  return printResults(mergeResults(files), options);
}

/** Prints what came of it and returns the exit status that it stands for. */
function printResults(file: ResultsFile, { json, matrix, output }: Output): number {
  const { results } = file;
  for (const { claim, kernel, bug } of results) {
    if (bug === undefined) continue;
    process.stderr.write(
      `directmap: this is a bug in claim ${claim} (on ${kernel}), please report it: ${bug}\n`,
    );
  }
  if (json === true) {
    writeOutput(`${JSON.stringify(file)}\n`, output);
    return exitStatusOf(results);
  }
  if (matrix === true) {
    writeOutput(`${matrixText(results)}\n${summaryText(results)}\n`, output);
    return exitStatusOf(results);
  }
  const { text, status } = resultsText(results);
  writeOutput(text, output);
  return status ?? exitStatusOf(results);
}

/** A single refutation is a mail of its own: with its run, and the scenario. If it does not run, a status says so. */
function resultsText(results: readonly Answer[]): { text: string; status?: number } {
  const text = checkText(results);
  const [only] = results;
  if (results.length !== 1 || only?.trace === undefined) return { text };
  const { claim, trace } = only;
  try {
    const run = runTraceScenario(trace.scenario, claim);
    return { text: `${text}\n${traceText(trace, run)}` };
  } catch (error) {
    return { text, status: reportError(error) };
  }
}

export function exitStatusOf(results: readonly Answer[]): number {
  if (results.some(({ bug }) => bug !== undefined)) return EXIT_BUG;
  if (results.some(({ verdict }) => verdict === 'refuted')) return EXIT_REFUTED;
  return results.every(({ verdict }) => verdict === 'holds') ? EXIT_CLEAN : EXIT_UNDECIDED;
}
