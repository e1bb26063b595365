/**
 * Which blocks of the direct map could be one large leaf and are not, and what keeps them from it. A block is as long as
 * a large leaf, aligned to it in virtual and physical addresses, and mapped from end to end.
 */

import type { VirtualAddress } from '../../mmu/format.ts';
import type { DirectMap, LeafAttributes, Stretch } from '../address_space.ts';

export interface Fragmentation {
  /** Bytes of the leaf that a block could be. */
  readonly bytes: number;
  /** Blocks that are mapped from end to end, by large leaves or small. */
  readonly blocks: number;
  /** Those that smaller leaves map. */
  readonly lost: number;
  /** Of the lost, those whose leaves all say the same: one large leaf could stand for them. */
  readonly mergeable: number;
  /** Where the first of those is. */
  readonly firstMergeable: VirtualAddress | undefined;
  /** Of the lost, the others, by what differs in them, the commonest first. */
  readonly differing: readonly Difference[];
}

export interface Difference {
  /** Names of bits, and "not present" where some leaves are and some are not. */
  readonly what: string;
  readonly blocks: number;
  readonly first: VirtualAddress;
}

/** More attributes in one block are not told apart. */
const MAX_KINDS = 16;
const MAX_REASONS = 256;

/** Fed with the stretches of the direct map, in order. */
export class FragmentationScan {
  readonly #bytes: number;
  readonly #blockPages: number;
  readonly #pageBytes: number;
  readonly #offset: number | undefined;
  #blocks = 0;
  #lost = 0;
  #mergeable = 0;
  #firstMergeable: VirtualAddress | undefined;
  readonly #reasons = new Map<string, { what: string; blocks: number; first: VirtualAddress }>();
  /** The block at hand: its number counted in blocks from address 0, its pages so far, the attributes in it. */
  #block = Number.NaN;
  #pages = 0;
  readonly #kinds = new Set<LeafAttributes>();
  #alike = true;
  #mergeKey: string | undefined;

  constructor(bytes: number, pageBytes: number, { offset }: DirectMap) {
    this.#bytes = bytes;
    this.#pageBytes = pageBytes;
    this.#blockPages = bytes / pageBytes;
    this.#offset = offset;
  }

  add({ leaf, address, pages, frame }: Stretch): void {
    if (leaf === undefined) return;
    // No large leaf could translate what is not as well aligned in memory, or maps another frame.
    if (this.#offset !== undefined && this.#offset % this.#bytes !== 0) return;
    if (
      frame !== undefined &&
      this.#offset !== undefined &&
      address - frame * this.#pageBytes !== this.#offset
    )
      return;
    let page = address / this.#pageBytes;
    const end = page + pages;
    while (page < end) {
      const block = Math.floor(page / this.#blockPages);
      if (block !== this.#block) this.#begin(block);
      const blockEnd = (block + 1) * this.#blockPages;
      if (page === block * this.#blockPages && end >= blockEnd) {
        const blocks = Math.floor((end - page) / this.#blockPages);
        this.#addWhole(leaf, blocks, block);
        page += blocks * this.#blockPages;
        continue;
      }
      const taken = Math.min(end, blockEnd) - page;
      this.#pages += taken;
      this.#mergeKey ??= leaf.mergeKey;
      if (leaf.mergeKey !== this.#mergeKey) this.#alike = false;
      if (this.#kinds.size < MAX_KINDS) this.#kinds.add(leaf);
      page += taken;
    }
  }

  result(): Fragmentation {
    this.#begin(Number.NaN);
    return {
      bytes: this.#bytes,
      blocks: this.#blocks,
      lost: this.#lost,
      mergeable: this.#mergeable,
      firstMergeable: this.#firstMergeable,
      differing: [...this.#reasons.values()].sort((a, b) => b.blocks - a.blocks),
    };
  }

  /** Blocks of which each is a large leaf, or small ones that all say the same. */
  #addWhole(leaf: LeafAttributes, blocks: number, first: number): void {
    this.#blocks += blocks;
    if (leaf.bytes >= this.#bytes) return;
    this.#lost += blocks;
    this.#mergeable += blocks;
    this.#firstMergeable ??= first * this.#bytes;
  }

  /** The block at hand is over. */
  #begin(block: number): void {
    if (this.#pages === this.#blockPages) {
      const address = this.#block * this.#bytes;
      this.#blocks++;
      this.#lost++;
      if (this.#alike) {
        this.#mergeable++;
        this.#firstMergeable ??= address;
      } else this.#count(differenceOf([...this.#kinds]), address);
    }
    this.#block = block;
    this.#pages = 0;
    this.#kinds.clear();
    this.#alike = true;
    this.#mergeKey = undefined;
  }

  #count(what: string, first: VirtualAddress): void {
    const name = this.#reasons.has(what) || this.#reasons.size < MAX_REASONS ? what : 'other bits';
    const reason = this.#reasons.get(name);
    if (reason === undefined) this.#reasons.set(name, { what: name, blocks: 1, first });
    else reason.blocks++;
  }
}

/** The names that some have and some have not, in the order in which they are first met. */
export function differenceOf(kinds: readonly LeafAttributes[]): string {
  const names = kinds.map((kind) => new Set(kind.names.split(' ')));
  const differing = new Set<string>();
  for (const each of names) {
    for (const name of each) if (!names.every((other) => other.has(name))) differing.add(name);
  }
  if (kinds.some(({ present }) => present !== kinds[0]!.present)) return 'not present';
  // Where leaves of several sizes are in one block, their sizes show in bits that do not keep them apart.
  for (const name of SIZE_NAMES) if (differing.size > 1) differing.delete(name);
  return [...differing].join(' ');
}

const SIZE_NAMES = ['PSE', 'CONT', 'FC', 'PTE', 'HUGE'];
