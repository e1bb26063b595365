/** npm start: the thread's headline scenarios, run before your eyes, and what they come to. */

import { fileURLToPath } from 'node:url';
import { checkClaim } from '../check/check.ts';
import { findClaim } from '../check/find_claim.ts';
import { NotModelledError } from '../errors.ts';
import { PRESETS } from '../linux/kernels.ts';
import { outcomeText } from '../report/outcome_text.ts';
import type { Outcome } from '../scenario/outcome.ts';
import { MAX_SCRIPT_BYTES } from '../scenario/parse.ts';
import { EXIT_CLEAN, EXIT_REFUTED, runCommand } from './errors.ts';
import { readTextFile } from './files.ts';
import { linkIfShort } from './link_to.ts';
import { isClean, type RunOptions, repeatCommand, runScript, withDump } from './run.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const THREAD = 'scenarios/thread';
const CORE = 'scenarios/cores/x86_64-6.1-debian.core.gz';

const SHOWN: readonly { path: string; options: RunOptions }[] = [
  { path: `${THREAD}/remap-4k-np.js`, options: {} },
  { path: `${THREAD}/large-np-leaf.js`, options: {} },
  { path: `${THREAD}/hibernate-after-the-series.js`, options: {} },
  { path: `${THREAD}/large-np-leaf.js`, options: { from: CORE } },
];

function run(path: string, options: RunOptions): Outcome {
  return runScript(readTextFile(ROOT + path, MAX_SCRIPT_BYTES), ROOT + path, options);
}

/** The kernels that have all functions a scenario calls, and on which `holds` is true of how it ends. */
function kernelsWhere(path: string, holds: (outcome: Outcome) => boolean): string[] {
  return PRESETS.map(({ name }) => name).filter((kernel) => {
    try {
      return holds(run(path, { kernel }));
    } catch (error) {
      if (error instanceof NotModelledError) return false;
      throw error;
    }
  });
}

function list(kernels: readonly string[]): string {
  if (kernels.length === PRESETS.length) return `all ${PRESETS.length} kernels`;
  return kernels.length === 0 ? 'no kernel' : kernels.join(', ');
}

function refusals(outcome: Outcome): number {
  return outcome.steps.reduce((sum, step) => sum + step.refused.length, 0);
}

/** Whether anything was printed before the machine died. */
function saidSomething(outcome: Outcome): boolean {
  return outcome.steps.some((step) => step.messages.length > 0);
}

/** The thread's questions and what running them on every kernel gave. */
function answer(): string[] {
  const remap = kernelsWhere(`${THREAD}/remap-4k-np.js`, (it) => isClean(it) && refusals(it) === 0);
  const leaf = kernelsWhere(`${THREAD}/large-np-leaf.js`, (it) => isClean(it) && refusals(it) === 1);
  const debug = kernelsWhere(
    `${THREAD}/debug-pagealloc-never-splits.js`,
    (it) => isClean(it) && refusals(it) === 0,
  );
  const collapses = kernelsWhere(`${THREAD}/debug-pagealloc-after-a-collapse.js`, isClean);
  const dies = kernelsWhere(`${THREAD}/hibernate-after-the-series.js`, (it) => it.ended === 'died');
  const warns = kernelsWhere(`${THREAD}/hibernate-after-the-series.js`, saidSomething);
  const silent = dies.filter((kernel) => !warns.includes(kernel));
  return [
    'The thread of October 2020, answered by running it (on x86-64, mostly):',
    '  Can a 4K page that is not present fail to be mapped again?',
    `    No, on ${list(remap)}: with every allocation refused, none was asked for.`,
    '  Can one page of a large not-present leaf?',
    `    Yes, on ${list(leaf)}: -ENOMEM, as set_memory_np() leaves such leaves.`,
    '  Does DEBUG_PAGEALLOC ever have to break a page?',
    `    Not in what boot maps, 4K throughout: ${list(debug)}.`,
    `    On ${list(collapses)} set_memory_rox() of 2M would make a large leaf for it.`,
    '  Who notices when hibernation meets such a leaf without memory?',
    `    Nobody on ${list(silent)}; one warning on ${list(warns)}.`,
    `    Then it reads the page all the same, and dies: ${list(dies)}.`,
    '  Do v1 and v2 of the series lose the remap on arm64 (seven mails, one &&)?',
    `    ${revisions()}`,
  ];
}

/** Which revisions of the series lose what the page allocator has unmapped, and which do not. */
function revisions(): string {
  const claim = findClaim('v1-and-v2-lose-remaps-on-arm64', 'npm start');
  const verdict = (revision: string) => {
    const kernel = `v5.10+series-${revision}`;
    return checkClaim(claim, { claim: claim.id, arch: 'arm64', kernel, limits: LIMITS, verdictOnly: true })
      .verdict;
  };
  const all = ['v1', 'v2', 'v3', 'v4'];
  const lose = all.filter((revision) => verdict(revision) === 'refuted');
  const keep = all.filter((revision) => verdict(revision) === 'holds');
  return `${lose.join(' and ')}: yes, set_direct_map_default_noflush() returns 0; ${keep.join(', ')}: no.`;
}

/** What was said in the thread, as claims. */
const SAID: readonly string[] = [
  'remap-of-4k-np-cannot-fail',
  'set-direct-map-invalid-leaves-4k-np',
  'no-large-np-leaf',
  'debug-pagealloc-never-splits',
  'kernel-map-pages-cannot-fail',
  'hibernation-stops-before-touching',
  'cpa-updates-are-not-lost',
];

const LIMITS = { states: 1_000_000, seconds: 60, bytes: 2 ** 28 };

/** The verdict on each of them on every kernel. */
function verdicts(): string[] {
  const width = Math.max(...SAID.map((id) => id.length)) + 2;
  const row = (first: string, cells: readonly string[]) =>
    `  ${first.padEnd(width)}${cells.map((cell) => cell.padEnd(8)).join('')}`.trimEnd();
  const series = PRESETS.map(({ name }) => name.replace(/^(v\d+\.\d+).*/, '$1'));
  const rows = SAID.map((id) => {
    const claim = findClaim(id, 'npm start');
    const job = { claim: id, limits: LIMITS, verdictOnly: true };
    return row(
      id,
      PRESETS.map(({ name }) => checkClaim(claim, { ...job, kernel: name }).verdict),
    );
  });
  return [
    'What was said in it, for any calls in any order and any allocations refused',
    '(./bin/directmap check CLAIM tells more, and shows how; check all has all):',
    row('', series),
    ...rows,
  ];
}

// Who pipes it to head has seen enough.
process.stdout.on('error', () => process.exit());

await runCommand(async () => {
  let clean = true;
  for (const { path, options } of SHOWN) {
    const from = options.from === undefined ? undefined : ROOT + options.from;
    const script = readTextFile(ROOT + path, MAX_SCRIPT_BYTES);
    const ran = await withDump(from, (memory) => runScript(script, ROOT + path, options, memory));
    const outcome = { ...ran, scenario: path, startedOn: options.from ?? 'the model' };
    clean &&= isClean(outcome);
    const link = from === undefined ? await linkIfShort(script, ROOT + path, options) : undefined;
    const repeat = `./bin/${repeatCommand(path, options)}`;
    const text = outcomeText(outcome, { cost: false, repeat, link });
    process.stdout.write(`$ ./bin/${repeatCommand(path, options)}\n${text}\n${'-'.repeat(72)}\n\n`);
  }
  process.stdout.write(`${[...answer(), '', ...verdicts()].join('\n')}\n`);
  return clean ? EXIT_CLEAN : EXIT_REFUTED;
});
