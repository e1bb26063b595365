/** Outcomes and verdicts as text. JSON needs no printer: they are data already. */

export { askText } from './ask_text.ts';
export { bisectText } from './bisect_text.ts';
export { checkText } from './check_text.ts';
export { claimsText } from './claims_text.ts';
export { conformanceText } from './conformance_text.ts';
export { outcomeText, type TextOptions, whoNotices } from './outcome_text.ts';
export { replayText } from './replay_text.ts';
