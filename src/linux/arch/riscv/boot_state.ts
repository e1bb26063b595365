/** What the kernel keeps in __initdata: variables that only its boot needs. */

import { InputError } from '../../../errors.ts';
import { createMemblock, type Memblock, memblock_phys_alloc_range } from '../../mm/memblock.ts';
import { runTask, type Task } from '../../task.ts';
import type { RiscvImage } from './images.ts';
import { PAGE_SIZE } from './include/asm/page.ts';
import type { RiscvKernel } from './riscv_kernel.ts';

/** Handed to every function of arch/riscv that runs before the page allocator does. */
export interface BootState {
  readonly k: RiscvKernel;
  /** Nothing in a geometry smaller than the hardware's. */
  readonly image: RiscvImage | undefined;
  readonly memblock: Memblock;
  /** What a geometry smaller than the hardware's has for its tables, so that they take no RAM. */
  next_table: number;
}

/** Above all RAM that a small geometry can have. */
export const TABLES_OUT_OF_THE_WAY = 2 ** 40;

export function createBootState(k: RiscvKernel, image: RiscvImage | undefined): BootState {
  return { k, image, memblock: createMemblock(), next_table: TABLES_OUT_OF_THE_WAY + PAGE_SIZE };
}

/** Effect: an empty page for a table, the highest that is free. init.c:420 (v7.2) */
export function alloc_table(init: BootState): number {
  const { k, memblock } = init;
  let table = init.next_table;
  if (k.format.signExtended) {
    table = memblock_phys_alloc_range(memblock, PAGE_SIZE, PAGE_SIZE, 0, Number.POSITIVE_INFINITY);
    if (table === 0) panic(k, 'no memory for the tables of the direct map');
  } else init.next_table += PAGE_SIZE;
  k.clear_page(table / PAGE_SIZE);
  return table;
}

/** The kernel dies of this machine. @throws InputError, always. */
export function panic(k: RiscvKernel, text: string): never {
  k.die({ how: 'panic', text });
  throw doesNotBoot(text);
}

/** Run a task of the boot hart, which nothing can interrupt. @throws InputError where the kernel dies of it. */
export function completed<T>(k: RiscvKernel, task: Task<T>): T {
  const result = runTask(task);
  if (result.ended === 'halted') throw doesNotBoot(k.death?.text ?? 'halted');
  return result.value;
}

function doesNotBoot(why: string): InputError {
  const expected = 'one on which the kernel boots';
  return new InputError({ code: 'bad-format', what: 'machine', where: '', found: why, expected });
}
