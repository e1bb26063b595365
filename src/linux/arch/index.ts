/** Every architecture, in the order in which they are listed. */

import type { Architecture } from '../architecture.ts';
import { ARM64 } from './arm64/index.ts';
import { LOONGARCH } from './loongarch/index.ts';
import { architectureIn } from './named.ts';
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
  return architectureIn(ARCHITECTURES, name, where);
}
