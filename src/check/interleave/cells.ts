/**
 * The shared state of an interleaved machine as a vector of small numbers: one cell for each word of memory that any
 * step has read or written, and for each lock. Cells are found out as steps are learnt.
 *
 * The entries of the explored pages stand in columns, one for each page of PTEs that the leaf has had, and are held
 * relative to their page: equal numbers in a column mean pages mapped alike, so that pages can change places.
 */

import { NotModelledError } from '../../errors.ts';
import type { Lock, RwSemaphore, Spinlock } from '../../linux/kernel/locking/lock.ts';
import { type Kernel, tableIndex } from '../../linux/kernel.ts';
import { EntryKind } from '../../mmu/format.ts';
import { GIVEN_BACK } from '../machine/frames.ts';
import type { CheckedMachine } from '../machine/machine.ts';

/** Room in a state for cells. */
export const MAX_CELLS = 160;

/** A lock's field as a cell: who holds it, seen by the CPU that takes the step. */
export const FREE = 0;
export const MINE = 1;
export const THEIRS = 2;

interface WordCell {
  kind: 'word';
  address: number;
  /** Page that the entry is for, or -1 where it is not one of the explored pages' entries. */
  page: number;
}

interface LockCell {
  kind: 'holder' | 'readers';
  lock: Lock;
}

interface Word {
  low: number;
  high: number;
}

export class Cells {
  readonly #machine: CheckedMachine;
  readonly #kernel: Kernel;
  readonly #cells: (WordCell | LockCell)[] = [];
  readonly #byAddress = new Map<number, number>();
  readonly #byLock = new Map<string, number>();
  readonly #initial: number[] = [];
  /** Words by value number, and value numbers by word. */
  readonly #words: Word[] = [{ low: 0, high: 0 }];
  readonly #numbers = new Map<string, number>([['0 0', 0]]);
  /** Of a page's entry: the word for each page, by value number. */
  readonly #pageWords = new Map<number, Map<number, Word>>();
  readonly #columns: number[] = [];
  readonly #bootTable: number;
  readonly #alike: boolean;

  /** What the note on a frame holds that was given back. */
  readonly givenBack: number;

  constructor(machine: CheckedMachine) {
    this.#machine = machine;
    this.#kernel = machine.kernel;
    this.givenBack = this.#numberOf(-1, GIVEN_BACK, 0);
    this.#alike =
      machine.world.pagesAlike === true && machine.kernel.pagesAlike && machine.world.leaf !== '1G';
    this.#bootTable = tableOf(machine.kernel, machine.kernel.page_address(machine.pfnOf(0)));
    for (const lock of machine.kernel.locks) this.#addLock(lock);
    // What tells pages apart must be known from the start.
    if (this.#alike && this.#bootTable >= 0) this.cellOfAddress(this.#bootTable * this.page_size);
  }

  get page_size(): number {
    return this.#kernel.page_size;
  }

  get count(): number {
    return this.#cells.length;
  }

  /** First cells of the columns; a column has as many cells as there are pages. */
  get columns(): readonly number[] {
    return this.#columns;
  }

  /** What the cell holds at first. */
  initial(cell: number): number {
    return this.#initial[cell] ?? 0;
  }

  isHolder(cell: number): boolean {
    return this.#cells[cell]!.kind === 'holder';
  }

  holders(): number[] {
    return this.#cells.flatMap((cell, i) => (cell.kind === 'holder' ? [i] : []));
  }

  /** The page that a cell is the entry of, or -1. */
  pageOf(cell: number): number {
    const found = this.#cells[cell]!;
    return found.kind === 'word' ? found.page : -1;
  }

  addressOf(cell: number): number | undefined {
    const found = this.#cells[cell]!;
    return found.kind === 'word' ? found.address : undefined;
  }

  /** The cell at which a word or lock field is, added if it is new. The machine must be in its first state to add. */
  cellOfAddress(address: number): number {
    return this.#byAddress.get(address) ?? this.#addAddress(address);
  }

  knownAddress(address: number): number | undefined {
    return this.#byAddress.get(address);
  }

  cellOfLock(lock: Lock, field: 'holder' | 'readers'): number {
    return this.#byLock.get(`${field} ${lock.name}`)!;
  }

  /** What the machine has in the cell now, as a number, seen by CPU 0. */
  peek(cell: number): number {
    const found = this.#cells[cell]!;
    if (found.kind === 'holder') return seenByCpu0(holderOf(found.lock));
    if (found.kind === 'readers') return (found.lock as RwSemaphore).readers;
    const { address, page } = found as WordCell;
    const { memory } = this.#kernel;
    return this.#numberOf(page, memory.low(address), memory.high(address));
  }

  /** Puts a value into the machine, as CPU 0 would see it. */
  poke(cell: number, value: number): void {
    const found = this.#cells[cell]!;
    if (found.kind === 'holder') setHolder(found.lock, value === FREE ? -1 : value === MINE ? 0 : 1);
    else if (found.kind === 'readers') (found.lock as RwSemaphore).readers = value;
    else {
      const { address, page } = found as WordCell;
      const { low, high } = this.#wordOf(page, value);
      this.#kernel.memory.write(address, low, high);
    }
  }

  isLock(cell: number): boolean {
    return this.#cells[cell]!.kind !== 'word';
  }

  /** Whether a word of this number is a pointer to the table in `frame`. */
  pointsTo(value: number, frame: number): boolean {
    const { low, high } = this.#words[value]!;
    const { format } = this.#kernel;
    return (
      format.kind(2, low, high) === EntryKind.Table &&
      format.tableAddress(2, low, high) === frame * this.page_size
    );
  }

  /** Whether a frame holds a page table that may be given back while somebody uses it. */
  isWatchedTable(frame: number): boolean {
    return frame === this.#bootTable || this.#machine.frames.purposeOf(frame) !== undefined;
  }

  // ---- adding

  #addLock(lock: Lock): void {
    this.#byLock.set(`holder ${lock.name}`, this.#add({ kind: 'holder', lock }, FREE));
    if (!('owner' in lock)) this.#byLock.set(`readers ${lock.name}`, this.#add({ kind: 'readers', lock }, 0));
  }

