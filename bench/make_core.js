/** ELF cores of x86-64 machines that never were, with page tables as large as one likes. The files are sparse. */

import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

const PAGE = 4096;
const GIB = 2 ** 30;
/** Where the file has physical memory from 0 on. */
export const MEMORY_OFFSET = PAGE;
export const ROOT = 0x2a10000;
export const PAGE_OFFSET = -0x7780_0000_0000;

const PMD_OF_IMAGE = ROOT + PAGE;
const PUD_OF_IMAGE = ROOT + 2 * PAGE;
/** Upper tables of the direct map, then what else is made. */
const UPPER = ROOT + 16 * PAGE;
/** Leaf tables begin here where they are consecutive. */
const LEAF_TABLES = 256 * 2 ** 20;

/** P RW A D, as the kernel's tables are; leaves are global and not executable besides; PSE where large. */
const TABLE = 0x063n;
const LEAF = 0x8000_0000_0000_0163n;
const TEXT = 0x1e1n;
const PSE = 0x80n;

const VMCOREINFO = [
  ...['OSRELEASE=6.1.0-bench', 'PAGESIZE=4096', `SYMBOL(swapper_pg_dir)=ffffffff8${ROOT.toString(16)}`],
  ...['NUMBER(phys_base)=0', 'NUMBER(pgtable_l5_enabled)=0', ''],
].join('\n');

/**
 * A machine with `gibibytes` of memory, all in its direct map in leaves of 4 KiB. Its leaf tables lie one after the other
 * in memory, or `scattered` all over it.
 *
 * @param {string} path
 * @param {{ gibibytes: number, scattered?: boolean }} machine
 */
export function makeDirectMapCore(path, { gibibytes, scattered = false }) {
  withFile(path, gibibytes * GIB, (put) => {
    const count = gibibytes * 512;
    const frames = leafTableFrames(count, (gibibytes * GIB) / PAGE, scattered);
    putRoot(put, [[273, UPPER], ...imageEntries(put)], Math.ceil(gibibytes / 512));
    for (let pud = 0; pud < gibibytes / 512; pud++) {
      const size = Math.min(512, gibibytes - 512 * pud);
      putTable(put, UPPER + pud * PAGE, (index) =>
        index < size ? entry(UPPER + (1024 + 512 * pud + index) * PAGE, TABLE) : 0n,
      );
    }
    for (let pmd = 0; pmd < gibibytes; pmd++) {
      putTable(put, UPPER + (1024 + pmd) * PAGE, (index) => entry(frames(512 * pmd + index) * PAGE, TABLE));
    }
    putLeafTables(put, count, frames, scattered ? 1 : 4096);
  });
}

/**
 * A machine with as much of shared tables as Linux ever makes: espfix, where one page of stacks is at 65,536 addresses,
 * and a KASAN shadow of 16 TiB for memory that is not there, all of it the same page.
 *
 * @param {string} path
 */
export function makeSharedCore(path) {
  const [page, stacks, pmd, pud, direct] = [0, 1, 2, 3, 4].map((index) => UPPER + index * PAGE);
  const [zero, shadowPte, shadowPmd, shadowPud] = [8, 9, 10, 11].map((index) => UPPER + index * PAGE);
  withFile(path, GIB, (put) => {
    const shadow = Array.from({ length: 32 }, (_, index) => [472 + index, shadowPud ?? 0]);
    putRoot(put, [[273, direct ?? 0], ...shadow, [510, pud ?? 0], ...imageEntries(put)], 1);
    putTable(put, direct ?? 0, (index) => (index === 0 ? entry(0, LEAF | PSE) : 0n));
    // Every 16th entry of the leaf table, and clones of it above: 8 x 256 x 32 addresses.
    putTable(put, stacks ?? 0, (index) => (index % 16 === 0 ? entry(page ?? 0, LEAF) : 0n));
    putTable(put, pmd ?? 0, (index) => (index < 256 ? entry(stacks ?? 0, TABLE) : 0n));
    putTable(put, pud ?? 0, (index) => (index < 8 ? entry(pmd ?? 0, TABLE) : 0n));
    putTable(put, shadowPte ?? 0, () => entry(zero ?? 0, LEAF));
    putTable(put, shadowPmd ?? 0, () => entry(shadowPte ?? 0, TABLE));
    putTable(put, shadowPud ?? 0, () => entry(shadowPmd ?? 0, TABLE));
  });
}

/** @typedef {(address: number, bytes: Uint8Array) => void} Put Writes bytes of physical memory. */

