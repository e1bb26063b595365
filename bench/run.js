/**
 * How fast the model is, beside a stated reference in the same run. Build first: `npm run bench` does.
 *
 * The reference is the least that a call like set_direct_map_invalid_noflush() must do on a 4-level machine: walk
 * four tables and store one entry, in plain loops over one Uint32Array, without locks, events, undo or hash.
 */

import { cpus } from 'node:os';
import { measure } from 'mitata';
import { bootX86 } from '../dist/linux/arch/x86/boot.js';
import { X86_CALLS } from '../dist/linux/arch/x86/calls.js';
import {
  set_direct_map_default_noflush,
  set_direct_map_invalid_noflush,
} from '../dist/linux/arch/x86/mm/pat/set_memory.js';
import { parseBootParameters } from '../dist/linux/boot_parameters.js';
import { parseConfig } from '../dist/linux/config.js';
import { PRESETS, parseKernelVersion } from '../dist/linux/kernels.js';
import { qemuPcMemory } from '../dist/linux/machine.js';
import { runTask } from '../dist/linux/task.js';

const PAGES = 512;
const MIX_CALLS = 1000;

/** @param {string} kernel @param {number} ram @param {4 | 5} levels */
function boot(kernel, ram, levels) {
  const config = parseConfig([], 'bench');
  const features = { gbpages: true, pcid: false, encryption_bit: undefined };
  return bootX86({
    version: parseKernelVersion(kernel, 'bench'),
    machine: { memory: qemuPcMemory(ram), cpus: 1, paging_levels: levels, index_bits: 9, features },
    config,
    boot: parseBootParameters('', config, 'bench'),
  }).kernel;
}

/** The reference: four levels in one array, one store. */
function createReference() {
  const words = new Uint32Array(4 * 1024 + 1024);
  for (let level = 0; level < 3; level++) words[level * 1024 + 2 * 5] = (level + 1) * 1024;
  let page = 0;
  return () => {
    let table = 0;
    for (let level = 0; level < 3; level++) table = words[table + 2 * 5];
    words[table + 2 * page] ^= 3;
    page = (page + 1) % PAGES;
  };
}

/** @param {ReturnType<typeof boot>} k @param {number} first */
function createPair(k, first) {
  let page = 0;
  return () => {
    runTask(set_direct_map_invalid_noflush(k, first + page));
    runTask(set_direct_map_default_noflush(k, first + page));
    page = (page + 1) % PAGES;
    if (page === 0) k.memory.commit();
  };
}

/** A fixed sequence of pseudo-random numbers (xorshift32). @param {number} seed */
function createRandom(seed) {
  let state = seed;
  return (/** @type {number} */ below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Random calls as in the recordings, on 4M of our own, from a mark that is returned to. */
function createMix(/** @type {ReturnType<typeof boot>} */ k, /** @type {number} */ first) {
  const wanted =
    /^(set_memory_(np|p|ro|rw|x|nx|4k|global|nonglobal)|set_direct_map_(invalid|default)_noflush|kernel_page_present)$/;
  const calls = X86_CALLS.filter((call) => wanted.test(call.name));
  return () => {
    const random = createRandom(1);
    const mark = k.mark();
    for (let i = 0; i < MIX_CALLS; i++) {
      const call = calls[random(calls.length)];
      const page = first + random(1024);
      const args = call.parameters.map(({ kind }) => {
        if (kind === 'address') return k.page_address(page);
        return kind === 'page' ? page : 1 + random(16);
      });
      runTask(call.run(k, args));
    }
    k.undo(mark);
  };
}

/** Writes, and takes them back. */
function createUndo(/** @type {ReturnType<typeof boot>} */ k, /** @type {number} */ first) {
  return () => {
    const mark = k.mark();
    runTask(set_direct_map_invalid_noflush(k, first));
    k.undo(mark);
  };
}

const [cpu] = cpus();
console.log(
  `${cpu?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, Node ${process.version}, one core used\n`,
);

/** Median nanoseconds per operation. @param {() => void} body @param {number} operations */
async function nanoseconds(body, operations) {
  const { p50 } = await measure(body);
  return p50 / operations;
}

const reference = await nanoseconds(createReference(), 1);
const row = (/** @type {string} */ name, /** @type {number} */ ns) => {
  const perSecond = Math.round(1e9 / ns).toLocaleString('en-US');
  const ratio = (ns / reference).toFixed(0);
  console.log(
    `${name.padEnd(52)} ${ns.toFixed(0).padStart(6)} ns ${perSecond.padStart(12)}/s ${ratio.padStart(5)} x`,
  );
};
console.log(`${'per call'.padEnd(55)} median       rate  reference`);
row('reference: bare walk and store', reference);

for (const { name } of PRESETS) {
  const k = boot(name, 2 ** 32, 4);
  const first = k.frames.allocate(10, undefined) ?? 0;
  runTask(set_direct_map_invalid_noflush(k, first));
  runTask(set_direct_map_default_noflush(k, first));
  row(`${name} invalid/default on a split 2M`, await nanoseconds(createPair(k, first), 2));
  row(`${name} random mix and back, 1000 calls`, await nanoseconds(createMix(k, first), MIX_CALLS));
  row(`${name} invalid and undo`, await nanoseconds(createUndo(k, first), 1));
}

const before = process.memoryUsage().rss;
const started = performance.now();
const large = boot('v7.2.13', 2 ** 46, 5);
const milliseconds = performance.now() - started;
const mebibytes = (process.memoryUsage().rss - before) / 2 ** 20;
console.log(
  `\nboot of 64 TiB, 5 levels: ${milliseconds.toFixed(0)} ms, ${mebibytes.toFixed(0)} MiB, ${large.memory.pagesHeld} tables`,
);
