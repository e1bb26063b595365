/** Files with something wrong in them, the same for the same seed. */

import type { SourceOptions } from '../../src/cli/source.ts';

export type Random = (below: number) => number;

/** A fixed sequence of numbers from 0 to `below` - 1 (mulberry32). */
export function createRandom(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** A file that can be read, and what of it is worth damaging. */
export interface Seed {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Headers, notes, bitmaps, descriptors: where they begin and end. */
  readonly places: readonly (readonly [number, number])[];
  /** Pages of memory that are in the file as they are. */
  readonly pages: readonly { readonly offset: number; readonly physical: number }[];
  readonly littleEndian: boolean;
  /** What the user has to say of it. */
  readonly options?: SourceOptions;
}

const PAGE = 4096;
const MOST_DAMAGES = 6;
const ODD_WORDS = [0n, 1n, 0x7fn, 0xffffn, 2n ** 31n, 2n ** 32n - 1n, 2n ** 40n, 2n ** 52n, 2n ** 63n - 1n];

/** A copy with one to six damages, half of them where they hurt. */
export function corrupt(seed: Seed, random: Random): Uint8Array {
  let bytes: Uint8Array = seed.bytes.slice();
  for (let damages = 1 + random(random(2) * MOST_DAMAGES); damages > 0 && bytes.length > 0; damages--) {
    const damage = DAMAGES[random(DAMAGES.length)]!;
    bytes = damage(bytes, seed, random) ?? bytes;
  }
  return bytes;
}

/** Changes the bytes, or gives others. */
type Damage = (bytes: Uint8Array, seed: Seed, random: Random) => Uint8Array | undefined;

const DAMAGES: readonly Damage[] = [
  flipBit,
  flipBit,
  setWord,
  setWord,
  setWord,
  setByte,
  zeroFill,
  splice,
  truncate,
  insert,
  misdirect,
  misdirect,
];

function flipBit(bytes: Uint8Array, seed: Seed, random: Random): undefined {
  bytes[somewhere(bytes, seed, random)]! ^= 1 << random(8);
}

function setByte(bytes: Uint8Array, seed: Seed, random: Random): undefined {
  bytes[somewhere(bytes, seed, random)] = random(256);
}

/** 2, 4 or 8 bytes, of a value at which something may give way. */
function setWord(bytes: Uint8Array, seed: Seed, random: Random): undefined {
  const size = [2, 4, 8][random(3)]!;
  const at = Math.floor(somewhere(bytes, seed, random) / size) * size;
  if (at + size > bytes.length) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const near = BigInt(bytes.length) + BigInt(random(3) - 1);
  const value = [near, ...ODD_WORDS, ...ODD_WORDS.map((each) => -each)][random(1 + 2 * ODD_WORDS.length)]!;
  if (size === 2) view.setUint16(at, Number(BigInt.asUintN(16, value)), seed.littleEndian);
  else if (size === 4) view.setUint32(at, Number(BigInt.asUintN(32, value)), seed.littleEndian);
  else view.setBigUint64(at, BigInt.asUintN(64, value), seed.littleEndian);
}

function zeroFill(bytes: Uint8Array, seed: Seed, random: Random): undefined {
  const at = somewhere(bytes, seed, random);
  bytes.fill(0, at, at + 1 + random(random(4) === 0 ? 2 * PAGE : 64));
}

/** Bytes of one place to another. */
function splice(bytes: Uint8Array, seed: Seed, random: Random): undefined {
  const from = somewhere(bytes, seed, random);
  const to = somewhere(bytes, seed, random);
  bytes.copyWithin(to, from, from + 1 + random(random(4) === 0 ? 2 * PAGE : 256));
}

function truncate(bytes: Uint8Array, seed: Seed, random: Random): Uint8Array {
  const end = random(2) === 0 ? somewhere(bytes, seed, random) : bytes.length - random(PAGE);
  return bytes.slice(0, Math.max(1, end));
}

/** All that follows is moved. */
function insert(bytes: Uint8Array, seed: Seed, random: Random): Uint8Array {
  const at = somewhere(bytes, seed, random);
  const added = random(3) === 0 ? PAGE : 1 + random(32);
  const longer = new Uint8Array(bytes.length + added);
  longer.set(bytes.subarray(0, at));
  longer.set(bytes.subarray(at), at + added);
  return longer;
}

/** An entry of some table names another page of the file, or its own: tables above themselves, leaves for tables. */
function misdirect(bytes: Uint8Array, seed: Seed, random: Random): undefined {
  if (seed.pages.length === 0) return;
  const { offset, physical } = seed.pages[random(seed.pages.length)]!;
  const target = random(2) === 0 ? physical : seed.pages[random(seed.pages.length)]!.physical;
  if (offset + PAGE > bytes.length) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let tries = 0; tries < 64; tries++) {
    const at = offset + 8 * random(PAGE / 8);
    const entry = view.getBigUint64(at, seed.littleEndian);
    if (entry === 0n) continue;
    view.setBigUint64(at, pointedAt(entry, BigInt(target), random), seed.littleEndian);
    return;
  }
}

/** Most architectures have the address in bits 12 to 47, riscv64 the frame from bit 10 on. */
function pointedAt(entry: bigint, target: bigint, random: Random): bigint {
  if (random(4) === 0) return (entry & 0x3ffn) | (target >> 2n);
  return (entry & ~0xffff_ffff_f000n) | target;
}

/** Half of the time in one of the places, if there are any. */
function somewhere(bytes: Uint8Array, { places }: Seed, random: Random): number {
  const [start, end] = random(2) === 0 ? [0, bytes.length] : (places[random(places.length)] ?? [0, 0]);
  const last = Math.min(end, bytes.length);
  return start < last ? start + random(last - start) : random(bytes.length);
}
