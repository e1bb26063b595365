/** s390x. */

import { EM_S390 } from '../../../memory/elf_machine.ts';
import type { Architecture } from '../../architecture.ts';
import type { KernelCall } from '../../call.ts';
import { hasChange } from '../../changes.ts';
import { bootS390 } from './boot.ts';
import { parseS390BootParameters } from './boot_parameters.ts';
import { S390_CALLS } from './calls.ts';
import { S390_CHANGES, S390_SINCE } from './changes.ts';
import { S390_CONFIG_OPTIONS } from './config.ts';
import { factsOfDump } from './dump_facts.ts';
import { S390_FEATURES, s390Machine } from './machine.ts';
import { kernelOnDump } from './on_dump.ts';

export const S390: Architecture = {
  name: 's390x',
  aliases: ['s390'],
  pageSizes: [4096],
  elfMachine: EM_S390,
  changes: S390_CHANGES,
  since: S390_SINCE,
  missing: {},
  lacks(symbol, { has, version }) {
    if (symbol === 'ARCH_HAS_EXECMEM_ROX') return 'only x86 selects ARCH_HAS_EXECMEM_ROX';
    if (symbol === 'ARCH_HIBERNATION_POSSIBLE') return 's390 has no hibernation';
    if (symbol === 'ARCH_HAS_SET_DIRECT_MAP' && !hasChange(has, 'set-direct-map'))
      return `${version.name} lacks the change set-direct-map`;
    return undefined;
  },
  config: S390_CONFIG_OPTIONS,
  features: S390_FEATURES,
  boots: [
    { name: 'default', boot: '' },
    { name: 'EDAT1', boot: '', features: { edat2: false } },
    { name: 'no EDAT', boot: '', features: { edat1: false, edat2: false } },
    { name: 'debug_pagealloc', boot: 'debug_pagealloc=on', config: [['DEBUG_PAGEALLOC', 'y']] },
  ],
  noPudLeaves: { boot: '', features: { edat2: false } },
  calls: S390_CALLS as readonly KernelCall[],
  constants: {
    _PAGE_PRESENT: 0x001n,
    _PAGE_YOUNG: 0x004n,
    _PAGE_DIRTY: 0x008n,
    _PAGE_READ: 0x010n,
    _PAGE_WRITE: 0x020n,
    _PAGE_NOEXEC: 0x100n,
    _PAGE_PROTECT: 0x200n,
    _PAGE_INVALID: 0x400n,
    SET_MEMORY_RO: 1n,
    SET_MEMORY_RW: 2n,
    SET_MEMORY_NX: 4n,
    SET_MEMORY_X: 8n,
    SET_MEMORY_4K: 16n,
    SET_MEMORY_INV: 32n,
    SET_MEMORY_DEF: 64n,
  },
  parseBoot: parseS390BootParameters,
  machine: s390Machine,
  boot: bootS390,
  onTables: kernelOnDump,
  factsOfDump,
};
