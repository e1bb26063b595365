/**
 * The symbol table that a kernel has in its own memory (kernel/kallsyms.c, scripts/kallsyms.c). Since v6.0 VMCOREINFO
 * says where its parts are, so that a whole dump brings its symbols along:
 *
 *     kallsyms_num_syms       u32: how many symbols
 *     kallsyms_names          of each a length, in one byte or (since v6.1) two, and so many bytes, each of which stands
 *                             for a token; the first letter of all that is the type and not of the name
 *     kallsyms_token_table    256 tokens, each of which ends in a zero
 *     kallsyms_token_index    u16 of each token: where it begins in the table
 *     kallsyms_offsets        i32 of each symbol: where it is, as `addressReadings` says
 *     kallsyms_relative_base  u64; not in v7.2
 *
 * Symbols of modules are not in it. Only ia64 ever had kallsyms_addresses in place of offsets.
 */

import { InputError } from '../../errors.ts';
import type { Vmcoreinfo } from '../../memory/vmcoreinfo.ts';
import type { Machine } from '../machine.ts';
import { type Symbols, SymbolTable } from './symbols.ts';
import { readVirtual } from './virtual_memory.ts';

/** Far more than any kernel has: a distribution's has 100,000 to 200,000 symbols, in 1 to 2 MB of names. */
const MAX_SYMBOLS = 2 ** 20;
const MAX_NAMES_BYTES = 2 ** 24;
const MAX_LETTERS = 2 ** 25;
/** KSYM_NAME_LEN. */
const MAX_NAME = 512;

const TOKENS = 256;
/** What u16 reaches, and the last token. */
const MAX_TOKEN_TABLE = 2 ** 16 + MAX_NAME;

const known = new WeakMap<Machine, SymbolTable | undefined>();

/** The user's symbols if there are any, moved as KASLR moved the kernel; or else the kernel's own, which are read once. */
export function symbolsOf(machine: Machine, told: SymbolTable | undefined): SymbolTable | undefined {
  if (told !== undefined) return told.moved(movedBy(machine, told));
  if (!known.has(machine)) known.set(machine, readKallsyms(machine));
  return known.get(machine);
}

/** How far the image is from where a System.map has it; 0 for symbols of the running kernel. */
function movedBy({ memory, located }: Machine, told: SymbolTable): bigint {
  const [linked, running] = [told.address('_stext'), memory.vmcoreinfo?.symbol('_stext')];
  if (linked !== undefined && running !== undefined) return running - linked;
  const table = told.address('init_top_pgt') ?? told.address('swapper_pg_dir');
  if (table === undefined || located.imageOffset === undefined || !located.rootFrom.startsWith('--symbols'))
    return 0n;
  return BigInt.asUintN(64, BigInt(located.root + located.imageOffset)) - table;
}

/**
 * All symbols of the kernel image. undefined where the source does not have them: no VMCOREINFO that says where they
 * are, memory that is not in the source, or what is there is no such table. Each call reads anew, some megabytes.
 */
