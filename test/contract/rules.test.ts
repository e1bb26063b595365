/** The rules notice what they are there for: each on a machine that breaks it, and that kept it before. */

import { expect, test } from 'vitest';
import type { Kernel } from '../../src/linux/kernel.ts';
import { BuddyAllocator } from '../../src/linux/mm/buddy.ts';
import { entry_in, table_of } from '../../src/linux/mm/pgtable.ts';
import { TOY } from '../support/toy_arch.ts';
import { bootCase, casesOf } from './machines.ts';
import { RULES } from './rules.ts';

const SMALL = casesOf(TOY, 'v7.2.13').find(({ index_bits }) => index_bits === 2)!;

function* nothing(): Generator<never, number> {
  return 0;
}

function* noFlush(): Generator<never, void> {}

/** The place of a page's PTE. */
function pteOf(k: Kernel, pfn: number): number {
  const address = k.page_address(pfn);
  let table = k.root;
  for (let level = k.format.levels; level > 1; level--)
    table = table_of(k, entry_in(k, table, level, address), level);
  return entry_in(k, table, 1, address);
}

function flip(k: Kernel, pfn: number, bits: number): void {
  const pte = pteOf(k, pfn);
  k.memory.write(pte, k.memory.low(pte) ^ bits, k.memory.high(pte));
}

const BREAKS: readonly (readonly [sentence: string, change: (k: Kernel) => void])[] = [
  [
    'a machine that has booted runs',
    (k) => {
      k.preempt_count[1] = 1;
    },
  ],
  ['every page of RAM has the entry', (k) => flip(k, 5, 0x1000)],
  [
    'what is not RAM is not',
    (k) => {
      const memory = k.machine.memory.map((range, i) => (i === 0 ? { ...range, end: 0xf000 } : range));
      Object.assign(k.machine, { memory });
    },
  ],
  ['a page that is given out', (k) => flip(k, 0, 2)],
  [
    'kernel_page_present() says',
    (k) => {
      k.kernel_page_present = function* () {
        return true;
      };
    },
  ],
  [
    'set_direct_map_invalid_noflush() that returns 0',
    (k) => {
      k.set_direct_map_invalid_noflush = nothing;
    },
  ],
  [
    'out of the direct map and back',
    (k) => {
      k.set_direct_map_default_noflush = nothing;
    },
  ],
  [
    'no edit changes which frame',
    (k) => {
      k.set_memory_ro = function* () {
        flip(k, 1, 0x4000);
        return 0;
      };
    },
  ],
  [
    'an edit leaves the pages alone',
    (k) => {
      k.set_memory_ro = function* () {
        flip(k, 1, 2);
        return 0;
      };
    },
  ],
  [
    'a refused allocation is -ENOMEM',
    (k) => {
      k.set_memory_x = function* () {
        yield { kind: 'allocation', order: 0, gfp: 0, purpose: undefined };
        return 0;
      };
    },
  ],
  [
    'undo takes everything back',
    (k) => {
      const { set_memory_x } = k;
      k.set_memory_x = function* (addr, numpages) {
        k.frames = new BuddyAllocator([]);
        return yield* set_memory_x(addr, numpages);
      };
    },
  ],
  [
    'a flush of kernel addresses',
    (k) => {
      k.flush_tlb_kernel_range = noFlush;
    },
  ],
  [
    'machine and boot are described',
    (k) => {
      k.describeBoot = () => ['a word\nand another'];
    },
  ],
];

test.each(BREAKS)('%s...: is noticed where it is not so', (sentence, change) => {
  const rule = RULES.find((each) => each.sentence.startsWith(sentence))!;
  expect([...rule.broken(bootCase(SMALL), SMALL)]).toEqual([]);
  const booted = bootCase(SMALL);
  change(booted.kernel);
  expect([...rule.broken(booted, SMALL)]).not.toEqual([]);
});
