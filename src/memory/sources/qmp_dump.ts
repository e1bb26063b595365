/** A guest of QEMU, dumped into a file (dump/dump.c and qapi/dump.json of QEMU). */

import { statfsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InputError } from '../../errors.ts';
import { isObject, type QmpConnection } from './qmp_connection.ts';
import { unreadable } from './socket_address.ts';

/** Smallest first, of those that QEMU can write: `query-dump-guest-memory-capability`. */
const FORMATS = ['kdump-zlib', 'elf'] as const;
type Format = (typeof FORMATS)[number];

/** How often QEMU is asked how far it is, and how long it may get no further, in milliseconds. */
const POLL = 50;
const STALL = 60_000;

/**
 * QEMU writes a dump of the guest's memory, whole. The guest stands still meanwhile, and runs on if it did before.
 * @throws InputError where QEMU refuses, fails, or gets no further.
 */
export async function dump(connection: QmpConnection, file: string): Promise<void> {
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
