/** Build options of s390 alone. */

import { NotModelledError } from '../../../errors.ts';
import type { Config, ConfigName, ConfigOption } from '../../config.ts';

export const S390_CONFIG_OPTIONS = {
  HIBERNATION: {
    meaning: 'the machine can be snapshotted; s390 has not been able to since v5.4',
    default: 'n',
  },
  MEM_SOFT_DIRTY: { meaning: 'an entry that is made writable is marked soft-dirty', default: 'y' },
} as const satisfies Record<string, ConfigOption>;

export type S390Config = Config<ConfigName | keyof typeof S390_CONFIG_OPTIONS>;

/** @throws NotModelledError for a kernel that cannot be built. */
export function checkS390Config({ HIBERNATION }: Config): void {
  if (HIBERNATION)
    throw new NotModelledError('CONFIG_HIBERNATION=y on s390x', 'no kernel of s390 has had it since v5.4');
}
