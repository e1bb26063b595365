/** riscv64. */

import { EM_RISCV } from '../../../memory/elf_machine.ts';
import type { Architecture } from '../../architecture.ts';
import type { KernelCall } from '../../call.ts';
import { hasChange } from '../../changes.ts';
import { bootRiscv } from './boot.ts';
import { parseRiscvBootParameters } from './boot_parameters.ts';
import { RISCV_CALLS } from './calls.ts';
import { RISCV_CHANGES, RISCV_SINCE } from './changes.ts';
import { RISCV_CONFIG_OPTIONS } from './config.ts';
import { riscvMachine } from './machine.ts';
import { kernelOnDump } from './on_dump.ts';

export const RISCV: Architecture = {
  name: 'riscv64',
  aliases: ['riscv', 'rv64'],
  pageSizes: [4096],
  elfMachine: EM_RISCV,
  changes: RISCV_CHANGES,
  since: RISCV_SINCE,
  missing: {},
  lacks(symbol, { has, version }) {
    if (symbol === 'ARCH_HAS_EXECMEM_ROX') return 'only x86 selects ARCH_HAS_EXECMEM_ROX';
    if (symbol === 'ARCH_HIBERNATION_POSSIBLE' && !hasChange(has, 'riscv-hibernation'))
      return `${version.name} lacks the change riscv-hibernation`;
    return undefined;
  },
  config: RISCV_CONFIG_OPTIONS,
  features: {
    thead: {
      meaning: 'the CPU is of T-Head, with memory types of its own in page tables (C906, C910)',
      default: false,
    },
  },
  boots: [
    { name: 'default', boot: '' },
    { name: 'debug_pagealloc', boot: 'debug_pagealloc=on', config: [['DEBUG_PAGEALLOC', 'y']] },
    { name: 'no4lvl', boot: 'no4lvl' },
  ],
  calls: RISCV_CALLS as readonly KernelCall[],
  constants: {
    _PAGE_PRESENT: 1n,
    _PAGE_READ: 2n,
    _PAGE_WRITE: 4n,
    _PAGE_EXEC: 8n,
    _PAGE_USER: 16n,
    _PAGE_GLOBAL: 32n,
    _PAGE_ACCESSED: 64n,
    _PAGE_DIRTY: 128n,
  },
  parseBoot: parseRiscvBootParameters,
  machine: riscvMachine,
  boot: bootRiscv,
  onTables: kernelOnDump,
};
