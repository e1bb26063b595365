/** A file of the reader's, in pieces. Only a worker may wait for them. */

import type { ByteSource } from '../../src/memory/byte_source.ts';
import { slowSource } from './slow_source.ts';

/** What a worker has to read a file with, and a page has not. */
interface SyncReader {
  readAsArrayBuffer(blob: Blob): ArrayBuffer;
}

declare const FileReaderSync: { new (): SyncReader };

export function blobSource(blob: Blob, name: string, reader: SyncReader = new FileReaderSync()): ByteSource {
  return slowSource(name, blob.size, (start, end) => reader.readAsArrayBuffer(blob.slice(start, end)));
}
