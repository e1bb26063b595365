/** What a call that returned 0 has promised of every page of its request: to be compared with the tables. */

import type { CallArgument } from '../linux/call.ts';
import type { Rights } from '../linux/kernel.ts';

const present = (rights: Rights) => rights.present;
const notPresent = (rights: Rights) => !rights.present;
const writable = (rights: Rights) => rights.writable;
const readOnly = (rights: Rights) => !rights.writable;
const executable = (rights: Rights) => rights.executable;
const notExecutable = (rights: Rights) => !rights.executable;

interface Promise {
  /** In words, for the report. */
  text: string;
  kept(rights: Rights): boolean;
}

const PROMISES: ReadonlyMap<string, Promise> = new Map<string, Promise>([
  ['set_direct_map_invalid_noflush', { text: 'not present', kept: notPresent }],
  [
    'set_direct_map_default_noflush',
    { text: 'present and writable', kept: (rights) => present(rights) && writable(rights) },
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
    { text: 'not writable, executable', kept: (rights) => readOnly(rights) && executable(rights) },
  ],
  ['set_mce_nospec', { text: 'not present', kept: notPresent }],
  ['clear_mce_nospec', { text: 'present', kept: present }],
]);

/** Its last argument says which. */
const MADE_VALID = 'set_direct_map_valid_noflush';

/** What `call` promises, or undefined if the model has no such promise to check. */
export function promiseOf(call: string, args: readonly CallArgument[] = []): Promise | undefined {
  if (call !== MADE_VALID || args.length === 0) return PROMISES.get(call);
  return PROMISES.get(args.at(-1) === 0 ? 'set_memory_np' : 'set_memory_p');
}
