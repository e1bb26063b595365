/** What a call that returned 0 has promised of every page of its request: to be compared with the tables. */

import type { EntryFlags } from '../mmu/format.ts';
import { _PAGE_NX, _PAGE_PRESENT, _PAGE_RW } from '../mmu/x86_64.ts';

const present = (flags: EntryFlags) => (flags & _PAGE_PRESENT) !== 0;
const notPresent = (flags: EntryFlags) => (flags & _PAGE_PRESENT) === 0;
const writable = (flags: EntryFlags) => (flags & _PAGE_RW) !== 0;
const readOnly = (flags: EntryFlags) => (flags & _PAGE_RW) === 0;
const executable = (flags: EntryFlags) => (flags & _PAGE_NX) === 0;
const notExecutable = (flags: EntryFlags) => (flags & _PAGE_NX) !== 0;

interface Promise {
  /** In words, for the report. */
  text: string;
  kept(flags: EntryFlags): boolean;
}

const PROMISES: ReadonlyMap<string, Promise> = new Map<string, Promise>([
  ['set_direct_map_invalid_noflush', { text: 'not present', kept: notPresent }],
  [
    'set_direct_map_default_noflush',
    { text: 'present and writable', kept: (flags) => present(flags) && writable(flags) },
  ],
  ['set_memory_np', { text: 'not present', kept: notPresent }],
  ['set_memory_np_noalias', { text: 'not present', kept: notPresent }],
  ['set_memory_p', { text: 'present', kept: present }],
  ['set_memory_ro', { text: 'not writable', kept: readOnly }],
  ['set_memory_rw', { text: 'writable', kept: writable }],
  ['set_memory_x', { text: 'executable', kept: executable }],
  ['set_memory_nx', { text: 'not executable', kept: notExecutable }],
  [
    'set_memory_rox',
    { text: 'not writable, executable', kept: (flags) => readOnly(flags) && executable(flags) },
  ],
  ['set_mce_nospec', { text: 'not present', kept: notPresent }],
  ['clear_mce_nospec', { text: 'present', kept: present }],
]);

/** What `call` promises, or undefined if the model has no such promise to check. */
export function promiseOf(call: string): Promise | undefined {
  return PROMISES.get(call);
}
