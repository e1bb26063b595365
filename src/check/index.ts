/** The checker: claims, exploration, traces. Start reading at `claim.ts`. */

export { type AskJob, type AskResult, ask } from './ask.ts';
export { type BisectOptions, type BisectResult, bisect } from './bisect.ts';
export { checkClaim, type Job, type Result, type TraceResult } from './check.ts';
export * from './claim.ts';
export { CLAIMS } from './claims/index.ts';
export { findClaim } from './find_claim.ts';
export { type ReplayedTrace, replayTrace } from './trace/replay_trace.ts';
