/** Live guests of QEMU as physical memory: QEMU dumps the guest into a file, and the file is read. */

import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InputError } from '../../errors.ts';
import { atExit } from './at_exit.ts';
import type { OpenedGuest } from './gdb_memory.ts';
import { openMemory } from './open_memory.ts';
import { isObject, QmpConnection } from './qmp_connection.ts';
import { SILENCE, unreadable } from './socket_address.ts';

export interface QmpOptions {
  /** Where the dump goes until it is read, a folder that QEMU can write to; the system's for temporary files. */
  readonly folder?: string;
  /** How long QEMU may not answer, in milliseconds. */
  readonly silence?: number;
}

/** Smallest first, of those that QEMU can write: `query-dump-guest-memory-capability`. */
const FORMATS = ['kdump-zlib', 'elf'] as const;
type Format = (typeof FORMATS)[number];

/** How often QEMU is asked how far it is, and how long it may get no further, in milliseconds. */
const POLL = 50;
const STALL = 60_000;

/**
 * Dumps the guest at "qmp:HOST:PORT" or "qmp:/path/to/socket", and opens the dump. QEMU stops the guest while it writes,
 * and lets it run on if it did before. No file is left, however this ends.
 * @throws InputError where QEMU does not answer, refuses, or writes to another file system than this program reads.
 */
export async function openQmp(address: string, options: QmpOptions = {}): Promise<OpenedGuest> {
  const { folder = tmpdir(), silence = SILENCE } = options;
  const connection = await QmpConnection.open(address.replace(/^qmp:/, ''), address, silence);
  try {
    return await inFolder(folder, address, async (own) => {
      const file = path.join(own, 'guest.dump');
      await dump(connection, file);
      if (!existsSync(file)) {
        const because = `QEMU wrote ${file}, and it is not there: QEMU and directmap have to see the same files`;
        throw unreadable(address, because);
      }
      const { memory, close } = await openMemory(file);
      if (memory === undefined) throw unreadable(address, 'what QEMU wrote is no dump');
      return { memory, close };
    });
  } finally {
    connection.close();
  }
}

/**
 * Opens a file in a folder of its own, which is gone when this returns: the file that is open needs no name any more.
 */
async function inFolder<T>(parent: string, where: string, open: (own: string) => Promise<T>): Promise<T> {
  const own = makeFolder(parent, where);
  const remove = () => rmSync(own, { recursive: true, force: true });
  const forget = atExit(remove);
  try {
    return await open(own);
  } finally {
    forget();
    remove();
  }
}

function makeFolder(parent: string, where: string): string {
  try {
    return mkdtempSync(path.join(path.resolve(parent), 'directmap-'));
  } catch (error) {
    throw unreadable(where, `no folder for its dump: ${error instanceof Error ? error.message : error}`);
  }
}

async function dump(connection: QmpConnection, file: string): Promise<void> {
  const format = await chooseFormat(connection);
  if (format === 'elf') await checkRoom(connection, path.dirname(file));
  await connection.execute('dump-guest-memory', {
    paging: false,
    protocol: `file:${file}`,
    detach: true,
    format,
  });
  let furthest = -1;
  let since = performance.now();
  for (;;) {
    const { status, completed } = await progress(connection);
    if (status === 'completed') return;
    if (status === 'failed') {
      // The event with the reason may come after the answer.
      await progress(connection);
      const reason = connection.event('DUMP_COMPLETED')?.error;
      throw unreadable(connection.where, `QEMU could not dump it: ${reason ?? 'it does not say why'}`);
    }
    if (completed > furthest) {
      furthest = completed;
      since = performance.now();
    } else if (performance.now() - since > STALL) {
      throw unreadable(connection.where, `its dump has stood still for ${STALL / 1000} s`);
    }
    await sleep(POLL);
  }
}

async function chooseFormat(connection: QmpConnection): Promise<Format> {
  const capability = await connection.execute('query-dump-guest-memory-capability');
  const formats = isObject(capability) ? capability.formats : undefined;
  const format = FORMATS.find((name) => Array.isArray(formats) && formats.includes(name));
  if (format !== undefined) return format;
  const because = `QEMU offers no dump of it but ${formats}; directmap can read it at its debugger port`;
  throw unreadable(connection.where, because);
}

/** An ELF dump is as large as the guest. */
async function checkRoom(connection: QmpConnection, folder: string): Promise<void> {
  const summary = await connection.execute('query-memory-size-summary');
  const size = isObject(summary)
    ? Number(summary['base-memory']) + Number(summary['plugged-memory'] ?? 0)
    : 0;
  const { bavail, bsize } = statfsSync(folder);
  if (size <= bavail * bsize) return;
  const because = `its dump takes ${size} bytes, and ${path.dirname(folder)} has room for ${bavail * bsize}`;
  throw unreadable(connection.where, because);
}

async function progress(connection: QmpConnection): Promise<{ status: string; completed: number }> {
  const answer = await connection.execute('query-dump');
  if (isObject(answer) && typeof answer.status === 'string') {
    return { status: answer.status, completed: Number(answer.completed) };
  }
  throw new InputError({
    code: 'bad-format',
    what: 'answer to query-dump',
    where: connection.where,
    found: JSON.stringify(answer),
    expected: 'status and completed',
  });
}
