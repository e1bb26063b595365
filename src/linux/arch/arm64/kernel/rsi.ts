/** Calls of a realm to its monitor (arch/arm64/include/asm/rsi.h of v7.2). */

import { EINVAL } from '../../../errno.ts';
import type { Arm64Kernel } from '../arm64_kernel.ts';

/** Effect: the monitor takes the range for private or shared. Failure: -EINVAL, as whatever it answers. :26 */
export function rsi_set_memory_range(k: Arm64Kernel, start: number, end: number): number {
  return k.machine.features.rmm_refuses && start < end ? -EINVAL : 0;
}
