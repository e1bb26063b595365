/** What the kernel keeps in __initdata: variables that only its boot needs. */

import { InputError } from '../../../errors.ts';
import type { Memblock } from '../../mm/memblock.ts';
import { type AllocationPolicy, runTask, type Task } from '../../task.ts';
import type { S390Kernel } from './s390_kernel.ts';

export interface BootState {
  readonly k: S390Kernel;
  readonly memblock: Memblock;
  /** Who grants boot its tables. The decompressor's are always granted. */
  readonly policy: AllocationPolicy;
  /** Physical address of the zero pages, where somebody knows it. */
  readonly zero_pages: number | undefined;
  /** Physical address of KFENCE's pool, where somebody knows it. */
  readonly kfence_pool: number | undefined;
}

/** The kernel dies of this machine. @throws InputError, always. */
export function panic(k: S390Kernel, text: string): never {
  k.die({ how: 'panic', text });
  throw doesNotBoot(text);
}

/** Run a task of the boot CPU, which nothing can interrupt, to its end. @throws InputError where the kernel dies of it. */
export function completed<T>({ k, policy }: BootState, task: Task<T>): T {
  const result = runTask(task, policy);
  if (result.ended === 'halted') throw doesNotBoot(k.death?.text ?? 'halted');
  return result.value;
}

function doesNotBoot(why: string): InputError {
  const expected = 'one on which the kernel boots';
  return new InputError({ code: 'bad-format', what: 'machine', where: '', found: why, expected });
}
