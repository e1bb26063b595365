/** What a reader may write to name a page, as at the command line: an address, a frame or a physical address. */

import type { DirectMap } from './direct_map.ts';
import { hexOf } from './words.ts';

export type Asked =
  | { readonly address: bigint; readonly problem?: undefined }
  | { readonly problem: string; readonly address?: undefined };

/** `isKernel` tells the addresses that are the kernel's; bare numbers that are none are frames. */
export function parseAsked(
  text: string,
  isKernel: (address: bigint) => boolean,
  map: DirectMap | undefined,
): Asked {
  const match = /^\s*(?:(pfn|phys)\s*:?\s*)?((?:0x)?[0-9a-f]{1,16})\s*$/i.exec(text);
  const [, kind, digits = ''] = match ?? [];
  if (match === null) {
    return { problem: 'Write an address such as ffff888000103000, or pfn:0x103, or phys:0x103000.' };
  }
  const value = numberIn(digits);
  if (kind === undefined && isKernel(value)) return { address: value };
  if (map === undefined)
    return { problem: 'This report has no direct map that frames could be looked up in.' };
  const bytes = BigInt(map.pageBytes);
  const isPhysical = kind?.toLowerCase() === 'phys';
  const frame = isPhysical ? value / bytes : value;
  const place = frame > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : map.placeOfFrame(Number(frame));
  if (place === undefined) return { problem: `The direct map does not reach pfn ${hexOf(frame)}.` };
  return { address: map.addressOf(place) + (isPhysical ? value % bytes : 0n) };
}

/** In hexadecimal, but for a few digits that are all decimal: a frame as people write it. */
function numberIn(digits: string): bigint {
  if (/^0x/i.test(digits)) return BigInt(digits);
  return BigInt(/^\d{1,15}$/.test(digits) ? digits : `0x${digits}`);
}
