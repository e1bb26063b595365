/**
 * The checker beside Spin, on the same question and in the same run. Build first: `npm run bench` does.
 *
 * The question: pages of one large leaf are given out, mapped, touched, unmapped and given back by several CPUs at a
 * time, and any page table may be refused. Is a page ever not there when its owner touches it? Spin is asked it of
 * bench/spin/directmap.pml, which is ours: 100 lines that stand for what set_memory.c does. We are asked it of the
 * modelled kernel functions themselves, v6.1. As the Promela model has no cpa_lock, neither has our kernel in these
 * rows; there are rows with it, too.
 *
 * Times are of whole processes, as whoever waits for a verdict counts them: Spin's with the compilation of its
 * verifier, ours with the start of Node. `--repeat 5` runs each that often (3 times take ten
 * minutes); `--long` also tries what Spin cannot end. Last comes the whole matrix of claims, kernels and architectures,
 * once and on all threads, beside its x86 part; `--matrix` does that alone.
 */

import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkClaim } from '../dist/check/check.js';
import { CLAIMS } from '../dist/check/claims/index.js';
import { interleave } from '../dist/check/interleave/interleave.js';
import { WatchedMemory } from '../dist/check/interleave/watched_memory.js';
import { CheckedMachine, smallBits } from '../dist/check/machine/machine.js';
import { X86 } from '../dist/linux/arch/x86/index.js';
import { parseKernelVersion } from '../dist/linux/kernels.js';

const SELF = fileURLToPath(import.meta.url);
const ROOT = fileURLToPath(new URL('../', import.meta.url));
const LIMITS = { states: 5e7, seconds: 600, bytes: 8 * 2 ** 30 };

/**
 * @typedef {object} Question
 * @property {string} name
 * @property {2 | 3} bits Index bits: 4 or 8 pages in the leaf.
 * @property {number} cpus
 * @property {number} [pages] How many of the leaf's pages are given out; all if not given.
 * @property {boolean} [whole] The whole leaf is given out, too.
 * @property {boolean} [plenty] Nothing is refused.
 * @property {boolean} [large] Asked instead: is there ever a large leaf that is not present?
 * @property {string} spin Definitions for the Promela model.
 */

/** @type {Question[]} */
const QUESTIONS = [
  { name: '8 pages, 2 CPUs', bits: 3, cpus: 2, spin: '-DN=8 -DNCPU=2' },
  { name: '4 pages, 3 CPUs', bits: 2, cpus: 3, spin: '-DN=4 -DNCPU=3' },
  { name: '5 pages of a leaf of 8 (Spin: of 5), 3 CPUs', bits: 3, cpus: 3, pages: 5, spin: '-DN=5 -DNCPU=3' },
  {
    ...{ name: '8 pages, 2 CPUs, whole leaf, no refusals', bits: 3, cpus: 2, whole: true, plenty: true },
    spin: '-DN=8 -DNCPU=2 -DWHOLE -DNOFAIL -DLARGEOK',
  },
  {
    ...{ name: '4 pages, 3 CPUs, whole leaf, no refusals', bits: 2, cpus: 3, whole: true, plenty: true },
    spin: '-DN=4 -DNCPU=3 -DWHOLE -DNOFAIL -DLARGEOK',
  },
  {
    ...{ name: '8 pages, 2 CPUs, whole leaf: large NP?', bits: 3, cpus: 2, whole: true, large: true },
    spin: '-DN=8 -DNCPU=2 -DWHOLE',
  },
  {
    ...{
      name: '8 pages (Spin: 5), 3 CPUs, whole leaf: large NP?',
      bits: 3,
      cpus: 3,
      whole: true,
      large: true,
    },
    spin: '-DN=5 -DNCPU=3 -DWHOLE',
  },
  {
    ...{ name: '8 pages, 2 CPUs, whole leaf: lost page?', bits: 3, cpus: 2, whole: true },
    spin: '-DN=8 -DNCPU=2 -DWHOLE -DLARGEOK',
  },
  {
    ...{ name: '8 pages (Spin: 5), 3 CPUs, whole leaf: lost page?', bits: 3, cpus: 3, whole: true },
    spin: '-DN=5 -DNCPU=3 -DWHOLE -DLARGEOK',
  },
];

/** @typedef {{ name: string, alike: boolean, reduce: boolean, locked: boolean, all?: boolean }} Variant */

