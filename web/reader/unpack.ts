/** Files that are packed as a whole, unpacked into memory as far as a page has any. */

import { InputError } from '../../src/errors.ts';
import { type ByteSource, bytesSource } from '../../src/memory/byte_source.ts';
import type { Packing } from '../../src/memory/file_format.ts';
import type { OnProgress } from '../../src/memory/find_vmcoreinfo.ts';
import { ZstdStream } from '../../src/memory/zstd/stream.ts';

/** Of what comes out: a page has no disk to put more. */
const MAX_UNPACKED = 2 ** 28;
const CHUNK_SIZE = 2 ** 16;

/** @throws InputError where it is corrupt or cut short, or where too much comes out of it */
export async function unpacked(
  packed: ByteSource,
  packing: Packing,
  name: string,
  onProgress: OnProgress,
): Promise<ByteSource> {
  const kept = new KeptBytes(name);
  try {
    if (packing === 'gzip') await unpackGzip(packed, kept, onProgress);
    else if (packing === 'zstd') unpackZstdFile(packed, kept, onProgress);
    else throw bad(name, 'file format', 'xz data', 'a file that was unpacked first: a browser has no xz');
  } catch (error) {
    if (error instanceof InputError) throw error;
    const found = error instanceof Error ? error.message : String(error);
    throw bad(name, `${packing} data`, found, `a whole ${packing} file`);
  }
  return bytesSource(kept.all());
}

async function unpackGzip(packed: ByteSource, kept: KeptBytes, onProgress: OnProgress): Promise<void> {
  const chunks = chunksOf(packed, 'gzip', onProgress);
  const input = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const { done, value } = chunks.next();
      if (done === true) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
  });
  const reader = input.pipeThrough(new DecompressionStream('gzip')).getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) kept.add(next.value);
  } catch (error) {
    await reader.cancel().catch(() => {});
    throw error;
  }
}

function unpackZstdFile(packed: ByteSource, kept: KeptBytes, onProgress: OnProgress): void {
  const stream = new ZstdStream((bytes) => kept.add(bytes));
  for (const chunk of chunksOf(packed, 'zstd', onProgress)) stream.push(chunk);
  stream.end();
}

function* chunksOf(packed: ByteSource, packing: string, onProgress: OnProgress): Generator<Uint8Array> {
  for (let at = 0; at < packed.size; at += CHUNK_SIZE) {
    onProgress(at, packed.size, `unpacking ${packing}`);
    yield packed.read(at, Math.min(CHUNK_SIZE, packed.size - at));
  }
}

class KeptBytes {
  readonly #name: string;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(name: string) {
    this.#name = name;
  }

  add(bytes: Uint8Array): void {
    this.#size += bytes.length;
    if (this.#size > MAX_UNPACKED) {
      const most = `${MAX_UNPACKED / 2 ** 20} MiB`;
      throw bad(
        this.#name,
        'size of the packed dump',
        `more than ${most} unpacked`,
        `at most ${most} in a browser: unpack it first`,
      );
    }
    this.#chunks.push(bytes);
  }

  all(): Uint8Array {
    const all = new Uint8Array(this.#size);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }
}

function bad(where: string, what: string, found: string, expected: string): InputError {
  return new InputError({ code: 'bad-format', what, where, found, expected });
}
