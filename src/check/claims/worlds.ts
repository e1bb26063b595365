/** The words in which claims describe their worlds. */

import type { Pattern } from '../claim.ts';

/** A call on each page alone. `args` are those beside the page or address and the number of pages. */
export function onPage(name: string, ...args: number[]): Pattern {
  return { calls: [{ name, with: args }], on: 'page' };
}

/** A call on every run of pages: every length and alignment. */
export function onRange(name: string, ...args: number[]): Pattern {
  return { calls: [{ name, with: args }], on: 'range' };
}

/** A call on all that one leaf maps. */
export function onLeaf(name: string, ...args: number[]): Pattern {
  return { calls: [{ name, with: args }], on: 'leaf' };
}

/** set_direct_map_invalid_noflush() and its inverse, as secretmem and vmalloc use them: page by page. */
export const DIRECT_MAP_BY_PAGE: readonly Pattern[] = [
  onPage('set_direct_map_invalid_noflush'),
  onPage('set_direct_map_default_noflush'),
];

/** Every way to make pages not present and present again, on every range. */
export const PRESENCE: readonly Pattern[] = [
  ...DIRECT_MAP_BY_PAGE,
  onRange('set_memory_np'),
  onRange('set_memory_p'),
  onRange('set_direct_map_valid_noflush', 0),
  onRange('set_direct_map_valid_noflush', 1),
];

/** Permissions, on every range. */
export const PERMISSIONS: readonly Pattern[] = [
  onRange('set_memory_ro'),
  onRange('set_memory_rw'),
  onRange('set_memory_rox'),
  onRange('set_memory_nx'),
];

/** The kernel is built with DEBUG_PAGEALLOC, and told to use it. */
export const DEBUG_PAGEALLOC = {
  leaf: '4K',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
} as const;

/** The last call of an action that `done` tells of. */
export function isCall(name: string, ...names: string[]): (called: string) => boolean {
  return (called) => called === name || names.includes(called);
}
