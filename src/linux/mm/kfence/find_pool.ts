/** KFENCE's pool in the page tables of a real kernel. */

import type { VirtualAddress } from '../../../mmu/format.ts';
import { walk } from '../../../mmu/walk.ts';
import type { Kernel } from '../../kernel.ts';
import { KFENCE_NUM_OBJECTS, KFENCE_POOL_PAGES } from './core.ts';
import { KFENCE_OFF } from './state.ts';

/**
 * Effect: KFENCE is on and its pool known, if the kernel was told to start it and the direct map has what looks like a pool:
 * as many single pages, of which the first two and then every other are not present. Which objects are in use is not known.
 */
export function findKfencePool(k: Kernel): void {
  if (!k.config.KFENCE || k.boot.kfence_sample_interval === 0 || k.direct_map === undefined) return;
  const pages = KFENCE_POOL_PAGES(KFENCE_NUM_OBJECTS);
  const isGuard = (address: VirtualAddress) =>
    k.leafAt(address)?.level === 1 && k.translate(address) === undefined;
  const guards = [0, ...Array.from({ length: pages / 2 }, (_, object) => 2 * object + 1)];
  for (const { kind, address, frame, pages: alike } of walk(k.memory, k.format, k.root, {
    range: k.direct_map,
  })) {
    if (kind !== 'not-present' || alike < 2) continue;
    if (!guards.every((page) => isGuard(address + page * k.page_size))) continue;
    k.kfence_pool = { start: frame, end: frame + pages };
    k.kfence.set({ ...KFENCE_OFF, pool: k.kfence_pool, enabled: true });
    return;
  }
}