/** @type {Variant[]} */
const VARIANTS = [
  { name: 'ours', alike: true, reduce: true, locked: false },
  { name: '  under cpa_lock', alike: true, reduce: true, locked: true },
  { name: '  no step alone', alike: true, reduce: false, locked: false },
  { name: '  all pages given out', alike: true, reduce: true, locked: false, all: true },
  { name: '  pages not alike', alike: false, reduce: true, locked: false },
];

/** Arguments of run.sh after the model's definitions: for the C compiler, for the verifier. */
const SPIN_MODES = [
  { name: 'Spin', cc: '', pan: '-m20000000 -w26' },
  { name: 'Spin -DCOLLAPSE', cc: '-DCOLLAPSE', pan: '-m20000000 -w26' },
  { name: 'Spin -DBFS', cc: '-DBFS', pan: '-w26' },
];

/**
 * @typedef {object} Measured
 * @property {string} verdict
 * @property {number} states
 * @property {number} transitions
 * @property {number} search Seconds.
 * @property {number} bytes Per state.
 * @property {number} resident MiB.
 * @property {number} [steps] Of the counterexample.
 * @property {number} wall Seconds.
 */

// ---- ours

/** @param {string} names Calls, e.g. "__kernel_map_pages 1, touch". */
function calls(names) {
  return names.split(', ').map((text) => {
    const [name = '', ...args] = text.split(' ');
    return { name, with: args.map(Number) };
  });
}

/** Debug_pagealloc's own pair, which v6.1 lets do without cpa_lock; and the pair that takes it. */
const PAGE = {
  free: calls('__kernel_map_pages 1, touch, __kernel_map_pages 0'),
  locked: calls('set_direct_map_default_noflush, touch, set_direct_map_invalid_noflush'),
};
const WHOLE = calls('__kernel_map_pages 1, __kernel_map_pages 0');

/** @param {Question} question @param {Variant} variant @returns {CheckedMachine} */
function machineFor({ bits, cpus, pages, whole, plenty }, { alike, locked, all }) {
  /** @type {import('../dist/check/claim.js').Pattern[]} */
  const patterns = [{ calls: locked ? PAGE.locked : PAGE.free, on: 'page', exclusive: true }];
  if (whole) patterns.push({ calls: WHOLE, on: 'leaf', exclusive: true });
  /** @type {import('../dist/check/claim.js').World} */
  const world = {
    ...{ leaf: '2M', geometry: bits, cpus, interleaved: true, config: { DEBUG_PAGEALLOC: 'y' } },
    ...{ pagesAlike: alike, memoryIsPlenty: plenty ?? false, calls: patterns },
  };
  const memory = new WatchedMemory(2 ** smallBits(world));
  const machine = new CheckedMachine(world, { version: parseKernelVersion('v6.1', 'bench', X86) }, memory);
  if (!locked) {
    // No kernel boots so, with a large leaf and with debug_pagealloc's leave to go without the lock.
    const boot = { ...machine.kernel.boot, debug_pagealloc: true };
    Object.defineProperty(machine.kernel, 'boot', { value: boot });
  }
  if (pages !== undefined && !all) {
    // The others stay as the leaf's split leaves them all, so that they do not upset the symmetry of these.
    const given = machine.actions.filter(({ first }) => first < pages);
    Object.defineProperty(machine, 'actions', { value: given });
  }
  return machine;
}

/** @param {Question} question */
function claimFor({ large }) {
  const head = { id: 'bench', sentence: '', source: { who: '', when: '', where: '' }, catalogue: [] };
  const claim = { ...head, world: () => ({ leaf: /** @type {const} */ ('2M'), calls: [] }), sometimes: [] };
  /** @param {string} text */
  const finding = (text) => /** @type {const} */ ({ text, failure: 'F1' });
  if (!large) {
    /** @param {import('../dist/check/claim.js').Done} done */
    const after = ({ died }) => (died === undefined ? undefined : finding(died.text));
    return { ...claim, after };
  }
  /** @param {import('../dist/check/claim.js').State} state */
  const always = ({ pages }) =>
    pages.some(({ level, present }) => level > 1 && !present) ? finding('a large leaf is NP') : undefined;
  return { ...claim, always };
}

/** In this process. @param {Question} question @param {Variant} variant */
function exploreHere(question, variant) {
  const started = performance.now();
  const machine = machineFor(question, variant);
  const found = interleave(claimFor(question), machine, LIMITS, undefined, { reduce: variant.reduce });
  const search = (performance.now() - started) / 1000;
  const verdict = found.refutation ? 'refuted' : found.exhausted ? 'holds' : 'undecided';
  return {
    ...{ verdict, states: found.states, transitions: found.transitions, search },
    ...{ bytes: found.bytes / found.states, resident: process.resourceUsage().maxRSS / 1024 },
    steps: found.refutation?.choices.length,
  };
}

