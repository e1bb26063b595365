import type { VirtualAddress } from '../../mmu/format.ts';

/** An unsigned 64-bit address as this library has virtual addresses: signed. */
export function signed(address: bigint): VirtualAddress {
  return Number(BigInt.asIntN(64, address));
}
