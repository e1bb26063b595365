/** What the kernel has while it boots and not after. */

import { InputError } from '../../../errors.ts';
import type { Memblock } from '../../mm/memblock.ts';
import { runTask, type Task } from '../../task.ts';
import type { PowerpcKernel } from './powerpc_kernel.ts';

/** Handed to every function that runs before the page allocator does. */
export interface BootState {
  readonly k: PowerpcKernel;
  readonly memblock: Memblock;
  /** Where boot's next table lies in a geometry too small to have room for tables in its RAM. */
  next_small_table: number;
}

/** The kernel dies of this machine. @throws InputError, always. */
export function panic(k: PowerpcKernel, text: string): never {
  k.die({ how: 'panic', text });
  throw doesNotBoot(text);
}

/** Run a task of the boot CPU to its end. @throws InputError where the kernel dies of it. */
export function completed<T>(k: PowerpcKernel, task: Task<T>): T {
  const result = runTask(task);
  if (result.ended === 'halted') throw doesNotBoot(k.death?.text ?? 'halted');
  return result.value;
}

function doesNotBoot(why: string): InputError {
  const expected = 'one on which the kernel boots';
  return new InputError({ code: 'bad-format', what: 'machine', where: '', found: why, expected });
}
