/** Small worlds to explore, and claims about them that are nobody's. */

import { machineFor } from '../../src/check/check.ts';
import type { Claim, World } from '../../src/check/claim.ts';
import type { CheckedMachine } from '../../src/check/machine/machine.ts';
import { X86 } from '../../src/linux/arch/x86/index.ts';
import { parseKernelVersion } from '../../src/linux/kernels.ts';

export const NO_LIMITS = { states: 1e6, seconds: 60, bytes: 2 ** 30 };

export function machineIn(world: World, kernel: string, geometry?: number): CheckedMachine {
  const version = parseKernelVersion(kernel, 'test', X86);
  return machineFor(world, geometry === undefined ? { version } : { version, geometry });
}

/** A claim that says nothing, or only what is given. */
export function claimIn(world: World, parts: Partial<Claim> = {}): Claim {
  return {
    id: 'for-a-test',
    sentence: 'Nothing is wrong.',
    source: { who: 'a test', when: 'now', where: 'here' },
    catalogue: [],
    world: () => world,
    sometimes: [],
    ...parts,
  };
}
