/** The room that reads real machines: what users of the library import from it. */

export type {
  AddressSpace,
  ArchName,
  DirectMap,
  LeafAttributes,
  Region,
  RegionName,
  Stretch,
} from './address_space.ts';
export { type BytesBySize, countersInMeminfo, countersInMemory, type KernelCounters } from './counters.ts';
export { type Alias, addressOfFrame, type Explanation, explain } from './explain.ts';
export { type Finding, type Place, RULE_NAMES, RULES, type RuleName, type Severity } from './finding.ts';
export type { Difference, Fragmentation } from './fragmentation.ts';
export { readKallsyms, symbolsOf } from './kallsyms.ts';
export { type LeafCount, type LeavesByBits, leavesByBits } from './leaf_census.ts';
export { ARCH_NAMES, MACHINE_OF_ARCH } from './locate.ts';
export type { Hints, Located } from './located.ts';
export { Machine } from './machine.ts';
export type { Origin } from './origins.ts';
export { type RegionSurvey, type Survey, survey } from './survey.ts';
export { type SymbolOffset, SymbolTable } from './symbols.ts';
