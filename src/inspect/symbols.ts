/** Kernel symbols by name, from the text of System.map or /proc/kallsyms: "ffffffff81000000 T _text". */

import { InputError } from '../errors.ts';

const LINE = /^([0-9a-f]{8,16}) [a-zA-Z?] (\S+)/;

export class SymbolTable {
  readonly #addresses = new Map<string, bigint>();

  /** @throws InputError where a line is none, or all addresses are hidden. */
  constructor(text: string, where: string) {
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
      if (!this.#addresses.has(name)) this.#addresses.set(name, BigInt(`0x${address}`));
    }
    if (![...this.#addresses.values()].some((address) => address !== 0n)) {
      throw new InputError({
        code: 'bad-format',
        what: 'symbols',
        where,
        found: this.#addresses.size === 0 ? 'none' : 'only addresses of 0',
        expected: 'addresses (only root sees them in /proc/kallsyms)',
      });
    }
  }

  /** Unsigned. */
  address(name: string): bigint | undefined {
    return this.#addresses.get(name);
  }
}
