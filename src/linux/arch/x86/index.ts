/** x86-64. */

import { EM_X86_64 } from '../../../memory/elf_machine.ts';
import type { Architecture } from '../../architecture.ts';
import type { KernelCall } from '../../call.ts';
import { bootX86 } from './boot.ts';
import { parseX86BootParameters } from './boot_parameters.ts';
import { X86_CALLS } from './calls.ts';
import { X86_CHANGES, X86_SINCE } from './changes.ts';
import { X86_CONFIG_OPTIONS } from './config.ts';
import { factsOfDump } from './dump_facts.ts';
import { x86Machine } from './machine.ts';
import { kernelOnDump } from './on_dump.ts';

export const X86: Architecture = {
  name: 'x86_64',
  aliases: ['x86-64', 'amd64', 'x86'],
  pageSizes: [4096],
  elfMachine: EM_X86_64,
  changes: X86_CHANGES,
  since: X86_SINCE,
  missing: {},
  config: X86_CONFIG_OPTIONS,
  features: {
    gbpages: { meaning: 'the CPU has 1G leaves', default: true },
    pcid: { meaning: 'the CPU has process-context identifiers', default: false },
    encryption_bit: {
      meaning: 'the physical address bit that SME and SEV use, 32 to 51',
      default: undefined,
    },
    tdx: { meaning: 'a guest of Intel TDX, of which encryption_bit is the shared bit', default: false },
    vtom: { meaning: 'a guest of Hyper-V, of which encryption_bit is the top of memory', default: false },
    snp_host: { meaning: 'a host of SEV-SNP guests', default: false },
    highmem: {
      meaning: 'as on x86-32, memory for user space has no address in the direct map; all else stays x86-64',
      default: false,
    },
  },
  boots: [
    { name: 'default', boot: '' },
    { name: 'debug_pagealloc', boot: 'debug_pagealloc=on', config: [['DEBUG_PAGEALLOC', 'y']] },
  ],
  noPudLeaves: { boot: 'nogbpages' },
  calls: X86_CALLS as readonly KernelCall[],
  constants: {
    _PAGE_PRESENT: 1n,
    _PAGE_RW: 2n,
    _PAGE_PWT: 8n,
    _PAGE_PCD: 16n,
    _PAGE_ACCESSED: 32n,
    _PAGE_DIRTY: 64n,
    _PAGE_PAT: 128n,
    _PAGE_GLOBAL: 256n,
    _PAGE_NX: 1n << 63n,
  },
  parseBoot: parseX86BootParameters,
  machine: x86Machine,
  boot: bootX86,
  onTables: kernelOnDump,
  factsOfDump,
};
