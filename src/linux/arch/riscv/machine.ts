/** The riscv64 machine that is meant by what somebody says of it. */

import { InputError } from '../../../errors.ts';
import { checkFeatures, type MemoryRange, type WantedMachine } from '../../machine.ts';
import { DRAM_BASE, PAGE_SIZE } from './include/asm/page.ts';
import type { RiscvMachine } from './riscv_kernel.ts';

const HARDWARE_INDEX_BITS = 9;

/** @throws InputError */
export function riscvMachine(wanted: WantedMachine): RiscvMachine {
  checkFeatures(wanted, ['thead']);
  const thead = wanted.features?.thead === true;
  const { ram, cpus = 1, page_size = PAGE_SIZE, index_bits = HARDWARE_INDEX_BITS, where } = wanted;
  const levels = wanted.levels ?? (thead ? 3 : 4);
  if (page_size !== PAGE_SIZE) throw wrong('page size', where, page_size, '4096');
  if (levels !== 3 && levels !== 4 && levels !== 5)
    throw wrong('levels', where, levels, '3 (Sv39), 4 (Sv48) or 5 (Sv57)');
  if (thead && levels !== 3) throw wrong('levels', where, levels, '3 with the feature thead');
  if (!Number.isInteger(index_bits) || index_bits < 1 || index_bits > HARDWARE_INDEX_BITS)
    throw wrong('index bits', where, index_bits, '1 to 9');
  return {
    memory: typeof ram === 'number' ? virtMemory(ram, index_bits) : ram,
    cpus,
    page_size,
    paging_levels: levels,
    index_bits,
    features: { thead },
  };
}

function wrong(what: string, where: string, found: number, expected: string): InputError {
  return new InputError({ code: 'out-of-range', what, where, found: String(found), expected });
}

/** RAM as QEMU's virt machine has it, from 2G on; from 0 on a machine that is made up to be small. */
function virtMemory(bytes: number, index_bits: number): MemoryRange[] {
  const start = index_bits === HARDWARE_INDEX_BITS ? DRAM_BASE : 0;
  return [{ start, end: start + bytes, type: 'RAM' }];
}
