/** Any file that holds a machine's memory, or the text of its page tables, by what is in it. */

import { tmpdir } from 'node:os';
import { InputError } from '../../errors.ts';
import { type FindBytes, findVmcoreinfoInMemory, type OnProgress } from '../find_vmcoreinfo.ts';
import type { MachineMemory } from '../machine_memory.ts';
import { type DumpContent, formatOf, openDump } from '../open_dump.ts';
import { type RawLayout, RawMemory } from '../raw_memory.ts';
import type { Vmcoreinfo } from '../vmcoreinfo.ts';
import { nodeDecompressors } from './decompress.ts';
import { FileSource } from './file_source.ts';
import type { ClosableSource, UnpackLimits } from './unpacked_bytes.ts';

/** Nobody packs a file more often. */
const MAX_LAYERS = 4;

const DEFAULT_LIMITS: UnpackLimits = {
  memory: 2 ** 26,
  total: 2 ** 40,
  directory: tmpdir(),
  spare: 2 ** 29,
};

export interface OpenOptions {
  /** The file is raw memory, whatever it looks like once it is unpacked. */
  readonly raw?: RawLayout;
  readonly onProgress?: OnProgress;
  /** What may be unpacked, and where to; see `UnpackLimits`. */
  readonly limits?: Partial<UnpackLimits>;
}

export interface OpenedMemory extends DumpContent {
  /** What the file was wrapped in, the outermost first: "gzip", "flattened". */
  readonly wrappings: readonly string[];
  /** Release the file. `memory` must not be read afterwards. A second call does nothing. */
  close(): void;
}

/**
 * Opens a dump, raw memory, or the text of ptdump. What is packed is unpacked at once; everything else is read when
 * asked for, until `close()`. Where nothing else matches, it is raw memory from physical address 0 on.
 * @throws InputError 'unreadable' where there is no file to read or what is packed in it is too large, 'bad-format'
 *   where it is corrupt or of a kind that is not read here.
 */
export async function openMemory(path: string, options: OpenOptions = {}): Promise<OpenedMemory> {
  let file: ClosableSource = new FileSource(path);
  const close = () => file.close();
  try {
    const wrappings: string[] = [];
    for (;;) {
      const { format } = formatOf(file, path);
      if (format !== 'gzip' && format !== 'zstd' && format !== 'xz') break;
      if (wrappings.push(format) > MAX_LAYERS) {
        throw tooManyLayers(path);
      }
      const limits = { ...DEFAULT_LIMITS, ...options.limits };
      // Most files are not packed, and unpacking takes a good part of Node along.
      const { unpackFile } = await import('./packed_file.ts');
      const unpacked = await unpackFile(file, format, path, limits, options.onProgress);
      file.close();
      file = unpacked;
    }
    if (options.raw !== undefined) {
      return { memory: new RawMemory(file, path, options.raw), text: undefined, wrappings, close };
    }
    return { ...openDump(file, path, nodeDecompressors, wrappings), wrappings, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** `findVmcoreinfoInMemory` at the speed of Node's Buffer. */
export function findVmcoreinfo(memory: MachineMemory, onProgress?: OnProgress): Vmcoreinfo | undefined {
  return findVmcoreinfoInMemory(memory, onProgress, findInBuffer);
}

/** A search at the speed of Node's Buffer. */
export const findInBuffer: FindBytes = (haystack, needle, from) =>
  Buffer.from(haystack.buffer, haystack.byteOffset, haystack.length).indexOf(needle, from);

function tooManyLayers(path: string): InputError {
  const found = `more than ${MAX_LAYERS}`;
  return new InputError({
    code: 'bad-format',
    what: 'layers of compression',
    where: path,
    found,
    expected: 'fewer',
  });
}
