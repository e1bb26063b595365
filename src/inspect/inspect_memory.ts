/** From a machine's memory to what is found in it: where nothing tells where its tables are, they are looked for. */

import { InputError } from '../errors.ts';
import { type FindBytes, findVmcoreinfoInMemory, type OnProgress } from '../memory/find_vmcoreinfo.ts';
import type { MachineMemory } from '../memory/machine_memory.ts';
import { MemoryWith } from '../memory/memory_with.ts';
import { countersInMemory } from './counters.ts';
import { type Inspection, inspectMachine } from './inspection.ts';
import type { Hints } from './located.ts';
import { Machine, type OnTables } from './machine.ts';
import { symbolsOf } from './symbols/kallsyms.ts';
import type { SymbolTable } from './symbols/symbols.ts';

export interface InspectedMemory {
  readonly inspection: Inspection;
  readonly machine: Machine;
  /** The user's, or those that the kernel has in its memory. */
  readonly symbols: SymbolTable | undefined;
}

/** @throws InputError or NotModelledError where the tables cannot be found, or are of a kind that is not read. */
export function inspectMemory(
  memory: MachineMemory,
  name: string,
  hints: Hints,
  onTables?: OnTables,
): InspectedMemory {
  const machine = new Machine(memory, hints, name, onTables);
  const symbols = symbolsOf(machine, hints.symbols);
  const counters = countersInMemory(machine, symbols);
  return { inspection: inspectMachine(machine, name, counters), machine, symbols };
}

export interface ScanOptions {
  /** Whatever else tells. */
  readonly scan?: boolean | undefined;
  readonly onProgress?: OnProgress;
  readonly findBytes?: FindBytes;
}

/** With what a search of all of memory finds, if it needs one. It takes long. @throws InputError */
export function withVmcoreinfo(
  memory: MachineMemory,
  hints: Hints,
  options: ScanOptions = {},
): MachineMemory {
  if (memory.vmcoreinfo !== undefined || !mustScan(memory, hints, options.scan)) return memory;
  const vmcoreinfo = findVmcoreinfoInMemory(memory, options.onProgress, options.findBytes);
  return vmcoreinfo === undefined ? memory : new MemoryWith(memory, { vmcoreinfo });
}

/** Reading all of memory takes long: only where nothing else tells where the tables are. */
function mustScan(memory: MachineMemory, { root, symbols }: Hints, scan = false): boolean {
  if (scan) return true;
  // Symbols of functions alone are all that some kernels print.
  const named = symbols?.address('init_top_pgt') ?? symbols?.address('swapper_pg_dir');
  return root === undefined && named === undefined && memory.cpus.length === 0;
}

/**
 * What is of no known format is raw memory, if anything, and then must say whose.
 * @throws InputError where neither memory nor `hints` tell where the tables are.
 */
export function checkKnown(memory: MachineMemory, name: string, hints: Hints): void {
  if (memory.kind !== 'raw memory' || memory.vmcoreinfo !== undefined || !mustScan(memory, hints)) return;
  throw new InputError({
    code: 'bad-format',
    what: 'format',
    where: name,
    found: 'none that is known, and no VMCOREINFO in it as raw memory',
    expected:
      'an ELF core, a kdump file, the text of ptdump; or raw memory, of which --arch and --root tell (any of them packed by gzip, zstd or xz)',
  });
}
