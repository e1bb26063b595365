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
const leave = new AbortController();
/** How long a stub may take to begin to answer once nobody wants it any more, in milliseconds. */
const LEAVING = 500;

/** Anything but bad input is a bug, and ends the thread. */
function failed(error: unknown): Failed {
  if (error instanceof InputError) return { problem: error.problem };
  throw error;
}

async function answer(attached: Promise<GdbGuest>, request: Request): Promise<Answer> {
  if (request !== 'detach') return { frame: await (await attached).readFrame(request.pfn) };
  setTimeout(() => leave.abort(), LEAVING);
  await (await attached).detach();
  return { frame: undefined };
}

async function main(): Promise<void> {
  const attached = GdbGuest.attach(address, where, silence, leave.signal);
  port.on('message', async (request: Request) => {
    port.postMessage(await answer(attached, request).catch(failed));
    Atomics.store(answered, 0, 1);
    Atomics.notify(answered, 0);
  });
  parentPort?.postMessage({ facts: (await attached).facts } satisfies Opened);
}

main().catch((error) => parentPort?.postMessage(failed(error)));
