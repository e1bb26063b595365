/**
 * How fast `directmap inspect` reads page tables, beside a loop in C over the same tables in the same file, in the same
 * run. Build first: `npm run bench` does.
 *
 * The loop is bench/walk.c, compiled with gcc -O2. It is told where the tables are, counts leaves by size and bits, and
 * does nothing else; it reads with mmap or with pread, and both are shown. Ours finds the tables by itself, knows each
 * of them that it has been in, puts leaves together to ranges, finds the direct map and the regions, and holds
 * everything against the rules. Of walks in one process the fastest of REPEAT counts, and ours is also shown when it
 * is the first in its process, not yet compiled; of whole processes the fastest, start-up included.
 *
 *     node bench/inspect.js [--repeat N] [--large] [--dump FILE]... [--qmp SOCKET] [--gdb SOCKET]
 *
 * `--large` makes a machine of 1 TiB, of which the tables take 2 GiB of disk. `--dump` reads a real dump, not raw
 * memory. `--qmp` asks the QEMU at a socket for its `info tlb`, beside ours of the same guest, for which QEMU dumps
 * all of its memory, or, if its debugger port is given too, reads the tables alone.
 */

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { connect } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Machine, survey } from '../dist/inspect/index.js';
import { openMemory } from '../dist/memory/sources/open_memory.js';
import { MEMORY_OFFSET, makeDirectMapCore, makeSharedCore, ROOT } from './make_core.js';

const SELF = fileURLToPath(import.meta.url);
const ROOT_FOLDER = fileURLToPath(new URL('../', import.meta.url));
const MIB = 2 ** 20;

/**
 * @typedef {object} Walked
 * @property {number} first Milliseconds of the first walk in the process.
 * @property {number} least Of the fastest.
 * @property {number} tables
 * @property {number} leaves Entries, of all regions.
 * @property {number} resident MiB at most.
 */

// ---- ours

/** In this process. @param {string} file @param {number} repeat @returns {Promise<Walked>} */
async function walkHere(file, repeat) {
  const times = [];
  let [tables, leaves] = [0, 0];
  for (let i = 0; i < repeat; i++) {
    const opened = await openMemory(file);
    if (opened.memory === undefined) throw new Error(`${file} is no dump`);
    const started = performance.now();
    const machine = new Machine(opened.memory, {}, file);
    const surveyed = survey(machine, [2 ** 21, 2 ** 30]);
    times.push(performance.now() - started);
    opened.close();
    tables = machine.tableCounts.reduce((sum, count) => sum + count, 0);
    leaves = surveyed.regions.flatMap((region) => region.leaves).reduce((sum, { count }) => sum + count, 0);
  }
  const resident = process.resourceUsage().maxRSS / 1024;
  return { first: times[0] ?? Number.NaN, least: Math.min(...times), tables, leaves, resident };
}

