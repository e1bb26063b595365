/** Finite state entropy: tables that lead from state to state, and have a symbol in each (RFC 8878, section 4.1). */

import { type BackwardBits, ForwardBits } from './bits.ts';
import { check } from './corrupt.ts';

/** By state. */
export interface FseTable {
  readonly accuracyLog: number;
  readonly symbols: Uint8Array;
  /** How many bits to read for the next state, and what to add to them. */
  readonly bits: Uint8Array;
  readonly bases: Uint16Array;
}

/** The table for probabilities that add up to 2^accuracyLog, where -1 stands for "less than one". */
export function buildFseTable(probabilities: readonly number[], accuracyLog: number): FseTable {
  const size = 1 << accuracyLog;
  const symbols = new Uint8Array(size);
  const next = probabilities.map((probability) => Math.abs(probability));
  let rareFrom = size;
  probabilities.forEach((probability, symbol) => {
    if (probability === -1) symbols[--rareFrom] = symbol;
  });

  const step = (size >> 1) + (size >> 3) + 3;
  let at = 0;
  probabilities.forEach((probability, symbol) => {
    for (let count = 0; count < probability; count++) {
      symbols[at] = symbol;
      do at = (at + step) & (size - 1);
      while (at >= rareFrom);
    }
  });
  check(at === 0, 'probabilities that do not fill their table');

  const bits = new Uint8Array(size);
  const bases = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const count = next[symbols[state]!]!++;
    bits[state] = accuracyLog - highestBit(count);
    bases[state] = (count << bits[state]!) - size;
  }
  return { accuracyLog, symbols, bits, bases };
}

/** The table that has one symbol only. */
export function singleSymbolTable(symbol: number): FseTable {
  return {
    accuracyLog: 0,
    symbols: Uint8Array.of(symbol),
    bits: new Uint8Array(1),
    bases: new Uint16Array(1),
  };
}

/** A table as it is described at the start of `bytes`, and how many bytes describe it. */
export function readFseTable(
  bytes: Uint8Array,
  maxAccuracyLog: number,
  maxSymbol: number,
): { table: FseTable; length: number } {
  const stream = new ForwardBits(bytes);
  const accuracyLog = stream.read(4) + 5;
  check(accuracyLog <= maxAccuracyLog, `a table of 2^${accuracyLog} states`);
  const probabilities: number[] = [];
  let remaining = 1 << accuracyLog;
  while (remaining > 0) {
    const probability = readProbability(stream, remaining);
    remaining -= Math.abs(probability);
    probabilities.push(probability);
    for (let more = probability === 0 ? 3 : 0; more === 3; ) {
      more = stream.read(2);
      for (let zero = 0; zero < more; zero++) probabilities.push(0);
      check(probabilities.length <= maxSymbol, 'a table of too many symbols');
    }
  }
  check(probabilities.length <= maxSymbol + 1, 'a table of too many symbols');
  return { table: buildFseTable(probabilities, accuracyLog), length: stream.bytesRead() };
}

/** A number from -1 to `remaining`; the lower ones have one bit less where not all bits are needed. */
function readProbability(stream: ForwardBits, remaining: number): number {
  const highest = remaining + 1;
  const width = highestBit(highest) + 1;
  const shorter = (1 << width) - 1 - highest;
  const short = stream.peek(width - 1);
  if (short < shorter) {
    stream.skip(width - 1);
    return short - 1;
  }
  const value = stream.read(width);
  return (value >= 1 << (width - 1) ? value - shorter : value) - 1;
}

/** A place in a table. */
export class FseState {
  readonly #table: FseTable;
  #state: number;

  constructor(table: FseTable, stream: BackwardBits) {
    this.#table = table;
    this.#state = stream.read(table.accuracyLog);
  }

  get symbol(): number {
    return this.#table.symbols[this.#state]!;
  }

  /** How many bits `advance` will read. */
  get bits(): number {
    return this.#table.bits[this.#state]!;
  }

  advance(stream: BackwardBits): void {
    this.#state = this.#table.bases[this.#state]! + stream.read(this.#table.bits[this.#state]!);
  }
}

function highestBit(value: number): number {
  return 31 - Math.clz32(value);
}
