/** What claims about stale translations have in common. */

import type { Claim, Done, Pattern, Sometimes, World } from '../../claim.ts';
import { onPage } from './worlds.ts';

/** Two CPUs with TLBs, either of which reads and writes pages, and one of which makes the calls. */
export function TWO_CPUS_ACCESS(calls: readonly Pattern[]) {
  const first = calls.map((pattern) => ({ ...pattern, cpus: [0] }));
  return { cpus: 2, tlb: true, calls: [...first, onPage('touch'), onPage('write_page')] } as const;
}

/** After one of these calls, the last of its action, has succeeded: can some CPU still access a page of it? */
export function accessible(names: readonly string[], write: boolean): NonNullable<Claim['after']> {
  return ({ action, returned, died }, state) => {
    const last = returned.at(-1);
    if (died !== undefined || !names.includes(action.calls.at(-1)!.name) || (last ?? 0) !== 0)
      return undefined;
    for (const cpu of [0, 1]) {
      for (let page = action.first; page < action.first + action.pages; page++) {
        if (!state.canAccess(cpu, page, write)) continue;
        const what = write ? 'write' : 'read';
        return { text: `after ${action.text} CPU ${cpu} can still ${what} a page of it`, failure: 'F4' };
      }
    }
    return undefined;
  };
}

/** One area, allocated once and freed at most twice, which two CPUs with TLBs read. It is never forgotten. */
export function TWO_CPUS_USE_AN_AREA(allocate: string): World {
  return {
    leaf: '2M',
    geometry: 1,
    cpus: 2,
    tlb: true,
    pagesFree: true,
    calls: [
      { calls: [{ name: allocate, sized: true, keep: 'area' }], on: 'leaf', cpus: [0] },
      { calls: [{ name: 'set_memory_ro', at: 'area' }], on: 'leaf', cpus: [0] },
      { calls: [{ name: 'copy_from_kernel_nofault', at: 'area' }], on: 'none' },
      { calls: [{ name: 'vfree', at: 'area' }], on: 'none', cpus: [0] },
    ],
  };
}

/** A read through the address of the area succeeded by a translation that the tables no longer have. */
export const readsAfterVfree: NonNullable<Claim['after']> = ({ action, cpu, events }) =>
  events.some((event) => event.kind === 'access' && event.stale)
    ? { text: `${action.text} by CPU ${cpu} succeeds after vfree()`, failure: 'F4' }
    : undefined;

const isReadOfArea = (done: Done | undefined) => done?.action.calls[0]?.name === 'copy_from_kernel_nofault';

export const SEEN_TO_READ_BEFORE_VFREE: readonly Sometimes[] = [
  {
    text: 'a read through the address succeeds',
    seen: (_, done) => isReadOfArea(done) && done?.returned[0] === 0,
  },
  {
    text: 'a read through the address fails after vfree()',
    seen: (_, done) => isReadOfArea(done) && done?.returned[0] !== 0,
  },
];
