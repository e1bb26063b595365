/** The executable kernel: what a library user needs to boot one, call it and listen to it. */

export { ARCHITECTURES, architectureNamed, DEFAULT_ARCH } from './arch/index.ts';
export type { Architecture, Booted, BootOptions, BootVariant, DumpedMachine } from './architecture.ts';
export type { BootParameters } from './boot_parameters.ts';
export type { CallArgument, CallParameter, KernelCall } from './call.ts';
export { GENERIC_CALLS } from './calls.ts';
export { CHANGES, type Change, type ChangeName } from './changes.ts';
export { type Config, configOptions, parseConfig, splitConfig } from './config.ts';
export { errnoText } from './errno.ts';
export type { Death, EventListener, KernelEvent } from './events.ts';
export { Kernel, type KernelMark } from './kernel.ts';
export {
  changesOf,
  changesOfPreset,
  type KernelVersion,
  PRESETS,
  parseKernelVersion,
  presetsOf,
} from './kernels.ts';
export {
  type Machine,
  type MemoryRange,
  memoryFromInclusive,
  parseSize,
  type WantedMachine,
} from './machine.ts';
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
