/** 32 bits to 32 well-mixed bits, one to one (the finaliser of MurmurHash3, by Austin Appleby, public domain). */
export function scramble(bits: number): number {
  let h = bits;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
