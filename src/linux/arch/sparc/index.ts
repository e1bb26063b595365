/** sparc64, as far as the kernel's source settles it: sun4v, the direct map and debug_pagealloc. No recording shows it. */

import { NotModelledError } from '../../../errors.ts';
import { EM_SPARCV9 } from '../../../memory/elf_machine.ts';
import type { Architecture } from '../../architecture.ts';
import { type BootParameters, parseBootParameters } from '../../boot_parameters.ts';
import type { Config } from '../../config.ts';
import { bootSparc } from './boot.ts';
import { SPARC_CALLS } from './calls.ts';
import { sparcMachine } from './machine.ts';

function parseBoot(text: string, config: Config, where: string): BootParameters {
  if (config.DEBUG_PAGEALLOC && config.HIBERNATION) {
    throw new NotModelledError(
      'CONFIG_DEBUG_PAGEALLOC with CONFIG_HIBERNATION on sparc',
      'no such kernel can be built (mm/Kconfig.debug:14 of v7.2)',
      where,
    );
  }
  return parseBootParameters(text, config, where, {}, {});
}

export const SPARC: Architecture = {
  name: 'sparc64',
  aliases: ['sparc'],
  pageSizes: [8192],
  elfMachine: EM_SPARCV9,
  changes: {},
  since: {},
  missing: {},
  lacks(symbol, { config }) {
    if (symbol === 'ARCH_HAS_EXECMEM_ROX') return 'only x86 selects ARCH_HAS_EXECMEM_ROX';
    if (symbol === 'ARCH_HAS_SET_DIRECT_MAP') return 'sparc has no set_direct_map_*()';
    if (symbol === 'ARCH_HIBERNATION_POSSIBLE' && config.DEBUG_PAGEALLOC)
      return 'on sparc HIBERNATION and DEBUG_PAGEALLOC exclude each other (mm/Kconfig.debug)';
    return undefined;
  },
  config: {
    HIBERNATION: { meaning: 'the machine can be snapshotted; excludes DEBUG_PAGEALLOC', default: 'n' },
  },
  features: {
    largest_page: {
      meaning: 'bytes of the largest translation: 4M, 256M, 2G or 16G',
      default: 2 ** 31,
    },
    sun4u: { meaning: 'UltraSPARC to IV+; not modelled', default: false },
  },
  boots: [
    { name: 'default', boot: '' },
    { name: 'debug_pagealloc', boot: 'debug_pagealloc=on', config: [['DEBUG_PAGEALLOC', 'y']] },
    { name: 'debug_pagealloc=off', boot: 'debug_pagealloc=off', config: [['DEBUG_PAGEALLOC', 'y']] },
  ],
  calls: SPARC_CALLS,
  constants: { _PAGE_VALID: 1n << 63n, _PAGE_PRESENT_4V: 1n << 4n, _PAGE_W_4V: 1n << 6n },
  parseBoot,
  machine: sparcMachine,
  boot: bootSparc,
  onTables(dump) {
    throw new NotModelledError(
      'the tables of a sparc64 machine',
      'no recording of one has ever been compared with the model',
      dump.version.name,
    );
  },
};
