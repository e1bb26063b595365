/** Everything observable while modelled kernel code runs: one stream, for every printer, checker and picture. */

import type { VirtualAddress } from '../mmu/format.ts';
import type { ConfigName } from './config.ts';

/** Why the machine died. */
export interface Death {
  how: 'oops' | 'BUG' | 'panic';
  text: string;
}

export type KernelEvent =
  /** An entry got another value. `entry` is its physical address. */
  | { kind: 'write'; cpu: number; entry: number; oldLow: number; oldHigh: number; low: number; high: number }
  /** A page was given out, for a table if `table` says so. */
  | { kind: 'allocated'; cpu: number; pfn: number; order: number; table: boolean }
  | { kind: 'refused'; cpu: number; order: number; table: boolean; level: number; address: VirtualAddress }
  /** Pages were given back, or lost on the way if they were in a bad state. */
  | { kind: 'freed'; cpu: number; pfn: number; order: number; table: boolean }
  /** A leaf at `level` became a table of leaves one level down. */
  | { kind: 'split'; cpu: number; level: number; address: VirtualAddress; table: number }
  /** A table of leaves became one leaf at `level`. */
  | { kind: 'collapse'; cpu: number; level: number; address: VirtualAddress }
  | { kind: 'lock' | 'unlock'; cpu: number; lock: string; mode: 'spin' | 'read' | 'write' }
  /** Translations dropped: of all addresses or of `pages` pages from `address`, on all CPUs or on `cpu` alone. */
  | { kind: 'flush'; cpu: number; cpus: 'all' | 'local'; pages: number | 'all'; address: VirtualAddress }
  /** Cache lines written back and dropped, for `pages` pages from `address`. */
  | { kind: 'clflush'; cpu: number; address: VirtualAddress; pages: number }
  | { kind: 'wbinvd'; cpu: number }
  | { kind: 'printk'; cpu: number; level: 'info' | 'warn' | 'err'; text: string }
  | { kind: 'warn'; cpu: number; text: string }
  /** Why a call had no need to do what can fail: the condition in the code that saw to it. */
  | { kind: 'guard'; cpu: number; where: string; because: string }
  /** A rule broken in silence: this kernel is built without the option that would report it. */
  | { kind: 'unreported'; cpu: number; text: string; option: ConfigName }
  /** Memory read or written by the kernel itself, through `address`. */
  | { kind: 'access'; cpu: number; address: VirtualAddress; write: boolean; stale: boolean }
  | { kind: 'died'; cpu: number; death: Death };

export type EventListener = (event: KernelEvent) => void;
