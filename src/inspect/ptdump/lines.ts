/** The lines of a text, a few numbers each, so that a text of millions of lines stays small. */

import { InputError } from '../../errors.ts';
import { sizeName } from '../../mmu/describe.ts';
import { ALL_PAGES, type Columns, type LineFormat, PAGE_4K, type Page4K, readPage } from './line_format.ts';

/** About 20 for each real kernel; a text of 100 MB has 1.5 million lines. */
const MAX_MARKERS = 10_000;
const MAX_LINES = 4 * 1024 * 1024;
/** What lines say is kept once for each wording, of which real texts have some dozens. */
const MAX_WORDINGS = 16 * 1024;
/** The longest of a real kernel has about 200 characters. */
const MAX_LINE_LENGTH = 400;

const START_AT = 2;
const END_AT = 21;
const BYTES: Readonly<Record<string, number>> = {
  ' ': 1,
  B: 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
  P: 2 ** 50,
  E: 2 ** 60,
};

/** "---[ vmalloc() Area ]---" */
export interface Marker {
  readonly name: string;
  /** How many lines about ranges are before it. */
  readonly line: number;
}

export class Lines {
  readonly markers: Marker[] = [];
  /** What lines say, each wording once. */
  readonly said: Columns[] = [];
  length = 0;
  #starts = new Float64Array(1024);
  #ends = new Float64Array(1024);
  #frames = new Float64Array(1024);
  #said = new Uint32Array(1024);

  add(start: Page4K, end: Page4K, frame: Page4K | undefined, said: number): void {
    if (this.length === this.#said.length) this.#grow();
    this.#starts[this.length] = start;
    this.#ends[this.length] = end;
    this.#frames[this.length] = frame ?? Number.NaN;
    this.#said[this.length] = said;
    this.length++;
  }

  start(index: number): Page4K {
    return this.#starts[index]!;
  }

  /** The first page behind. */
  end(index: number): Page4K {
    return this.#ends[index]!;
  }

  /** Where its first page is in physical memory, if the line tells. */
  frame(index: number): Page4K | undefined {
    const frame = this.#frames[index]!;
    return Number.isNaN(frame) ? undefined : frame;
  }

  /** Its place in `said`. */
  saidAt(index: number): number {
    return this.#said[index]!;
  }

  columns(index: number): Columns {
    return this.said[this.#said[index]!]!;
  }

  /** The first line that ends behind `page`. */
  firstEndingBehind(page: Page4K): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]! > page) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #grow(): void {
    const larger = <T extends Float64Array | Uint32Array>(array: T, copy: T): T => {
      copy.set(array);
      return copy;
    };
    const size = 2 * this.length;
    this.#starts = larger(this.#starts, new Float64Array(size));
    this.#ends = larger(this.#ends, new Float64Array(size));
    this.#frames = larger(this.#frames, new Float64Array(size));
    this.#said = larger(this.#said, new Uint32Array(size));
  }
}

/** A text whose format is known, line by line. */
export class LineReader {
  readonly lines = new Lines();
  readonly #format: LineFormat;
  readonly #where: string;
  /** Wordings by their text, to their place in `said`. The keys are parts of the text, and go when it goes. */
  readonly #wordings = new Map<string, number>();

  constructor(format: LineFormat, where: string) {
    this.#format = format;
    this.#where = where;
  }

  /** @throws InputError for a line that is none of the format, or is not in order. */
  read(line: string, number: number): void {
    if (line.startsWith('0x')) this.#readRange(line, number);
    else if (line.startsWith('---[')) this.#readMarker(line, number);
    else if (!isLeftOutNote(line) && line.trim() !== '') throw this.#unknown(line, number);
  }

  #readRange(line: string, number: number): void {
    const format = this.#format;
    const found = line.length <= MAX_LINE_LENGTH ? format.line.exec(line) : null;
    if (found === null) throw this.#unknown(line, number);
    const said = this.#place(found[3]!, number);
    if (said === undefined) throw this.#unknown(line, number);

    const start = readPage(line, START_AT);
    const end = format.endIsLastByte ? readPage(line, END_AT, 0xfff) + 1 : endPage(line);
    const frame = format.readFrame?.(line);
    // Not a number fails this too.
    if (!(start < end) || Number.isNaN(frame)) {
      throw this.#wrong('the range', line, 'addresses in pages, the first below the last', number);
    }
    const { lines } = this;
    const before = lines.length === 0 ? 0 : lines.end(lines.length - 1);
    if (start < before) {
      throw this.#wrong('the range', line, 'addresses that go upwards', number);
    }
    const size = Number(found[1]) * BYTES[found[2]!]!;
    const bytes = (end - start) * PAGE_4K;
    const onePage = format.readFrame !== undefined && frame === undefined;
    if (onePage ? !(size > 0 && bytes % size === 0) : size !== bytes) {
      throw this.#wrong('the size of the range', `${found[1]}${found[2]}`, sizeName(bytes), number);
    }
    if (lines.length === MAX_LINES) throw this.#tooMany('lines', MAX_LINES, number);
    lines.add(start, end, frame, said);
  }

  #readMarker(line: string, number: number): void {
    const name = /^---\[ (.{1,80}) \]---\s*$/.exec(line)?.[1];
    if (name === undefined) throw this.#unknown(line, number);
    const { markers, length } = this.lines;
    if (markers.length === MAX_MARKERS) throw this.#tooMany('markers', MAX_MARKERS, number);
    markers.push({ name, line: length });
  }

  /** Where in `said` the meaning of these columns is, if they have one. */
  #place(wording: string, number: number): number | undefined {
    const known = this.#wordings.get(wording);
    if (known !== undefined) return known;
    const columns = this.#format.readColumns(wording);
    if (columns === undefined) return undefined;
    if (this.#wordings.size === MAX_WORDINGS) throw this.#tooMany('kinds of lines', MAX_WORDINGS, number);
    this.#wordings.set(wording, this.lines.said.length);
    return this.lines.said.push(columns) - 1;
  }

  #unknown(line: string, number: number): InputError {
    return this.#wrong('a line', line, `a marker, or a line like "${this.#format.example}"`, number);
  }

  #tooMany(what: string, most: number, number: number): InputError {
    const where = at(this.#where, number);
    return new InputError({
      code: 'out-of-range',
      what,
      where,
      found: `${most + 1}`,
      expected: `at most ${most}`,
    });
  }

  #wrong(what: string, found: string, expected: string, number: number): InputError {
    return new InputError({ code: 'bad-format', what, where: at(this.#where, number), found, expected });
  }
}

/** Behind the range; an end of 0 is the end of the address space. */
function endPage(line: string): Page4K {
  const end = readPage(line, END_AT);
  return end === 0 ? ALL_PAGES : end;
}

export function at(where: string, lineNumber: number): string {
  return `${where}, line ${lineNumber}`;
}

/** x86 prints so many lines of the ESPfix area, and for the others that there are others. */
function isLeftOutNote(line: string): boolean {
  return /^\.\.\. \d{1,16} entr(?:y|ies) skipped \.\.\.\s*$/.test(line);
}
