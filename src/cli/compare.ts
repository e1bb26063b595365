/** directmap compare: one scenario or claim on many kernels, as a grid. */

import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { type CompareOptions, compareClaim, compareScenario, type Grid } from '../check/compare.ts';
import { findClaim } from '../check/find_claim.ts';
import { ALL, ignoredParameters } from '../check/jobs.ts';
import { InputError } from '../errors.ts';
import { DEFAULT_ARCH } from '../linux/arch/index.ts';
import { splitConfig } from '../linux/config.ts';
import { compareText } from '../report/compare_text.ts';
import { compareHtml } from '../report/html/compare_html.ts';
import { MAX_SCRIPT_BYTES, parseScenario } from '../scenario/parse.ts';
import { knownNames } from '../scenario/script_calls.ts';
import { EXIT_CLEAN, EXIT_UNDECIDED, runCommand, warnIgnored } from './errors.ts';
import { readTextFile } from './files.ts';
import { addLimitOptions, type LimitOptions, limitsOf } from './limits.ts';
import { listOption } from './options.ts';
import { checkOutput, writeOutput } from './output.ts';
import { ProgressLine } from './progress_line.ts';

interface Options extends LimitOptions {
  arch?: string;
  kernel: string;
  boot?: string;
  config?: string;
  json?: boolean;
  html?: string;
  output?: string;
}

export function addCompareCommand(program: Command): void {
  const command = program
    .command('compare')
    .description('run a scenario, or check a claim, on many kernels, and show what came of it as a grid')
    .argument(
      '<scenario|claim>',
      'a script, such as scenarios/thread/remap-4k-np.js, or a claim of directmap claims',
    )
    .option('--kernel <kernels>', 'the columns: kernels, e.g. v5.10,v7.2, or all', 'all')
    .option('--arch <names>', `the rows: architectures, or all; ${DEFAULT_ARCH.name} if not given`)
    .option(
      '--boot <lines>',
      "more rows: kernel command lines, e.g. 'rodata=off,rodata=full', or all that have names",
    )
    .option('--config <settings>', 'config options of every kernel, e.g. DEBUG_PAGEALLOC=y');
  addLimitOptions(command)
    .option('--json', 'print the grid as JSON (docs/json.md)')
    .option('--html <file>', 'write the grid as a page that one can look at')
    .option('--output <file>', 'write to a file instead of standard output')
    .action((subject: string, options: Options) => runCommand(() => compareCommand(subject, options)));
}

function compareCommand(subject: string, options: Options): number {
  checkOutput(options.output);
  checkOutput(options.html, '--html');
  const { arch, kernel, boot, config } = options;
  const wanted: CompareOptions = {
    arches: listOption(arch),
    kernels: listOption(kernel),
    boots: listOption(boot),
    limits: limitsOf(options),
    ...(config !== undefined && { config: splitConfig(config, '--config') }),
  };
  const lines = wanted.boots.filter((line) => line !== ALL);
  warnIgnored(lines.flatMap((boot) => ignoredParameters({ ...wanted, boot })));
  const line = new ProgressLine();
  let grid: Grid;
  try {
    const onCell = (name: string, version: string) => {
      line.show((columns) => `${name} ${version}`.slice(0, columns - 1));
      return false;
    };
    grid = compare(subject, wanted, onCell);
  } finally {
    line.end();
  }
  if (options.html !== undefined) writeOutput(compareHtml(grid), options.html, '--html');
  if (options.html === undefined || options.output !== undefined || options.json === true)
    writeOutput(options.json === true ? `${JSON.stringify(grid)}\n` : compareText(grid), options.output);
  const cells = grid.rows.flatMap((row) => row.cells);
  return cells.every(({ outcome }) => outcome === '-' || outcome === 'n/m') ? EXIT_UNDECIDED : EXIT_CLEAN;
}

/** A name with a dot or a slash is a file's; no claim has one. @throws InputError */
function compare(subject: string, options: CompareOptions, onCell: Parameters<typeof compareClaim>[2]): Grid {
  if (/[./]/.test(subject) || existsSync(subject)) {
    const program = parseScenario(readTextFile(subject, MAX_SCRIPT_BYTES), subject, knownNames());
    return compareScenario(program, options, onCell);
  }
  try {
    return compareClaim(findClaim(subject, 'compare'), options, onCell);
  } catch (error) {
    if (
      !(error instanceof InputError) ||
      error.problem.code !== 'unknown-name' ||
      error.problem.found !== subject
    )
      throw error;
    throw new InputError({
      ...error.problem,
      what: `${error.problem.what}, and there is no file of that name`,
    });
  }
}
