/** The powerpc machine that is meant by what somebody says of it. */

import { InputError } from '../../../errors.ts';
import { checkFeatures, type Features, type Machine, type WantedMachine } from '../../machine.ts';

/** What a powerpc machine may have. */
export interface PowerpcFeatures extends Features {
  /** Page tables in a tree, as from POWER9 on; else a hash table alone, as to POWER8. */
  radix: boolean;
  /** The kernel is on the bare machine, under OPAL; else it is a guest, under PAPR. */
  powernv: boolean;
  /** Bytes of a block of hot-pluggable memory, if firmware names them ("ibm,lmb-size"). */
  lmb_size: number | undefined;
  /** Bytes that can be accessed in real mode (RMA); what the kind of machine has if not given. */
  rma_size: number | undefined;
}

export interface PowerpcMachine extends Machine {
  page_size: 4096 | 65536;
  features: PowerpcFeatures;
}

/** Index bits of a table of PTEs: 2M of pages. */
export function hardwareIndexBits(page_size: number): number {
  return 21 - Math.log2(page_size);
}

/** @throws InputError */
export function powerpcMachine(wanted: WantedMachine): PowerpcMachine {
  const { ram, cpus = 1, page_size = 4096, levels = 4, where } = wanted;
  checkFeatures(wanted, ['radix', 'powernv', 'lmb_size', 'rma_size']);
  if (page_size !== 4096 && page_size !== 65536) throw wrong('page size', where, page_size, '4096 or 65536');
  if (levels !== 4) throw wrong('levels', where, levels, '4');
  const { radix = true, powernv = false, lmb_size, rma_size } = wanted.features ?? {};
  const hardware = hardwareIndexBits(page_size);
  const index_bits = wanted.index_bits ?? hardware;
  if (!(index_bits >= 1 && index_bits <= hardware))
    throw wrong('index bits', where, index_bits, `1 to ${hardware}`);
  return {
    memory: typeof ram === 'number' ? [{ start: 0, end: ram, type: 'RAM' }] : ram,
    cpus,
    page_size,
    paging_levels: levels,
    index_bits,
    features: {
      radix: radix !== false,
      powernv: powernv === true,
      lmb_size: sizeOf('lmb_size', lmb_size, where),
      rma_size: sizeOf('rma_size', rma_size, where),
    },
  };
}

function sizeOf(name: string, value: boolean | number | undefined, where: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && value > 0 && Number.isInteger(Math.log2(value))) return value;
  throw new InputError({
    code: 'out-of-range',
    what: name,
    where,
    found: String(value),
    expected: 'a power of two, in bytes',
  });
}

function wrong(what: string, where: string, found: number, expected: string): InputError {
  return new InputError({ code: 'out-of-range', what, where, found: String(found), expected });
}
