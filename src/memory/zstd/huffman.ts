/** The prefix codes of literals (RFC 8878, section 4.2). */

import { BackwardBits } from './bits.ts';
import { check } from './corrupt.ts';
import { FseState, readFseTable } from './fse.ts';

const MAX_BITS = 11;
const MAX_WEIGHTS_LOG = 6;

/** By the next `maxBits` bits of the stream. */
export interface HuffmanTable {
  readonly maxBits: number;
  readonly symbols: Uint8Array;
  /** Length of the symbol's code. */
  readonly bits: Uint8Array;
}

/** A table as it is described at the start of `bytes`, and how many bytes describe it. */
export function readHuffmanTable(bytes: Uint8Array): { table: HuffmanTable; length: number } {
  const header = bytes[0];
  check(header !== undefined, 'no table of literals');
  if (header < 128) {
    check(header < bytes.length, 'weights of literals that are cut short');
    return { table: buildTable(unpackWeights(bytes.subarray(1, 1 + header))), length: 1 + header };
  }
  const count = header - 127;
  const length = 1 + Math.ceil(count / 2);
  check(length <= bytes.length, 'weights of literals that are cut short');
  const weights = Array.from({ length: count }, (_, index) => {
    const pair = bytes[1 + (index >> 1)]!;
    return index % 2 === 0 ? pair >> 4 : pair & 15;
  });
  return { table: buildTable(weights), length };
}

/** Fills `out` with the literals of a stream, which is used up by it. */
export function readLiterals(table: HuffmanTable, bytes: Uint8Array, out: Uint8Array): void {
  const stream = new BackwardBits(bytes);
  const { maxBits, symbols, bits } = table;
  for (let index = 0; index < out.length; index++) {
    const code = stream.peek(maxBits);
    out[index] = symbols[code]!;
    stream.left -= bits[code]!;
  }
  check(stream.left === 0, 'a stream of literals of another length');
}

/** Weights come from two states in turn, until there are no bits for the next. */
function unpackWeights(bytes: Uint8Array): number[] {
  const { table, length } = readFseTable(bytes, MAX_WEIGHTS_LOG, 255);
  const stream = new BackwardBits(bytes.subarray(length));
  let [current, other] = [new FseState(table, stream), new FseState(table, stream)];
  check(stream.left >= 0, 'weights of literals that are cut short');
  const weights: number[] = [];
  while (stream.left >= current.bits) {
    weights.push(current.symbol);
    check(weights.length < 255, 'too many weights of literals');
    current.advance(stream);
    [current, other] = [other, current];
  }
  weights.push(current.symbol, other.symbol);
  return weights;
}

/** The weight of the last symbol is not written: it fills up the table. */
function buildTable(weights: number[]): HuffmanTable {
  check(
    weights.length < 256 && weights.every((weight) => weight <= MAX_BITS),
    'weights of literals out of range',
  );
  const sum = weights.reduce((total, weight) => total + (weight > 0 ? 2 ** (weight - 1) : 0), 0);
  const maxBits = sum === 0 ? 0 : 32 - Math.clz32(sum);
  check(maxBits > 0 && maxBits <= MAX_BITS, 'weights of literals that make no table');
  const rest = 2 ** maxBits - sum;
  check((rest & (rest - 1)) === 0, 'weights of literals that do not fill their table');
  const all = [...weights, 32 - Math.clz32(rest)];

  const symbols = new Uint8Array(2 ** maxBits);
  const bits = new Uint8Array(2 ** maxBits);
  let at = 0;
  for (let weight = 1; weight <= maxBits; weight++) {
    all.forEach((each, symbol) => {
      if (each !== weight) return;
      const end = at + 2 ** (weight - 1);
      symbols.fill(symbol, at, end);
      bits.fill(maxBits + 1 - weight, at, end);
      at = end;
    });
  }
  return { maxBits, symbols, bits };
}
