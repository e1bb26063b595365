/** The executable kernel: what a library user needs to boot one, call it and listen to it. */

export { type BootedX86, type BootOptions, bootX86 } from './arch/x86/boot.ts';
export { X86_CALLS } from './arch/x86/calls.ts';
export { type DumpedMachine, kernelOnDump } from './arch/x86/on_dump.ts';
export { X86Kernel } from './arch/x86/x86_kernel.ts';
export { type BootParameters, parseBootParameters } from './boot_parameters.ts';
export type { CallArgument, CallParameter, KernelCall } from './call.ts';
export { GENERIC_CALLS } from './calls.ts';
export { CHANGE_NAMES, CHANGES, type Change, type ChangeName } from './changes.ts';
export { CONFIG_NAMES, CONFIG_OPTIONS, type Config, parseConfig, splitConfig } from './config.ts';
export { errnoText } from './errno.ts';
export type { Death, EventListener, KernelEvent } from './events.ts';
export { Kernel, type KernelMark } from './kernel.ts';
export { type KernelVersion, PRESETS, parseKernelVersion } from './kernels.ts';
export { type Machine, type MemoryRange, memoryFromInclusive, parseSize, qemuPcMemory } from './machine.ts';
export { BuddyAllocator } from './mm/buddy.ts';
export type { FrameAllocator } from './mm/frame_allocator.ts';
export {
  type AllocationPoint,
  type AllocationPolicy,
  grantAll,
  type Point,
  runTask,
  type Task,
  type TaskResult,
} from './task.ts';
