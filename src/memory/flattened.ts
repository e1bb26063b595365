/**
 * The form in which makedumpfile -F and QEMU write a dump to a pipe: not the file, but all that is written to it, in
 * the order of writing. Numbers are big-endian, of 64 bits.
 *
 *     "makedumpfile" padded to 16, type 1, version 1, padded to 4096 | offset, size, bytes | ... | -1, -1
 */

import { InputError } from '../errors.ts';
import type { ByteSource } from './byte_source.ts';
import { viewOf } from './elf64.ts';
import { disjointExtents, type Extents, firstExtentAbove } from './extents.ts';

const SIGNATURE = 'makedumpfile\0\0\0\0';
const HEADER_SIZE = 4096;
const RECORD_HEADER_SIZE = 16;
/** Of a dump of 128 GiB, in writes of 64 KiB as makedumpfile makes them; their table takes 48 MiB. */
const MAX_RECORDS = 2 ** 21;
/** Bytes that are read at once while records are counted. */
const WINDOW_SIZE = 8192;

export function isFlattened(start: Uint8Array): boolean {
  return start.length >= 16 && String.fromCharCode(...start.subarray(0, 16)) === SIGNATURE;
}

/** The file that the writes would have made. What nobody wrote reads as zeros; of two writes, the later is believed. */
export class FlattenedSource implements ByteSource {
  readonly size: number;
  readonly #source: ByteSource;
  readonly #extents: Extents;

  /**
   * Reads the headers of all records, and not their bytes. `where` names the file in errors.
   * @throws InputError ('bad-format') where this is not such a file, or it ends before its end marker.
   */
  constructor(source: ByteSource, where: string) {
    const records = readRecords(source, where);
    this.#source = source;
    this.#extents = disjointExtents(records);
    const { start, size } = this.#extents;
    this.size = start.length === 0 ? 0 : start.at(-1)! + size.at(-1)!;
  }

  read(offset: number, length: number): Uint8Array {
    const end = offset + length;
    if (!(offset >= 0 && length >= 0 && end <= this.size)) {
      const expected = `within 0..${this.size}`;
      throw new InputError({
        code: 'out-of-range',
        what: 'read of bytes',
        where: '',
        found: `${offset}..${end}`,
        expected,
      });
    }
    const { start, size, fileOffset } = this.#extents;
    let bytes: Uint8Array | undefined;
    for (let index = firstExtentAbove(this.#extents, offset); index < start.length; index++) {
      if (start[index]! >= end) break;
      const from = Math.max(offset, start[index]!);
      const count = Math.min(end, start[index]! + size[index]!) - from;
      const part = this.#source.read(fileOffset[index]! + (from - start[index]!), count);
      if (count === length) return part;
      bytes ??= new Uint8Array(length);
      bytes.set(part, from - offset);
    }
    return bytes ?? new Uint8Array(length);
  }
}

/** All records in the order of the file. */
function readRecords(source: ByteSource, where: string): Extents {
  const bad = (what: string, found: string, expected: string) =>
    new InputError({ code: 'bad-format', what, where, found, expected });
  checkHeader(source, bad);
  const records = new RecordList();
  let window = viewOf(new Uint8Array());
  let windowAt = 0;
  for (let at = HEADER_SIZE; ; ) {
    if (source.size - at < RECORD_HEADER_SIZE) {
      throw bad(
        `record at ${at}`,
        `${source.size - at} bytes`,
        'a record, or the end marker: the file is incomplete',
      );
    }
    if (at + RECORD_HEADER_SIZE > windowAt + window.byteLength) {
      window = viewOf(source.read(at, Math.min(WINDOW_SIZE, source.size - at)));
      windowAt = at;
    }
    const offset = window.getBigInt64(at - windowAt);
    const size = window.getBigInt64(at - windowAt + 8);
    at += RECORD_HEADER_SIZE;
    if (offset === -1n && size === -1n) return records.extents();

    const what = `record at ${at - RECORD_HEADER_SIZE}`;
    if (offset < 0n || size < 0n || offset + size > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw bad(what, `${size} bytes for offset ${offset}`, 'numbers of 53 bits, or -1 and -1 at the end');
    }
    if (size > BigInt(source.size - at)) {
      const expected = `at most the ${source.size - at} that follow: the file is incomplete`;
      throw bad(what, `${size} bytes`, expected);
    }
    if (records.count === MAX_RECORDS) {
      throw bad('number of records', `more than ${MAX_RECORDS}`, 'fewer (makedumpfile -R restores the dump)');
    }
    if (size > 0n) records.add(Number(offset), Number(size), at);
    at += Number(size);
  }
}

function checkHeader(
  source: ByteSource,
  bad: (what: string, found: string, expected: string) => Error,
): void {
  if (source.size < HEADER_SIZE) {
    throw bad('header of the flattened dump', `${source.size} bytes`, `${HEADER_SIZE} bytes`);
  }
  const header = source.read(0, 32);
  if (!isFlattened(header)) throw bad('signature', 'another', '"makedumpfile"');
  const view = viewOf(header);
  const [type, version] = [view.getBigInt64(16), view.getBigInt64(24)];
  if (type !== 1n || version !== 1n) {
    throw bad('flattened dump', `type ${type}, version ${version}`, 'type 1, version 1');
  }
}

/** Rows of three numbers, in one array that grows by doubling. */
class RecordList {
  count = 0;
  #rows = new Float64Array(3 * 1024);

  add(start: number, size: number, fileOffset: number): void {
    if (3 * this.count === this.#rows.length) {
      const longer = new Float64Array(2 * this.#rows.length);
      longer.set(this.#rows);
      this.#rows = longer;
    }
    this.#rows.set([start, size, fileOffset], 3 * this.count++);
  }

  extents(): Extents {
    const column = (which: number) =>
      Float64Array.from({ length: this.count }, (_, row) => this.#rows[3 * row + which]!);
    return { start: column(0), size: column(1), fileOffset: column(2) };
  }
}
