/** A trace, run: what each call did, how to see it again, and the file that does it. */

import type { TraceResult } from '../check/check.ts';
import type { Outcome } from '../scenario/outcome.ts';
import { replayCommand } from './check_text.ts';
import { replayLink } from './link.ts';
import { outcomeText } from './outcome_text.ts';

/** What `directmap run` says of a trace's scenario, and the scenario. */
export function traceText(trace: TraceResult, outcome: Outcome): string {
  // The title is the claim, which stands above.
  const options = { cost: false, repeat: replayCommand({ trace }), link: replayLink(trace.id) };
  const run = outcomeText({ ...outcome, title: [] }, options);
  return `${run}\nsave as a file for directmap run:\n\n${trace.scenario}`;
}
