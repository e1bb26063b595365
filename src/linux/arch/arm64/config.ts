/** Build options of arm64 alone. The page size and the width of addresses are the machine's here. */

import type { Config, ConfigName, ConfigOption } from '../../config.ts';

export const ARM64_CONFIG_OPTIONS = {
  RODATA_FULL_DEFAULT_ENABLED: {
    meaning: 'rodata=full unless told otherwise; v7.2 has no such option, and means yes',
    default: 'y',
  },
  ZONE_DMA: { meaning: 'crashkernel= is placed late, for the sake of low memory', default: 'y' },
  ZONE_DMA32: { meaning: 'the same', default: 'y' },
} as const satisfies Record<string, ConfigOption>;

export type Arm64Config = Config<ConfigName | keyof typeof ARM64_CONFIG_OPTIONS>;
