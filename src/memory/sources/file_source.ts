import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { InputError } from '../../errors.ts';
import type { ByteSource } from '../byte_source.ts';

/** Pieces of at most this many bytes share buffers of `BLOCK_SIZE`: an allocation each would cost more than the read. */
const SMALL_SIZE = 4096;
const BLOCK_SIZE = 65536;

/**
 * A regular file, read at random positions and never as a whole. Who reads twice in a row in one block of the file is
 * given the second piece out of the whole block, as tables that were made together lie together.
 */
export class FileSource implements ByteSource {
  readonly size: number;
  readonly #path: string;
  #descriptor: number | undefined;
  /** The block that was last read in, and its bytes once they were all read. */
  #blockNumber = -1;
  #block: Uint8Array | undefined;
  /** A buffer for small pieces, and how much of it is taken. */
  #shared: Uint8Array = new Uint8Array(0);
  #taken = 0;

  /**
   * `descriptor` is the file at `path`, open for reading, and is closed by `close()`.
   * @throws InputError ('unreadable') where the path leads to no readable regular file.
   */
  constructor(path: string, descriptor = openRegularFile(path)) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.size = fstatSync(descriptor).size;
  }

  read(offset: number, length: number, into?: Uint8Array): Uint8Array {
    if (this.#descriptor === undefined) throw unreadable(this.#path, 'it was closed');
    if (offset < 0 || length < 0 || offset + length > this.size) {
      throw unreadable(
        this.#path,
        `bytes ${offset}..${offset + length} are not within its ${this.size} bytes`,
      );
    }
    if (length > SMALL_SIZE) {
      return this.#fill(this.#descriptor, into?.subarray(0, length) ?? unfilled(length), offset);
    }
    return (
      this.#fromBlock(this.#descriptor, offset, length) ??
      this.#fill(this.#descriptor, this.#reserve(length), offset)
    );
  }

  /** A second call does nothing. */
  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** undefined where the block was not read in before, or ends within the piece. */
  #fromBlock(descriptor: number, offset: number, length: number): Uint8Array | undefined {
    const number = Math.floor(offset / BLOCK_SIZE);
    const start = number * BLOCK_SIZE;
    if (number !== this.#blockNumber) {
      this.#blockNumber = number;
      this.#block = undefined;
      return undefined;
    }
    if (offset + length > start + BLOCK_SIZE) return undefined;
    this.#block ??= this.#fill(descriptor, unfilled(Math.min(BLOCK_SIZE, this.size - start)), start);
    return this.#block.subarray(offset - start, offset - start + length);
  }

  #reserve(length: number): Uint8Array {
    if (this.#taken + length > this.#shared.length) {
      this.#shared = unfilled(BLOCK_SIZE);
      this.#taken = 0;
    }
    const start = this.#taken;
    // At multiples of 8, so that they can be seen as words.
    this.#taken = Math.ceil((start + length) / 8) * 8;
    return this.#shared.subarray(start, start + length);
  }

  #fill(descriptor: number, bytes: Uint8Array, offset: number): Uint8Array {
    for (let done = 0; done < bytes.length; ) {
      const got = this.#readSome(descriptor, bytes, done, offset + done);
      if (got === 0)
        throw unreadable(
          this.#path,
          `it ends at byte ${offset + done}, and had ${this.size} bytes when opened`,
        );
      done += got;
    }
    return bytes;
  }

  #readSome(descriptor: number, bytes: Uint8Array, done: number, position: number): number {
    try {
      return readSync(descriptor, bytes, done, bytes.length - done, position);
    } catch (error) {
      throw unreadable(this.#path, reason(error));
    }
  }
}

/** Bytes of whatever was there before, for who writes all of them. */
function unfilled(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}

function openRegularFile(path: string): number {
  try {
    const status = statSync(path);
    if (status.isDirectory()) throw unreadable(path, 'it is a directory');
    // Before it is opened: opening a pipe would wait for somebody who writes to it.
    if (!status.isFile()) throw unreadable(path, 'it is not a regular file: save the dump to one');
    return openSync(path, 'r');
  } catch (error) {
    throw error instanceof InputError ? error : unreadable(path, reason(error));
  }
}

function unreadable(path: string, because: string): InputError {
  return new InputError({ code: 'unreadable', what: 'the dump', where: path, because });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'a part of its path is not a directory',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENAMETOOLONG: 'its name is too long',
  ELOOP: 'too many symbolic links',
  EMFILE: 'too many open files',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'disk quota exceeded',
};

/** Why a call of Node's file system failed, for people. */
export function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error));
}
