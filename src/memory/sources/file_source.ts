import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { InputError } from '../../errors.ts';
import type { ByteSource } from '../byte_source.ts';

/** A regular file, read at random positions and never as a whole. */
export class FileSource implements ByteSource {
  readonly size: number;
  readonly #path: string;
  #descriptor: number | undefined;

  /**
   * `descriptor` is the file at `path`, open for reading, and is closed by `close()`.
   * @throws InputError ('unreadable') where the path leads to no readable regular file.
   */
  constructor(path: string, descriptor = openRegularFile(path)) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.size = fstatSync(descriptor).size;
  }

  read(offset: number, length: number): Uint8Array {
    if (this.#descriptor === undefined) throw unreadable(this.#path, 'it was closed');
    if (offset < 0 || length < 0 || offset + length > this.size) {
      throw unreadable(
        this.#path,
        `bytes ${offset}..${offset + length} are not within its ${this.size} bytes`,
      );
    }
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const got = this.#readSome(this.#descriptor, bytes, done, offset + done);
      if (got === 0)
        throw unreadable(
          this.#path,
          `it ends at byte ${offset + done}, and had ${this.size} bytes when opened`,
        );
      done += got;
    }
    return bytes;
  }

  /** A second call does nothing. */
  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #readSome(descriptor: number, bytes: Uint8Array, done: number, position: number): number {
    try {
      return readSync(descriptor, bytes, done, bytes.length - done, position);
    } catch (error) {
      throw unreadable(this.#path, reason(error));
    }
  }
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