/** In this process: a claim of the catalogue. @param {string} id @param {string} kernel @param {number} geometry */
function checkHere(id, kernel, geometry) {
  const claim = CLAIMS.find((each) => each.id === id);
  if (claim === undefined) throw new Error(`no claim ${id}`);
  const result = checkClaim(claim, { claim: id, kernel, geometry, limits: LIMITS });
  const { states = 0, transitions = 0, seconds = 0, bytesPerState = 0 } = result.bounds ?? {};
  const resident = process.resourceUsage().maxRSS / 1024;
  return { verdict: result.verdict, states, transitions, search: seconds, bytes: bytesPerState, resident };
}

/** In a process of its own. @param {string[]} args @returns {Measured} */
function ours(...args) {
  const started = performance.now();
  const { stdout, stderr } = spawnSync(process.execPath, [SELF, ...args], { encoding: 'utf8' });
  const wall = (performance.now() - started) / 1000;
  if (stdout === '') throw new Error(stderr);
  return { ...JSON.parse(stdout), wall };
}

// ---- Spin

/** @param {Question} question @param {(typeof SPIN_MODES)[number]} mode @returns {Measured} */
function spin(question, { cc, pan }) {
  const started = performance.now();
  const run = spawnSync('bash', [`${ROOT}bench/spin/run.sh`, question.spin, cc, pan], { encoding: 'utf8' });
  const wall = (performance.now() - started) / 1000;
  /** @param {RegExp} pattern */
  const number = (pattern) => Number(pattern.exec(run.stdout)?.[1] ?? Number.NaN);
  const states = number(/(\S+) states, stored/);
  const steps = number(/\(at depth (\d+)\)/);
  return {
    verdict: spinVerdict(run.stdout),
    ...{ states, transitions: number(/(\S+) transitions/), search: number(/search (\S+) s/), wall },
    bytes: (number(/([\d.]+)\s+actual memory usage for states/) * 2 ** 20) / states,
    resident: number(/([\d.]+)\s+total actual memory usage/),
    ...(Number.isNaN(steps) ? {} : { steps }),
  };
}

/** @param {string} output */
function spinVerdict(output) {
  if (/MEMLIM|too small/.test(output)) return 'stopped';
  if (/ errors: 0/.test(output)) return 'holds';
  return / errors: [1-9]/.test(output) ? 'refuted' : 'failed';
}

// ---- the table

/** @param {number[]} values */
function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const HEAD = [
  ...['', 'verdict', 'states', 'transitions', 'wall: min', 'median', 'search'],
  ...['states/s', 'B/state', 'MiB', 'steps'],
];
const WIDTHS = [24, 9, 11, 12, 11, 9, 9, 11, 9, 7, 8];

/** @param {string[]} cells */
function printRow(cells) {
  console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(24) : cell.padStart(WIDTHS[i] ?? 0))).join(''));
}

/** @param {string} name @param {Measured[]} runs */
function printMeasured(name, runs) {
  const [first] = runs;
  if (first === undefined) return;
  const search = Math.min(...runs.map((run) => run.search));
  /** @param {number} value @param {number} digits */
  const text = (value, digits) =>
    Number.isFinite(value) ? value.toLocaleString('en-US', { maximumFractionDigits: digits }) : '-';
  printRow([
    ...[name, first.verdict, text(first.states, 0), text(first.transitions, 0)],
    `${Math.min(...runs.map(({ wall }) => wall)).toFixed(2)} s`,
    `${median(runs.map(({ wall }) => wall)).toFixed(2)} s`,
    `${search.toFixed(3)} s`,
    // Of so few states the rest of the run, and tables still empty, are most of it.
    ...(first.states < 1000 ? ['-', '-'] : [text(first.states / search, 0), text(first.bytes, 0)]),
    ...[text(first.resident, 0), first.steps === undefined ? '-' : text(first.steps, 0)],
  ]);
}

