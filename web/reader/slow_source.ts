/** A source that is read in pieces from somewhere slow: each read is checked before, and what came of it after. */

import { InputError } from '../../src/errors.ts';
import type { ByteSource } from '../../src/memory/byte_source.ts';
import { WindowedSource } from '../../src/memory/windowed_source.ts';
import { ReadAheadSource } from './read_ahead_source.ts';

/** `read` gives the bytes of a range that lies in the source, or throws with why it cannot. */
export function slowSource(
  name: string,
  size: number,
  read: (start: number, end: number) => ArrayBuffer,
): ByteSource {
  const pieces: ByteSource = {
    size,
    read(offset, length) {
      if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
        throw unreadable(name, `bytes ${offset}..${offset + length} are not within its ${size} bytes`);
      }
      if (length === 0) return new Uint8Array();
      let bytes: ArrayBuffer;
      try {
        bytes = read(offset, offset + length);
      } catch (error) {
        throw error instanceof InputError ? error : unreadable(name, reasonOf(error));
      }
      if (bytes.byteLength === length) return new Uint8Array(bytes);
      throw unreadable(name, `${bytes.byteLength} bytes came of ${length} from ${offset} on: it has changed`);
    },
  };
  return new WindowedSource(new ReadAheadSource(pieces));
}

export function unreadable(name: string, because: string): InputError {
  return new InputError({ code: 'unreadable', what: 'the dump', where: name, because });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
