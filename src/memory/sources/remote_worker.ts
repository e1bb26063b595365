/** A worker thread: keeps the connection to a guest, and reads the frames that it is told to. */

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { InputError } from '../../errors.ts';
import { GdbGuest, type GuestFacts } from './gdb_guest.ts';
import type { RemoteAddress } from './remote_frames.ts';

export interface WorkerData extends RemoteAddress {
  port: MessagePort;
  /** Set to 1 when there is an answer. */
  answered: Int32Array;
}

type Failed = { problem: InputError['problem'] };

/** Sent once, to the one who started the thread. */
export type Opened = { facts: GuestFacts } | Failed;

export type Request = { pfn: number } | 'detach';

export type Answer = { frame: Uint8Array | undefined } | Failed;

const { address, where, silence, port, answered } = workerData as WorkerData;

/** Anything but bad input is a bug, and ends the thread. */
function failed(error: unknown): Failed {
  if (error instanceof InputError) return { problem: error.problem };
  throw error;
}

async function answer(guest: GdbGuest, request: Request): Promise<Answer> {
  if (request !== 'detach') return { frame: await guest.readFrame(request.pfn) };
  await guest.detach();
  return { frame: undefined };
}

async function main(): Promise<void> {
  const guest = await GdbGuest.attach(address, where, silence);
  port.on('message', async (request: Request) => {
    port.postMessage(await answer(guest, request).catch(failed));
    Atomics.store(answered, 0, 1);
    Atomics.notify(answered, 0);
  });
  parentPort?.postMessage({ facts: guest.facts } satisfies Opened);
}

main().catch((error) => parentPort?.postMessage(failed(error)));