/** @param {Question} question @param {number} repeat @param {boolean} hasSpin */
function compare(question, repeat, hasSpin) {
  console.log(`\n${question.name}`);
  const variants = VARIANTS.filter((variant) => isWorthwhile(question, variant));
  const refutes = question.whole === true && question.plenty !== true;
  const modes = hasSpin ? SPIN_MODES.filter(({ cc }) => !refutes || cc !== '-DCOLLAPSE') : [];
  /** @type {Map<string, Measured[]>} */
  const runs = new Map([...variants, ...modes].map(({ name }) => [name, []]));
  for (let i = 0; i < repeat; i++) {
    for (const { name } of variants)
      runs.get(name)?.push(ours('--question', question.name, '--variant', name));
    for (const mode of modes) runs.get(mode.name)?.push(spin(question, mode));
  }
  for (const [name, measured] of runs) printMeasured(name, measured);
  if (hasSpin) printRatios(runs);
}

/** Not the same as another, nor millions of states. @param {Question} question @param {Variant} variant */
function isWorthwhile({ bits, cpus, pages, whole, plenty }, { alike, all = false }) {
  if (all) return pages !== undefined;
  return alike || bits < 3 || cpus < 3 || (whole === true && plenty !== true);
}

/** @param {Map<string, Measured[]>} runs */
function printRatios(runs) {
  /** @param {string} name @param {keyof Measured} field */
  const of = (name, field) => median((runs.get(name) ?? []).map((run) => Number(run[field] ?? Number.NaN)));
  /** @param {keyof Measured} field @param {string} than */
  const ratio = (field, than) => (of(than, field) / of('ours', field)).toFixed(1);
  console.log(
    `  Spin takes ${ratio('wall', 'Spin')} times as long, and ${ratio('states', 'Spin')} times the states`,
  );
  if (of('ours', 'states') >= 1000)
    console.log(`  Spin -DCOLLAPSE takes ${ratio('bytes', 'Spin -DCOLLAPSE')} times the bytes for a state`);
  const steps = [of('ours', 'steps'), of('Spin', 'steps'), of('Spin -DBFS', 'steps')];
  if (steps.every(Number.isFinite))
    console.log(`  counterexample: ours ${steps[0]} steps, Spin's ${steps[1]}, with -DBFS ${steps[2]}`);
}

// ---- what else

const SEQUENTIAL = /** @type {const} */ ([
  ['remap-of-4k-np-cannot-fail', 'v5.10', 1],
  ['remap-of-4k-np-cannot-fail', 'v7.2', 1],
  ['remap-of-4k-np-cannot-fail', 'v5.10', 2],
]);

/** @param {number} repeat */
function compareSequential(repeat) {
  console.log('\nclaims where CPUs take turns between calls only, whole processes');
  for (const [id, kernel, geometry] of SEQUENTIAL) {
    const args = ['--claim', id, '--kernel', kernel, '--geometry', String(geometry)];
    const runs = Array.from({ length: repeat }, () => ours(...args));
    printMeasured(`remap 4k np, ${kernel}, ${2 ** geometry} pages`, runs);
  }
  console.log("\nthe thread's question by the command line");
  for (const kernel of ['v5.10', 'v7.2']) {
    const args = ['check', 'remap-of-4k-np-cannot-fail', '--kernel', kernel];
    const walls = Array.from({ length: repeat }, () => {
      const started = performance.now();
      const run = spawnSync(process.execPath, [`${ROOT}dist/cli/main.js`, ...args], { encoding: 'utf8' });
      return run.stdout.includes('holds') ? (performance.now() - started) / 1000 : Number.NaN;
    });
    const [least, middle] = [Math.min(...walls), median(walls)];
    const text = Number.isNaN(least)
      ? 'no such command yet'
      : `${least.toFixed(2)} s, median ${middle.toFixed(2)} s`;
    console.log(`directmap ${args.join(' ')}: ${text}`);
  }
}

/** @typedef {{ arch: string, verdict: string, bounds?: { states: number, seconds: number } }} Answer */

/** Every claim on every kernel, by the command line. @param {string} arch @returns {{ wall: number, answers: Answer[] }} */
function checkAll(arch) {
  const args = ['check', 'all', '--arch', arch, '--kernel', 'all', '--json'];
  const started = performance.now();
  const options = /** @type {const} */ ({ encoding: 'utf8', maxBuffer: 2 ** 30 });
  const run = spawnSync(process.execPath, [`${ROOT}dist/cli/main.js`, ...args], options);
  const wall = (performance.now() - started) / 1000;
  if (run.stdout === '') throw new Error(run.stderr);
  return { wall, answers: JSON.parse(run.stdout).results };
}

