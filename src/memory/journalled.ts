/** Small pieces of mutable state that can be taken back, beside `SimulatedMemory`. */

/** State with an undo journal: `undo(mark())` changes nothing. */
export interface Undoable {
  mark(): number;
  undo(mark: number): void;
}

/** A Map with an undo journal. */
export class JournalledMap<K, V> implements Undoable {
  readonly #map = new Map<K, V>();
  readonly #journal: { key: K; had: boolean; value: V | undefined }[] = [];

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  set(key: K, value: V): void {
    this.#journal.push({ key, had: this.#map.has(key), value: this.#map.get(key) });
    this.#map.set(key, value);
  }

  delete(key: K): void {
    if (!this.#map.has(key)) return;
    this.#journal.push({ key, had: true, value: this.#map.get(key) });
    this.#map.delete(key);
  }

  get size(): number {
    return this.#map.size;
  }

  entries(): IterableIterator<[K, V]> {
    return this.#map.entries();
  }

  keys(): IterableIterator<K> {
    return this.#map.keys();
  }

  mark(): number {
    return this.#journal.length;
  }

  undo(mark: number): void {
    while (this.#journal.length > mark) {
      const { key, had, value } = this.#journal.pop()!;
      if (had) this.#map.set(key, value as V);
      else this.#map.delete(key);
    }
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
