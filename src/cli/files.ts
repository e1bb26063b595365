/** Reading the files that a command line names. */

import { readFileSync, statSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { InputError } from '../errors.ts';

/** A text file, unpacked if it is gzipped. @throws InputError */
export function readTextFile(path: string, maxBytes: number): string {
  const unreadable = (because: string) =>
    new InputError({ code: 'unreadable', what: 'file', where: path, because });
  let bytes: Buffer;
  try {
    const { size } = statSync(path);
    if (size > maxBytes) throw unreadable(`it has ${size} bytes, at most ${maxBytes} are taken`);
    bytes = readFileSync(path);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw unreadable(
      error instanceof Error ? error.message.replace(/^(\w+): (.*?),.*$/s, '$2 ($1)') : String(error),
    );
  }
  return bytes.toString('utf8');
}
