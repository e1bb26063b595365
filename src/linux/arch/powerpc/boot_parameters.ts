/** The words of the kernel command line that are powerpc's alone. */

import { NotModelledError } from '../../../errors.ts';
import { type BootParameters, type BootWords, parseBootParameters } from '../../boot_parameters.ts';
import type { Config } from '../../config.ts';

interface OwnParameters {
  /** Whether a machine that has radix tables is to use the hash table. */
  disable_radix: boolean;
}

export type PowerpcBootParameters = BootParameters & OwnParameters;

const WORDS: BootWords<OwnParameters> = {
  disable_radix: (boot, value) => {
    boot.disable_radix = !/^(0|n|no|off)$/i.test(value);
  },
  stress_hpt: 'it evicts entries of the hash table at random',
  stress_slb: 'segment lookaside buffers are not modelled',
  mem: 'a limit on memory',
};

/** @throws InputError, NotModelledError */
export function parsePowerpcBootParameters(
  text: string,
  config: Config,
  where: string,
): PowerpcBootParameters {
  if (config.DEBUG_PAGEALLOC && config.HIBERNATION) {
    throw new NotModelledError(
      'CONFIG_DEBUG_PAGEALLOC with CONFIG_HIBERNATION on powerpc',
      'no such kernel can be built (mm/Kconfig.debug:14 of v7.2)',
      where,
    );
  }
  return parseBootParameters(text, config, where, { disable_radix: false }, WORDS);
}
