/** How an address is hashed (arch/powerpc/include/asm/book3s/64/mmu-hash.h). Segments are 1T. Line numbers are v6.12's. */

import type { VirtualAddress } from '../../../../../../../mmu/format.ts';
import { HPTE_V_LARGE } from '../../../../../../../mmu/ppc64_hash.ts';
import type { Entry } from '../../../../../../mm/pgtable.ts';
import { PAGE_OFFSET } from '../../page.ts';

const SID_SHIFT_1T = 40;
const VPN_SHIFT = 12;
const AVPN_SHIFT = 23;
const VSID_MULTIPLIER_1T = 12538073;
/** VA_BITS less those of a segment. */
const VSID_BITS_1T = 28;
const VSID_MODULUS_1T = 2 ** VSID_BITS_1T - 1;
/** VA_BITS less those of a segment and of a context. */
const ESID_BITS_1T = 9;
/** One context of addresses: 2^46 with 4K pages, 2^49 with 64K pages. */
const MAX_EA_BITS_PER_CONTEXT = { 12: 46, 16: 49 } as const;

/** A virtual page number of up to 78 bits, in two parts: VPN = vsid * 2^28 + offset, in pages of 4K. */
export interface vpn {
  vsid: number;
  offset: number;
}

/** :751 */
function vsid_scramble(protovsid: number): number {
  const product = protovsid * VSID_MULTIPLIER_1T;
  const folded = Math.floor(product / 2 ** VSID_BITS_1T) + (product % 2 ** VSID_BITS_1T);
  const vsid = (folded + Math.floor((folded + 1) / 2 ** VSID_BITS_1T)) % 2 ** VSID_BITS_1T;
  return vsid & VSID_MODULUS_1T;
}

/** get_kernel_vsid() of an address of the linear map, and hpt_vpn(). :846, :421 */
export function kernel_vpn(address: VirtualAddress, pageShift: 12 | 16): vpn {
  const ea = address - PAGE_OFFSET;
  const context = 1 + Math.floor(ea / 2 ** MAX_EA_BITS_PER_CONTEXT[pageShift]);
  const esid = Math.floor(ea / 2 ** SID_SHIFT_1T) % 2 ** ESID_BITS_1T;
  return {
    vsid: vsid_scramble(context * 2 ** ESID_BITS_1T + esid),
    offset: Math.floor(ea / 2 ** VPN_SHIFT) % 2 ** (SID_SHIFT_1T - VPN_SHIFT),
  };
}

/** The low 32 bits of the hash, of 39: more than any table has groups. :433 */
export function hpt_hash({ vsid, offset }: vpn, shift: number): number {
  return vsid ^ (vsid << 25) ^ (offset >>> (shift - VPN_SHIFT));
}

/**
 * hpte_encode_v() without the bits that a caller adds. It leaves out the low bits of the page number, up to those of 8M, for
 * which any entry of the same group has the same: hardware has no fewer groups than that takes. Where `whole`, of a
 * smaller table, it leaves out only what is inside of the page. :377
 */
export function hpte_encode_v({ vsid, offset }: vpn, shift: number, whole: boolean): Entry {
  const left_out = whole ? 0 : AVPN_SHIFT - VPN_SHIFT;
  const pages = 2 ** Math.max(0, whole ? shift - VPN_SHIFT : shift - AVPN_SHIFT);
  const in_segment = Math.floor(offset / 2 ** left_out / pages) * pages;
  const value = (vsid * 2 ** (SID_SHIFT_1T - AVPN_SHIFT) + in_segment) * 2 ** 7;
  const large = shift === VPN_SHIFT ? 0 : HPTE_V_LARGE;
  return {
    low: ((value % 2 ** 32) | large) >>> 0,
    high: (Math.floor(value / 2 ** 32) | MMU_SEGSIZE_1T_HIGH) >>> 0,
  };
}

/** The segment's size, 1 for 1T, in the high half of the first doubleword. */
const MMU_SEGSIZE_1T_HIGH = 1 << 30;
