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
export { type Change, type Comparison, compareSpaces } from './diff.ts';
export { type Alias, addressOfFrame, type Explanation, explain } from './explain/explain.ts';
export type { Origin } from './explain/origins.ts';
export { type Inspection, inspectMachine, inspectText } from './inspection.ts';
export { ARCH_NAMES, MACHINE_OF_ARCH } from './locate.ts';
export type { Hints, Located } from './located.ts';
export { Machine } from './machine.ts';
export { looksLikePtdump, PtdumpSpace, parsePtdump } from './ptdump/ptdump.ts';
export { snapshotDirectMap } from './snapshot/map_snapshot.ts';
export { snapshot } from './snapshot/snapshot.ts';
export {
  type Finding,
  type Place,
  RULE_NAMES,
  RULES,
  type RuleName,
  type Severity,
} from './survey/finding.ts';
export type { Difference, Fragmentation } from './survey/fragmentation.ts';
export { type LeafCount, type LeavesByBits, leavesByBits } from './survey/leaf_census.ts';
export { type RegionSurvey, type Survey, survey } from './survey/survey.ts';
export { readKallsyms, symbolsOf } from './symbols/kallsyms.ts';
export { type SymbolOffset, SymbolTable } from './symbols/symbols.ts';
export { type KnownTables, TableSpace } from './table_space.ts';
