import { InputError } from '../errors.ts';
import { PAGE_SIZE, type PageSource, type PageWords, WORDS_PER_PAGE } from './physical_memory.ts';
import { scramble } from './scramble.ts';

/** How many words the journal holds before it first grows. */
const INITIAL_JOURNAL_WORDS = 1024;

/** Of 4 KiB: 4 GiB of tables, which map 2 TiB in base pages. */
const MAX_FRAMES = 2 ** 20;

/** What a frame that holds nothing reads as, where there is no base. Shared, and never written to. */
const ZERO_PAGE: PageWords = new Uint32Array(2 * WORDS_PER_PAGE);

/** A word that was written since a mark: where, what it was and what it is now. */
export interface ChangedWord {
  /** Physical address of the 64-bit word. */
  address: number;
  oldLow: number;
  oldHigh: number;
  low: number;
  high: number;
}

/**
 * Sparse, journalled, hashed physical memory of 64-bit words.
 *
 * - Sparse: a frame costs memory only once it has been written to, or has been read from the base.
 * - Journalled: every write is recorded; `undo(mark)` takes back the writes since `mark` in time proportional to them.
 * - Hashed: `hash` is a function of the difference between the contents and the base, whatever the order of the
 *   writes that led there, and is kept current by each write.
 *
 * An optional read-only base (a dump of a real machine) lies under it, copy-on-write.
 *
 * Addresses are physical, in bytes, and multiples of 8.
 */
export class SimulatedMemory implements PageSource {
  readonly #pages = new Map<number, PageWords>();
  readonly #base: PageSource | undefined;
  readonly #maxFrames: number;

  #lastPfn = -1;
  #lastPage: PageWords | undefined;

  #journalAddress = new Float64Array(INITIAL_JOURNAL_WORDS);
  #journalWords = new Uint32Array(2 * INITIAL_JOURNAL_WORDS);
  #journalLength = 0;
  #journalling = true;

  #hashLow = 0;
  #hashHigh = 0;

  /** Writing to more than `maxFrames` frames, or reading more from the base, is an InputError. */
  constructor(base?: PageSource, maxFrames = MAX_FRAMES) {
    this.#base = base;
    this.#maxFrames = maxFrames;
  }

  /** Low half of the word at `address`, as an unsigned 32-bit number. */
  low(address: number): number {
    const page = this.#page(Math.floor(address / PAGE_SIZE));
    return page === undefined ? 0 : page[(address % PAGE_SIZE) >>> 2]!;
  }

  /** High half of the word at `address`, as an unsigned 32-bit number. */
  high(address: number): number {
    const page = this.#page(Math.floor(address / PAGE_SIZE));
    return page === undefined ? 0 : page[((address % PAGE_SIZE) >>> 2) + 1]!;
  }

  /** The word at `address` as a bigint, for display and for the edges. */
  word(address: number): bigint {
    return (BigInt(this.high(address)) << 32n) | BigInt(this.low(address));
  }

