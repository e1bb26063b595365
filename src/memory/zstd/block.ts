/** Compressed blocks: literals, and sequences that say where to put them and what to repeat (RFC 8878, section 3.1.1.3). */

import { BackwardBits } from './bits.ts';
import { check } from './corrupt.ts';
import { buildFseTable, FseState, type FseTable, readFseTable, singleSymbolTable } from './fse.ts';
import { type HuffmanTable, readHuffmanTable, readLiterals } from './huffman.ts';

export const MAX_BLOCK_SIZE = 131072;

/** What one block of a frame leaves to the next. */
export interface FrameState {
  huffman: HuffmanTable | undefined;
  /** Of lengths of literals, of offsets, of lengths of matches. */
  tables: (FseTable | undefined)[];
  /** The last three, the newest first. */
  offsets: [number, number, number];
}

export function newFrameState(): FrameState {
  return { huffman: undefined, tables: [undefined, undefined, undefined], offsets: [1, 4, 8] };
}

/** One of the three kinds of symbols in sequences. */
interface Alphabet {
  readonly maxAccuracyLog: number;
  readonly maxSymbol: number;
  readonly predefined: FseTable;
}

/** How many further bits each length's symbol has; the first lengths have none. */
const LITERAL_BITS = [...zeros(16), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const MATCH_BITS = [...zeros(32), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const LITERAL_BASES = basesOf(LITERAL_BITS, 0);
const MATCH_BASES = basesOf(MATCH_BITS, 3);
/** An offset of so many bits is farther than any window that is accepted here. */
const MAX_OFFSET_BITS = 31;

/** The predefined probabilities of RFC 8878, section 3.1.1.3.2.2. */
const ALPHABETS: readonly Alphabet[] = [
  {
    maxAccuracyLog: 9,
    maxSymbol: 35,
    predefined: buildFseTable(
      [4, 3, ...times(11, 2), 1, 1, 1, ...times(9, 2), 3, 2, ...times(5, 1), ...times(4, -1)],
      6,
    ),
  },
  {
    maxAccuracyLog: 8,
    maxSymbol: MAX_OFFSET_BITS,
    predefined: buildFseTable([...times(6, 1), 2, 2, 2, ...times(15, 1), ...times(5, -1)], 5),
  },
  {
    maxAccuracyLog: 9,
    maxSymbol: 52,
    predefined: buildFseTable([1, 4, 3, ...times(6, 2), ...times(37, 1), ...times(7, -1)], 6),
  },
];

/**
 * Unpacks a block into `out` from `at` on, and says where it ends there. What precedes `at` is what matches may repeat.
 * @throws CorruptZstdError where it is corrupt, or gives more than `limit` bytes.
 */
export function unpackBlock(
  block: Uint8Array,
  state: FrameState,
  out: Uint8Array,
  at: number,
  limit: number,
): number {
  const { literals, length } = readLiteralsSection(block, state, limit);
  const end = at + limit;
  let used = 0;
  const copyLiterals = (count: number) => {
    check(count <= literals.length - used && count <= end - at, 'more literals than there are');
    for (const stop = used + count; used < stop; ) out[at++] = literals[used++]!;
  };
  readSequences(block.subarray(length), state, (literalLength, offset, matchLength) => {
    copyLiterals(literalLength);
    check(offset <= at && matchLength <= end - at, 'a match that reaches outside');
    for (const stop = at + matchLength; at < stop; at++) out[at] = out[at - offset]!;
  });
  copyLiterals(literals.length - used);
  return at;
}

function readLiteralsSection(
  block: Uint8Array,
  state: FrameState,
  limit: number,
): { literals: Uint8Array; length: number } {
  check(block.length >= 1, 'an empty block');
  const type = block[0]! & 3;
  const format = (block[0]! >> 2) & 3;
  const byte = (index: number) => block[index] ?? 0;

  if (type < 2) {
    const headerSize = format % 2 === 0 ? 1 : format === 1 ? 2 : 3;
    const size =
      headerSize === 1
        ? byte(0) >> 3
        : (byte(0) >> 4) | (byte(1) << 4) | (headerSize === 3 ? byte(2) << 12 : 0);
    const length = headerSize + (type === 0 ? size : 1);
    check(size <= limit && length <= block.length, 'literals that are cut short');
    if (type === 0) return { literals: block.subarray(headerSize, length), length };
    return { literals: new Uint8Array(size).fill(block[headerSize]!), length };
  }

  const headerSize = format < 2 ? 3 : format + 2;
  const width = format < 2 ? 10 : format === 2 ? 14 : 18;
  const numbers = byte(0) + byte(1) * 2 ** 8 + byte(2) * 2 ** 16 + byte(3) * 2 ** 24 + byte(4) * 2 ** 32;
  const size = Math.floor(numbers / 16) % 2 ** width;
  const packedSize = Math.floor(numbers / 2 ** (4 + width)) % 2 ** width;
  const length = headerSize + packedSize;
  check(size <= limit && length <= block.length, 'literals that are cut short');

  let streams = block.subarray(headerSize, length);
  if (type === 2) {
    const { table, length: tableLength } = readHuffmanTable(streams);
    state.huffman = table;
    streams = streams.subarray(tableLength);
  }
  check(state.huffman !== undefined, 'literals whose table is missing');
  const literals = new Uint8Array(size);
  if (format === 0) readLiterals(state.huffman, streams, literals);
  else readFourStreams(state.huffman, streams, literals);
  return { literals, length };
}

function readFourStreams(table: HuffmanTable, streams: Uint8Array, literals: Uint8Array): void {
  check(streams.length >= 6, 'literals that are cut short');
  const quarter = (literals.length + 3) >> 2;
  check(3 * quarter <= literals.length, 'too few literals for four streams');
  let from = 6;
  for (let index = 0; index < 4; index++) {
    const size = streams[2 * index]! | (streams[2 * index + 1]! << 8);
    const to = index === 3 ? streams.length : from + size;
    check(to <= streams.length, 'literals that are cut short');
    const part = literals.subarray(index * quarter, index === 3 ? literals.length : (index + 1) * quarter);
    readLiterals(table, streams.subarray(from, to), part);
    from = to;
  }
}

function readSequences(
  section: Uint8Array,
  state: FrameState,
  apply: (literalLength: number, offset: number, matchLength: number) => void,
): void {
  const [first, second = 0, third = 0] = section;
  check(first !== undefined, 'no sequences');
  let at = first < 128 ? 1 : first < 255 ? 2 : 3;
  const count =
    first < 128 ? first : first < 255 ? ((first - 128) << 8) | second : (second | (third << 8)) + 0x7f00;
  if (count === 0) {
    check(section.length === at, 'more than sequences');
    return;
  }
  const modes = section[at++] ?? 0;
  check((modes & 3) === 0, 'modes of sequences that are reserved');
  ALPHABETS.forEach((alphabet, which) => {
    at += readTable(section.subarray(at), (modes >> (6 - 2 * which)) & 3, alphabet, state, which);
  });

  const stream = new BackwardBits(section.subarray(at));
  const [literalState, offsetState, matchState] = state.tables.map((table) => new FseState(table!, stream));
  for (let left = count; left > 0; left--) {
    const offsetBits = offsetState!.symbol;
    const [matchSymbol, literalSymbol] = [matchState!.symbol, literalState!.symbol];
    const offset = 2 ** offsetBits + stream.read(offsetBits);
    const matchLength = MATCH_BASES[matchSymbol]! + stream.read(MATCH_BITS[matchSymbol]!);
    const literalLength = LITERAL_BASES[literalSymbol]! + stream.read(LITERAL_BITS[literalSymbol]!);
    if (left > 1) {
      literalState!.advance(stream);
      matchState!.advance(stream);
      offsetState!.advance(stream);
    }
    check(stream.left >= 0, 'sequences that are cut short');
    apply(literalLength, distanceOf(offset, literalLength, state.offsets), matchLength);
  }
  check(stream.left === 0, 'more bits than sequences');
}

/** Puts a table into the state, and says how many bytes describe it. */
function readTable(
  bytes: Uint8Array,
  mode: number,
  { predefined, maxAccuracyLog, maxSymbol }: Alphabet,
  state: FrameState,
  which: number,
): number {
  if (mode === 0) {
    state.tables[which] = predefined;
    return 0;
  }
  if (mode === 1) {
    check(bytes.length > 0 && bytes[0]! <= maxSymbol, 'a symbol of sequences that is unknown');
    state.tables[which] = singleSymbolTable(bytes[0]!);
    return 1;
  }
  if (mode === 2) {
    const { table, length } = readFseTable(bytes, maxAccuracyLog, maxSymbol);
    state.tables[which] = table;
    return length;
  }
  check(state.tables[which] !== undefined, 'sequences whose table is missing');
  return 0;
}

/** How far back a match lies. 1 to 3 stand for offsets that were used before; without literals, for the ones after. */
function distanceOf(value: number, literalLength: number, offsets: FrameState['offsets']): number {
  const [first, second, third] = offsets;
  let distance = value - 3;
  if (value <= 3) {
    const which = value - (literalLength === 0 ? 0 : 1);
    if (which === 0) return first;
    if (which === 1) {
      offsets[0] = second;
      offsets[1] = first;
      return second;
    }
    distance = which === 2 ? third : first - 1;
    check(distance > 0, 'an offset of 0');
  }
  offsets[2] = second;
  offsets[1] = first;
  offsets[0] = distance;
  return distance;
}

function basesOf(bits: readonly number[], first: number): number[] {
  let base = first;
  return bits.map((width) => {
    const own = base;
    base += 2 ** width;
    return own;
  });
}

function zeros(count: number): number[] {
  return times(count, 0);
}

function times(count: number, value: number): number[] {
  return new Array<number>(count).fill(value);
}
