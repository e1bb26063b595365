/** The one page of the direct map that a call is about, if it is about one. */

import type { CallArgument, KernelCall } from '../linux/call.ts';
import type { Kernel } from '../linux/kernel.ts';
import type { VirtualAddress } from '../mmu/format.ts';

export function pageOfCall(
  k: Kernel,
  { parameters }: KernelCall,
  values: readonly CallArgument[],
): VirtualAddress | undefined {
  const places = parameters.filter(({ kind }) => kind === 'page' || kind === 'address');
  const [place] = places;
  const [first] = values;
  if (places.length !== 1 || place !== parameters[0] || typeof first !== 'number') return undefined;
  const count = parameters.findIndex(({ kind }) => kind === 'count');
  if (count > 0 && values[count] !== (parameters[count]!.name === 'order' ? 0 : 1)) return undefined;
  const address = place?.kind === 'page' ? k.page_address(first) : first;
  const { start, end } = k.direct_map;
  return address >= start && address < end ? address : undefined;
}
