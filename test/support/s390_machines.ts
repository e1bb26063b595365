/** Small s390x machines for tests. */

import { bootS390, type S390BootOptions } from '../../src/linux/arch/s390/boot.ts';
import { S390 } from '../../src/linux/arch/s390/index.ts';
import type { S390Kernel } from '../../src/linux/arch/s390/s390_kernel.ts';
import { parseConfig } from '../../src/linux/config.ts';
import type { KernelEvent } from '../../src/linux/events.ts';
import { parseKernelVersion } from '../../src/linux/kernels.ts';
import type { MemoryRange } from '../../src/linux/machine.ts';
import { type AllocationPolicy, grantAll, runTask, type Task } from '../../src/linux/task.ts';

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

interface Wanted extends Partial<S390BootOptions> {
  ram?: number | readonly MemoryRange[];
  levels?: number;
  index_bits?: number;
  features?: Record<string, boolean>;
  cmdline?: string;
  configured?: readonly (readonly [string, string])[];
}

/** A kernel that runs, by default on 64M of a machine with 1M leaves. */
export function s390(version: string, wanted: Wanted = {}): S390Kernel {
  const {
    ram = 64 * MIB,
    levels,
    index_bits,
    features = { edat2: false },
    cmdline = '',
    configured = [],
  } = wanted;
  const where = 'test';
  const config = parseConfig(configured, where, S390);
  return bootS390({
    ...wanted,
    version: parseKernelVersion(version, where, S390),
    machine: S390.machine({ ram, levels, index_bits, features, where }),
    config,
    boot: S390.parseBoot(cmdline, config, where),
  }).kernel;
}

/** What the task returns. */
export function call<T>(task: Task<T>, policy: AllocationPolicy = grantAll): T {
  const result = runTask(task, policy);
  if (result.ended === 'halted') throw new Error('the machine died');
  return result.value;
}

/** Refuses the n-th allocation, the first being 1, and all after it. */
export function refuseFrom(n: number): AllocationPolicy {
  let seen = 0;
  return () => ++seen < n;
}

/** The entry that maps an address, and the level that it is at. */
export function entryOf(k: S390Kernel, address: number): [level: number, entry: bigint] | undefined {
  const leaf = k.leafAt(address);
  if (leaf === undefined) return undefined;
  return [leaf.level, (BigInt(leaf.high) << 32n) | BigInt(leaf.low >>> 0)];
}

/** Level and flags of what maps an address. */
export function flagsOf(k: S390Kernel, address: number): [level: number, flags: number] | undefined {
  const leaf = k.leafAt(address);
  return leaf && [leaf.level, k.format.flags(leaf.level, leaf.low, leaf.high)];
}

/** All that happens while `body` runs. */
export function eventsOf(k: S390Kernel, body: () => void): KernelEvent[] {
  const events: KernelEvent[] = [];
  k.listen((event) => events.push(event));
  body();
  k.listen(undefined);
  return events;
}
