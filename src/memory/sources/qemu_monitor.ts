/** What QEMU's monitor prints for people, read by a program: no version promises its form, so what is not found is absent. */

import type { ControlRegisters, PhysicalRange } from '../machine_memory.ts';

/** What `info registers` calls those that say where the page tables are, by machine, and what they are here. */
const REGISTERS: readonly (readonly [RegExp, string])[] = [
  [/\bCR0=([0-9a-f]{8,16})\b/i, 'CR0'],
  [/\bCR3=([0-9a-f]{8,16})\b/i, 'CR3'],
  [/\bCR4=([0-9a-f]{8,16})\b/i, 'CR4'],
  [/\bsatp +([0-9a-f]{16})\b/i, 'satp'],
  [/\bC13=([0-9a-f]{16})\b/i, 'CR13'],
];

/** The control registers of each CPU, from `info registers -a`. A CPU of which none is shown is an empty object. */
export function monitorRegisters(text: string): ControlRegisters[] {
  return text
    .split(/^\s*CPU#\d+/m)
    .slice(1)
    .map((cpu) => {
      const registers: Record<string, bigint> = {};
      for (const [pattern, name] of REGISTERS) {
        const digits = pattern.exec(cpu)?.[1];
        if (digits !== undefined) registers[name] = BigInt(`0x${digits}`);
      }
      return registers;
    });
}

/**
 * RAM and ROM of the machine as its CPUs see it, from `info mtree -f`; empty if it is not there. Devices are left out:
 * to read one may change it.
 *
 *     FlatView #2
 *      AS "memory", root: system
 *      AS "cpu-memory-0", root: system
 *      Root memory region: system
 *       0000000000100000-00000000bfffffff (prio 0, ram): ram0 @0000000000100000
 */
export function monitorRanges(text: string): PhysicalRange[] {
  const view = text.split(/^FlatView #\d+/m).find((part) => /^\s*AS "memory", root: /m.test(part)) ?? '';
  const ranges: { start: number; size: number }[] = [];
  for (const [, first = '', last = ''] of view.matchAll(
    /^ *([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, (?:nv-)?(?:ram|rom)\):/gim,
  )) {
    const start = Number.parseInt(first, 16);
    const end = Number.parseInt(last, 16) + 1;
    if (!Number.isSafeInteger(end) || end <= start) continue;
    const before = ranges.at(-1);
    const endBefore = before === undefined ? -1 : before.start + before.size;
    if (start < endBefore) continue;
    if (before !== undefined && start === endBefore) before.size += end - start;
    else ranges.push({ start, size: end - start });
  }
  return ranges;
}