/** @param {string} path @param {number} memory Bytes. @param {(put: Put) => void} fill */
function withFile(path, memory, fill) {
  const file = openSync(path, 'w');
  try {
    writeSync(file, headers(memory), 0, undefined, 0);
    ftruncateSync(file, MEMORY_OFFSET + memory);
    fill((address, bytes) => writeSync(file, bytes, 0, bytes.length, MEMORY_OFFSET + address));
  } finally {
    closeSync(file);
  }
}

/** The ELF header, one note, one segment of memory. @param {number} memory Bytes. */
function headers(memory) {
  const bytes = Buffer.alloc(PAGE);
  const note = Buffer.concat([Buffer.alloc(12), Buffer.from('VMCOREINFO\0\0'), Buffer.from(VMCOREINFO)]);
  note.writeUInt32LE(11, 0);
  note.writeUInt32LE(VMCOREINFO.length, 4);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(4, 16);
  bytes.writeUInt16LE(62, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(2, 56);
  putProgramHeader(bytes, 64, { type: 4, offset: 512, size: note.length });
  putProgramHeader(bytes, 120, { type: 1, offset: MEMORY_OFFSET, size: memory });
  note.copy(bytes, 512);
  return bytes;
}

/** @param {Buffer} bytes @param {number} at @param {{ type: number, offset: number, size: number }} header */
function putProgramHeader(bytes, at, { type, offset, size }) {
  bytes.writeUInt32LE(type, at);
  bytes.writeBigUInt64LE(BigInt(offset), at + 8);
  bytes.writeBigUInt64LE(BigInt(size), at + 32);
  bytes.writeBigUInt64LE(BigInt(size), at + 40);
}

/** 16 MiB of kernel image, by which its readers know the tables. @param {Put} put @returns {number[][]} */
function imageEntries(put) {
  putTable(put, PMD_OF_IMAGE, (index) => (index < 8 ? entry(2 ** 24 + index * 2 ** 21, TEXT) : 0n));
  putTable(put, PUD_OF_IMAGE, (index) => (index === 510 ? entry(PMD_OF_IMAGE, TABLE) : 0n));
  return [[511, PUD_OF_IMAGE]];
}

/** Of pairs of an index and a table; the first stands for `consecutive` of them. */
/** @param {Put} put @param {number[][]} entries @param {number} consecutive */
function putRoot(put, entries, consecutive) {
  const words = new BigUint64Array(512);
  for (const [index = 0, table = 0] of entries) words[index] = entry(table, TABLE);
  const [first = 0, table = 0] = entries[0] ?? [];
  for (let next = 1; next < consecutive; next++) words[first + next] = entry(table + next * PAGE, TABLE);
  put(ROOT, new Uint8Array(words.buffer));
}

/** @param {Put} put @param {number} address @param {(index: number) => bigint} entryAt */
function putTable(put, address, entryAt) {
  const words = BigUint64Array.from({ length: 512 }, (_, index) => entryAt(index));
  put(address, new Uint8Array(words.buffer));
}

/** @param {number} address @param {bigint} bits */
function entry(address, bits) {
  return BigInt(address) | bits;
}

/** Which frame has which leaf table. @param {number} count @param {number} frames @param {boolean} scattered */
function leafTableFrames(count, frames, scattered) {
  const first = LEAF_TABLES / PAGE;
  if (!scattered) return (/** @type {number} */ index) => first + index;
  const room = Math.floor((frames - first) / count);
  const stride = nearestCoprime(Math.floor(count * 0.618), count);
  return (/** @type {number} */ index) => first + ((index * stride) % count) * room;
}

/** @param {number} wanted @param {number} count A power of two times what is odd. */
function nearestCoprime(wanted, count) {
  const divisor = (/** @type {number} */ a, /** @type {number} */ b) => {
    let [large, small] = [a, b];
    while (small > 0) [large, small] = [small, large % small];
    return large;
  };
  let stride = wanted;
  while (divisor(stride, count) !== 1) stride++;
  return stride;
}

/** All leaf tables, `batch` of them at a time if they are consecutive. */
/** @param {Put} put @param {number} count @param {(index: number) => number} frames @param {number} batch */
function putLeafTables(put, count, frames, batch) {
  for (let first = 0; first < count; first += batch) {
    const tables = Math.min(batch, count - first);
    const halves = new Uint32Array(1024 * tables);
    for (let index = 0; index < 512 * tables; index++) {
      const frame = 512 * first + index;
      halves[2 * index] = ((frame << 12) | Number(LEAF & 0xfffn)) >>> 0;
      halves[2 * index + 1] = ((frame >>> 20) | 0x8000_0000) >>> 0;
    }
    put(frames(first) * PAGE, new Uint8Array(halves.buffer));
  }
}
