/** A real kernel under QEMU, and what it takes to have one. */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeInitramfs, READY } from './initramfs.js';

/** Bytes of RAM. From 3.5 GiB on, QEMU's PC has it in two pieces, below 3 GiB and above 4 GiB. */
const MEMORY = 4 * 2 ** 30;
/** A dump of all of it, and the smaller ones. */
const DISK = 2 * MEMORY;
const BOOT_SECONDS = 180;
const QEMU = 'qemu-system-x86_64';

/** What is not there is no failure. */
export class Skipped extends Error {}

/** @typedef {{ kernel: string, module: string | undefined, busybox: string }} Parts Paths. */
/**
 * @typedef {{ ram: string, qmp: string, gdb: string, phys: string, printed: string }} Guest The file of its memory, where
 *   in that physical memory lies, its sockets, and what init said.
 */

/**
 * @param {string} folder to fetch a kernel to
 * @param {{ kernel?: string | undefined, module?: string | undefined, busybox?: string | undefined }} asked
 * @returns {Parts}
 * @throws {Skipped}
 */
export function findParts(folder, asked) {
  if (!runs(QEMU, '--version')) throw new Skipped(`there is no ${QEMU}`);
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < DISK) throw new Skipped(`${folder} has no room for ${DISK} bytes`);
  const busybox = asked.busybox ?? ['/usr/bin/busybox', '/bin/busybox'].find((file) => existsSync(file));
  if (busybox === undefined) throw new Skipped('there is no busybox (Debian: busybox-static)');
  if (readFileSync(busybox).includes('/ld-linux')) throw new Skipped(`${busybox} is not statically linked`);
  if (asked.kernel !== undefined) return { kernel: asked.kernel, module: asked.module, busybox };
  const kernel = kernelIn('/') ?? fetchKernel(folder);
  if (kernel === undefined)
    throw new Skipped('there is no kernel in /boot, and none that apt-get can download');
  return { ...kernel, busybox };
}

/**
 * The newest kernel that is installed below a root folder, if it can be read.
 * @param {string} root
 */
function kernelIn(root) {
  const boot = path.join(root, 'boot');
  const name = (existsSync(boot) ? readdirSync(boot) : [])
    .filter((file) => /^vmlinuz-\d/.test(file))
    .sort()
    .at(-1);
  if (name === undefined) return undefined;
  const kernel = path.join(boot, name);
  const modules = path.join(root, 'lib/modules', name.slice('vmlinuz-'.length), 'kernel/drivers/firmware');
  const module = path.join(modules, 'qemu_fw_cfg.ko');
  try {
    readFileSync(kernel);
  } catch {
    return undefined;
  }
  return { kernel, module: existsSync(module) ? module : undefined };
}

/**
 * The kernel that Debian's linux-image-amd64 depends on, unpacked and not installed.
 * @param {string} folder
 */
function fetchKernel(folder) {
  const depends = spawnSync('apt-cache', ['depends', 'linux-image-amd64'], { encoding: 'utf8' });
  const name = /Depends: (linux-image-\S+)/.exec(depends.stdout ?? '')?.[1];
  if (name === undefined || spawnSync('apt-get', ['download', name], { cwd: folder }).status !== 0)
    return undefined;
  const file = readdirSync(folder).find((entry) => entry.endsWith('.deb'));
  if (file === undefined) return undefined;
  const unpacked = path.join(folder, 'linux');
  if (spawnSync('dpkg-deb', ['-x', path.join(folder, file), unpacked]).status !== 0) return undefined;
  return kernelIn(unpacked);
}

/**
 * Boots, and waits until init has nothing more to do. QEMU ends when this program does.
 * @param {string} folder
 * @param {Parts} parts
 * @returns {Promise<Guest>}
 */
export async function boot(folder, { kernel, module, busybox }) {
  const file = (/** @type {string} */ name) => path.join(folder, name);
  const paths = { ram: file('ram'), qmp: file('qmp'), gdb: file('gdb'), console: file('console') };
  const moduleBytes = module === undefined ? undefined : readFileSync(module);
  writeFileSync(file('initramfs'), makeInitramfs(readFileSync(busybox), moduleBytes));
  const qemu = spawn(
    QEMU,
    [
      ...['-accel', 'tcg', '-cpu', 'max', '-m', `${MEMORY / 2 ** 20}M`, '-machine', 'pc,memory-backend=ram'],
      ...['-object', `memory-backend-file,id=ram,size=${MEMORY},mem-path=${paths.ram},share=on`],
      ...['-nodefaults', '-display', 'none', '-no-reboot', '-device', 'vmcoreinfo'],
      ...['-kernel', kernel, '-initrd', file('initramfs')],
      ...['-append', 'console=ttyS0 quiet panic=-1 secretmem.enable=1'],
      ...['-serial', `file:${paths.console}`, '-gdb', `unix:${paths.gdb},server=on,wait=off`],
      ...['-qmp', `unix:${paths.qmp},server=on,wait=off`],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  process.on('exit', () => qemu.kill('SIGKILL'));
  const text = () => (existsSync(paths.console) ? readFileSync(paths.console, 'utf8') : '');
  const deadline = performance.now() + BOOT_SECONDS * 1000;
  while (!text().includes(READY)) {
    if (qemu.exitCode !== null) throw new Error(`${QEMU} ended:\n${text()}`);
    if (performance.now() > deadline) {
      throw new Error(`no guest within ${BOOT_SECONDS} s:\n${text()}`);
    }
    await sleep(200);
  }
  return { ...paths, phys: '0,0x100000000@0xc0000000', printed: text() };
}

/**
 * @param {string} program
 * @param {string} option
 */
export function runs(program, option) {
  return spawnSync(program, [option]).error === undefined;
}
