/** All but the usual architecture, in the order in which they are listed. */

import { ARM64 } from '../../src/linux/arch/arm64/index.ts';
import { LOONGARCH } from '../../src/linux/arch/loongarch/index.ts';
import { POWERPC } from '../../src/linux/arch/powerpc/index.ts';
import { RISCV } from '../../src/linux/arch/riscv/index.ts';
import { S390 } from '../../src/linux/arch/s390/index.ts';
import { SPARC } from '../../src/linux/arch/sparc/index.ts';
import type { Architecture } from '../../src/linux/architecture.ts';

export const OTHERS: readonly Architecture[] = [ARM64, RISCV, S390, POWERPC, LOONGARCH, SPARC];
