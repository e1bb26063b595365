/** Dump files and live machines, for Node: what users of the library import as directmap/memory/node. */

export { openGdb } from './gdb_memory.ts';
export { openKcore } from './kcore.ts';
export { findVmcoreinfo, type OpenedMemory, type OpenOptions, openMemory } from './open_memory.ts';
export { openQmp, type QmpOptions } from './qmp_memory.ts';
