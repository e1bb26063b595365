/**
 * The kernel's own reads and writes of memory through its mappings: the moment at which a page that is not mapped, or
 * not writable, is noticed. An access goes through the CPU's TLB first, if the kernel has one.
 */

import { type EntryFormat, EntryKind, hexAddress, type VirtualAddress } from '../../mmu/format.ts';
import { EFAULT } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { halt, type Task } from '../task.ts';
import { kfence_handle_page_fault } from './kfence/core.ts';
import { PageHWPoison } from './page_flags.ts';

/** A leaf that maps an address, from the tables or from a TLB. */
interface Translation {
  level: number;
  low: number;
  high: number;
}

/** Effect: a byte of the page is read through the direct map. Failure: the machine dies if it is not mapped. */
export function* read_page(k: Kernel, pfn: number): Task<void> {
  yield* read_kernel(k, k.page_address(pfn));
}

/** Effect: a byte of the page is written through the direct map. Failure: the machine dies unless it is writable. */
export function* write_page(k: Kernel, pfn: number): Task<void> {
  yield* write_kernel(k, k.page_address(pfn));
}

/** The same for any kernel address. */
export function* read_kernel(k: Kernel, address: VirtualAddress): Task<void> {
  if (!(yield* access(k, address, false))) yield* page_fault(k, address, false);
}

export function* write_kernel(k: Kernel, address: VirtualAddress): Task<void> {
  if (!(yield* access(k, address, true))) yield* page_fault(k, address, true);
}

/** Effect: as read_kernel(), but a fault is caught. Failure: -EFAULT. mm/maccess.c:29 (v7.2) */
export function* copy_from_kernel_nofault(k: Kernel, address: VirtualAddress): Task<number> {
  return (yield* access(k, address, false)) ? 0 : -EFAULT;
}

/** Effect: `pages` pages from `pfn` are written, as by write_page() one after the other. */
export function* write_pages(k: Kernel, pfn: number, pages: number): Task<void> {
  for (let page = pfn; page < pfn + pages; ) {
    yield* write_page(k, page);
    page += k.tlb === undefined ? pagesToEndOfLeaf(k, page) : 1;
  }
}

/** Whether the access succeeds. Tells of it if so. */
function* access(k: Kernel, address: VirtualAddress, write: boolean): Task<boolean> {
  if (k.interleaved) yield { kind: 'preemption', at: 'read', what: k.root };
  const cached = k.tlb?.lookup(k.cpu, address);
  const found = k.translate(address);
  // A cached translation that forbids the write is not used: the CPU walks the tables again.
  const used = cached !== undefined && allows(k.format, cached, write) ? cached : found;
  if (used === undefined || !allows(k.format, used, write)) return false;
  if (used === found) fill(k, address, used);
  const fault = write ? k.write_fault(frameOf(k, address, used), used.level) : undefined;
  if (fault !== undefined) {
    k.die({ how: 'oops', text: `${fault}: write to ${hexAddress(address)}` });
    yield* halt();
  }
  if (!write && PageHWPoison(k, frameOf(k, address, used))) yield* machine_check(k, address);
  if (k.listening) {
    const stale =
      found === undefined || !allows(k.format, found, write) || !sameFrame(k, address, found, used);
    k.emit({ kind: 'access', cpu: k.cpu, address, write, stale });
  }
  return true;
}

/** What is read is what the hardware has given up: the machine dies, wherever it reads it. */
function* machine_check(k: Kernel, address: VirtualAddress): Task<never> {
  const text = `Machine check: data load from poisoned memory at ${hexAddress(address)}`;
  k.die({ how: 'panic', text });
  return yield* halt();
}

function allows(format: EntryFormat, { level, low, high }: Translation, write: boolean): boolean {
  return !write || format.writable(level, format.flags(level, low, high));
}

function fill(k: Kernel, address: VirtualAddress, { level, low, high }: Translation): void {
  const bytes = 2 ** k.format.levelShift(level);
  k.tlb?.fill(k.cpu, address, { level, low, high, address: Math.floor(address / bytes) * bytes, bytes });
}

function sameFrame(k: Kernel, address: VirtualAddress, a: Translation, b: Translation): boolean {
  return frameOf(k, address, a) === frameOf(k, address, b);
}

function frameOf(k: Kernel, address: VirtualAddress, { level, low, high }: Translation): number {
  const pages = 2 ** (k.format.levelShift(level) - k.format.pageShift);
  const page = Math.floor(address / 2 ** k.format.pageShift);
  return k.format.leafFrame(level, low, high) + page - Math.floor(page / pages) * pages;
}

/** Pages from `pfn` to the end of the leaf of the direct map that it lies in. */
function pagesToEndOfLeaf(k: Kernel, pfn: number): number {
  const leaf = k.translate(k.page_address(pfn));
  if (leaf === undefined) return 1;
  const pages = 2 ** (k.format.levelShift(leaf.level) - k.format.pageShift);
  const page = k.page_address(pfn) / 2 ** k.format.pageShift;
  return (Math.floor(page / pages) + 1) * pages - page;
}

/**
 * Effect: KFENCE has opened a page of its pool that was not present, and the access has succeeded; else the machine dies.
 * A present page that forbids the access is none of KFENCE's business. arch/x86/mm/fault.c:697 (v7.2)
 */
function* page_fault(k: Kernel, address: VirtualAddress, write: boolean): Task<void> {
  const notPresent = walkEnd(k, address).kind !== EntryKind.Leaf;
  if (notPresent && (yield* kfence_handle_page_fault(k, address, write))) {
    if (yield* access(k, address, write)) return;
  }
  yield* page_fault_oops(k, address, write);
}

/** The machine dies of an access to `address`. Names the level at which the walk ended. */
function* page_fault_oops(k: Kernel, address: VirtualAddress, write: boolean): Task<never> {
  const what = write ? 'write' : 'read';
  const text = `unable to handle page fault for address ${hexAddress(address)}: ${what} of ${whatIsThere(k, address)}`;
  k.die({ how: 'oops', text });
  return yield* halt();
}

function whatIsThere(k: Kernel, address: VirtualAddress): string {
  const { level, kind } = walkEnd(k, address);
  const name = k.format.levelName(level);
  switch (kind) {
    case EntryKind.None:
      return `an unmapped page (no ${name})`;
    case EntryKind.NotPresentLeaf:
      return `a not-present page (${name})`;
    case EntryKind.Leaf:
      return `a read-only page (${name})`;
    default:
      return `a page behind a bad ${name}`;
  }
}

/** The entry at which a walk for `address` ends. */
function walkEnd(k: Kernel, address: VirtualAddress): { level: number; entry: number; kind: EntryKind } {
  let table = k.root;
  for (let level = k.format.levels; ; level--) {
    const entries = 2 ** k.format.indexBits(level);
    const index = Math.floor(address / 2 ** k.format.levelShift(level));
    const entry = table + (index - Math.floor(index / entries) * entries) * 8;
    const low = k.memory.low(entry);
    const high = k.memory.high(entry);
    const kind = k.format.kind(level, low, high);
    if (kind !== EntryKind.Table) return { level, entry, kind };
    table = k.format.tableAddress(level, low, high);
  }
}
