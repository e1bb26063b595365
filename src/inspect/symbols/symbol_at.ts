/** Which symbol an address of the kernel image or of a module belongs to. */

import type { Region } from '../address_space.ts';
import { signed } from '../arch/signed.ts';
import type { Machine } from '../machine.ts';
import type { SymbolOffset, SymbolTable } from './symbols.ts';

/** Without CONFIG_KALLSYMS_ALL there is no _end. */
const IMAGE_ENDS = ['_end', '_einittext', '_etext'];

/** The nearest symbol at or below an unsigned address, in the image, or in the modules' range with nothing unmapped between. */
export function symbolAt(
  machine: Machine,
  address: bigint,
  region: Region | undefined,
  symbols: SymbolTable,
): SymbolOffset | undefined {
  const isImage = inImage(address, symbols);
  if (!isImage && region?.name !== 'modules') return undefined;
  const nearest = symbols.nearest(address);
  if (nearest === undefined) return undefined;
  return isImage || isMapped(machine, address - BigInt(nearest.offset), address) ? nearest : undefined;
}

/** The image need not be a region of its own: that of ppc64 is in the direct map. */
function inImage(address: bigint, symbols: SymbolTable): boolean {
  const start = symbols.address('_text') ?? symbols.address('_stext');
  const end = IMAGE_ENDS.map((name) => symbols.address(name)).find((each) => each !== undefined);
  return start !== undefined && end !== undefined && start <= address && address < end;
}

function isMapped(machine: Machine, symbol: bigint, address: bigint): boolean {
  const { pageBytes } = machine;
  const start = Math.floor(signed(symbol) / pageBytes) * pageBytes;
  const end = (Math.floor(signed(address) / pageBytes) + 1) * pageBytes;
  for (const { leaf } of machine.stretches({ start, end })) if (leaf === undefined) return false;
  return true;
}
