/** States that wait to be looked at, first in, first out: vectors of equal width in one array. */
export class Frontier {
  #width: number;
  #vectors: Uint16Array<ArrayBuffer>;
  #head = 0;
  #tail = 0;
  #largest = 0;

  constructor(width: number) {
    this.#width = width;
    this.#vectors = new Uint16Array(256 * width);
  }

  get length(): number {
    return this.#tail - this.#head;
  }

  /** The most that it has ever held, in bytes. */
  get largestBytes(): number {
    return this.#largest * this.#width * 2;
  }

  push(vector: Uint16Array, width: number): void {
    if (width > this.#width) this.#widen(width);
    if ((this.#tail + 1) * this.#width > this.#vectors.length) this.#makeRoom();
    this.#vectors.set(vector.subarray(0, width), this.#tail * this.#width);
    this.#tail++;
    this.#largest = Math.max(this.#largest, this.length);
  }

  /** Takes out the oldest, into `out`; cells that it is too old to know of become 0. */
  shift(out: Uint16Array): void {
    out.fill(0);
    out.set(this.#vectors.subarray(this.#head * this.#width, (this.#head + 1) * this.#width));
    this.#head++;
  }

  #makeRoom(): void {
    const half = this.#head * 2 > this.#tail;
    const next = half ? this.#vectors : new Uint16Array(Math.ceil(this.#vectors.length * 1.5) + this.#width);
    next.set(this.#vectors.subarray(this.#head * this.#width, this.#tail * this.#width));
    this.#vectors = next;
    this.#tail -= this.#head;
    this.#head = 0;
  }

  #widen(width: number): void {
    const wider = new Uint16Array(Math.max(256, 2 * this.length) * width);
    for (let i = 0; i < this.length; i++) {
      const from = (this.#head + i) * this.#width;
      wider.set(this.#vectors.subarray(from, from + this.#width), i * width);
    }
    this.#vectors = wider;
    this.#tail = this.length;
    this.#head = 0;
    this.#width = width;
  }
}
