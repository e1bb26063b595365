/** Every architecture, in the order in which they are listed. */

import { InputError } from '../../errors.ts';
import type { Architecture } from '../architecture.ts';
import { ARM64 } from './arm64/index.ts';
import { LOONGARCH } from './loongarch/index.ts';
import { POWERPC } from './powerpc/index.ts';
import { RISCV } from './riscv/index.ts';
import { S390 } from './s390/index.ts';
import { SPARC } from './sparc/index.ts';
import { X86 } from './x86/index.ts';

export const ARCHITECTURES: readonly Architecture[] = [X86, ARM64, RISCV, S390, POWERPC, LOONGARCH, SPARC];

/** What is meant where nobody names an architecture. */
export const DEFAULT_ARCH = ARCHITECTURES[0]!;

/** @throws InputError naming the known architectures */
export function architectureNamed(name: string, where: string): Architecture {
  const wanted = name.toLowerCase();
  const found = ARCHITECTURES.find((arch) => arch.name === wanted || arch.aliases.includes(wanted));
  if (found !== undefined) return found;
  throw new InputError({
    code: 'unknown-name',
    what: 'architecture',
    where,
    found: name,
    known: ARCHITECTURES.map((arch) => arch.name),
  });
}