/** In a process of its own. @param {string} file @param {number} repeat @returns {Walked} */
function ours(file, repeat) {
  const { stdout, stderr } = spawnSync(process.execPath, [SELF, '--walk', file, '--repeat', `${repeat}`], {
    encoding: 'utf8',
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

/** Milliseconds of the whole command, the fastest of `repeat`. @param {string[]} args @param {number} repeat */
function command(args, repeat) {
  const times = Array.from({ length: repeat }, () => {
    const started = performance.now();
    const main = `${ROOT_FOLDER}dist/cli/main.js`;
    const { status, stderr } = spawnSync(process.execPath, [main, 'inspect', ...args], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    if (status !== 0) throw new Error(stderr);
    return performance.now() - started;
  });
  return Math.min(...times);
}

// ---- the loop in C

/** @param {string} folder @returns {string | undefined} The compiled loop; undefined where there is no gcc. */
function compileLoop(folder) {
  const program = path.join(folder, 'walk');
  const { status } = spawnSync('gcc', ['-O2', '-o', program, `${ROOT_FOLDER}bench/walk.c`]);
  return status === 0 ? program : undefined;
}

/** @param {string} program @param {'mmap' | 'pread'} how @param {string} file @param {number} repeat */
function loop(program, how, file, repeat) {
  const args = [how, file, `${MEMORY_OFFSET}`, `${ROOT}`, `${repeat}`];
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const [nanoseconds = 0, tables = 0, leaves = 0] = stdout.trim().split(' ').map(Number);
  return { milliseconds: nanoseconds / 1e6, tables, leaves };
}

// ---- tables of results

/** @param {string} name @param {number} milliseconds @param {number} leaves @param {number | undefined} reference */
function printRow(name, milliseconds, leaves, reference) {
  const rate = Math.round((1000 * leaves) / milliseconds).toLocaleString('en-US');
  const ratio = reference === undefined ? '-' : `${(milliseconds / reference).toFixed(1)} x`;
  console.log(
    `${name.padEnd(46)}${milliseconds.toFixed(1).padStart(9)} ms ${rate.padStart(15)}/s ${ratio.padStart(9)}`,
  );
}

/** @param {string} title @param {string} file @param {string | undefined} program @param {number} repeat */
function compare(title, file, program, repeat) {
  const walked = ours(file, repeat);
  const { tables, leaves } = walked;
  console.log(
    `\n${title}: ${leaves.toLocaleString('en-US')} leaves in ${tables.toLocaleString('en-US')} tables`,
  );
  /** @type {number | undefined} */
  let reference;
  if (program !== undefined) {
    const mapped = loop(program, 'mmap', file, repeat);
    const read = loop(program, 'pread', file, repeat);
    if (mapped.leaves !== leaves || mapped.tables !== tables) {
      throw new Error(`the loop in C found ${mapped.leaves} leaves in ${mapped.tables} tables`);
    }
    reference = read.milliseconds;
    printRow('C, mmap', mapped.milliseconds, leaves, reference);
    printRow('C, pread (the reference)', reference, leaves, reference);
  }
  printRow('ours: walk, ranges and rules', walked.least, leaves, reference);
  printRow('  the first time', walked.first, leaves, reference);
  printRow(
    'directmap inspect --json, start-up included',
    command([file, '--json'], repeat),
    leaves,
    reference,
  );
  console.log(`${walked.resident.toFixed(0)} MiB at most`);
}

/** @param {string} file @param {string | undefined} program @param {number} repeat */
function compareShared(file, program, repeat) {
  const walked = ours(file, repeat);
  console.log('\nespfix: one page at 65,536 addresses, and a KASAN shadow of 16 TiB that is one page');
  if (program !== undefined) {
    const { milliseconds, tables, leaves } = loop(program, 'mmap', file, 1);
    const text = [leaves, tables].map((count) => count.toLocaleString('en-US'));
    console.log(`C, mmap: ${milliseconds.toFixed(1)} ms for ${text[0]} leaves in ${text[1]} tables`);
  }
  console.log(
    `ours: ${walked.least.toFixed(2)} ms for ${walked.leaves} leaves in ${walked.tables} tables, each once`,
  );
}

/** @param {string} file @param {number} repeat */
function readDump(file, repeat) {
  const walked = ours(file, repeat);
  const whole = command([file], repeat).toFixed(0);
  const { leaves, tables, least, resident } = walked;
  console.log(
    `${path.basename(file)}: ${whole} ms with start-up, of which the walk ${least.toFixed(1)} ms when warm; ` +
      `${leaves.toLocaleString('en-US')} leaves, ${tables} tables; ${resident.toFixed(0)} MiB`,
  );
}

// ---- QEMU

/** Milliseconds, and mappings: one a line. @param {string} socket */
async function infoTlb(socket) {
  const connection = connect(socket);
  await once(connection, 'connect');
  const lines = createInterface({ input: connection })[Symbol.asyncIterator]();
  const ask = async (/** @type {object} */ request) => {
    connection.write(`${JSON.stringify(request)}\n`);
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${socket} was closed`);
      const answer = JSON.parse(value);
      if ('return' in answer) return answer.return;
      if ('error' in answer) throw new Error(answer.error.desc);
    }
  };
  try {
    await ask({ execute: 'qmp_capabilities' });
    const started = performance.now();
    const request = { execute: 'human-monitor-command', arguments: { 'command-line': 'info tlb' } };
    const text = /** @type {string} */ (await ask(request));
    return { milliseconds: performance.now() - started, mappings: text.split('\n').length - 1 };
  } finally {
    connection.destroy();
  }
}

/** @param {string} socket @param {string | undefined} gdb @param {number} repeat */
async function compareGuest(socket, gdb, repeat) {
  const { milliseconds, mappings } = await infoTlb(socket);
  console.log(`\nthe guest at ${path.basename(socket)}`);
  printRow("QEMU's info tlb: a line for each page", milliseconds, mappings, milliseconds);
  const sources = [`qmp:${socket}`, ...(gdb === undefined ? [] : [`gdb:${gdb}`])];
  for (const source of sources) {
    const name = `directmap inspect ${source.slice(0, 4)}..., start-up included`;
    printRow(name, command([source], repeat), mappings, milliseconds);
  }
}

// ---- main

/** @param {string} folder @param {{ repeat: number, large: boolean, dumps: string[], qmp: string | undefined, gdb: string | undefined }} options */
async function main(folder, { repeat, large, dumps, qmp, gdb }) {
  const [cpu] = cpus();
  const compiler = spawnSync('gcc', ['-dumpfullversion'], { encoding: 'utf8' }).stdout?.trim();
  const beside = compiler === undefined ? 'gcc is not installed: our figures only' : `gcc ${compiler} -O2`;
  console.log(`${cpu?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, Node ${process.version}; ${beside}`);
  console.log(`the fastest of ${repeat}; files are in the page cache`);
  const program = compiler === undefined ? undefined : compileLoop(folder);
  const file = path.join(folder, 'made.core');

  for (const scattered of [false, true]) {
    makeDirectMapCore(file, { gibibytes: 16, scattered });
    compare(`16 GiB in 4K, tables ${scattered ? 'scattered' : 'consecutive'}`, file, program, repeat);
  }
  makeSharedCore(file);
  compareShared(file, program, repeat);
  if (large) compareLarge(file, folder, program);
  if (dumps.length > 0) console.log('\nreal dumps');
  for (const dump of dumps) readDump(dump, repeat);
  if (dumps.length > 0) {
    console.log(
      'crash and drgn are not beside them: both want the debugging information of the very kernel, and list no page tables as a whole',
    );
  }
  if (qmp !== undefined) await compareGuest(qmp, gdb, repeat);
}

/** @param {string} file @param {string} folder @param {string | undefined} program */
function compareLarge(file, folder, program) {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < 4096 * MIB) {
    console.log('\n1 TiB in 4K: left out, as it takes 2 GiB of disk and there are less than 4 free');
    return;
  }
  makeDirectMapCore(file, { gibibytes: 1024 });
  compare('1 TiB in 4K, tables consecutive', file, program, 1);
}

const { values } = parseArgs({
  options: {
    repeat: { type: 'string', default: '5' },
    large: { type: 'boolean', default: false },
    dump: { type: 'string', multiple: true, default: [] },
    qmp: { type: 'string' },
    gdb: { type: 'string' },
    walk: { type: 'string' },
  },
});
const repeat = Number(values.repeat);
if (values.walk !== undefined) console.log(JSON.stringify(await walkHere(values.walk, repeat)));
else {
  const folder = mkdtempSync(path.join(tmpdir(), 'directmap-bench-'));
  try {
    const { large, dump, qmp, gdb } = values;
    await main(folder, { repeat, large, dumps: dump, qmp, gdb });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
