/** Dump files by path, packed with gzip or not. */

import { gunzipSync } from 'node:zlib';
import { InputError } from '../../errors.ts';
import { bytesSource } from '../byte_source.ts';
import { ElfCore } from '../elf_core.ts';
import { FileSource } from './file_source.ts';

/** How much a gzipped dump may inflate to, in bytes: it is held in memory as a whole. */
const MAX_INFLATED_SIZE = 2 ** 32;
const INFLATE_CHUNK = 2 ** 20;

export interface Dump {
  readonly core: ElfCore;
  /** Release the file. `core` must not be read afterwards. A second call does nothing. */
  close(): void;
}

/**
 * Open an ELF core file. It stays open, and its pages are read when asked for, until `close()`; a gzipped one is
 * inflated at once, to at most `maxInflatedSize` bytes.
 * @throws InputError 'unreadable' where there is no file to read, 'bad-format' where it is not an ELF core.
 */
export function openDump(path: string, maxInflatedSize = MAX_INFLATED_SIZE): Dump {
  const file = new FileSource(path);
  let keepOpen = false;
  try {
    if (isGzip(file)) {
      const core = new ElfCore(bytesSource(inflate(file, path, maxInflatedSize)), path);
      return { core, close() {} };
    }
    const core = new ElfCore(file, path);
    keepOpen = true;
    return { core, close: () => file.close() };
  } finally {
    if (!keepOpen) file.close();
  }
}

function isGzip(file: FileSource): boolean {
  if (file.size < 2) return false;
  const [first, second] = file.read(0, 2);
  return first === 0x1f && second === 0x8b;
}

function inflate(file: FileSource, path: string, maxOutputLength: number): Uint8Array {
  if (file.size > maxOutputLength) throw tooLarge(path, maxOutputLength);
  try {
    return gunzipSync(file.read(0, file.size), { maxOutputLength, chunkSize: INFLATE_CHUNK });
  } catch (error) {
    if (error instanceof InputError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ERR_BUFFER_TOO_LARGE' || error instanceof RangeError) throw tooLarge(path, maxOutputLength);
    const found = error instanceof Error ? error.message : String(error);
    throw new InputError({
      code: 'bad-format',
      what: 'gzip data',
      where: path,
      found,
      expected: 'a whole gzip file',
    });
  }
}

function tooLarge(path: string, limit: number): InputError {
  const because = `it is too large: at most ${limit} bytes are inflated in memory. Unpack it with gunzip first`;
  return new InputError({ code: 'unreadable', what: 'the gzipped dump', where: path, because });
}