export function readKallsyms(machine: Machine): SymbolTable | undefined {
  try {
    const symbols = readSymbols(machine);
    return symbols === undefined ? undefined : new SymbolTable(symbols);
  } catch (error) {
    // A source that breaks off here may have all page tables still.
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** Where the kernel says that the parts are, and one symbol whose address it says too. */
interface Parts {
  readonly numSyms: bigint;
  readonly names: bigint;
  readonly tokenTable: bigint;
  readonly tokenIndex: bigint;
  readonly offsets: bigint;
  readonly relativeBase: bigint | undefined;
  readonly stext: bigint;
}

function partsIn(vmcoreinfo: Vmcoreinfo | undefined): Parts | undefined {
  const at = (part: string) => vmcoreinfo?.symbol(`kallsyms_${part}`);
  const [numSyms, names, offsets] = [at('num_syms'), at('names'), at('offsets')];
  const [tokenTable, tokenIndex, stext] = [
    at('token_table'),
    at('token_index'),
    vmcoreinfo?.symbol('_stext'),
  ];
  if (numSyms === undefined || names === undefined || offsets === undefined) return undefined;
  if (tokenTable === undefined || tokenIndex === undefined || stext === undefined) return undefined;
  return { numSyms, names, tokenTable, tokenIndex, offsets, relativeBase: at('relative_base'), stext };
}

function readSymbols(machine: Machine): Symbols | undefined {
  const parts = partsIn(machine.memory.vmcoreinfo);
  if (parts === undefined) return undefined;
  const { littleEndian } = machine.memory;
  const count = viewOf(machine, parts.numSyms, 4)?.getUint32(0, littleEndian);
  const tokens = readTokens(machine, parts);
  if (count === undefined || count > MAX_SYMBOLS || tokens === undefined) return undefined;
  const names = readNames(machine, parts, count, tokens);
  const offsets = names === undefined ? undefined : viewOf(machine, parts.offsets, 4 * count);
  const readings = addressReadings(machine, parts);
  if (names === undefined || offsets === undefined || readings === undefined) return undefined;

  const stext = names.indexOf('_stext');
  const offsetOf = (index: number) => offsets.getInt32(4 * index, littleEndian);
  const reading = readings.find((each) => stext >= 0 && each(offsetOf(stext), stext) === parts.stext);
  if (reading === undefined) return undefined;
  return { names, addresses: BigUint64Array.from(names, (_, index) => reading(offsetOf(index), index)) };
}

/** The letters of each token. The index says again where each begins: what disagrees is no table. */
function readTokens(machine: Machine, { tokenTable, tokenIndex }: Parts): Uint8Array[] | undefined {
  const table = readUpTo(machine, tokenTable, tokenIndex, MAX_TOKEN_TABLE);
  const index = viewOf(machine, tokenIndex, 2 * TOKENS);
  if (table === undefined || index === undefined) return undefined;
  const tokens: Uint8Array[] = [];
  for (let start = 0; tokens.length < TOKENS; ) {
    const end = table.indexOf(0, start);
    if (end < 0 || index.getUint16(2 * tokens.length, machine.memory.littleEndian) !== start)
      return undefined;
    const token = table.subarray(start, end);
    if (!token.every((letter) => letter > 0x20 && letter < 0x7f)) return undefined;
    tokens.push(token);
    start = end + 1;
  }
  return tokens;
}

function readNames(
  machine: Machine,
  parts: Parts,
  count: number,
  tokens: readonly Uint8Array[],
): string[] | undefined {
  // The token table comes after the names, from v6.1 to v7.2.
  const bytes = readUpTo(machine, parts.names, parts.tokenTable, MAX_NAMES_BYTES);
  if (bytes === undefined) return undefined;
  const names: string[] = [];
  const letters = new Uint8Array(MAX_NAME);
  let total = 0;
  for (let at = 0; names.length < count; ) {
    let length = bytes[at++] ?? 0;
    if (length >= 0x80) length = (length & 0x7f) | ((bytes[at++] ?? 0) << 7);
    const name = nameOf(bytes.subarray(at, at + length), tokens, letters);
    if (name === undefined || at + length > bytes.length) return undefined;
    total += name.length;
    if (total > MAX_LETTERS) return undefined;
    names.push(name);
    at += length;
  }
  return names;
}

const TEXT = new TextDecoder();

/** Without its type; undefined for none, or one that no kernel has. */
function nameOf(codes: Uint8Array, tokens: readonly Uint8Array[], letters: Uint8Array): string | undefined {
  let length = 0;
  for (const code of codes) {
    const token = tokens[code]!;
    if (length + token.length > letters.length) return undefined;
    letters.set(token, length);
    length += token.length;
  }
  return length < 2 ? undefined : TEXT.decode(letters.subarray(1, length));
}

type AddressReading = (offset: number, index: number) => bigint;

/**
 * What offsets may mean: in v7.2, how far the symbol is from the offset itself. Before, from the base; or, under
 * CONFIG_KALLSYMS_ABSOLUTE_PERCPU (x86 before v6.15), of which nothing tells, the address itself if not negative, and
 * otherwise how far below the base less 1 its negative is.
 */
function addressReadings(machine: Machine, { offsets, relativeBase }: Parts): AddressReading[] | undefined {
  const unsigned = (address: bigint) => BigInt.asUintN(64, address);
  if (relativeBase === undefined) {
    return [(offset, index) => unsigned(offsets + BigInt(4 * index + offset))];
  }
  const base = viewOf(machine, relativeBase, 8)?.getBigUint64(0, machine.memory.littleEndian);
  if (base === undefined) return undefined;
  return [
    (offset) => unsigned(base + BigInt(offset >>> 0)),
    (offset) => (offset >= 0 ? BigInt(offset) : unsigned(base - 1n - BigInt(offset))),
  ];
}

function viewOf(machine: Machine, address: bigint, length: number): DataView | undefined {
  const bytes = readVirtual(machine, address, length);
  return bytes === undefined ? undefined : new DataView(bytes.buffer);
}

/** What lies between two addresses, if that is some bytes and no more than `most`. */
function readUpTo(machine: Machine, start: bigint, end: bigint, most: number): Uint8Array | undefined {
  const length = Number(end - start);
  return length > 0 && length <= most ? readVirtual(machine, start, length) : undefined;
}
