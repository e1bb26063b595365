/** 64-bit powerpc of the server kind (book3s64), with radix tables or a hash table. */

import { EM_PPC64 } from '../../../memory/elf_machine.ts';
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_EXEC,
  _PAGE_PRIVILEGED,
  _PAGE_READ,
  _PAGE_WRITE,
} from '../../../mmu/ppc64_radix.ts';
import type { Architecture } from '../../architecture.ts';
import type { KernelCall } from '../../call.ts';
import { bootPowerpc } from './boot.ts';
import { parsePowerpcBootParameters } from './boot_parameters.ts';
import { POWERPC_CALLS } from './calls.ts';
import { POWERPC_CHANGES, POWERPC_SINCE } from './changes.ts';
import { POWERPC_CONFIG_OPTIONS } from './config.ts';
import { powerpcMachine } from './machine.ts';
import { kernelOnDump } from './on_dump.ts';

const DEBUG_PAGEALLOC = {
  boot: 'debug_pagealloc=on',
  config: [['DEBUG_PAGEALLOC', 'y']],
} as const;

export const POWERPC: Architecture = {
  name: 'ppc64',
  aliases: ['ppc64le', 'powerpc', 'powerpc64', 'powerpc64le'],
  pageSizes: [4096, 65536],
  elfMachine: EM_PPC64,
  changes: POWERPC_CHANGES,
  since: POWERPC_SINCE,
  missing: {},
  lacks(symbol, { config }) {
    if (symbol === 'ARCH_HAS_EXECMEM_ROX') return 'only x86 selects ARCH_HAS_EXECMEM_ROX';
    if (symbol === 'ARCH_HAS_SET_DIRECT_MAP') return 'powerpc has no set_direct_map_*()';
    if (symbol === 'ARCH_HIBERNATION_POSSIBLE' && config.DEBUG_PAGEALLOC)
      return 'on powerpc HIBERNATION and DEBUG_PAGEALLOC exclude each other (mm/Kconfig.debug)';
    return undefined;
  },
  config: POWERPC_CONFIG_OPTIONS,
  features: {
    radix: {
      meaning: 'the MMU has radix tables (POWER9 and later), not the hash table alone',
      default: true,
    },
    powernv: { meaning: 'the kernel runs on the bare machine, not as a guest', default: false },
    lmb_size: {
      meaning: 'bytes of a block of hot-pluggable memory, as firmware names it',
      default: undefined,
    },
    rma_size: { meaning: 'bytes that can be accessed in real mode, for a hash kernel', default: undefined },
  },
  boots: [
    { name: 'default', boot: '' },
    { name: 'debug_pagealloc', ...DEBUG_PAGEALLOC },
    { name: 'hash', boot: '', features: { radix: false } },
    { name: 'hash debug_pagealloc', ...DEBUG_PAGEALLOC, features: { radix: false } },
  ],
  calls: POWERPC_CALLS as readonly KernelCall[],
  constants: {
    _PAGE_EXEC: BigInt(_PAGE_EXEC),
    _PAGE_WRITE: BigInt(_PAGE_WRITE),
    _PAGE_READ: BigInt(_PAGE_READ),
    _PAGE_PRIVILEGED: BigInt(_PAGE_PRIVILEGED),
    _PAGE_DIRTY: BigInt(_PAGE_DIRTY),
    _PAGE_ACCESSED: BigInt(_PAGE_ACCESSED),
    _PAGE_PTE: 1n << 62n,
    _PAGE_PRESENT: 1n << 63n,
  },
  parseBoot: parsePowerpcBootParameters,
  machine: powerpcMachine,
  boot: bootPowerpc,
  onTables: kernelOnDump,
};
