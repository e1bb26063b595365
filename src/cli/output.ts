/** Results to standard output, or to a file that is there whole or not at all. */

import { once } from 'node:events';
import {
  closeSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { InputError } from '../errors.ts';

/** Characters that are held before they are written. */
const CHUNK = 2 ** 16;

/** @throws InputError before any work is done for a file that cannot be written; `option` named it. */
export function checkOutput(path: string | undefined, option = '--output'): void {
  if (path === undefined) return;
  let isFolder: boolean;
  try {
    if (path === '') throw new Error('it has no name');
    if (!statSync(dirname(path)).isDirectory()) throw new Error(`${dirname(path)} is no folder`);
    isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch (error) {
    throw unwritable(path, error, option);
  }
  if (isFolder) throw unwritable(path, new Error('it is a folder'), option);
}

/** @throws InputError */
export function writeOutput(text: string, path: string | undefined, option = '--output'): void {
  if (path === undefined) {
    process.stdout.write(text);
    return;
  }
  const { unfinished, target } = placeOf(path);
  try {
    writeFileSync(unfinished, text);
    if (unfinished !== target) renameSync(unfinished, target);
  } catch (error) {
    if (unfinished !== target) rmSync(unfinished, { force: true });
    throw unwritable(path, error, option);
  }
}

/** A file is written beside its place and moved there, whatever link leads to it; a device or a pipe is written to. */
function placeOf(path: string): { unfinished: string; target: string } {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status !== undefined && !status.isFile()) return { unfinished: path, target: path };
  const target = status === undefined ? path : realpathSync(path);
  return { unfinished: `${target}.${process.pid}.tmp`, target };
}

/** Results that are too long to be held, piece by piece; a file appears when all of it is written. */
export class OutputFile {
  readonly #path: string | undefined;
  readonly #unfinished: string = '';
  readonly #target: string = '';
  #descriptor: number | undefined;
  #pending = '';

  /** @throws InputError */
  constructor(path: string | undefined) {
    this.#path = path;
    if (path === undefined) return;
    try {
      ({ unfinished: this.#unfinished, target: this.#target } = placeOf(path));
      this.#descriptor = openSync(this.#unfinished, 'w');
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  async write(text: string): Promise<void> {
    this.#pending += text;
    if (this.#pending.length >= CHUNK) await this.#flush();
  }

  /** Call it last: `abandon()` then has nothing to do. */
  async end(): Promise<void> {
    await this.#flush();
    if (this.#descriptor === undefined || this.#path === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    if (this.#unfinished !== this.#target) renameSync(this.#unfinished, this.#target);
  }

  /** Leaves nothing behind, if it was not ended. */
  abandon(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    if (this.#unfinished !== this.#target) rmSync(this.#unfinished, { force: true });
  }

  async #flush(): Promise<void> {
    const text = this.#pending;
    this.#pending = '';
    if (this.#path === undefined) {
      if (!process.stdout.write(text)) await once(process.stdout, 'drain');
      return;
    }
    try {
      writeSync(this.#descriptor!, text);
    } catch (error) {
      throw unwritable(this.#path, error);
    }
  }
}

function unwritable(path: string, error: unknown, where = '--output'): InputError {
  const because = error instanceof Error ? error.message : String(error);
  const expected = `a file that can be written (${because})`;
  return new InputError({ code: 'bad-format', what: 'file', where, found: path, expected });
}
