/** Where page tables live: physical memory as 64-bit words. Files and live guests are under `memory/sources/`. */

export { type ByteSource, bytesSource } from './byte_source.ts';
export type { CoreSegment } from './core_segments.ts';
export type { Decompressor, Decompressors } from './decompressors.ts';
export { ElfCore } from './elf_core.ts';
export { FrameWords } from './frame_words.ts';
export { JournalledCounters, JournalledMap, type Undoable } from './journalled.ts';
export type { ControlRegisters, FrameSource, MachineMemory, PhysicalRange } from './machine_memory.ts';
export { type DumpContent, openDump } from './open_dump.ts';
export { PAGE_SHIFT, PAGE_SIZE, type PageSource, type PageWords, WORDS_PER_PAGE } from './physical_memory.ts';
export { type ChangedWord, SimulatedMemory } from './simulated_memory.ts';
export { Vmcoreinfo } from './vmcoreinfo.ts';
