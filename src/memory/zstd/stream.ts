/** zstd data as they come (RFC 8878, section 3.1.1). Checksums are not verified, and dictionaries not known. */

import { type FrameState, MAX_BLOCK_SIZE, newFrameState, unpackBlock } from './block.ts';
import { CorruptZstdError, check } from './corrupt.ts';

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** What `zstd -d` accepts without being asked for more. */
const MAX_WINDOW = 2 ** 27;

/** A frame that is being unpacked. */
interface Frame extends FrameState {
  readonly window: number;
  readonly contentSize: number | undefined;
  readonly hasChecksum: boolean;
  /** The last `window` bytes at least, up to `end`; and how many there were in all. */
  history: Uint8Array;
  end: number;
  total: number;
}

/** Unpacks frames one after another. */
export class ZstdStream {
  readonly #output: (bytes: Uint8Array) => void;
  #input = new Uint8Array();
  #frame: Frame | undefined;
  /** Bytes to pass by: what is left of skippable frames and checksums. */
  #skip = 0;

  /** `output` gets copies. */
  constructor(output: (bytes: Uint8Array) => void) {
    this.#output = output;
  }

  /** @throws CorruptZstdError */
  push(bytes: Uint8Array): void {
    const rest = new Uint8Array(this.#input.length + bytes.length);
    rest.set(this.#input);
    rest.set(bytes, this.#input.length);
    let at = 0;
    for (let taken = -1; taken !== 0; at += taken) taken = this.#take(rest.subarray(at));
    this.#input = rest.slice(at);
  }

  /** @throws CorruptZstdError where the data end in the middle of a frame. */
  end(): void {
    const isWhole = this.#frame === undefined && this.#input.length === 0 && this.#skip === 0;
    check(isWhole, 'an end in the middle of a frame');
  }

  /** How many bytes were used up: 0 where more are needed. */
  #take(bytes: Uint8Array): number {
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, bytes.length);
      this.#skip -= skipped;
      return skipped;
    }
    return this.#frame === undefined ? this.#takeHeader(bytes) : this.#takeBlock(bytes, this.#frame);
  }

  #takeHeader(bytes: Uint8Array): number {
    if (bytes.length < 8) return 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const magic = view.getUint32(0, true);
    if ((magic & ~15) >>> 0 === SKIPPABLE_MAGIC) {
      this.#skip = view.getUint32(4, true);
      return 8;
    }
    check(magic === MAGIC, 'no frame of zstd');

    const flags = bytes[4]!;
    const isSingle = (flags & 0x20) !== 0;
    const dictionaryBytes = [0, 1, 2, 4][flags & 3]!;
    const sizeBytes = flags >> 6 === 0 ? (isSingle ? 1 : 0) : 1 << (flags >> 6);
    const sizeAt = 5 + (isSingle ? 0 : 1) + dictionaryBytes;
    if (bytes.length < sizeAt + sizeBytes) return 0;
    check((flags & 8) === 0, 'a frame header with reserved bits');
    const dictionary = bytes.subarray(sizeAt - dictionaryBytes, sizeAt);
    check(
      dictionary.every((byte) => byte === 0),
      'a frame that needs a dictionary',
    );

    const contentSize = sizeBytes === 0 ? undefined : readSize(view, sizeAt, sizeBytes);
    const window = isSingle ? contentSize! : windowSize(bytes[5]!);
    check(window <= MAX_WINDOW, `a window of ${window} bytes, which is more than ${MAX_WINDOW}`);
    const history = new Uint8Array(2 * Math.min(window, MAX_BLOCK_SIZE));
    const hasChecksum = (flags & 4) !== 0;
    this.#frame = { ...newFrameState(), window, contentSize, hasChecksum, history, end: 0, total: 0 };
    return sizeAt + sizeBytes;
  }

  #takeBlock(bytes: Uint8Array, frame: Frame): number {
    if (bytes.length < 3) return 0;
    const header = bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16);
    const type = (header >> 1) & 3;
    const size = header >> 3;
    const limit = Math.min(frame.window, MAX_BLOCK_SIZE);
    check(type !== 3 && size <= limit, 'a block of a reserved type, or too large');
    const packedSize = type === 1 ? 1 : size;
    if (bytes.length < 3 + packedSize) return 0;

    makeRoom(frame, limit);
    const block = bytes.subarray(3, 3 + packedSize);
    const start = frame.end;
    if (type === 2) frame.end = unpackBlock(block, frame, frame.history, start, limit);
    else frame.end = start + size;
    if (type === 1) frame.history.fill(block[0]!, start, frame.end);
    if (type === 0) frame.history.set(block, start);
    frame.total += frame.end - start;
    if (frame.end > start) this.#output(frame.history.slice(start, frame.end));
    if ((header & 1) !== 0) this.#endFrame(frame);
    return 3 + packedSize;
  }

  #endFrame({ contentSize, total, hasChecksum }: Frame): void {
    check(contentSize === undefined || contentSize === total, `${total} bytes in a frame of ${contentSize}`);
    this.#frame = undefined;
    this.#skip = hasChecksum ? 4 : 0;
  }
}

/** Exactly `size` bytes out of all of `packed`; undefined where that is not what is in it. */
export function unpackZstd(packed: Uint8Array, size: number): Uint8Array | undefined {
  const out = new Uint8Array(size);
  let done = 0;
  const stream = new ZstdStream((bytes) => {
    check(bytes.length <= size - done, 'more bytes than expected');
    out.set(bytes, done);
    done += bytes.length;
  });
  try {
    stream.push(packed);
    stream.end();
  } catch (error) {
    if (error instanceof CorruptZstdError) return undefined;
    throw error;
  }
  return done === size ? out : undefined;
}

/** The history grows with what is in it to twice the window, and then moves back to keep the window. */
function makeRoom(frame: Frame, limit: number): void {
  const { history, end, window } = frame;
  if (end + limit <= history.length) return;
  const most = 2 * window;
  if (history.length < most) frame.history = new Uint8Array(Math.min(most, 2 * history.length + limit));
  const kept = Math.min(end, window);
  frame.history.set(history.subarray(end - kept, end));
  frame.end = kept;
}

function readSize(view: DataView, at: number, bytes: number): number {
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at, true) + 256;
  if (bytes === 4) return view.getUint32(at, true);
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}
