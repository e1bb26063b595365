/** Dropping translations: what every architecture's flushing comes down to. */

import type { VirtualAddress } from '../../mmu/format.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task.ts';

/** Effect: all CPUs, or this one alone, drop every translation of kernel addresses. */
export function* flush_all(k: Kernel, cpus: 'all' | 'local'): Task<void> {
  if (k.interleaved && cpus === 'all') yield { kind: 'preemption', at: 'flush', what: 'all' };
  k.tlb?.flushAll(cpus === 'all' ? 'all' : k.cpu);
  if (k.listening) k.emit({ kind: 'flush', cpu: k.cpu, cpus, pages: 'all', address: 0 });
}

/** Effect: all CPUs, or this one alone, drop `pages` translations from `address`, one by one. */
export function* flush_pages(
  k: Kernel,
  cpus: 'all' | 'local',
  address: VirtualAddress,
  pages: number,
): Task<void> {
  if (k.interleaved && cpus === 'all') yield { kind: 'preemption', at: 'flush', what: 'pages' };
  const who = cpus === 'all' ? 'all' : k.cpu;
  for (let page = 0; page < pages; page++) k.tlb?.flushPage(who, address + page * k.page_size);
  if (k.listening) k.emit({ kind: 'flush', cpu: k.cpu, cpus, pages, address });
}
