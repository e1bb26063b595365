/** A trace, run: what each call did, and the file that does it again. */

import type { Outcome } from '../scenario/outcome.ts';
import { outcomeText } from './outcome_text.ts';

/** What `directmap run` says of a trace's scenario, and the scenario. `repeat` is the command that shows it again. */
export function traceText(scenario: string, outcome: Outcome, repeat: string): string {
  // The title is the claim, which stands above.
  const run = outcomeText({ ...outcome, title: [] }, { cost: false, repeat });
  return `${run}\nsave as a file for directmap run:\n\n${scenario}`;
}
