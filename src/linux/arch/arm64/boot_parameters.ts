/** The words of the kernel command line that are arm64's alone, or have a meaning of their own there. */

import { type BootParameters, type BootWords, parseBootParameters } from '../../boot_parameters.ts';
import type { Config } from '../../config.ts';

interface OwnParameters {
  /** What rodata= says, which each kernel takes in its own way; undefined without the word. */
  rodata_word: string | undefined;
  /** What crashkernel= says. */
  crashkernel: string | undefined;
}

export type Arm64BootParameters = BootParameters & OwnParameters;

const WORDS: BootWords<OwnParameters> = {
  rodata: (boot, value) => {
    boot.rodata_word = value;
    boot.rodata = !/^(off|0|n|no|false)$/i.test(value);
  },
  crashkernel: (boot, value) => {
    boot.crashkernel = value;
  },
  mem: 'the model does not cut memory off',
};

export function parseArm64BootParameters(text: string, config: Config, where: string): Arm64BootParameters {
  const own = { rodata_word: undefined, crashkernel: undefined };
  return parseBootParameters<OwnParameters>(text, config, where, own, WORDS);
}
