/** What the CPUs have, as far as the direct map asks (arch/arm64/kernel/cpufeature.c of v7.2). */

import type { Task } from '../../../task.ts';
import type { Arm64Kernel } from '../arm64_kernel.ts';
import { linear_map_maybe_split_to_ptes } from '../mm/mmu.ts';

/** Whether the CPU that asks is on the list of those that have BBML2 and never raise a conflict abort. :2159 */
export function cpu_supports_bbml2_noabort(k: Arm64Kernel): boolean {
  const { bbml2, secondaries_bbml2 } = k.machine.features;
  return bbml2 && (k.cpu === 0 || secondaries_bbml2);
}

/** Whether all CPUs are. False as long as that is not known. cpufeature.h:876 */
export function system_supports_bbml2_noabort(k: Arm64Kernel): boolean {
  const { cpus, features } = k.machine;
  return k.system_capabilities_finalized && features.bbml2 && (cpus === 1 || features.secondaries_bbml2);
}

/** Effect: it is known what all CPUs have. The direct map is all pages, if one of them cannot split. :4030 */
export function* setup_system_features(k: Arm64Kernel): Task<void> {
  k.system_capabilities_finalized = true;
  yield* linear_map_maybe_split_to_ptes(k);
}
