/** Hibernation as far as the snapshot of memory (kernel/power/hibernate.c). Devices, freezing and the disk are not modelled. */

import { EPERM } from '../../errno.ts';
import type { Kernel } from '../../kernel.ts';
import { secretmem_active } from '../../mm/secretmem.ts';
import type { Task } from '../../task.ts';
import { clear_or_poison_free_pages, swsusp_save } from './snapshot.ts';

export interface HibernateOptions {
  /** Frames to save beside those that the page allocator has given out: reserved ones, for example. */
  also?: readonly number[];
  /** Go on as after a resume from the image, instead of after its making. */
  resume?: boolean;
}

/** Whether the machine may hibernate: not while there is secret memory. :109 (v7.2) */
export function hibernation_available(k: Kernel): boolean {
  return k.config.HIBERNATION && !(k.has.secretmem && secretmem_active(k));
}

/**
 * Effect: one CPU, interrupts off, memory is copied. In SYSTEM_SUSPEND might_sleep() is silent and splits are not
 * counted in vmstat. No other task runs: the other CPUs are off, and their tasks stay where they are. :324 (v7.2)
 */
function* create_image(k: Kernel, { also, resume }: HibernateOptions): Task<number> {
  const interleaved = k.interleaved;
  k.interleaved = false;
  k.irqs_disabled[k.cpu] = 1;
  k.system_state = 'SUSPEND';
  const error = yield* swsusp_save(k, also);
  if (resume === true) yield* clear_or_poison_free_pages(k);
  k.system_state = 'RUNNING';
  k.irqs_disabled[k.cpu] = 0;
  k.interleaved = interleaved;
  return error;
}

/**
 * Effect: a snapshot of memory. Failure: -EPERM while hibernation is not available, which is asked once, before user
 * space is frozen: other tasks may run in between. :762 (v7.2)
 */
export function* hibernate(k: Kernel, options: HibernateOptions = {}): Task<number> {
  if (!hibernation_available(k)) return -EPERM;
  if (k.interleaved) yield { kind: 'preemption', at: 'lock', what: 'freeze_processes' };
  return yield* create_image(k, options);
}
