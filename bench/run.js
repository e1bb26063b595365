/**
 * How fast the model is, beside a stated reference in the same run. Build first: `npm run bench` does.
 *
 * The reference is what one would write first: page tables as a Map from frame to BigUint64Array, entries as bigints,
 * a walk of four levels and one entry changed. No locks, events, undo, hash, aliases or protections.
 */

import { cpus } from 'node:os';
import { measure } from 'mitata';
import { bootX86 } from '../dist/linux/arch/x86/boot.js';
import { X86_CALLS } from '../dist/linux/arch/x86/calls.js';
import { X86 } from '../dist/linux/arch/x86/index.ts';
import {
  set_direct_map_default_noflush,
  set_direct_map_invalid_noflush,
} from '../dist/linux/arch/x86/mm/pat/set_memory.js';
import { parseConfig } from '../dist/linux/config.js';
import { PRESETS, parseKernelVersion } from '../dist/linux/kernels.js';
import { qemuPcMemory } from '../dist/linux/machine.js';
import { runTask } from '../dist/linux/task.js';

const PAGES = 512;
const MIX_CALLS = 1000;
/** Of the random calls: those of 1 to 16 pages, and the three in twelve that take one page. */
const MEAN_PAGES = (9 * 8.5 + 3) / 12;

/** @param {string} kernel @param {number} ram @param {4 | 5} levels */
function boot(kernel, ram, levels) {
  const config = parseConfig([], 'bench', X86);
  const features = { gbpages: true, pcid: false, encryption_bit: undefined };
  return bootX86({
    version: parseKernelVersion(kernel, 'bench', X86),
    machine: { memory: qemuPcMemory(ram), cpus: 1, paging_levels: levels, index_bits: 9, features },
    config,
    boot: X86.parseBoot('', config, 'bench'),
  }).kernel;
}

/** The reference: P and RW of one entry after the other cleared and set again. */
function createReference() {
  /** @type {Map<bigint, BigUint64Array>} */
  const pages = new Map();
  for (let frame = 1n; frame <= 4n; frame++)
    pages.set(frame, new BigUint64Array(512).fill(((frame + 1n) << 12n) | 0x63n));
  let address = 0xffff888000000000n;
  const call = () => {
    let frame = 1n;
    for (let shift = 39n; ; shift -= 9n) {
      const table = pages.get(frame);
      const index = Number((address >> shift) & 511n);
      const entry = table?.[index] ?? 0n;
      if (table !== undefined && shift === 12n) {
        table[index] = entry ^ 3n;
        return;
      }
      frame = (entry >> 12n) & 0xff_ffff_ffffn;
    }
  };
  return () => {
    call();
    call();
    address = 0xffff888000000000n + ((address + 4096n) & 0x1ff000n);
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

const reference = await nanoseconds(createReference(), 2);
const row = (/** @type {string} */ name, /** @type {number} */ ns) => {
  const perSecond = Math.round(1e9 / ns).toLocaleString('en-US');
  const ratio = (ns / reference).toFixed(2);
  console.log(
    `${name.padEnd(50)} ${ns.toFixed(0).padStart(6)} ns ${perSecond.padStart(12)}/s ${ratio.padStart(6)} x`,
  );
};
console.log(`${'per call, or per page where said'.padEnd(53)} median       rate   reference`);
row('reference: bigint walk and change of one entry', reference);

for (const { name } of PRESETS) {
  const k = boot(name, 2 ** 32, 4);
  const first = k.frames.allocate(10, undefined) ?? 0;
  runTask(set_direct_map_invalid_noflush(k, first));
  runTask(set_direct_map_default_noflush(k, first));
  row(`${name} invalid/default on a split 2M`, await nanoseconds(createPair(k, first), 2));
  const mix = await nanoseconds(createMix(k, first), MIX_CALLS);
  row(`${name} random calls of 1 to 16 pages, and undo`, mix);
  row(`${name} the same, per page`, mix / MEAN_PAGES);
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
