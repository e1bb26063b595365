/** Files that are packed as a whole with gzip, zstd or xz. */

import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { createGunzip } from 'node:zlib';
import xz from 'xz-decompress';
import { InputError } from '../../errors.ts';
import type { ByteSource } from '../byte_source.ts';
import type { Packing } from '../file_format.ts';
import type { OnProgress } from '../find_vmcoreinfo.ts';
import { ZstdStream } from '../zstd/stream.ts';
import { type ClosableSource, UnpackedBytes, type UnpackLimits } from './unpacked_bytes.ts';

/** Bytes read at once. */
const CHUNK_SIZE = 65536;

/** Unpacks all chunks, and hands over what comes out of them. */
type Unpacker = (chunks: Iterable<Uint8Array>, append: (bytes: Uint8Array) => void) => Promise<void>;

const UNPACKERS: Readonly<Record<Packing, Unpacker>> = { gzip: unpackGzip, zstd: unpackZstd, xz: unpackXz };

/**
 * What comes out of a packed file, to be closed after use.
 * @throws InputError 'bad-format' where it is corrupt or cut short, 'unreadable' where what comes out is too much.
 */
export async function unpackFile(
  packed: ByteSource,
  packing: Packing,
  where: string,
  limits: UnpackLimits,
  onProgress: OnProgress = () => {},
): Promise<ClosableSource> {
  const unpacked = new UnpackedBytes(where, limits);
  const progress = (done: number) => onProgress(done, packed.size, `unpacking ${packing}`);
  try {
    await UNPACKERS[packing](readChunks(packed, progress), (bytes) => unpacked.append(bytes));
    return unpacked.finish();
  } catch (error) {
    unpacked.close();
    throw error instanceof InputError ? error : corrupt(packing, where, error);
  }
}

function* readChunks(source: ByteSource, progress: (done: number) => void): Generator<Uint8Array> {
  for (let at = 0; at < source.size; at += CHUNK_SIZE) {
    progress(at);
    yield source.read(at, Math.min(CHUNK_SIZE, source.size - at));
  }
  progress(source.size);
}

async function unpackGzip(chunks: Iterable<Uint8Array>, append: (bytes: Uint8Array) => void): Promise<void> {
  const input = Readable.from(chunks, { objectMode: false });
  const output = createGunzip({ chunkSize: 2 ** 20 });
  input.on('error', (error) => output.destroy(error));
  try {
    for await (const bytes of input.pipe(output)) append(bytes);
  } finally {
    input.destroy();
  }
}

async function unpackZstd(chunks: Iterable<Uint8Array>, append: (bytes: Uint8Array) => void): Promise<void> {
  const stream = new ZstdStream(append);
  for (const chunk of chunks) {
    stream.push(chunk);
    await othersTurn();
  }
  stream.end();
}

async function unpackXz(chunks: Iterable<Uint8Array>, append: (bytes: Uint8Array) => void): Promise<void> {
  const reader = new xz.XzReadableStream(ReadableStream.from(chunks)).getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      append(next.value);
      await othersTurn();
    }
  } catch (error) {
    // The package unpacks one file at a time: while this one is not given up, all others wait.
    await reader.cancel().catch(() => {});
    throw error;
  }
}

/** Lets timers and signals have their turn. */
function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** enum xz_ret of XZ Embedded, in whose numbers the package speaks. */
const XZ_ERRORS: Readonly<Record<string, string>> = {
  '2': 'a check that is not supported',
  '3': 'a dictionary for which there is no memory',
  '4': 'a dictionary that is too large',
  '5': 'another format',
  '6': 'options that are not supported (CRC32 and CRC64 as check, and LZMA2 alone, are)',
  '7': 'corrupt data',
  '8': 'corrupt data, or an early end',
};

function corrupt(packing: Packing, where: string, error: unknown): InputError {
  const message = error instanceof Error ? error.message : String(error);
  const xzError = /^get_next_output failed with error code (\d+)$/.exec(message)?.[1];
  const found = XZ_ERRORS[xzError ?? ''] ?? message;
  return new InputError({
    code: 'bad-format',
    what: `${packing} data`,
    where,
    found,
    expected: `a whole ${packing} file`,
  });
}
