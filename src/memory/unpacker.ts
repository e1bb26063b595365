/** What decompressors of the LZ77 family share: bytes come out of the packed data, or once more out of what came out. */

export class Unpacker {
  readonly packed: Uint8Array;
  readonly out: Uint8Array;
  /** The next byte to read of `packed`, and to write of `out`. */
  from = 0;
  to = 0;

  /** `size` bytes are to come out. */
  constructor(packed: Uint8Array, size: number) {
    this.packed = packed;
    this.out = new Uint8Array(size);
  }

  /** All of `out` once all of `packed` was read and gave as much; undefined before. */
  get result(): Uint8Array | undefined {
    return this.from === this.packed.length && this.to === this.out.length ? this.out : undefined;
  }

  /** The next `count` bytes, at most 6, as a number, the lowest first; NaN where there are fewer. */
  read(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index++) {
      value += (this.packed[this.from++] ?? Number.NaN) * 256 ** index;
    }
    return value;
  }

  /** Whether there were so many literals, and room for them. */
  copyLiterals(length: number): boolean {
    const { packed, out } = this;
    if (!(length >= 0 && length <= packed.length - this.from && length <= out.length - this.to)) return false;
    for (const end = this.from + length; this.from < end; ) out[this.to++] = packed[this.from++]!;
    return true;
  }

  /** Whether there was something so far back, and room for it. The copy may repeat itself. */
  copyMatch(distance: number, length: number): boolean {
    const { out } = this;
    if (!(distance >= 1 && distance <= this.to && length <= out.length - this.to)) return false;
    for (const end = this.to + length; this.to < end; this.to++) out[this.to] = out[this.to - distance]!;
    return true;
  }
}
