/** arm64. */

import { EM_AARCH64 } from '../../../memory/elf_machine.ts';
import type { Architecture } from '../../architecture.ts';
import type { KernelCall } from '../../call.ts';
import { bootArm64 } from './boot.ts';
import { parseArm64BootParameters } from './boot_parameters.ts';
import { ARM64_CALLS } from './calls.ts';
import { ARM64_CHANGES, ARM64_SINCE } from './changes.ts';
import { ARM64_CONFIG_OPTIONS } from './config.ts';
import { ARM64_FEATURES, arm64Machine } from './machine.ts';
import { kernelOnDump } from './on_dump.ts';

export const ARM64: Architecture = {
  name: 'arm64',
  aliases: ['aarch64'],
  pageSizes: [4096, 16384, 65536],
  elfMachine: EM_AARCH64,
  changes: ARM64_CHANGES,
  since: ARM64_SINCE,
  missing: {},
  lacks: (symbol) =>
    symbol === 'ARCH_HAS_EXECMEM_ROX' ? 'only x86 selects ARCH_HAS_EXECMEM_ROX' : undefined,
  config: ARM64_CONFIG_OPTIONS,
  features: ARM64_FEATURES,
  boots: [
    { name: 'rodata=full', boot: '' },
    { name: 'rodata=off', boot: 'rodata=off', config: [['KFENCE', 'n']] },
    { name: 'debug_pagealloc', boot: 'debug_pagealloc=on', config: [['DEBUG_PAGEALLOC', 'y']] },
    {
      name: 'debug, rodata=off',
      boot: 'debug_pagealloc=on rodata=off',
      config: [
        ['DEBUG_PAGEALLOC', 'y'],
        ['KFENCE', 'n'],
      ],
    },
    { name: 'kfence, rodata=off', boot: 'rodata=off kfence.sample_interval=100' },
    { name: 'bbml2', boot: '', features: { bbml2: true } },
  ],
  largeLeaves: { boot: '', features: { bbml2: true } },
  calls: ARM64_CALLS as readonly KernelCall[],
  constants: {
    PTE_VALID: 1n,
    PTE_RDONLY: 1n << 7n,
    PTE_NG: 1n << 11n,
    PTE_WRITE: 1n << 51n,
    PTE_CONT: 1n << 52n,
    PTE_PXN: 1n << 53n,
    PTE_UXN: 1n << 54n,
    PTE_DIRTY: 1n << 55n,
  },
  parseBoot: parseArm64BootParameters,
  machine: arm64Machine,
  boot: bootArm64,
  onTables: kernelOnDump,
};
