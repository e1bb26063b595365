/** Kernel symbols by name and by address. */

import { InputError } from '../../errors.ts';

/** Names and addresses, one of each per symbol, in any order. Addresses are unsigned. */
export interface Symbols {
  readonly names: readonly string[];
  readonly addresses: BigUint64Array;
}

/** The symbol that an address belongs to, as far as one can tell from where symbols begin. */
export interface SymbolOffset {
  readonly name: string;
  /** In bytes, from the symbol's address. */
  readonly offset: number;
}

const LINE = /^([0-9a-f]{8,16}) [a-zA-Z?] (\S+)/;

export class SymbolTable {
  readonly symbols: Symbols;
  /** Indices in ascending order of addresses, made when first wanted. */
  #order: Uint32Array | undefined;

  /**
   * `symbols`: as they are, or the text of System.map or /proc/kallsyms: "ffffffff81000000 T _text".
   * @throws InputError where a line of text is none, or all addresses are hidden.
   */
  constructor(symbols: string | Symbols, where = '') {
    this.symbols = typeof symbols === 'string' ? parse(symbols, where) : symbols;
  }

  /** The same symbols, all so many bytes further up. */
  moved(by: bigint): SymbolTable {
    if (by === 0n) return this;
    const { names, addresses } = this.symbols;
    return new SymbolTable({ names, addresses: addresses.map((address) => address + by) });
  }

  /** Unsigned; of several symbols of one name, that of the first. */
  address(name: string): bigint | undefined {
    const index = this.symbols.names.indexOf(name);
    return index < 0 ? undefined : this.symbols.addresses[index];
  }

  /** The last symbol at or below an unsigned address; of several at one address, the first that was given. */
  nearest(address: bigint): SymbolOffset | undefined {
    const { names, addresses } = this.symbols;
    this.#order ??= orderOf(addresses);
    const above = firstBeyond(this.#order, addresses, address);
    if (above === 0) return undefined;
    const start = addresses[this.#order[above - 1]!]!;
    const index = this.#order[firstBeyond(this.#order, addresses, start - 1n)]!;
    return { name: names[index]!, offset: Number(address - start) };
  }
}

function orderOf(addresses: BigUint64Array): Uint32Array {
  const order = Uint32Array.from(addresses, (_, index) => index);
  return order.sort(
    (a, b) => Number(addresses[a]! > addresses[b]!) - Number(addresses[a]! < addresses[b]!) || a - b,
  );
}

/** How many addresses are not above `address`: binary search. */
function firstBeyond(order: Uint32Array, addresses: BigUint64Array, address: bigint): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (addresses[order[middle]!]! > address) high = middle;
    else low = middle + 1;
  }
  return low;
}

function parse(text: string, where: string): Symbols {
  const names: string[] = [];
  const addresses: bigint[] = [];
  let line = 0;
  for (const entry of text.split('\n')) {
    line++;
    if (entry === '') continue;
    const [, address, name] = LINE.exec(entry) ?? [];
    if (address === undefined || name === undefined) {
      const expected = 'an address, a type and a name, such as "ffffffff81000000 T _text"';
      throw new InputError({
        code: 'bad-format',
        what: 'symbol',
        where: `${where}:${line}`,
        found: entry,
        expected,
      });
    }
    names.push(name);
    addresses.push(BigInt(`0x${address}`));
  }
  if (!addresses.some((address) => address !== 0n)) {
    throw new InputError({
      code: 'bad-format',
      what: 'symbols',
      where,
      found: addresses.length === 0 ? 'none' : 'only addresses of 0',
      expected: 'addresses (only root sees them in /proc/kallsyms)',
    });
  }
  return { names, addresses: BigUint64Array.from(addresses) };
}