  #addAddress(address: number): number {
    const column = this.#alike ? this.#columnAt(address) : undefined;
    if (column === undefined) return this.#addWord(address, -1);
    const first = this.#cells.length;
    for (let page = 0; page < this.#machine.pageCount; page++) this.#addWord(column + page * 8, page);
    this.#columns.push(first);
    return this.#byAddress.get(address)!;
  }

  #addWord(address: number, page: number): number {
    const cell: WordCell = { kind: 'word', address, page };
    const { memory } = this.#kernel;
    const number = this.#add(cell, this.#numberOf(page, memory.low(address), memory.high(address)));
    this.#byAddress.set(address, number);
    return number;
  }

  #add(cell: WordCell | LockCell, initial: number): number {
    if (this.#cells.length === MAX_CELLS) {
      throw new NotModelledError(
        'so large a world with interleaving',
        `it has more than ${MAX_CELLS} shared words`,
      );
    }
    this.#initial.push(initial);
    return this.#cells.push(cell) - 1;
  }

  /** Address of the page of PTEs of the explored leaf that the address lies in, if it does. */
  #columnAt(address: number): number | undefined {
    const frame = Math.floor(address / this.page_size);
    const base = this.#kernel.page_address(this.#machine.pfnOf(0));
    const purpose = this.#machine.frames.purposeOf(frame);
    const ours = frame === this.#bootTable || (purpose?.level === 1 && purpose.address === base);
    if (!ours || address % this.page_size >= this.#machine.pageCount * 8) return undefined;
    return frame * this.page_size;
  }

  // ---- values

  #numberOf(page: number, low: number, high: number): number {
    if (low === 0 && high === 0) return 0;
    const key = page < 0 ? `${low} ${high}` : `page ${this.#relative(page, low, high)}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#words.push({ low, high }) - 1;
      this.#numbers.set(key, number);
      if (page >= 0) this.#pageWords.set(number, new Map([[page, { low, high }]]));
    }
    return number;
  }

  /** An entry without its place: flags, and how far its frame is from the one that it should name. */
  #relative(page: number, low: number, high: number): string {
    const { format } = this.#kernel;
    return `${format.flags(1, low, high)} ${format.leafFrame(1, low, high) - this.#machine.pfnOf(page)}`;
  }

  #wordOf(page: number, value: number): Word {
    if (value === 0 || page < 0) return this.#words[value]!;
    const words = this.#pageWords.get(value)!;
    let word = words.get(page);
    if (word === undefined) {
      word = this.#moved(words, page);
      words.set(page, word);
    }
    return word;
  }

  /** The entry of another page, moved: frames are stored as they are, or inverted. */
  #moved(words: ReadonlyMap<number, Word>, page: number): Word {
    const [from, { low, high }] = [...words][0]!;
    const wanted = this.#relative(from, low, high);
    const distance = BigInt(this.#machine.pfnOf(page) - this.#machine.pfnOf(from)) * BigInt(this.page_size);
    for (const by of [distance, -distance]) {
      const moved = BigInt.asUintN(64, ((BigInt(high) << 32n) | BigInt(low)) + by);
      const word = { low: Number(moved & 0xffff_ffffn), high: Number(moved >> 32n) };
      if (this.#relative(page, word.low, word.high) === wanted) return word;
    }
    throw new NotModelledError('pages that change places', 'an entry does not tell which frame it is for');
  }
}

function holderOf(lock: Lock): number {
  return 'owner' in lock ? lock.owner : lock.writer;
}

function setHolder(lock: Lock, cpu: number): void {
  if ('owner' in lock) (lock as Spinlock).owner = cpu;
  else lock.writer = cpu;
}

function seenByCpu0(holder: number): number {
  if (holder === -1) return FREE;
  return holder === 0 ? MINE : THEIRS;
}

/** Frame of the page of PTEs that maps an address, or -1. */
function tableOf(k: Kernel, address: number): number {
  let table = k.root;
  for (let level = k.format.levels; level > 1; level--) {
    const entry = table + tableIndex(k.format, level, address) * 8;
    const low = k.memory.low(entry);
    const high = k.memory.high(entry);
    if (k.format.kind(level, low, high) !== EntryKind.Table) return -1;
    table = k.format.tableAddress(level, low, high);
  }
  return table / k.page_size;
}
