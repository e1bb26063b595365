/** What the kernel keeps in __initdata: variables that only its boot needs. */

import { InputError } from '../../../errors.ts';
import { createMemblock, type Memblock } from '../../mm/memblock.ts';
import { runTask, type Task } from '../../task.ts';
import type { BootImage } from './images.ts';
import type { E820Table } from './kernel/e820.ts';
import type { PfnRange, X86Kernel } from './x86_kernel.ts';

/**
 * Handed to every function of arch/x86 that runs before the page allocator does. Frames unless another unit is named.
 */
export interface BootState {
  readonly k: X86Kernel;
  readonly image: BootImage;
  readonly initrd: PfnRange | undefined;
  e820_table: E820Table;
  readonly memblock: Memblock;
  /** One past the last frame that may be mapped. */
  max_pfn: number;
  /** Of the pages set aside in the brk area for the first tables, [pgt_buf_end, pgt_buf_top) are left. */
  pgt_buf_end: number;
  pgt_buf_top: number;
  can_use_brk_pgt: boolean;
  /** Tables come from [min_pfn_mapped, max_pfn_mapped), once the brk area's are used up. */
  min_pfn_mapped: number;
  /** Physical address of the real-mode trampoline, or 0. */
  real_mode_header: number;
}

export function createBootState(k: X86Kernel, image: BootImage, initrd?: PfnRange): BootState {
  return {
    k,
    image,
    initrd,
    e820_table: k.machine.memory.map((range) => ({ ...range })),
    memblock: createMemblock(),
    max_pfn: 0,
    pgt_buf_end: 0,
    pgt_buf_top: 0,
    can_use_brk_pgt: true,
    min_pfn_mapped: 0,
    real_mode_header: 0,
  };
}

/** The kernel dies of this machine. @throws InputError, always. */
export function panic(k: X86Kernel, text: string): never {
  k.die({ how: 'panic', text });
  throw doesNotBoot(text);
}

/**
 * Run a task of the boot CPU, which nothing can interrupt, to its end. @throws InputError where the kernel dies of
 * it.
 */
export function completed<T>(k: X86Kernel, task: Task<T>): T {
  const result = runTask(task);
  if (result.ended === 'halted') throw doesNotBoot(k.death?.text ?? 'halted');
  return result.value;
}

function doesNotBoot(why: string): InputError {
  const expected = 'one on which the kernel boots';
  return new InputError({ code: 'bad-format', what: 'machine', where: '', found: why, expected });
}
