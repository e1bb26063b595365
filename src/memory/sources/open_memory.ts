/** Any file that holds a machine's memory, or the text of its page tables, by what is in it. */

import { tmpdir } from 'node:os';
import { InputError } from '../../errors.ts';
import type { ByteSource } from '../byte_source.ts';
import { ElfCore } from '../elf_core.ts';
import { DETECTION_SIZE, detectFormat, type FileFormat } from '../file_format.ts';
import { type FindBytes, findVmcoreinfoInMemory, type OnProgress } from '../find_vmcoreinfo.ts';
import { FlattenedSource } from '../flattened.ts';
import { KdumpMemory } from '../kdump.ts';
import type { MachineMemory } from '../machine_memory.ts';
import { type RawLayout, RawMemory } from '../raw_memory.ts';
import type { Vmcoreinfo } from '../vmcoreinfo.ts';
import { FileSource } from './file_source.ts';
import type { ClosableSource, UnpackLimits } from './unpacked_bytes.ts';

/** Held in memory as a whole, and once more while it is made. */
const MAX_TEXT_SIZE = 2 ** 27;
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

/** One of `memory` and `text` is there. */
export interface OpenedMemory {
  /** Page tables as words in the memory of a machine. */
  readonly memory: MachineMemory | undefined;
  /** Page tables as the kernel's ptdump prints them. */
  readonly text: string | undefined;
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
        throw badFormat(path, 'layers of compression', `more than ${MAX_LAYERS}`, 'fewer');
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
    return { ...(await openContent(file, path, wrappings)), wrappings, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** `findVmcoreinfoInMemory` at the speed of Node's Buffer. */
export function findVmcoreinfo(memory: MachineMemory, onProgress?: OnProgress): Vmcoreinfo | undefined {
  return findVmcoreinfoInMemory(memory, onProgress, findInBuffer);
}

const findInBuffer: FindBytes = (haystack, needle, from) =>
  Buffer.from(haystack.buffer, haystack.byteOffset, haystack.length).indexOf(needle, from);

async function openContent(
  source: ByteSource,
  path: string,
  wrappings: string[],
): Promise<Pick<OpenedMemory, 'memory' | 'text'>> {
  const detected = formatOf(source, path);
  switch (detected.format) {
    case 'flattened':
      if (wrappings.includes('flattened')) {
        throw badFormat(path, 'content of a flattened dump', 'another flattened dump', 'a dump');
      }
      wrappings.push('flattened');
      return openContent(new FlattenedSource(source, path), path, wrappings);
    case 'kdump': {
      const { nodeDecompressors } = await import('./decompress.ts');
      return { memory: new KdumpMemory(source, path, nodeDecompressors), text: undefined };
    }
    case 'elf':
      return { memory: new ElfCore(source, path), text: undefined };
    case 'ptdump text':
      return { memory: undefined, text: readText(source, path) };
    case 'refused':
      throw badFormat(
        path,
        'file format',
        detected.name,
        `a dump, raw memory or ptdump text: ${detected.advice}`,
      );
    default:
      return { memory: new RawMemory(source, path), text: undefined };
  }
}

function formatOf(source: ByteSource, path: string): FileFormat {
  if (source.size === 0) throw badFormat(path, 'file format', 'an empty file', 'a dump');
  return detectFormat(source.read(0, Math.min(DETECTION_SIZE, source.size)));
}

function readText(source: ByteSource, path: string): string {
  if (source.size > MAX_TEXT_SIZE) {
    throw badFormat(
      path,
      'size of the ptdump text',
      `${source.size} bytes`,
      `at most ${MAX_TEXT_SIZE} bytes`,
    );
  }
  return new TextDecoder().decode(source.read(0, source.size));
}

function badFormat(where: string, what: string, found: string, expected: string): InputError {
  return new InputError({ code: 'bad-format', what, where, found, expected });
}
