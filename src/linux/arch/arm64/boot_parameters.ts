/** The words of the kernel command line that are arm64's alone, or have a meaning of their own there. */

import { type BootParameters, type BootWords, badWord, parseBootParameters } from '../../boot_parameters.ts';
import type { Config } from '../../config.ts';

interface OwnParameters {
  /** What rodata= says, which each kernel takes in its own way; undefined without the word. */
  rodata_word: string | undefined;
  /** What crashkernel= says. */
  crashkernel: string | undefined;
  /** Bytes of memory that are used. */
  memory_limit: number;
}

export type Arm64BootParameters = BootParameters & OwnParameters;

const SUFFIXES = 'KMGTPE';

/** A number with a suffix or without: lib/cmdline.c. */
function memparse(name: string, value: string, where: string): number {
  const [, digits, suffix = ''] = /^(0x[0-9a-f]+|\d+)([KMGTPE]?)$/i.exec(value) ?? [];
  if (digits === undefined) throw badWord(name, value, where, 'such as 512M');
  return Number(digits) * 2 ** (10 * (1 + (suffix === '' ? -1 : SUFFIXES.indexOf(suffix.toUpperCase()))));
}

const WORDS: BootWords<OwnParameters> = {
  rodata: (boot, value) => {
    boot.rodata_word = value;
    boot.rodata = !/^(off|0|n|no|false)$/i.test(value);
  },
  crashkernel: (boot, value) => {
    boot.crashkernel = value;
  },
  mem: (boot, value, where) => {
    boot.memory_limit = memparse('mem', value, where);
  },
};

export function parseArm64BootParameters(text: string, config: Config, where: string): Arm64BootParameters {
  const own = { rodata_word: undefined, crashkernel: undefined, memory_limit: Number.POSITIVE_INFINITY };
  return parseBootParameters<OwnParameters>(text, config, where, own, WORDS);
}
