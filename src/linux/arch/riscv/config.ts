/** Build options of riscv alone: so far, none that bears on the direct map. */

import type { Config, ConfigName, ConfigOption } from '../../config.ts';

export const RISCV_CONFIG_OPTIONS = {} as const satisfies Record<string, ConfigOption>;

export type RiscvConfig = Config<ConfigName | keyof typeof RISCV_CONFIG_OPTIONS>;