/** The whole matrix, which is to take less than five minutes, beside what x86 alone takes in the same run. */
function compareArchitectures() {
  console.log(`\nall claims on all kernels, ${cpus().length} threads`);
  const x86 = checkAll('x86_64');
  const all = checkAll('all');
  /** @param {string} name @param {Answer[]} answers @param {number} [wall] */
  const print = (name, answers, wall) => {
    /** @param {string} verdict */
    const count = (verdict) => answers.filter((each) => each.verdict === verdict).length;
    /** @param {'states' | 'seconds'} field */
    const sum = (field) => answers.reduce((total, { bounds }) => total + (bounds?.[field] ?? 0), 0);
    const cells = [answers.length, ...['holds', 'refuted', 'undecided', 'not modelled'].map(count)];
    const [states, search] = [sum('states').toLocaleString('en-US'), `${sum('seconds').toFixed(1)} s`];
    const text = [...cells.map(String), states, search, wall === undefined ? '' : `${wall.toFixed(1)} s`];
    console.log(name.padEnd(16) + text.map((cell) => cell.padStart(13)).join(''));
  };
  const head = ['answers', 'hold', 'refuted', 'undecided', 'not modelled', 'states', 'search', 'wall'];
  console.log(' '.repeat(16) + head.map((cell) => cell.padStart(13)).join(''));
  for (const arch of new Set(all.answers.map((answer) => answer.arch)))
    print(
      arch,
      all.answers.filter((answer) => answer.arch === arch),
    );
  print('all', all.answers, all.wall);
  print('x86_64 alone', x86.answers, x86.wall);
  console.log(`  the whole takes ${(all.wall / x86.wall).toFixed(1)} times as long as x86_64 alone`);
}

const REMARKS = `
Not the same steps. Promela's: each statement that touches a shared variable, and how a page is chosen. Ours: from one
lock, read or write of a shared entry, or flush to the next in the kernel's functions. So counterexamples are counted in
different steps, and states are of different things: ours hold entries of four levels, locks, and which tables are
free. The verdicts are on the same question.
"pages not alike" is our engine without its one large advantage, which the author of a Promela model can have, too, by
sorting the pages. State by state Spin is faster, as compiled C is.
"no step alone" is without partial-order reduction.
The leaf of 8 of which 5 pages are given out: our leaves have 4 or 8 pages. The other 3 stay as they are.
MiB is of the whole process: Spin's with the hash table and stack that it was told to reserve, ours with Node.
Of fewer than 1000 states, states/s and bytes say nothing, and are left out.`;

// ---- main

const { values } = parseArgs({
  options: {
    repeat: { type: 'string', default: '3' },
    ...{ long: { type: 'boolean', default: false }, matrix: { type: 'boolean', default: false } },
    ...{ question: { type: 'string' }, variant: { type: 'string' } },
    ...{ claim: { type: 'string' }, kernel: { type: 'string' }, geometry: { type: 'string' } },
  },
});
const asked = QUESTIONS.find(({ name }) => name === values.question);
const chosen = VARIANTS.find(({ name }) => name === values.variant);

if (asked !== undefined && chosen !== undefined) console.log(JSON.stringify(exploreHere(asked, chosen)));
else if (values.claim !== undefined) {
  console.log(JSON.stringify(checkHere(values.claim, values.kernel ?? 'v7.2', Number(values.geometry ?? 1))));
} else if (values.matrix) compareArchitectures();
else {
  const [cpu] = cpus();
  const version = spawnSync('spin', ['-V'], { encoding: 'utf8' }).stdout?.trim();
  const hasSpin = version !== undefined && spawnSync('gcc', ['--version']).status === 0;
  const compiler = spawnSync('gcc', ['-dumpfullversion'], { encoding: 'utf8' }).stdout?.trim();
  const beside = hasSpin
    ? `${version}, gcc ${compiler} -O2`
    : 'spin or gcc is not installed: our figures only';
  console.log(`${cpu?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, Node ${process.version}; ${beside}`);
  console.log(`each run ${values.repeat} times, each in a process of its own\n`);
  printRow(HEAD);
  for (const question of QUESTIONS) compare(question, Number(values.repeat), hasSpin);
  if (hasSpin && values.long) {
    const question = {
      name: '8 pages, 3 CPUs',
      bits: /** @type {const} */ (3),
      cpus: 3,
      spin: '-DN=8 -DNCPU=3',
    };
    console.log(`\n${question.name}, Spin stopped at 6 GiB`);
    printMeasured('Spin -DCOLLAPSE', [
      spin(question, { name: '', cc: '-DCOLLAPSE -DMEMLIM=6144', pan: '-m20000000 -w27' }),
    ]);
  }
  compareSequential(Number(values.repeat));
  console.log(REMARKS);
  compareArchitectures();
}
