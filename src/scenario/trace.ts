/**
 * Recorded calls: the format directmap-trace/1, one JSON object a line. The first line tells of the machine, each
 * further line of one call on a real kernel, with what it returned and every page-table entry that it changed.
 */

import { InputError } from '../errors.ts';

export interface TraceHeader {
  arch: string;
  /** Exact release, e.g. "6.1.192". */
  kernel: string;
  cmdline: string;
  /** File name of the core that holds the tables before the first call. */
  core: string;
  /** Physical address of the top table. */
  root: bigint;
  levels: number;
  pageSize: number;
  pageOffset: bigint;
  physOffset: bigint;
  /** Inclusive physical ranges. */
  ram: [bigint, bigint][];
  /** Inclusive virtual ranges whose tables were recorded; none if that is all of them. */
  tracked: [bigint, bigint][];
  vmemmapBase: bigint | undefined;
  structPageSize: number | undefined;
  /** All that the header has, by its names. */
  facts: Readonly<Record<string, unknown>>;
}

/** `count` entries from `index` of the table at `table`: the k-th was `before + k * beforeStride`, modulo 2^64. */
export interface ChangedRun {
  level: number;
  table: bigint;
  va: bigint;
  index: number;
  count: number;
  before: bigint;
  beforeStride: bigint;
  after: bigint;
  afterStride: bigint;
}

export interface AddedTable {
  table: bigint;
  level: number;
  va: bigint;
  runs: { index: number; count: number; first: bigint; stride: bigint }[];
}

export interface RecordedCall {
  i: number;
  call: string;
  args: Record<string, bigint>;
  /** Arguments that are lists, such as page arrays. */
  lists: Record<string, bigint[]>;
  refuse: number[];
  refused: number[];
  /** An address is read as signed. null for void. */
  ret: number | null;
  allocations: number | undefined;
  changed: ChangedRun[];
  added: AddedTable[];
  removed: bigint[];
  directPages: [number[], number[]] | undefined;
  console: string;
}

export interface Trace {
  name: string;
  header: TraceHeader;
  calls: RecordedCall[];
}

/** A JSON object that complains by its place in the file. */
class Reader {
  readonly #fields: Record<string, unknown>;
  readonly #where: string;

  constructor(value: unknown, where: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw bad(where, 'a line', value, 'a JSON object');
    }
    this.#fields = value as Record<string, unknown>;
    this.#where = where;
  }

  string(name: string): string {
    const value = this.#fields[name];
    if (typeof value !== 'string') throw bad(this.#where, `"${name}"`, value, 'a string');
    return value;
  }

  optional<T>(name: string, read: (name: string) => T): T | undefined {
    return this.#fields[name] === undefined ? undefined : read(name);
  }

  integer(name: string): number {
    const value = this.#fields[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
      throw bad(this.#where, `"${name}"`, value, 'an integer');
    }
    return value;
  }

  big(name: string): bigint {
    return toBig(this.#fields[name], `${this.#where}: "${name}"`);
  }

  list(name: string): unknown[] {
    const value = this.#fields[name];
    if (!Array.isArray(value)) throw bad(this.#where, `"${name}"`, value, 'a list');
    return value;
  }

  get raw(): Record<string, unknown> {
    return this.#fields;
  }

  get where(): string {
    return this.#where;
  }
}

function bad(where: string, what: string, found: unknown, expected: string): InputError {
  const text = found === undefined ? 'nothing' : JSON.stringify(found);
  return new InputError({ code: 'bad-format', what, where, found: text.slice(0, 200), expected });
}

/** A number or a string such as "0x1f" or "-4096". */
function toBig(value: unknown, where: string): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value === 'string' && /^-?(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(value)) {
    return value.startsWith('-') ? -BigInt(value.slice(1)) : BigInt(value);
  }
  throw bad(where, 'a value', value, 'an integer, in decimal or as "0x..."');
}

function small(value: unknown, where: string): number {
  const big = toBig(value, where);
  if (big < 0n || big > 0xffff_ffffn) throw bad(where, 'a value', value, '0 to 4294967295');
  return Number(big);
}

function pairs(list: unknown[], where: string): [bigint, bigint][] {
  return list.map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw bad(where, 'a range', pair, '[first, last]');
    return [toBig(pair[0], where), toBig(pair[1], where)];
  });
}

