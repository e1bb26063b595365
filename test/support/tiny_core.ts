/**
 * Reads the page tables of a real kernel from test/data/cores/. On purpose not the product's own reader of dumps, so
 * that a test of what is read does not depend on it.
 */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PAGE_SIZE, type PageSource, type PageWords } from '../../src/memory/physical_memory.ts';

const CORES = path.resolve(import.meta.dirname, '../data/cores');

const PT_LOAD = 1;

/** What the JSON beside a core says of it, as far as the tests use it. */
export interface CoreFacts {
  arch: string;
  kernel: string;
  root: string;
  levels: number;
  pageOffset: string;
  /** Bytes of a leaf -> the entry without its address -> how many leaves of the direct map have it. */
  linearLeaves: Record<string, Record<string, number>>;
}

export interface TinyCore {
  facts: CoreFacts;
  root: number;
  memory: PageSource;
}

/** A core by its name, e.g. "x86_64-6.1-debian". */
export function readTinyCore(name: string): TinyCore {
  const facts: CoreFacts = JSON.parse(readFileSync(path.join(CORES, `${name}.json`), 'utf8'));
  const memory = new ElfPages(gunzipSync(readFileSync(path.join(CORES, `${name}.core.gz`))));
  return { facts, root: Number(facts.root), memory };
}

/** A gzipped text file of test/data/cores/. */
export function readGzippedText(name: string): string {
  return gunzipSync(readFileSync(path.join(CORES, name))).toString('utf8');
}

/** The pages that the PT_LOAD segments of an ELF64 core of either byte order hold, by physical address. */
class ElfPages implements PageSource {
  readonly #pages = new Map<number, PageWords>();

  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const little = view.getUint8(5) === 1;
    const long = (at: number) => Number(view.getBigUint64(at, little));
    const headersAt = long(32);
    const headerSize = view.getUint16(54, little);
    const headers = view.getUint16(56, little);
    for (let header = 0; header < headers; header++) {
      const at = headersAt + header * headerSize;
      if (view.getUint32(at, little) !== PT_LOAD) continue;
      const [offset, physical, size] = [long(at + 8), long(at + 24), long(at + 32)];
      for (let page = 0; page < size; page += PAGE_SIZE) {
        this.#pages.set((physical + page) / PAGE_SIZE, words(view, offset + page, little));
      }
    }
  }

  get size(): number {
    return this.#pages.size;
  }

  readPage(pfn: number): PageWords | undefined {
    return this.#pages.get(pfn);
  }
}

function words(view: DataView, offset: number, little: boolean): PageWords {
  const page = new Uint32Array(PAGE_SIZE / 4);
  for (let half = 0; half < page.length; half++) {
    page[little ? half : half ^ 1] = view.getUint32(offset + half * 4, little);
  }
  return page;
}
