/** A made-up architecture: all that it takes, beside an entry format, to be booted, run, checked and compared. */

import { InputError, NotModelledError } from '../../src/errors.ts';
import type { Architecture, Booted, BootOptions } from '../../src/linux/architecture.ts';
import { parseBootParameters } from '../../src/linux/boot_parameters.ts';
import type { ChangeName, ChangeSet } from '../../src/linux/changes.ts';
import { kernelMapPagesCall, pageCall, rangeCall } from '../../src/linux/common_calls.ts';
import { createRwSemaphore } from '../../src/linux/kernel/locking/lock.ts';
import { Kernel } from '../../src/linux/kernel.ts';
import { checkFeatures, type Machine, type WantedMachine } from '../../src/linux/machine.ts';
import { BuddyAllocator } from '../../src/linux/mm/buddy.ts';
import { set_entry } from '../../src/linux/mm/entry.ts';
import { apply_to_existing_page_range } from '../../src/linux/mm/memory.ts';
import { debug_pagealloc_free_all } from '../../src/linux/mm/page_alloc.ts';
import type { PageTableOps } from '../../src/linux/mm/pgtable.ts';
import { flush_pages } from '../../src/linux/mm/tlb_flush.ts';
import { vmap_pages_range_noflush } from '../../src/linux/mm/vmap.ts';
import { runTask, type Task } from '../../src/linux/task.ts';
import { SimulatedMemory } from '../../src/memory/simulated_memory.ts';
import { EXEC, PRESENT, toyFormat, WRITE } from './toy_format.ts';

const RW = PRESENT | WRITE;
const ROOT_PFN = 2 ** 28;
const entry = (pfn: number, bits: number) => ({ low: ((pfn << 12) | bits) >>> 0, high: pfn >>> 20 });

class ToyKernel extends Kernel {
  declare readonly has: ChangeSet<ChangeName | 'toy-flushes-all'>;
  readonly format = toyFormat(this.machine.index_bits);
  readonly root = ROOT_PFN * 4096;
  readonly init_mm = { mmap_lock: this.lock(createRwSemaphore('init_mm.mmap_lock')) };
  readonly pgtable: PageTableOps = {
    none: (_, low, high) => low === 0 && high === 0,
    present: (_, low) => (low & PRESENT) !== 0,
    leaf: (level) => level === 1,
    table: (_, address) => entry(address / 4096, PRESENT),
    kernelLeaf: (_, pfn) => entry(pfn, RW),
  };
  readonly half = 2 ** (this.format.levelShift(4) - 1);
  readonly kernel_range = { start: -this.half, end: this.half };
  readonly direct_map = { start: -this.half, end: this.machine.memory.at(-1)!.end - this.half };
  page_address = (pfn: number) => pfn * 4096 - this.half;
  *edit(addr: number, pages: number, on: number, off: number): Task<number> {
    const err = yield* apply_to_existing_page_range(this, addr, pages * 4096, (at) => this.#set(at, on, off));
    yield* flush_pages(this, this.has['toy-flushes-all'] ? 'all' : 'local', addr, pages);
    return err;
  }
  *#set(pte: number, on: number, off: number): Task<number> {
    yield* set_entry(this, pte, (this.memory.low(pte) & ~off) | on, this.memory.high(pte));
    return 0;
  }
  set_memory_ro = (addr: number, pages: number) => this.edit(addr, pages, 0, WRITE);
  set_memory_rw = (addr: number, pages: number) => this.edit(addr, pages, WRITE, 0);
  set_memory_x = (addr: number, pages: number) => this.edit(addr, pages, EXEC, 0);
  set_memory_nx = (addr: number, pages: number) => this.edit(addr, pages, 0, EXEC);
  override set_direct_map_invalid_noflush = (pfn: number) => this.edit(this.page_address(pfn), 1, 0, PRESENT);
  override set_direct_map_default_noflush = (pfn: number) => this.edit(this.page_address(pfn), 1, RW, EXEC);
  *__kernel_map_pages(pfn: number, pages: number, enable: number): Task<void> {
    yield* this.edit(this.page_address(pfn), pages, enable * PRESENT, PRESENT);
  }
  override *kernel_page_present(pfn: number): Task<boolean> {
    return this.translate(this.page_address(pfn)) !== undefined;
  }
  flush_tlb_kernel_range = (from: number, to: number) => flush_pages(this, 'all', from, (to - from) / 4096);
}

function boot({ version, machine, config, boot, memory = new SimulatedMemory() }: BootOptions): Booted {
  let table = ROOT_PFN;
  const frames = { allocate: () => ++table, free: () => {}, mark: () => 0, undo: () => {} };
  const kernel = new ToyKernel({ memory, version, machine, config, boot, frames });
  const free = machine.memory.map(({ start, end }) => ({ start: start / 4096, end: end / 4096 }));
  memory.withoutJournal(() => {
    for (const { start, end } of free)
      for (let pfn = start; pfn < end; pfn++)
        runTask(vmap_pages_range_noflush(kernel, kernel.page_address(pfn), [pfn], 0));
  });
  kernel.frames = new BuddyAllocator(free);
  kernel.debug_pagealloc_key = boot.debug_pagealloc;
  debug_pagealloc_free_all(kernel);
  kernel.system_state = 'RUNNING';
  return { kernel, free };
}

function machine(wanted: WantedMachine): Machine {
  const { ram, cpus = 1, page_size = 4096, levels: paging_levels = 3, index_bits = 9, where } = wanted;
  checkFeatures(wanted, []);
  const found = `${paging_levels} levels of ${index_bits} bits, pages of ${page_size}`;
  const expected = '3 levels of 1 to 9 bits, pages of 4096';
  if (!/^3 levels of [1-9] bits, pages of 4096$/.test(found))
    throw new InputError({ code: 'out-of-range', what: 'machine', where, found, expected });
  const memory = typeof ram === 'number' ? [{ start: 0, end: ram, type: 'RAM' as const }] : ram;
  return { memory, cpus, page_size, paging_levels, index_bits, features: {} };
}

export const TOY: Architecture = {
  ...{ name: 'toy', aliases: [], pageSizes: [4096], elfMachine: 0, config: {}, features: {}, constants: {} },
  changes: { 'toy-flushes-all': { effect: 'edits flush on all CPUs; before, on one', release: 'v6.2' } },
  since: { 'v6.12.107': ['toy-flushes-all'] },
  missing: { 'v5.10.223': 'it was merged in v5.11' },
  boots: [
    { name: 'default', boot: '' },
    { name: 'debug_pagealloc', boot: 'debug_pagealloc=on', config: [['DEBUG_PAGEALLOC', 'y']] },
  ],
  calls: [
    rangeCall('set_memory_ro', 'not writable'),
    rangeCall('set_memory_rw', 'writable'),
    rangeCall('set_memory_x', 'executable'),
    rangeCall('set_memory_nx', 'not executable'),
    pageCall('set_direct_map_invalid_noflush', 'out of the direct map'),
    pageCall('set_direct_map_default_noflush', 'in the direct map, writable'),
    kernelMapPagesCall('out of the direct map, or in it'),
  ],
  parseBoot: (text, config, where) => parseBootParameters(text, config, where, {}, {}),
  ...{ machine, boot },
  onTables: () => {
    throw new NotModelledError('the tables of a toy', 'nobody has built one');
  },
};