function readHeader(line: Reader): TraceHeader {
  const format = line.string('format');
  if (format !== 'directmap-trace/1') throw bad(line.where, '"format"', format, 'directmap-trace/1');
  return {
    arch: line.string('arch'),
    kernel: line.string('kernel'),
    cmdline: line.string('cmdline'),
    core: line.string('core'),
    root: line.big('root'),
    levels: line.integer('levels'),
    pageSize: line.integer('pageSize'),
    pageOffset: line.big('pageOffset'),
    physOffset: line.big('physOffset'),
    ram: pairs(line.list('ram'), line.where),
    tracked: typeof line.raw.tracked === 'string' ? [] : pairs(line.list('tracked'), line.where),
    vmemmapBase: line.optional('vmemmap_base', (name) => line.big(name)),
    structPageSize: line.optional('struct_page_size', (name) => line.integer(name)),
    facts: line.raw,
  };
}

function readChanged(run: unknown, where: string): ChangedRun {
  if (!Array.isArray(run) || run.length !== 9) throw bad(where, '"changed"', run, 'runs of 9 values');
  const [level, table, va, index, count, before, beforeStride, after, afterStride] = run;
  return {
    level: small(level, where),
    table: toBig(table, where),
    va: toBig(va, where),
    index: small(index, where),
    count: small(count, where),
    before: toBig(before, where),
    beforeStride: toBig(beforeStride, where),
    after: toBig(after, where),
    afterStride: toBig(afterStride, where),
  };
}

function readAdded(value: unknown, where: string): AddedTable {
  const table = new Reader(value, where);
  return {
    table: table.big('table'),
    level: table.integer('level'),
    va: table.big('va'),
    runs: table.list('runs').map((run) => {
      if (!Array.isArray(run) || run.length !== 4) throw bad(where, '"runs"', run, 'runs of 4 values');
      const [index, count, first, stride] = run;
      return {
        index: small(index, where),
        count: small(count, where),
        first: toBig(first, where),
        stride: toBig(stride, where),
      };
    }),
  };
}

function readCall(line: Reader): RecordedCall {
  const { where } = line;
  const args: Record<string, bigint> = {};
  const lists: Record<string, bigint[]> = {};
  for (const [name, value] of Object.entries(new Reader(line.raw.args, `${where}: "args"`).raw)) {
    if (Array.isArray(value)) lists[name] = value.map((each) => toBig(each, `${where}: "args.${name}"`));
    else if (value !== null) args[name] = toBig(value, `${where}: "args.${name}"`);
  }
  const ret = line.raw.ret;
  if (ret !== null && typeof ret !== 'number' && typeof ret !== 'string') {
    throw bad(where, '"ret"', ret, 'an integer or null');
  }
  const directPages = line.optional('directPages', (name) => line.list(name));
  return {
    i: line.integer('i'),
    call: line.string('call'),
    args,
    lists,
    refuse: line.list('refuse').map((each) => small(each, where)),
    refused: line.list('refused').map((each) => small(each, where)),
    ret: ret === null ? null : Number(BigInt.asIntN(64, toBig(ret, where))),
    allocations: line.optional('allocations', (name) => line.integer(name)),
    changed: line.list('changed').map((run) => readChanged(run, where)),
    added: line.list('added').map((table) => readAdded(table, where)),
    removed: line.list('removed').map((table) => removedTable(table, where)),
    directPages: directPages?.map((counts) => (counts as unknown[]).map((each) => small(each, where))) as
      | [number[], number[]]
      | undefined,
    console: line.optional('console', (name) => readConsole(line, name)) ?? '',
  };
}

/** One text, or its lines. */
function readConsole(line: Reader, name: string): string {
  return Array.isArray(line.raw[name]) ? line.list(name).join('\n') : line.string(name);
}

function removedTable(value: unknown, where: string): bigint {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return new Reader(value, where).big('table');
  return toBig(value, where);
}

/** @throws InputError naming the line. */
export function parseTrace(text: string, name: string): Trace {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const readers = lines.map((line, i) => {
    const where = `${name}:${i + 1}`;
    try {
      return new Reader(JSON.parse(line), where);
    } catch (error) {
      if (error instanceof InputError) throw error;
      throw bad(where, 'a line', line.slice(0, 60), 'JSON');
    }
  });
  const [first, ...rest] = readers;
  if (first === undefined) throw bad(name, 'the trace', '', 'a header line');
  return { name, header: readHeader(first), calls: rest.map(readCall) };
}
