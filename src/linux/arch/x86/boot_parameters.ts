/** The words of the kernel command line that are x86's alone. */

import { type BootParameters, type BootWords, badWord, parseBootParameters } from '../../boot_parameters.ts';
import type { Config } from '../../config.ts';
import type { X86Config } from './config.ts';

interface OwnParameters {
  gbpages: boolean;
  pti: 'auto' | 'on' | 'off';
  no5lvl: boolean;
}

export type X86BootParameters = BootParameters & OwnParameters;

const WORDS: BootWords<OwnParameters> = {
  gbpages: (boot) => {
    boot.gbpages = true;
  },
  nogbpages: (boot) => {
    boot.gbpages = false;
  },
  pti: (boot, value, where) => {
    if (value !== 'on' && value !== 'off' && value !== 'auto')
      throw badWord('pti', value, where, 'on, off or auto');
    boot.pti = value;
  },
  nopti: (boot) => {
    boot.pti = 'off';
  },
  no5lvl: (boot) => {
    boot.no5lvl = true;
  },
  nopat: 'without PAT the memory types are encoded differently',
  mem_encrypt: 'SME is a property of the machine here',
  noexec: 'an x86-64 kernel without NX',
};

export function parseX86BootParameters(text: string, config: Config, where: string): X86BootParameters {
  const { X86_DIRECT_GBPAGES } = config as X86Config;
  return parseBootParameters(
    text,
    config,
    where,
    { gbpages: X86_DIRECT_GBPAGES, pti: 'off', no5lvl: false },
    WORDS,
  );
}
