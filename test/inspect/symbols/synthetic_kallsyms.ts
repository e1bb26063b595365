/** The symbol table of a kernel as scripts/kallsyms.c lays it out in memory, made to order. */

export interface SyntheticSymbol {
  /** Its type and its name: "T_text". */
  typed: string;
  address: bigint;
  /** A per-CPU symbol of x86 before v6.15, whose address is an offset. */
  absolute?: boolean;
}

/** Addresses from a base; with per-CPU ones absolute; from the place of each. */
export type AddressForm = 'relative' | 'absolute per-CPU' | 'place';

export interface SyntheticKallsyms {
  bytes: Uint8Array;
  /** Of VMCOREINFO. */
  lines: string[];
  /** Of each part, its address. */
  parts: ReadonlyMap<string, bigint>;
}

const LONGER_TOKENS: ReadonlyMap<number, string> = new Map([
  [0x01, 'T_'],
  [0x80, 'kernel_'],
  [0x81, 'page'],
  [0xff, 'er'],
]);

/** All codes: a letter stands for itself, four others for more, the rest for nothing. */
const TOKENS = Array.from({ length: 256 }, (_, code) =>
  code > 0x20 && code < 0x7f ? String.fromCharCode(code) : (LONGER_TOKENS.get(code) ?? ''),
);

/** `at` is the address of the whole, `form` decides its generation: parts are in another order since v6.4. */
export function buildKallsyms(
  symbols: readonly SyntheticSymbol[],
  form: AddressForm,
  at: bigint,
  littleEndian = true,
): SyntheticKallsyms {
  const base = symbols.filter(({ absolute }) => absolute !== true)[0]!.address;
  const table = tokenTable(littleEndian);
  const contents: Record<string, Uint8Array> = {
    num_syms: words([symbols.length], 4, littleEndian),
    names: concat(symbols.map(({ typed }) => encodeName(typed))),
    markers: new Uint8Array(8),
    token_table: table.bytes,
    token_index: table.index,
    relative_base: words([base], 8, littleEndian),
    offsets: new Uint8Array(4 * symbols.length),
  };
  const order =
    form === 'place'
      ? ['num_syms', 'names', 'markers', 'token_table', 'token_index', 'offsets']
      : ['offsets', 'relative_base', 'num_syms', 'names', 'markers', 'token_table', 'token_index'];

  const parts = new Map<string, bigint>();
  let end = at;
  for (const name of order) {
    parts.set(name, end);
    end += BigInt(Math.ceil(contents[name]!.length / 8) * 8);
  }
  const place = parts.get('offsets')!;
  const offsets = symbols.map(({ address, absolute }, index) => {
    if (form === 'place') return address - (place + BigInt(4 * index));
    if (form === 'relative') return address - base;
    return absolute === true ? address : base - address - 1n;
  });
  contents.offsets = words(offsets, 4, littleEndian);

  const bytes = new Uint8Array(Number(end - at));
  for (const name of order) bytes.set(contents[name]!, Number(parts.get(name)! - at));
  const told = order.filter((name) => name !== 'markers');
  const lines = told.map((name) => `SYMBOL(kallsyms_${name})=${parts.get(name)!.toString(16)}`);
  return { bytes, lines, parts };
}

function encodeName(typed: string): Uint8Array {
  const codes: number[] = [];
  for (let at = 0; at < typed.length; ) {
    const longer = [...LONGER_TOKENS].find(([, token]) => typed.startsWith(token, at));
    codes.push(longer?.[0] ?? typed.charCodeAt(at));
    at += longer?.[1].length ?? 1;
  }
  const { length } = codes;
  return Uint8Array.from(
    length < 0x80 ? [length, ...codes] : [(length & 0x7f) | 0x80, length >> 7, ...codes],
  );
}

function tokenTable(littleEndian: boolean): { bytes: Uint8Array; index: Uint8Array } {
  const starts: number[] = [];
  let text = '';
  for (const token of TOKENS) {
    starts.push(text.length);
    text += `${token}\0`;
  }
  return { bytes: new TextEncoder().encode(text), index: words(starts, 2, littleEndian) };
}

/** Whole numbers of `size` bytes each, negative ones as two's complements. */
export function words(
  values: readonly (number | bigint)[],
  size: 2 | 4 | 8,
  littleEndian: boolean,
): Uint8Array {
  const bytes = new Uint8Array(size * values.length);
  for (const [index, value] of values.entries()) {
    for (let byte = 0; byte < size; byte++) {
      const place = littleEndian ? byte : size - 1 - byte;
      bytes[index * size + place] = Number(BigInt.asUintN(8, BigInt(value) >> BigInt(8 * byte)));
    }
  }
  return bytes;
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}
