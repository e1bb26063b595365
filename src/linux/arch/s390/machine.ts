/** The s390x machine that is meant by what somebody says of it. */

import { InputError } from '../../../errors.ts';
import { checkFeatures, type Features, type Machine, type WantedMachine } from '../../machine.ts';

export const PAGE_SIZE = 4096;
/** Index bits of the hardware's page tables; its other tables have 11. */
export const HARDWARE_INDEX_BITS = 8;
/** Of a machine that is made up to be small: three for the direct map, and one more for room beside it. */
const SMALL_LEVELS = 4;

/** What an s390x machine may have. */
export interface S390Features extends Features {
  /** Leaves of 1M. */
  edat1: boolean;
  /** Leaves of 2G, and CRDTE. */
  edat2: boolean;
  /** Instruction-execution protection. */
  nx: boolean;
  /** The BEAR-enhancement facility. */
  bear: boolean;
}

export interface S390Machine extends Machine {
  /** 3 where the top table is a region-third table, 4 where it is a region-second table. */
  paging_levels: 3 | 4;
  features: S390Features;
}

export const S390_FEATURES = {
  edat1: { meaning: 'the CPU has 1M leaves (enhanced-DAT facility 1)', default: true },
  edat2: { meaning: 'the CPU has 2G leaves (enhanced-DAT facility 2)', default: true },
  nx: { meaning: 'the CPU can forbid execution', default: true },
  bear: { meaning: 'the CPU has the BEAR-enhancement facility', default: false },
} as const;

/** @throws InputError */
export function s390Machine(wanted: WantedMachine): S390Machine {
  const {
    ram,
    cpus = 1,
    page_size = PAGE_SIZE,
    index_bits = HARDWARE_INDEX_BITS,
    levels = index_bits === HARDWARE_INDEX_BITS ? 3 : SMALL_LEVELS,
    where,
  } = wanted;
  checkFeatures(wanted, Object.keys(S390_FEATURES));
  if (page_size !== PAGE_SIZE) throw wrong('page size', where, page_size, '4096');
  if (levels !== 3 && levels !== 4) throw wrong('levels', where, levels, '3 or 4');
  if (!Number.isInteger(index_bits) || index_bits < 1 || index_bits > HARDWARE_INDEX_BITS)
    throw wrong('index bits', where, index_bits, '1 to 8; 8 is the geometry of the hardware');
  const feature = (name: keyof typeof S390_FEATURES) =>
    (wanted.features?.[name] ?? S390_FEATURES[name].default) === true;
  return {
    memory: typeof ram === 'number' ? [{ start: 0, end: ram, type: 'RAM' }] : ram,
    cpus,
    page_size,
    paging_levels: levels,
    index_bits,
    features: {
      edat1: feature('edat1'),
      edat2: feature('edat1') && feature('edat2'),
      nx: feature('nx'),
      bear: feature('bear'),
    },
  };
}

function wrong(what: string, where: string, found: number, expected: string): InputError {
  return new InputError({ code: 'out-of-range', what, where, found: String(found), expected });
}
