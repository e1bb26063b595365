/**
 * The states seen so far, hash-compacted: of each its 64-bit hash, the state that it was first reached from, and by
 * which choice. Typed arrays throughout, so that millions of states cost tens of bytes each.
 *
 * Hash compaction: P. Wolper and D. Leroy, "Reliable Hashing without Collision Detection", CAV 1993.
 */

const INITIAL_STATES = 1024;
/** Slots are at most so full. */
const LOAD = 0.7;

export class VisitedStates {
  #low = new Uint32Array(INITIAL_STATES);
  #high = new Uint32Array(INITIAL_STATES);
  #parent = new Uint32Array(INITIAL_STATES);
  #choice = new Uint32Array(INITIAL_STATES);
  /** State number + 1 by hash, open addressing. */
  #slots = new Uint32Array(2 * INITIAL_STATES);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Number of the state with this hash; if it is new, the next number, and `isNew` is set. */
  add(low: number, high: number, parent: number, choice: number): boolean {
    const mask = this.#slots.length - 1;
    let slot = (low ^ Math.imul(high, 0x9e3779b1)) & mask;
    for (;;) {
      const found = this.#slots[slot]!;
      if (found === 0) break;
      if (this.#low[found - 1] === low >>> 0 && this.#high[found - 1] === high >>> 0) return false;
      slot = (slot + 1) & mask;
    }
    if (this.#count === this.#low.length) this.#growStates();
    const state = this.#count++;
    this.#low[state] = low;
    this.#high[state] = high;
    this.#parent[state] = parent;
    this.#choice[state] = choice;
    this.#slots[slot] = state + 1;
    if (this.#count > LOAD * this.#slots.length) this.#growSlots();
    return true;
  }

  /** The state that `state` was first reached from. The first state is its own parent. */
  parent(state: number): number {
    return this.#parent[state]!;
  }

  choice(state: number): number {
    return this.#choice[state]!;
  }

  /** Choices from the first state to `state`. */
  pathTo(state: number): number[] {
    const path: number[] = [];
    for (let at = state; at !== 0; at = this.#parent[at]!) path.push(this.#choice[at]!);
    return path.reverse();
  }

  depth(state: number): number {
    let depth = 0;
    for (let at = state; at !== 0; at = this.#parent[at]!) depth++;
    return depth;
  }

  get bytes(): number {
    return 4 * this.#low.byteLength + this.#slots.byteLength;
  }

  /** The chance that some two of the states seen had one hash: the birthday bound for 64 bits. */
  get collisionProbability(): number {
    return (this.#count * this.#count) / 2 ** 65;
  }

  #growStates(): void {
    const length = Math.ceil(this.#low.length * 1.5);
    this.#low = grown(this.#low, length);
    this.#high = grown(this.#high, length);
    this.#parent = grown(this.#parent, length);
    this.#choice = grown(this.#choice, length);
  }

  #growSlots(): void {
    const slots = new Uint32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    for (let state = 0; state < this.#count; state++) {
      let slot = (this.#low[state]! ^ Math.imul(this.#high[state]!, 0x9e3779b1)) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = state + 1;
    }
    this.#slots = slots;
  }
}

function grown(array: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(length);
  larger.set(array);
  return larger;
}
