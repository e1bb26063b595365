/** Results to standard output, or to a file that is there whole or not at all. */

import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { InputError } from '../errors.ts';

/** @throws InputError before any work is done for a file that cannot be written. */
export function checkOutput(path: string | undefined): void {
  if (path === undefined) return;
  let isFolder: boolean;
  try {
    if (!statSync(dirname(path)).isDirectory()) throw new Error(`${dirname(path)} is no folder`);
    isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch (error) {
    throw unwritable(path, error);
  }
  if (isFolder) throw unwritable(path, new Error('it is a folder'));
}

/** @throws InputError */
export function writeOutput(text: string, path: string | undefined): void {
  if (path === undefined) {
    process.stdout.write(text);
    return;
  }
  const unfinished = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(unfinished, text);
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw unwritable(path, error);
  }
}

function unwritable(path: string, error: unknown): InputError {
  const because = error instanceof Error ? error.message : String(error);
  const expected = `a file that can be written (${because})`;
  return new InputError({ code: 'bad-format', what: 'file', where: '--output', found: path, expected });
}
