/** The sparc64 machine that is meant by what somebody says of it: sun4v, a T4. */

import { InputError, NotModelledError } from '../../../errors.ts';
import { checkFeatures, type Features, type Machine, type WantedMachine } from '../../machine.ts';

/** What a sparc64 machine may have. */
export interface SparcFeatures extends Features {
  /** Bytes of the largest translation of its TLB: 4M, 256M, 2G or 16G, which it has too if they are smaller. */
  largest_page: number;
}

export interface SparcMachine extends Machine {
  features: SparcFeatures;
}

export const PAGE_SIZE = 8192;
export const HARDWARE_INDEX_BITS = 10;
const LARGEST_PAGES: readonly unknown[] = [2 ** 22, 2 ** 28, 2 ** 31, 2 ** 34];

/** @throws InputError, NotModelledError */
export function sparcMachine(wanted: WantedMachine): SparcMachine {
  const {
    ram,
    cpus = 1,
    page_size = PAGE_SIZE,
    levels = 4,
    index_bits = HARDWARE_INDEX_BITS,
    where,
  } = wanted;
  checkFeatures(wanted, ['sun4u', 'largest_page']);
  const { sun4u = false, largest_page = 2 ** 31 } = wanted.features ?? {};
  if (sun4u !== false) {
    throw new NotModelledError(
      'sun4u, which has other entries',
      'none of its page tables is known to the model; sun4v is',
      where,
    );
  }
  if (page_size !== PAGE_SIZE) throw wrong('page size', where, page_size, '8192');
  if (levels !== 4) throw wrong('levels', where, levels, '4');
  if (!(index_bits >= 1 && index_bits <= HARDWARE_INDEX_BITS))
    throw wrong('index bits', where, index_bits, `1 to ${HARDWARE_INDEX_BITS}`);
  if (!LARGEST_PAGES.includes(largest_page))
    throw wrong('largest_page', where, Number(largest_page), LARGEST_PAGES.join(', '));
  return {
    memory: typeof ram === 'number' ? [{ start: 0, end: ram, type: 'RAM' }] : ram,
    cpus,
    page_size,
    paging_levels: levels,
    index_bits,
    features: { largest_page: Number(largest_page) },
  };
}

function wrong(what: string, where: string, found: number, expected: string): InputError {
  return new InputError({ code: 'out-of-range', what, where, found: String(found), expected });
}