  /** Store both halves of the word at `address`, as one store. Only the low 32 bits of each argument count. */
  write(address: number, low: number, high: number): void {
    const pfn = Math.floor(address / PAGE_SIZE);
    const page = this.#page(pfn) ?? this.#newPage(pfn);
    const at = (address % PAGE_SIZE) >>> 2;
    const oldLow = page[at]!;
    const oldHigh = page[at + 1]!;
    if (oldLow === low >>> 0 && oldHigh === high >>> 0) return;
    if (this.#journalling) this.#record(address, oldLow, oldHigh);
    this.#mixHash(address, oldLow, oldHigh, low >>> 0, high >>> 0);
    page[at] = low;
    page[at + 1] = high;
  }

  /** Fill a frame with zeros. Over a base, a frame that the base lacks is there from now on. */
  clearPage(pfn: number): void {
    if (this.#page(pfn) === undefined) {
      if (this.#base !== undefined) this.#newPage(pfn);
      return;
    }
    for (let word = 0; word < WORDS_PER_PAGE; word++) this.write(pfn * PAGE_SIZE + word * 8, 0, 0);
  }

  /**
   * The words of a frame, to be read only. Without a base every frame is there, and holds zeros until it is written.
   * Over a base, a frame that the base lacks is undefined until it is first written or cleared, undone or not.
   */
  readPage(pfn: number): PageWords | undefined {
    return this.#page(pfn) ?? (this.#base === undefined ? ZERO_PAGE : undefined);
  }

  /** Where the journal stands now. Marks nest: undo to an older mark invalidates younger ones. */
  mark(): number {
    return this.#journalLength;
  }

  /** Take back every write since `mark`, newest first. */
  undo(mark: number): void {
    while (this.#journalLength > mark) {
      this.#journalLength--;
      const address = this.#journalAddress[this.#journalLength]!;
      const low = this.#journalWords[2 * this.#journalLength]!;
      const high = this.#journalWords[2 * this.#journalLength + 1]!;
      const page = this.#page(Math.floor(address / PAGE_SIZE))!;
      const at = (address % PAGE_SIZE) >>> 2;
      this.#mixHash(address, page[at]!, page[at + 1]!, low, high);
      page[at] = low;
      page[at + 1] = high;
    }
  }

  /** Forget the journal: what has been written so far can no longer be undone. */
  commit(): void {
    this.#journalLength = 0;
  }

  /**
   * Run `body` with the journal off. For building a machine's first state, which is never undone: the journal of
   * a large machine's boot would be as large as its tables.
   */
  withoutJournal<T>(body: () => T): T {
    const before = this.#journalling;
    this.#journalling = false;
    try {
      return body();
    } finally {
      this.#journalling = before;
    }
  }

  /** The words that differ between `mark` and now, each once, in the order in which they were first written. */
  changedSince(mark: number): ChangedWord[] {
    const first = new Map<number, number>();
    for (let entry = mark; entry < this.#journalLength; entry++) {
      const address = this.#journalAddress[entry]!;
      if (!first.has(address)) first.set(address, entry);
    }
    const changed: ChangedWord[] = [];
    for (const [address, entry] of first) {
      const oldLow = this.#journalWords[2 * entry]!;
      const oldHigh = this.#journalWords[2 * entry + 1]!;
      const low = this.low(address);
      const high = this.high(address);
      if (low !== oldLow || high !== oldHigh) changed.push({ address, oldLow, oldHigh, low, high });
    }
    return changed;
  }

  /** Low half of the content hash. */
  get hashLow(): number {
    return this.#hashLow >>> 0;
  }

  /** High half of the content hash. */
  get hashHigh(): number {
    return this.#hashHigh >>> 0;
  }

  /** 64-bit content hash as a bigint. Equal contents over one base have equal hashes. */
  get hash(): bigint {
    return (BigInt(this.#hashHigh >>> 0) << 32n) | BigInt(this.#hashLow >>> 0);
  }

  /** Frames held in memory now, written or read from the base. */
  get pagesHeld(): number {
    return this.#pages.size;
  }

  #page(pfn: number): PageWords | undefined {
    if (pfn === this.#lastPfn) return this.#lastPage;
    let page = this.#pages.get(pfn);
    if (page === undefined && this.#base !== undefined) {
      page = this.#base.readPage(pfn)?.slice();
      if (page !== undefined) this.#keep(pfn, page);
    }
    this.#lastPfn = pfn;
    this.#lastPage = page;
    return page;
  }

  #newPage(pfn: number): PageWords {
    const page = new Uint32Array(2 * WORDS_PER_PAGE);
    this.#keep(pfn, page);
    this.#lastPfn = pfn;
    this.#lastPage = page;
    return page;
  }

  #keep(pfn: number, page: PageWords): void {
    if (this.#pages.size >= this.#maxFrames) throw tooLarge(this.#maxFrames);
    this.#pages.set(pfn, page);
  }

  #record(address: number, low: number, high: number): void {
    if (this.#journalLength === this.#journalAddress.length) this.#growJournal();
    this.#journalAddress[this.#journalLength] = address;
    this.#journalWords[2 * this.#journalLength] = low;
    this.#journalWords[2 * this.#journalLength + 1] = high;
    this.#journalLength++;
  }

  #growJournal(): void {
    const addresses = new Float64Array(2 * this.#journalAddress.length);
    addresses.set(this.#journalAddress);
    const words = new Uint32Array(2 * this.#journalWords.length);
    words.set(this.#journalWords);
    this.#journalAddress = addresses;
    this.#journalWords = words;
  }

  /** Zobrist-style: each (address, value) has its own pseudo-random 64 bits, and the hash is their exclusive or. */
  #mixHash(address: number, oldLow: number, oldHigh: number, low: number, high: number): void {
    const addressHigh = Math.floor(address / 2 ** 32);
    const keyA = scramble((address | 0) ^ Math.imul(addressHigh, 0x9e3779b1));
    const keyB = scramble(keyA ^ addressHigh ^ 0x2545f491);
    this.#toggle(keyA, keyB, oldLow, oldHigh);
    this.#toggle(keyA, keyB, low, high);
  }

  /**
   * Three Feistel rounds under the keys of an address. They permute the 64-bit values, so that two values of one
   * word never collide; collisions between words are left to chance.
   */
  #toggle(keyA: number, keyB: number, low: number, high: number): void {
    const right = high ^ scramble(low ^ keyA);
    const left = low ^ scramble(right ^ keyB);
    this.#hashLow ^= left;
    this.#hashHigh ^= right ^ scramble(left ^ keyA);
  }
}

function tooLarge(maxFrames: number): InputError {
  const most = `${(maxFrames * PAGE_SIZE) / 2 ** 20} MiB`;
  return new InputError({
    code: 'out-of-range',
    what: 'size of the page tables:',
    where: '',
    found: `more than ${most}`,
    expected: `at most ${most}: less RAM, or larger leaves`,
  });
}
