/** The words of the kernel command line that are riscv's alone. */

import { type BootParameters, type BootWords, parseBootParameters } from '../../boot_parameters.ts';
import type { Config } from '../../config.ts';
import { parseSize } from '../../machine.ts';
import { PAGE_SIZE } from './include/asm/page.ts';

interface OwnParameters {
  /** What the command line allows at most. */
  paging_levels: 3 | 4 | 5;
  /** Bytes of RAM that count, from its beginning. */
  memory_limit: number;
}

export type RiscvBootParameters = BootParameters & OwnParameters;

const WORDS: BootWords<OwnParameters> = {
  no4lvl: (boot) => {
    boot.paging_levels = 3;
  },
  no5lvl: (boot) => {
    if (boot.paging_levels === 5) boot.paging_levels = 4;
  },
  mem: (boot, value, where) => {
    boot.memory_limit = Math.min(
      boot.memory_limit,
      Math.floor(parseSize(value, where) / PAGE_SIZE) * PAGE_SIZE,
    );
  },
};

export function parseRiscvBootParameters(text: string, config: Config, where: string): RiscvBootParameters {
  return parseBootParameters(
    text,
    config,
    where,
    { paging_levels: 5, memory_limit: Number.POSITIVE_INFINITY },
    WORDS,
  );
}
