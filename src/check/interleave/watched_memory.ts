import { PAGE_SIZE } from '../../memory/physical_memory.ts';
import { SimulatedMemory } from '../../memory/simulated_memory.ts';

/** Whom a `WatchedMemory` tells, before the fact. */
export interface MemoryWatcher {
  reads(address: number): void;
  writes(address: number): void;
}

/** Memory that tells which words are read and written while somebody watches. */
export class WatchedMemory extends SimulatedMemory {
  watcher: MemoryWatcher | undefined;
  readonly #entries: number;

  /** `entries` is how many words of a page anybody uses: those of a table. */
  constructor(entries: number) {
    super();
    this.#entries = entries;
  }

  override low(address: number): number {
    this.watcher?.reads(address);
    return super.low(address);
  }

  override high(address: number): number {
    this.watcher?.reads(address);
    return super.high(address);
  }

  override write(address: number, low: number, high: number): void {
    this.watcher?.writes(address);
    super.write(address, low, high);
  }

  override clearPage(pfn: number): void {
    for (let entry = 0; entry < this.#entries; entry++) this.write(pfn * PAGE_SIZE + entry * 8, 0, 0);
  }
}
