/** Bytes that come one after another and are kept: in memory while they are few, in a temporary file beyond that. */

import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import path from 'node:path';
import { InputError } from '../../errors.ts';
import { type ByteSource, bytesSource } from '../byte_source.ts';
import { FileSource, reason } from './file_source.ts';

export interface UnpackLimits {
  /** Bytes that are kept in memory; more go into a file. */
  readonly memory: number;
  /** Bytes that are unpacked at most, zeros included. */
  readonly total: number;
  /** Where the file is made. */
  readonly directory: string;
  /** Bytes that are left free in the file system of that directory. */
  readonly spare: number;
}

/** A source that is to be closed after use. A second call does nothing. */
export interface ClosableSource extends ByteSource {
  close(): void;
}

/** Zeros are looked for in blocks of this size, in bytes, and not written. */
const BLOCK_SIZE = 4096;
const ZEROS = Buffer.alloc(BLOCK_SIZE);
/** Free space is asked for again after so many bytes. */
const CHECK_EVERY = 2 ** 28;

export class UnpackedBytes {
  readonly #where: string;
  readonly #limits: UnpackLimits;
  #chunks: Uint8Array[] = [];
  #descriptor: number | undefined;
  #size = 0;
  /** How many bytes may be written before free space is asked for. */
  #allowance = 0;

  /** `where` names the file that is unpacked, for errors. */
  constructor(where: string, limits: UnpackLimits) {
    this.#where = where;
    this.#limits = limits;
  }

  /**
   * Takes the bytes over: nobody may change them afterwards.
   * @throws InputError ('unreadable') where they are too many, or do not fit on the disk.
   */
  append(bytes: Uint8Array): void {
    const { memory, total } = this.#limits;
    if (this.#size + bytes.length > total) {
      throw this.#tooLarge(`more than ${total} bytes would come out of it`);
    }
    if (this.#descriptor === undefined && this.#size + bytes.length > memory) this.#moveToFile();
    if (this.#descriptor === undefined) this.#chunks.push(bytes);
    else this.#write(this.#descriptor, bytes, this.#size);
    this.#size += bytes.length;
  }

  /** All bytes that were appended, to be closed after use. */
  finish(): ClosableSource {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) {
      const bytes = Buffer.concat(this.#chunks, this.#size);
      return { ...bytesSource(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)), close() {} };
    }
    this.#guard(() => ftruncateSync(descriptor, this.#size));
    this.#descriptor = undefined;
    return new FileSource(this.#where, descriptor);
  }

  /** Gives up what was not finished. */
  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
    this.#chunks = [];
  }

  /** The file has no name from the start: whatever ends this process, nothing is left behind. */
  #moveToFile(): void {
    const descriptor = this.#guard(() => {
      const directory = mkdtempSync(path.join(this.#limits.directory, 'directmap-'));
      try {
        return openSync(path.join(directory, 'unpacked'), 'wx+', 0o600);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
    this.#descriptor = descriptor;
    let position = 0;
    for (const chunk of this.#chunks) {
      this.#write(descriptor, chunk, position);
      position += chunk.length;
    }
    this.#chunks = [];
  }

  /** Without the blocks that are zeros: the file has holes there. */
  #write(descriptor: number, bytes: Uint8Array, position: number): void {
    let start = 0;
    let end = 0;
    while (end < bytes.length) {
      const next = Math.min(bytes.length, end + BLOCK_SIZE - ((position + end) % BLOCK_SIZE));
      if (ZEROS.compare(bytes, end, next, 0, next - end) === 0) {
        this.#writeAll(descriptor, bytes.subarray(start, end), position + start);
        start = next;
      }
      end = next;
    }
    this.#writeAll(descriptor, bytes.subarray(start, end), position + start);
  }

  #writeAll(descriptor: number, bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    this.#claim(bytes.length);
    this.#guard(() => {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
      }
    });
  }

  #claim(bytes: number): void {
    if (bytes > this.#allowance) {
      const { directory, spare } = this.#limits;
      const { bavail, bsize } = this.#guard(() => statfsSync(directory));
      const free = Math.max(0, bavail * bsize - spare);
      if (bytes > free) {
        throw this.#tooLarge(`${directory} has no room for it, less ${spare} bytes that stay free`);
      }
      this.#allowance = Math.min(free, Math.max(CHECK_EVERY, bytes));
    }
    this.#allowance -= bytes;
  }

  #guard<Result>(call: () => Result): Result {
    try {
      return call();
    } catch (error) {
      throw this.#unreadable(`no temporary file in ${this.#limits.directory}: ${reason(error)}`);
    }
  }

  #tooLarge(because: string): InputError {
    return this.#unreadable(`it is too large: ${because}. Unpack it to a file first`);
  }

  #unreadable(because: string): InputError {
    return new InputError({ code: 'unreadable', what: 'the packed dump', where: this.#where, because });
  }
}
