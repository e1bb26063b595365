/** An x86-64 machine as Linux boots it: a direct map of 2M leaves, the kernel image, and its VMCOREINFO. */

import { Machine } from '../../src/inspect/index.ts';
import type { Hints } from '../../src/inspect/located.ts';
import { type SyntheticFacts, SyntheticMachine, x86 } from './synthetic_machine.ts';

export const PAGE = 4096;
export const MIB = 2 ** 20;
export const GIB = 2 ** 30;
export const TIB = 2 ** 40;

/** Without KASLR. */
export const PAGE_OFFSET = -0x7780_0000_0000;
export const PAGE_OFFSET_5 = -0xef_0000_0000_0000;
export const VMALLOC = -0x3700_0000_0000;
export const VMEMMAP = -0x1600_0000_0000;
export const IMAGE = -2 * GIB;
export const MODULES = -GIB;

/** Entries as the kernel writes them: P RW A D G NX of 4K, with PSE above; text; not present after set_direct_map_*(). */
export const RW = 0x8000_0000_0000_0163n;
export const RO = 0x8000_0000_0000_0121n;
export const ROX = 0x121n;
export const LARGE = 0x80n;

/** Image and top table, as the kernel is linked, and moved by `physBase`. */
const ROOT_SYMBOL = IMAGE + 0x2a1_0000;
const IMAGE_PAGES = 16 * MIB;

export interface BootOptions extends SyntheticFacts {
  levels?: 4 | 5;
  pageOffset?: number;
  physBase?: number;
  encryptionBit?: number;
  /** Bytes of RAM, in the direct map from 0. */
  ram?: number;
  release?: string;
  /** Further lines of VMCOREINFO. */
  lines?: readonly string[];
}

/** The unsigned hexadecimal that VMCOREINFO has. */
export function hex(address: number): string {
  return BigInt.asUintN(64, BigInt(address)).toString(16);
}

export function x86Info(options: BootOptions = {}): string[] {
  return [
    `OSRELEASE=${options.release ?? '6.12.1'}`,
    'PAGESIZE=4096',
    `SYMBOL(init_top_pgt)=${hex(ROOT_SYMBOL)}`,
    `NUMBER(phys_base)=${options.physBase ?? 0}`,
    `NUMBER(pgtable_l5_enabled)=${options.levels === 5 ? 1 : 0}`,
    ...(options.encryptionBit === undefined ? [] : [`NUMBER(sme_mask)=${2 ** options.encryptionBit}`]),
    ...(options.lines ?? []),
  ];
}

/** Large leaves only; where `vmcoreinfo` is given as undefined there is none. */
export function bootX86(options: BootOptions = {}): SyntheticMachine {
  const { levels = 4, physBase = 0, ram = GIB, encryptionBit } = options;
  const pageOffset = options.pageOffset ?? (levels === 5 ? PAGE_OFFSET_5 : PAGE_OFFSET);
  const vmcoreinfo = 'vmcoreinfo' in options ? options.vmcoreinfo : x86Info(options);
  const machine = new SyntheticMachine(x86(levels, encryptionBit), ROOT_SYMBOL - IMAGE + physBase, {
    ...options,
    vmcoreinfo,
  });
  const encrypted = encryptionBit === undefined ? 0n : 1n << BigInt(encryptionBit);
  const blocks = ram / (2 * MIB);
  machine.map(pageOffset, 0, 2, blocks, RW | LARGE | encrypted);
  // Text at the beginning; the top table is in the data behind it.
  const image = Math.floor(physBase / PAGE);
  const text = 8 * MIB;
  machine.map(IMAGE + IMAGE_PAGES, image + IMAGE_PAGES / PAGE, 2, text / (2 * MIB), ROX | LARGE | encrypted);
  machine.map(IMAGE + IMAGE_PAGES + text, image + (IMAGE_PAGES + text) / PAGE, 2, 16, RW | LARGE | encrypted);
  // The direct map's alias of the text is read-only.
  for (let at = 0; at < text; at += 2 * MIB) {
    const frame = image + (IMAGE_PAGES + at) / PAGE;
    machine.set(
      pageOffset + frame * PAGE,
      2,
      machine.leaf(frame, 0x8000_0000_0000_0121n | LARGE | encrypted),
    );
  }
  return machine;
}

export function inspectX86(machine: SyntheticMachine, hints: Hints = {}): Machine {
  return new Machine(machine, hints, 'made up');
}
