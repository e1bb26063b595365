/** The x86-64 machine that is meant by what somebody says of it. */

import { InputError } from '../../../errors.ts';
import { checkFeatures, type MemoryRange, type WantedMachine } from '../../machine.ts';
import { PAGE_SIZE } from './include/asm/page_types.ts';
import type { X86Machine } from './x86_kernel.ts';

/** @throws InputError */
export function x86Machine(wanted: WantedMachine): X86Machine {
  const { ram, cpus = 1, page_size = PAGE_SIZE, levels = 4, index_bits = 9, where } = wanted;
  checkFeatures(wanted, ['gbpages', 'pcid', 'encryption_bit', 'tdx', 'vtom', 'snp_host', 'highmem']);
  if (page_size !== PAGE_SIZE) throw wrong('page size', where, page_size, '4096');
  if (levels !== 4 && levels !== 5) throw wrong('levels', where, levels, '4 or 5');
  if (!Number.isInteger(index_bits) || index_bits < 1 || index_bits > 9)
    throw wrong('index bits', where, index_bits, '1 to 9');
  const {
    gbpages = true,
    pcid = false,
    encryption_bit,
    tdx,
    vtom,
    snp_host,
    highmem,
  } = wanted.features ?? {};
  if (encryption_bit !== undefined && !(Number(encryption_bit) >= 32 && Number(encryption_bit) <= 51))
    throw wrong('encryption_bit', where, Number(encryption_bit), '32 to 51');
  if ((tdx === true || vtom === true) && encryption_bit === undefined)
    throw wrong('encryption_bit', where, 0, 'the bit that says that a page is shared, with tdx or vtom');
  return {
    memory: typeof ram === 'number' ? qemuPcMemory(ram) : ram,
    cpus,
    page_size,
    paging_levels: levels,
    index_bits,
    features: {
      gbpages: gbpages === true,
      pcid: pcid === true,
      encryption_bit: encryption_bit === undefined ? undefined : Number(encryption_bit),
      tdx: tdx === true,
      vtom: vtom === true,
      snp_host: snp_host === true,
      highmem: highmem === true,
    },
  };
}

function wrong(what: string, where: string, found: number, expected: string): InputError {
  return new InputError({ code: 'out-of-range', what, where, found: String(found), expected });
}

/**
 * The memory map that QEMU's i440fx machine gives an x86-64 guest with `bytes` of RAM: a hole for VGA and BIOS
 * below 1M, 128K of firmware tables at the end of low memory, and what exceeds 3G (of 3.5G or more) from 4G up.
 * A machine of 1M or less, which no PC is, is all RAM.
 */
export function qemuPcMemory(bytes: number): MemoryRange[] {
  if (bytes <= 0x100000) return [{ start: 0, end: bytes, type: 'RAM' }];
  const GiB = 2 ** 30;
  const low = bytes >= 3.5 * GiB ? 3 * GiB : bytes;
  const ranges: MemoryRange[] = [
    { start: 0, end: 0x9fc00, type: 'RAM' },
    { start: 0x9fc00, end: 0xa0000, type: 'RESERVED' },
    { start: 0xf0000, end: 0x100000, type: 'RESERVED' },
    { start: 0x100000, end: low - 0x20000, type: 'RAM' },
    { start: low - 0x20000, end: low, type: 'RESERVED' },
  ];
  if (bytes > low) ranges.push({ start: 4 * GiB, end: 4 * GiB + bytes - low, type: 'RAM' });
  return ranges;
}
