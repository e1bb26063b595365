/** Small pieces of mutable state that can be taken back, beside `SimulatedMemory`. */

/** State with an undo journal: `undo(mark())` changes nothing. */
export interface Undoable {
  mark(): number;
  undo(mark: number): void;
}

/**
 * One journal for many parts that seldom change: to mark them all costs no more than to mark one, and to tell whether any
 * has changed no more than that.
 */
export class SharedJournal implements Undoable {
  readonly #parts: { snapshot(): unknown }[] = [];
  readonly #undos: (() => void)[] = [];

  /** Take `part` into `text()`. Its changes come by `note`. */
  share(part: { snapshot(): unknown }): void {
    this.#parts.push(part);
  }

  /** A change, by what takes it back. */
  note(undo: () => void): void {
    this.#undos.push(undo);
  }

  mark(): number {
    return this.#undos.length;
  }

  undo(mark: number): void {
    while (this.#undos.length > mark) this.#undos.pop()!();
  }

  /** All that the parts hold: the same text, the same content. */
  text(): string {
    const mapsToo = (_key: string, value: unknown) => (value instanceof Map ? [...value] : value);
    return JSON.stringify(
      this.#parts.map((part) => part.snapshot()),
      mapsToo,
    );
  }
}

/** A value and its place in the insertion order. Never changed: `set` makes a new one. */
interface Slot<V> {
  value: V;
  order: number;
}

/**
 * A Map with an undo journal. Iterates in insertion order, as a Map does, and undo restores that order too: what
 * runs after an undo cannot tell that anything happened.
 */
export class JournalledMap<K, V> implements Undoable {
  readonly #slots = new Map<K, Slot<V>>();
  readonly #journal: { key: K; slot: Slot<V> | undefined }[] = [];
  readonly #shared: SharedJournal | undefined;
  #nextOrder = 0;
  /** Whether `#slots` itself iterates in the right order: not after a deletion was undone. */
  #inOrder = true;

  /** With a shared journal, that one is marked and undone instead. */
  constructor(shared?: SharedJournal) {
    this.#shared = shared;
    shared?.share(this);
  }

  /** What it holds, in order. */
  snapshot(): [K, V][] {
    return [...this.entries()];
  }

  get(key: K): V | undefined {
    return this.#slots.get(key)?.value;
  }

  has(key: K): boolean {
    return this.#slots.has(key);
  }

  set(key: K, value: V): void {
    const slot = this.#slots.get(key);
    this.#note(key, slot);
    this.#slots.set(key, { value, order: slot === undefined ? this.#nextOrder++ : slot.order });
  }

  delete(key: K): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#note(key, slot);
    this.#slots.delete(key);
  }

  get size(): number {
    return this.#slots.size;
  }

  *entries(): IterableIterator<[K, V]> {
    for (const [key, slot] of this.#ordered()) yield [key, slot.value];
  }

  keys(): IterableIterator<K> {
    return this.#ordered().keys();
  }

  mark(): number {
    return this.#journal.length;
  }

  undo(mark: number): void {
    while (this.#journal.length > mark) {
      const { key, slot } = this.#journal.pop()!;
      this.#restore(key, slot);
    }
  }

  #note(key: K, slot: Slot<V> | undefined): void {
    if (this.#shared === undefined) this.#journal.push({ key, slot });
    else this.#shared.note(() => this.#restore(key, slot));
  }

  #restore(key: K, slot: Slot<V> | undefined): void {
    if (slot === undefined) {
      this.#slots.delete(key);
      return;
    }
    if (!this.#slots.has(key)) this.#inOrder = false;
    this.#slots.set(key, slot);
  }

  #ordered(): Map<K, Slot<V>> {
    if (!this.#inOrder) {
      const sorted = [...this.#slots].sort(([, a], [, b]) => a.order - b.order);
      this.#slots.clear();
      for (const [key, slot] of sorted) this.#slots.set(key, slot);
      this.#inOrder = true;
    }
    return this.#slots;
  }
}

/** One value with an undo journal. Caller's duty: never to change it, but to set another. */
export class JournalledValue<T> implements Undoable {
  #value: T;
  readonly #journal: T[] = [];
  readonly #shared: SharedJournal | undefined;

  /** With a shared journal, that one is marked and undone instead. */
  constructor(value: T, shared?: SharedJournal) {
    this.#value = value;
    this.#shared = shared;
    shared?.share(this);
  }

  snapshot(): T {
    return this.#value;
  }

  get(): T {
    return this.#value;
  }

  set(value: T): void {
    const was = this.#value;
    if (this.#shared === undefined) this.#journal.push(was);
    else
      this.#shared.note(() => {
        this.#value = was;
      });
    this.#value = value;
  }

  mark(): number {
    return this.#journal.length;
  }

  undo(mark: number): void {
    while (this.#journal.length > mark) this.#value = this.#journal.pop()!;
  }
}

/** A fixed set of numbered counters with an undo journal. */
export class JournalledCounters implements Undoable {
  readonly #values: Float64Array;
  readonly #journal: number[] = [];

  constructor(length: number) {
    this.#values = new Float64Array(length);
  }

  get(index: number): number {
    return this.#values[index]!;
  }

  set(index: number, value: number): void {
    this.#journal.push(index, this.#values[index]!);
    this.#values[index] = value;
  }

  add(index: number, delta: number): void {
    this.set(index, this.#values[index]! + delta);
  }

  toArray(): number[] {
    return Array.from(this.#values);
  }

  mark(): number {
    return this.#journal.length;
  }

  undo(mark: number): void {
    while (this.#journal.length > mark) {
      const value = this.#journal.pop()!;
      this.#values[this.#journal.pop()!] = value;
    }
  }
}
