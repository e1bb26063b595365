/**
 * Boots a real kernel under QEMU, and reads its page tables in every way there is: at the debugger port, by QMP, from its
 * RAM, from the dumps of QEMU and of makedumpfile. All have to give one answer.
 *
 *     node test/real/run.js [--kernel FILE] [--module qemu_fw_cfg.ko] [--busybox FILE] [--folder FOLDER]
 *
 * Without --kernel it takes that of /boot, or downloads Debian's. Exit status 0 if all agree, or if there is no QEMU or
 * no kernel, and it says so; 1 if they differ. The project has to be built.
 */

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { boot, findParts, runs, Skipped } from './guest.js';
import { SECRET_PAGES } from './initramfs.js';

const compiled = new URL('../../dist/memory/sources/qmp_connection.js', import.meta.url).href;
/** @type {typeof import('../../src/memory/sources/qmp_connection.ts')} */
const { QmpConnection } = await import(compiled);

const DIRECTMAP = path.join(import.meta.dirname, '../../bin/directmap');
const SILENCE = 60_000;

/** @type {Map<string, string[]>} what was found -> the sources where it was */
const answers = new Map();

/**
 * @param {string} name for people
 * @param {string[]} args
 */
function inspect(name, ...args) {
  const began = performance.now();
  const { stdout, stderr, status } = spawnSync(process.execPath, [DIRECTMAP, 'inspect', ...args, '--json'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const answer =
    status === 0 ? leavesOf(stdout) : `exit status ${status}: ${stderr.trim() || stdout.slice(0, 500)}`;
  const names = answers.get(answer) ?? [];
  answers.set(answer, [...names, name]);
  console.log(`${name.padEnd(26)} ${seconds.padStart(5)} s  ${names.length === 0 ? answer : 'the same'}`);
}

/** @param {string} json */
function leavesOf(json) {
  const { arch, directMap, linearLeaves } = JSON.parse(json);
  /** @type {[string, Record<string, number>][]} */
  const sizes = Object.entries(linearLeaves);
  const leaves = sizes.map(([size, byBits]) => {
    const bits = Object.entries(byBits).sort(([a], [b]) => (a < b ? -1 : 1));
    return `${size}: ${bits.map(([word, count]) => `${count} x ${word}`).join(', ')}`;
  });
  return `${arch} ${directMap?.start} ${leaves.join('; ')}`;
}

/**
 * @param {import('../../src/memory/sources/qmp_connection.ts').QmpConnection} qmp
 * @param {string} file
 * @param {string} format
 */
async function dump(qmp, file, format) {
  await qmp.execute('dump-guest-memory', { paging: false, protocol: `file:${file}`, format });
}

/**
 * The program headers moved to where makedumpfile 1.7 expects them, right behind the ELF header. QEMU since v7.1 has a
 * section header there, which nobody needs.
 * @param {string} file
 */
function moveProgramHeaders(file) {
  const descriptor = openSync(file, 'r+');
  const header = Buffer.alloc(64);
  readSync(descriptor, header, 0, 64, 0);
  const table = Buffer.alloc(header.readUInt16LE(54) * header.readUInt16LE(56));
  readSync(descriptor, table, 0, table.length, Number(header.readBigUInt64LE(32)));
  header.writeBigUInt64LE(64n, 32);
  header.writeBigUInt64LE(0n, 40);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(0, 60);
  header.writeUInt16LE(0, 62);
  writeSync(descriptor, Buffer.concat([header, table]), 0, 64 + table.length, 0);
  closeSync(descriptor);
}

/**
 * @param {string} elf of QEMU
 * @param {string} folder
 */
function inspectMakedumpfile(elf, folder) {
  if (!runs('makedumpfile', '-v')) {
    console.log('no makedumpfile: its dumps are not tried');
    return;
  }
  moveProgramHeaders(elf);
  const { stdout, stderr } = spawnSync('makedumpfile', ['-v'], { encoding: 'utf8' });
  const offers = (/** @type {string} */ name) => new RegExp(`${name}\\s+enabled`).test(stdout + stderr);
  const ways = [
    ['zlib', '-c'],
    ...(offers('lzo') ? [['lzo', '-l']] : []),
    ...(offers('snappy') ? [['snappy', '-p']] : []),
    ...(offers('zstd') ? [['zstd', '-z']] : []),
  ];
  const filtered = [[], ...ways.map(([, option = '']) => [option]), ['-E']].map((options) => [
    ...options,
    '-d',
    '31',
  ]);
  for (const options of [...ways.map(([, option = '']) => [option]), ...filtered]) {
    const file = path.join(folder, 'makedumpfile');
    const made = spawnSync('makedumpfile', [...options, elf, file], { encoding: 'utf8' });
    const name = `makedumpfile ${options.join(' ')}`;
    if (made.status === 0) inspect(name, file);
    else answers.set(`${name}: ${made.stderr}`, [name]);
    rmSync(file, { force: true });
  }
  const flattened = spawnSync('makedumpfile', ['-F', '-c', '-d', '31', elf], { maxBuffer: 2 ** 30 });
  const file = path.join(folder, 'flattened');
  writeFileSync(file, flattened.stdout);
  inspect('makedumpfile -F -c -d 31', file);
}

/**
 * @param {string} folder
 * @param {import('./guest.js').Guest} guest
 */
async function readEveryWay(folder, guest) {
  inspect('debugger port', `gdb:${guest.gdb}`);
  inspect('QMP', `qmp:${guest.qmp}`);
  const qmp = await QmpConnection.open(guest.qmp, 'qmp', SILENCE);
  const status = /** @type {{ running: boolean }} */ (await qmp.execute('query-status'));
  if (!status.running) answers.set('the guest does not run on after it was read', ['status']);
  await qmp.execute('stop');
  inspect('RAM', guest.ram, '--arch', 'x86_64', '--phys-base', guest.phys);
  const kdump = path.join(folder, 'kdump');
  await dump(qmp, kdump, 'kdump-zlib');
  inspect('QEMU kdump-zlib', kdump);
  const elf = path.join(folder, 'elf');
  await dump(qmp, elf, 'elf');
  inspect('QEMU ELF', elf);
  await qmp.execute('quit');
  qmp.close();
  inspectMakedumpfile(elf, folder);
}

/** @returns {boolean} whether there is one answer, and it has the pages that were made secret */
function judge() {
  const [answer = ''] = answers.keys();
  if (answers.size > 1) {
    for (const [different, names] of answers) console.log(`${names.join(', ')}:\n    ${different}`);
    console.log('they differ');
    return false;
  }
  // Not present, of the kernel, not to be executed; nothing else of a direct map is so.
  const secret = Number(/(\d+) x 0x80000000000000[0-9a-f][02468ace]\b/.exec(answer)?.[1]);
  if (secret === SECRET_PAGES) return true;
  console.log(`${secret} pages are not present, and ${SECRET_PAGES} should be`);
  return false;
}

async function main() {
  const { values } = parseArgs({
    options: {
      kernel: { type: 'string' },
      module: { type: 'string' },
      busybox: { type: 'string' },
      folder: { type: 'string', default: tmpdir() },
    },
  });
  const folder = mkdtempSync(path.join(path.resolve(values.folder), 'directmap-real-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
  const guest = await boot(folder, findParts(folder, values));
  console.log(guest.printed.trim());
  await readEveryWay(folder, guest);
  process.exitCode = judge() ? 0 : 1;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Skipped)) throw error;
  console.log(`skipped: ${error.message}`);
}
