/**
 * Frames of a guest, synchronously: a walk asks for one after the other and cannot wait for a socket. A thread of its own
 * owns the socket, and this one sleeps until the frame is there.
 */

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { InputError } from '../../errors.ts';
import type { FrameSource } from '../machine_memory.ts';
import { atExit } from './at_exit.ts';
import type { GuestFacts } from './gdb_guest.ts';
import type { Answer, Opened, Request, WorkerData } from './remote_worker.ts';
import { unreadable } from './socket_address.ts';

/** Compiled, as all that runs here. */
const WORKER = new URL('./remote_worker.js', import.meta.url);

/** Frames kept after they were read, 1 MiB: the guest stands still. */
const CACHED_FRAMES = 256;
/** How much later than the thread that watches the socket this one gives up, in milliseconds. */
const GRACE = 2000;

export interface RemoteAddress {
  /** As of `parseSocketAddress`. */
  address: string;
  /** Names the guest in errors. */
  where: string;
  /** How long it may be silent, in milliseconds. */
  silence: number;
}

export class RemoteFrames implements FrameSource {
  /** Known when it is open. */
  facts!: GuestFacts;
  readonly #remote: RemoteAddress;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  /** 1: there is an answer. */
  readonly #answered: Int32Array;
  readonly #cache = new Map<number, Uint8Array | undefined>();
  readonly #forget: () => void;
  #closed = false;

  private constructor(remote: RemoteAddress) {
    const { port1, port2 } = new MessageChannel();
    this.#remote = remote;
    this.#port = port1;
    this.#answered = new Int32Array(new SharedArrayBuffer(4));
    // QEMU stops the guest as soon as the thread connects.
    this.#forget = atExit(() => this.close());
    const workerData: WorkerData = { ...remote, port: port2, answered: this.#answered };
    this.#worker = new Worker(WORKER, { workerData, transferList: [port2] });
  }

  /** @throws InputError as `GdbGuest.attach`. */
  static async open(remote: RemoteAddress): Promise<RemoteFrames> {
    const frames = new RemoteFrames(remote);
    try {
      frames.facts = await frames.#attached();
      return frames;
    } catch (error) {
      await frames.#end();
      throw error;
    }
  }

  readFrame(pfn: number): Uint8Array | undefined {
    if (this.#cache.has(pfn)) return this.#cached(pfn);
    const answer = this.#ask({ pfn });
    if ('problem' in answer) throw new InputError(answer.problem);
    if (this.#cache.size === CACHED_FRAMES) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(pfn, answer.frame);
    return answer.frame;
  }

  /** Lets the guest go. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    try {
      this.#ask('detach');
    } catch {
      // A guest that does not answer has nothing to be released from.
    }
    void this.#end();
  }

  async #attached(): Promise<GuestFacts> {
    const opened = await new Promise<Opened>((resolve, reject) => {
      this.#worker.once('message', resolve);
      this.#worker.once('error', reject);
      this.#worker.once('exit', () => reject(unreadable(this.#remote.where, 'its thread ended')));
    });
    if ('problem' in opened) throw new InputError(opened.problem);
    return opened.facts;
  }

  async #end(): Promise<void> {
    this.#closed = true;
    this.#forget();
    this.#port.close();
    await this.#worker.terminate();
  }

  /** Moves it to the end of those to be dropped. */
  #cached(pfn: number): Uint8Array | undefined {
    const frame = this.#cache.get(pfn);
    this.#cache.delete(pfn);
    this.#cache.set(pfn, frame);
    return frame;
  }

  #ask(request: Request): Answer {
    const { where, silence } = this.#remote;
    if (this.#closed) throw unreadable(where, 'it was closed');
    Atomics.store(this.#answered, 0, 0);
    this.#port.postMessage(request);
    Atomics.wait(this.#answered, 0, 0, silence + GRACE);
    const received = receiveMessageOnPort(this.#port) as { message: Answer } | undefined;
    if (received === undefined) throw unreadable(where, `no answer within ${silence / 1000} s`);
    return received.message;
  }
}
