/** What the kernel keeps in __initdata: variables that only its boot needs. */

import { InputError } from '../../../errors.ts';
import { createMemblock, type Memblock, type MemblockRegion } from '../../mm/memblock.ts';
import { runTask, type Task } from '../../task.ts';
import type { Arm64Kernel } from './arm64_kernel.ts';
import type { KernelImage } from './kernel_image.ts';

/** Handed to every function of arch/arm64 that runs before the page allocator does. Addresses are physical. */
export interface BootState {
  readonly k: Arm64Kernel;
  readonly image: KernelImage | undefined;
  readonly memblock: Memblock;
  /** A page for a table. */
  early_pgtable_alloc(): Task<number | undefined>;
  /** The range that crashkernel= has set aside, if boot knows it before it maps memory. */
  crashk_res: MemblockRegion | undefined;
}

/** Above all RAM that a small geometry can have: its tables take none of it. */
export const TABLES_OUT_OF_THE_WAY = 2 ** 32;

export function createBootState(k: Arm64Kernel): BootState {
  return {
    k,
    image: k.image,
    memblock: createMemblock(),
    *early_pgtable_alloc() {
      return undefined;
    },
    crashk_res: undefined,
  };
}

/** The kernel dies of this machine. @throws InputError, always. */
export function panic(k: Arm64Kernel, text: string): never {
  k.die({ how: 'panic', text });
  throw doesNotBoot(text);
}

/** Run a task of the boot CPU to its end. @throws InputError where the kernel dies of it. */
export function completed<T>(k: Arm64Kernel, task: Task<T>): T {
  const result = runTask(task);
  if (result.ended === 'halted') throw doesNotBoot(k.death?.text ?? 'halted');
  return result.value;
}

function doesNotBoot(why: string): InputError {
  const expected = 'one on which the kernel boots';
  return new InputError({ code: 'bad-format', what: 'machine', where: '', found: why, expected });
}
