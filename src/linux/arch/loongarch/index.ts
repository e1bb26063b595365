/** 64-bit loongarch: the direct map is a window of the address space, with no page table. */

import { EM_LOONGARCH } from '../../../memory/elf_machine.ts';
import {
  _PAGE_DIRTY,
  _PAGE_GLOBAL,
  _PAGE_PRESENT,
  _PAGE_VALID,
  _PAGE_WRITE,
} from '../../../mmu/loongarch64.ts';
import type { Architecture } from '../../architecture.ts';
import { type BootParameters, parseBootParameters } from '../../boot_parameters.ts';
import type { KernelCall } from '../../call.ts';
import { hasChange } from '../../changes.ts';
import type { Config } from '../../config.ts';
import { bootLoongarch } from './boot.ts';
import { LOONGARCH_CALLS } from './calls.ts';
import { LOONGARCH_CHANGES, LOONGARCH_SINCE } from './changes.ts';
import { loongarchMachine } from './machine.ts';
import { kernelOnDump } from './on_dump.ts';

/** Where the architecture does not support debug_pagealloc, freed pages are poisoned instead. mm_init.c:2558 (v7.2) */
function parseBoot(text: string, config: Config, where: string): BootParameters {
  const boot = parseBootParameters(text, config, where, {}, {});
  return { ...boot, page_poison: boot.page_poison || boot.debug_pagealloc };
}

const NOT_YET = 'loongarch came with v5.19';

export const LOONGARCH: Architecture = {
  name: 'loongarch64',
  aliases: ['loong64', 'loongarch'],
  pageSizes: [4096, 16384, 65536],
  elfMachine: EM_LOONGARCH,
  changes: LOONGARCH_CHANGES,
  since: LOONGARCH_SINCE,
  missing: { 'v5.10.223': NOT_YET, 'v5.11': NOT_YET },
  lacks(symbol, { has, version }) {
    if (symbol === 'ARCH_HAS_EXECMEM_ROX') return 'only x86 selects ARCH_HAS_EXECMEM_ROX';
    if (symbol === 'ARCH_SUPPORTS_DEBUG_PAGEALLOC') return 'loongarch poisons pages instead';
    if (symbol === 'ARCH_HAS_SET_DIRECT_MAP' && !hasChange(has, 'loongarch-set-memory'))
      return `${version.name} lacks the change loongarch-set-memory`;
    if (symbol === 'ARCH_HIBERNATION_POSSIBLE' && !hasChange(has, 'loongarch-hibernation'))
      return `${version.name} lacks the change loongarch-hibernation`;
    return undefined;
  },
  config: {},
  features: {},
  boots: [
    { name: 'default', boot: '' },
    { name: 'debug_pagealloc', boot: 'debug_pagealloc=on', config: [['DEBUG_PAGEALLOC', 'y']] },
  ],
  calls: LOONGARCH_CALLS as readonly KernelCall[],
  constants: {
    _PAGE_VALID: BigInt(_PAGE_VALID),
    _PAGE_DIRTY: BigInt(_PAGE_DIRTY),
    _PAGE_GLOBAL: BigInt(_PAGE_GLOBAL),
    _PAGE_PRESENT: BigInt(_PAGE_PRESENT),
    _PAGE_WRITE: BigInt(_PAGE_WRITE),
    _PAGE_NO_EXEC: 1n << 62n,
  },
  parseBoot,
  machine: loongarchMachine,
  boot: bootLoongarch,
  onTables: kernelOnDump,
};
