/** A source that is read in windows, for those who read small pieces that lie near one another. */

import type { ByteSource } from './byte_source.ts';

/** Both in bytes: large enough for neighbours, small enough not to cost those who have none. */
const WINDOW_SIZE = 16384;
const MAX_WINDOWS = 64;

/** The same bytes. What was read last, up to 1 MiB, is kept. */
export class WindowedSource implements ByteSource {
  readonly size: number;
  readonly #source: ByteSource;
  /** By number; the one read longest ago first. */
  readonly #windows = new Map<number, Uint8Array>();

  constructor(source: ByteSource) {
    this.size = source.size;
    this.#source = source;
  }

  read(offset: number, length: number): Uint8Array {
    const number = Math.floor(offset / WINDOW_SIZE);
    const within = offset - number * WINDOW_SIZE;
    const end = offset + length;
    if (!(offset >= 0 && length > 0 && end <= this.size)) return this.#source.read(offset, length);
    if (within + length <= WINDOW_SIZE) return this.#window(number).subarray(within, within + length);
    if (length > WINDOW_SIZE) return this.#source.read(offset, length);

    const bytes = new Uint8Array(length);
    const head = this.#window(number).subarray(within);
    bytes.set(head);
    bytes.set(this.#window(number + 1).subarray(0, length - head.length), head.length);
    return bytes;
  }

  #window(number: number): Uint8Array {
    const kept = this.#windows.get(number);
    if (kept !== undefined) return kept;
    const start = number * WINDOW_SIZE;
    const window = this.#source.read(start, Math.min(WINDOW_SIZE, this.size - start));
    if (this.#windows.size === MAX_WINDOWS) this.#windows.delete(this.#windows.keys().next().value!);
    this.#windows.set(number, window);
    return window;
  }
}
