/** Files that are packed as a whole, unpacked into memory: a page has no disk. */

import { InputError } from '../../src/errors.ts';
import type { ByteSource } from '../../src/memory/byte_source.ts';
import type { Packing } from '../../src/memory/file_format.ts';
import type { OnProgress } from '../../src/memory/find_vmcoreinfo.ts';
import { ZstdStream } from '../../src/memory/zstd/stream.ts';
import { SparseBytes, type SparseLimits } from './sparse_bytes.ts';

const DEFAULT_LIMITS: SparseLimits = { kept: 2 ** 29, total: 2 ** 40 };
/** Bytes read at once. */
const CHUNK_SIZE = 2 ** 16;

type Append = (bytes: Uint8Array) => void;

/** @throws InputError where it is corrupt or cut short, or where too much comes out of it */
export async function unpacked(
  packed: ByteSource,
  packing: Packing,
  name: string,
  onProgress: OnProgress,
  limits = DEFAULT_LIMITS,
): Promise<ByteSource> {
  // The package that unpacks it is WebAssembly, which the policy of the page does not let run.
  if (packing === 'xz')
    throw bad(name, 'file format', 'xz data', 'a dump that a browser reads: unpack it first');
  const bytes = new SparseBytes(name, limits);
  const chunks = chunksOf(packed, packing, onProgress);
  const append: Append = (some) => bytes.append(some);
  try {
    if (packing === 'gzip') await unpackGzip(chunks, append);
    else unpackZstd(chunks, append);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const found = error instanceof Error ? error.message : String(error);
    throw bad(name, `${packing} data`, found, `a whole ${packing} file; if it is one, unpack it first`);
  }
  return bytes;
}

async function unpackGzip(chunks: Iterator<Uint8Array>, append: Append): Promise<void> {
  const input = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const { done, value } = chunks.next();
      if (done === true) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
  });
  const reader = input.pipeThrough(new DecompressionStream('gzip')).getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) append(next.value);
  } catch (error) {
    await reader.cancel().catch(() => {});
    throw error;
  }
}

function unpackZstd(chunks: Iterable<Uint8Array>, append: Append): void {
  const stream = new ZstdStream(append);
  for (const chunk of chunks) stream.push(chunk);
  stream.end();
}

function* chunksOf(packed: ByteSource, packing: Packing, onProgress: OnProgress): Generator<Uint8Array> {
  for (let at = 0; at < packed.size; at += CHUNK_SIZE) {
    onProgress(at, packed.size, `unpacking ${packing}`);
    yield packed.read(at, Math.min(CHUNK_SIZE, packed.size - at));
  }
  onProgress(packed.size, packed.size, `unpacking ${packing}`);
}

function bad(where: string, what: string, found: string, expected: string): InputError {
  return new InputError({ code: 'bad-format', what, where, found, expected });
}
