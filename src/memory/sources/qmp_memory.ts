/** Live guests of QEMU as physical memory: QEMU dumps the guest into a file, and the file is read. */

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { atExit } from './at_exit.ts';
import type { OpenedGuest } from './gdb_memory.ts';
import { askGuest, guestDump } from './guest_dump.ts';
import { openMemory } from './open_memory.ts';
import { QmpConnection } from './qmp_connection.ts';
import { dump } from './qmp_dump.ts';
import { SILENCE, unreadable } from './socket_address.ts';

export interface QmpOptions {
  /** Where the dump goes until it is read, a folder that QEMU can write to; the system's for temporary files. */
  readonly folder?: string;
  /** How long QEMU may not answer, in milliseconds. */
  readonly silence?: number;
}

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
      const told = await askGuest(connection);
      await dump(connection, file);
      if (!existsSync(file)) {
        const because = `QEMU wrote ${file}, and it is not there: QEMU and directmap have to see the same files`;
        throw unreadable(address, because);
      }
      const { memory, close } = await openMemory(file);
      if (memory !== undefined) return { memory: guestDump(memory, told), close };
      close();
      throw unreadable(address, 'what QEMU wrote is no dump');
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
