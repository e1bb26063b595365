/**
 * What kernel_page_present() of a kernel says of a page, which need not be what the tables say: each architecture walks
 * them in its own way, and some read the wrong bit. Source: arch/x86/mm/pat/set_memory.c, arch/arm64/mm/pageattr.c,
 * arch/riscv/mm/pageattr.c, arch/s390/mm/pageattr.c, arch/loongarch/mm/pageattr.c, include/linux/set_memory.h.
 */

import type { WalkStep } from '../../mmu/walk.ts';
import type { Machine } from '../machine.ts';
import { atLeast, type KernelVersion } from '../version.ts';

/** riscv's, since v6.1 at the latest: the bit G of an entry that is valid. */
const _PAGE_PROT_NONE = 1 << 5;

export interface Presence {
  /** undefined where it cannot be told. */
  readonly answer: boolean | 'oops' | undefined;
  readonly because: string;
}

/** `last` is the end of the walk to the page's address in the direct map; undefined where it has none. */
export function kernelPagePresent(machine: Machine, last: WalkStep | undefined): Presence {
  if (machine.arch === 'loongarch64') {
    return {
      answer: undefined,
      because: 'of a page in a direct-map window it asks memblock, not the tables',
    };
  }
  if (last === undefined)
    return {
      answer: undefined,
      because: 'it is asked of pages of memory that the direct map reaches, and this is none',
    };
  if (last.kind === 'missing' || last.kind === 'bad') {
    return { answer: undefined, because: 'the walk does not end at an entry' };
  }
  const { version, arch } = machine;
  switch (arch) {
    case 'x86_64':
      return x86(last);
    case 'arm64':
      return arm64(last, version);
    case 'riscv64':
      return riscv64(last, version);
    case 's390x':
      return s390x(last, version);
    case 'ppc64':
      return {
        answer: true,
        because: 'powerpc has none of its own, and the generic one says so of every page',
      };
  }
}

function x86(last: WalkStep): Presence {
  if (last.kind === 'hole' && last.level > 1) {
    return { answer: 'oops', because: 'lookup_address() finds no entry, and its result is used unseen' };
  }
  const answer = last.kind === 'leaf';
  return { answer, because: `_PAGE_PRESENT of the entry is ${answer ? 'set' : 'clear'}` };
}

function arm64(last: WalkStep, version: KernelVersion | undefined): Presence {
  if (last.kind === 'leaf') return { answer: true, because: 'the entry is valid' };
  if (version === undefined) return { answer: undefined, because: 'the version of the kernel is not known' };
  if (last.kind === 'not-present' && last.level > 1) {
    if (atLeast(version, 7, 2)) return { answer: false, because: 'the block is not valid' };
    return atLeast(version, 6, 13)
      ? { answer: undefined, because: 'a block is taken for present in v6.12, its valid bit counts in v7.2' }
      : { answer: true, because: 'a block is taken for present, its valid bit not looked at' };
  }
  if (!atLeast(version, 6, 5)) {
    return {
      answer: undefined,
      because:
        'false with rodata=full or debug_pagealloc; true without, for it does not look then (until v6.5 and the stable trees that have its change)',
    };
  }
  return { answer: false, because: last.kind === 'hole' ? 'there is no entry' : 'the entry is not valid' };
}

function riscv64(last: WalkStep, version: KernelVersion | undefined): Presence {
  if (version === undefined) return { answer: undefined, because: 'the version of the kernel is not known' };
  if (!atLeast(version, 5, 11)) return { answer: undefined, because: 'it came with v5.11' };
  if (last.kind === 'hole') return { answer: false, because: 'there is no entry' };
  if (last.level > 1 && !atLeast(version, 6, 4)) {
    return {
      answer: undefined,
      because: 'it takes the leaf for a table before v6.4, and reads memory in it as an entry',
    };
  }
  if (last.kind === 'leaf') return { answer: true, because: 'the entry is valid' };
  if (last.level > 2) return { answer: false, because: 'V of the entry is clear' };
  if (!atLeast(version, 6, 1)) {
    return {
      answer: undefined,
      because: 'V is clear, and which other bit is taken for present is not known',
    };
  }
  const protNone = (last.low & _PAGE_PROT_NONE) !== 0;
  return {
    answer: protNone,
    because: protNone
      ? 'V is clear, but pte_present() also accepts _PAGE_PROT_NONE, which is the bit G of kernel pages'
      : 'V and _PAGE_PROT_NONE (G) are clear',
  };
}

function s390x(last: WalkStep, version: KernelVersion | undefined): Presence {
  if (version === undefined) return { answer: undefined, because: 'the version of the kernel is not known' };
  if (!atLeast(version, 6, 12)) {
    return atLeast(version, 5, 11) && !atLeast(version, 6, 2)
      ? { answer: true, because: 'before set_direct_map_*() came, the generic one says so of every page' }
      : { answer: undefined, because: 'it came with set_direct_map_*(), between v6.1 and v6.12' };
  }
  const answer = last.kind === 'leaf';
  return { answer, because: `the hardware's own translation (LRA) ${answer ? 'succeeds' : 'fails'}` };
}
