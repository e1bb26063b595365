/** Outcomes as text. JSON needs no printer: an outcome is data already. */

export { conformanceText } from './conformance_text.ts';
export { outcomeText, type TextOptions, whoNotices } from './outcome_text.ts';
