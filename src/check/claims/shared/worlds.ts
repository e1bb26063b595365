/** The words in which claims describe their worlds. */

import { errnoText } from '../../../linux/errno.ts';
import type { Action, Claim, Done, Finding, PageState, Pattern, Sometimes } from '../../claim.ts';

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

/** A call that is about no page. */
export function onNone(name: string, ...args: number[]): Pattern {
  return { calls: [{ name, with: args }], on: 'none' };
}

/** set_direct_map_invalid_noflush() and its inverse, as secretmem and vmalloc use them: page by page. */
export const DIRECT_MAP_BY_PAGE: readonly Pattern[] = [
  onPage('set_direct_map_invalid_noflush'),
  onPage('set_direct_map_default_noflush'),
];

/** A page out of the direct map and back by its owner, who does not look at what either call returned. */
export const DIRECT_MAP_ROUND_TRIP: Pattern = {
  calls: [{ name: 'set_direct_map_invalid_noflush' }, { name: 'set_direct_map_default_noflush' }],
  on: 'page',
};

/** The same by the other family of calls, on every range. */
export const NP_THEN_P: Pattern = {
  calls: [{ name: 'set_memory_np' }, { name: 'set_memory_p' }],
  on: 'range',
};

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

/** Hibernation copies a page: interrupts off, one CPU. It maps the page for that if it must. */
export const HIBERNATION_COPIES: Pattern = {
  calls: [{ name: 'syscore_suspend' }, { name: 'safe_copy_page' }, { name: 'syscore_resume' }],
  on: 'page',
};

/** For a claim about what only x86 has: why it is not asked of others. */
export function onX86Only(what: string): NonNullable<Claim['notModelled']> {
  return ({ version }) => (version.arch.name === 'x86_64' ? undefined : `${what}, which only x86 has`);
}

/** Whether an action has ended that is one call of that name, with this first argument beside the pages, if one is given. */
export function isOnly(done: Done | undefined, name: string, arg?: number): boolean {
  const [call, ...others] = done?.action.calls ?? [];
  if (call?.name !== name || others.length > 0) return false;
  return arg === undefined || call.with?.[0] === arg;
}

/** The flags, in words, that a page had before and has no more: "G D". The leaf's size does not count. */
export function flagsLost(before: PageState, after: PageState): string {
  const left = new Set(after.text.split(' '));
  return before.text
    .split(' ')
    .filter((word) => !left.has(word))
    .join(' ');
}

/** A vmalloc area with VM_FLUSH_RESET_PERMS of as many pages as are explored, its address kept as "area". */
export function areaOfAll(huge: 0 | 1): Pattern {
  return { calls: [{ name: 'vmalloc_reset_perms', sized: true, with: [huge], keep: 'area' }], on: 'leaf' };
}

/** A call on all of the area. */
export function onArea(name: string, ...args: number[]): Pattern {
  return { calls: [{ name, at: 'area', with: args }], on: 'leaf' };
}

/** The area is freed. */
export const VFREE_AREA: Pattern = { calls: [{ name: 'vfree', at: 'area', forget: 'area' }], on: 'none' };

/** The pages that an action is on. */
export function itsPages({ first, pages }: Action, all: readonly PageState[]): readonly PageState[] {
  return all.slice(first, first + pages);
}

/** Whether two mappings of a page give the same frame with the same rights, by leaves of whatever size. */
export function sameRights(a: PageState, b: PageState): boolean {
  return (
    a.present === b.present &&
    a.writable === b.writable &&
    a.executable === b.executable &&
    a.frameOffset === b.frameOffset
  );
}

/** The index of a page that the action is not on, and whose rights are not what they were; -1 if there is none. */
export function changedBeside(
  action: Action,
  before: readonly PageState[],
  now: readonly PageState[],
): number {
  const { first, pages } = action;
  return before.findIndex((page, i) => (i < first || i >= first + pages) && !sameRights(page, now[i]!));
}

/** The first call of an action that returned an errno, in words: "set_memory_ro() returned -12". */
export function failedCall({ calls }: Action, returned: readonly (number | undefined)[]): string | undefined {
  const i = returned.findIndex((value) => value !== undefined && value < 0 && value > -4096);
  return i < 0 ? undefined : `${calls[i]!.name}() returned ${errnoText(returned[i] ?? 0)}`;
}

/** A vmalloc area of some number of pages, single ones, its address kept as "area". */
export const ONE_AREA: Pattern = {
  calls: [{ name: 'vmalloc', sized: true, keep: 'area' }],
  on: 'range',
};

/** Under debug_pagealloc, the owner of a page: it is mapped, read, written and unmapped. */
export const DEBUG_PAGEALLOC_OWNER: Pattern = {
  calls: [
    { name: '__kernel_map_pages', with: [1] },
    { name: 'touch' },
    { name: 'write_page' },
    { name: '__kernel_map_pages', with: [0] },
  ],
  on: 'page',
  exclusive: true,
};

/** An explored page as calls name it. */
export function pageName(page: number): string {
  return page === 0 ? 'page' : `page+${page}`;
}

/** The machine has died, or has lost a lock or a page table, because of what another CPU did. */
export function dies({ died }: Done): Finding | undefined {
  return died === undefined ? undefined : { text: died.text, failure: 'F9' };
}

// ---- what must have been seen

/** A call has ended well: it returned 0, or nothing, and the machine lives. */
export function endsWell(name: string): Sometimes {
  return {
    text: `${name}() ends well`,
    about: name,
    seen(_, done) {
      const at = done?.action.calls.findIndex((call) => call.name === name) ?? -1;
      return done !== undefined && done.died === undefined && at >= 0 && (done.returned[at] ?? 0) === 0;
    },
  };
}

/** A call has failed for want of memory. */
export function isRefused(name: string): Sometimes {
  return {
    text: `${name}() is refused a page table`,
    about: name,
    seen: (_, done) => (done?.refused ?? 0) > 0 && done!.action.calls.some((call) => call.name === name),
  };
}

export const WRITABLE_AFTER_VFREE: Sometimes = {
  text: 'a read-only page is writable again after vfree()',
  seen: ({ pages }, done) =>
    done?.action.calls[0]?.name === 'vfree' &&
    pages.some(({ writable }, i) => writable && !done.before[i]!.writable),
};
