/**
 * In place of src/linux/arch/index.ts in the page (vite.config.js sees to it): the usual architecture at once, which
 * most readers want and no others, and the rest when somebody wants it.
 */

import { architectureIn } from '../../src/linux/arch/named.ts';
import { X86 } from '../../src/linux/arch/x86/index.ts';
import type { Architecture } from '../../src/linux/architecture.ts';

const known: Architecture[] = [X86];

/** Those that are here by now. */
export const ARCHITECTURES: readonly Architecture[] = known;

export const DEFAULT_ARCH: Architecture = X86;

export function architectureNamed(name: string, where: string): Architecture {
  return architectureIn(known, name, where);
}

/** Has all of them come. */
export async function allArchitectures(): Promise<readonly Architecture[]> {
  const { OTHERS } = await import('./other_architectures.ts');
  for (const arch of OTHERS) if (!known.includes(arch)) known.push(arch);
  return known;
}
