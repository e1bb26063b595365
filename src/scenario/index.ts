/** Scenarios: parse a script, start a machine, run it; replay recordings of real kernels. */

export type { Header, Program } from './ast.ts';
export { AS_WRITTEN, type Choices, type ChoiceWords, choiceWords, parseChoices } from './choices.ts';
export { type Conformance, Conformer, type Difference } from './conform.ts';
export { type CallSite, type Host, interpret } from './interpret.ts';
export { MAX_MOMENTS, type Moment } from './moments.ts';
export {
  type Cost,
  type Disagreement,
  type EntryChange,
  type InterleavedStep,
  type Interleaving,
  OUTCOME_SCHEMA,
  type Outcome,
  type Step,
} from './outcome.ts';
export { MAX_SCRIPT_BYTES, parseScenario } from './parse.ts';
export { type OwnedFrames, Recording } from './recording.ts';
export { type RunOptions, type RunWatcher, runScenario, type StartedOn } from './run.ts';
export { MAX_SCHEDULE_STEPS, parseSchedule, scheduleText } from './schedule.ts';
export { knownNames } from './script_calls.ts';
export { type StartOptions, startMachine } from './start.ts';
export { startOptionsOf, type Target, targetsOf } from './targets.ts';
export { parseTrace, type Trace } from './trace.ts';
