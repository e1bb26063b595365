/** A trace that was run again: the claim, what became of it, and the run. */

import type { TraceResult } from '../check/check.ts';
import { FAILURE_CLASSES, type Finding, type Source } from '../check/claim.ts';
import type { Outcome } from '../scenario/outcome.ts';
import { claimHead } from './check_text.ts';
import { traceText } from './trace_text.ts';
import { wrap } from './wrap.ts';

export interface ReplayedText {
  claim: string;
  sentence: string;
  source: Source;
  kernel: string;
  finding?: Finding;
  notices: readonly string[];
  trace: TraceResult;
}

export function replayText(replayed: ReplayedText, outcome: Outcome): string {
  const lines = [...claimHead(replayed), '', ...verdictLines(replayed), ''];
  return `${lines.join('\n')}\n${traceText(replayed.trace, outcome)}`;
}

function verdictLines({ kernel, finding, notices }: ReplayedText): string[] {
  if (finding === undefined) {
    return wrap(
      `On ${kernel} the claim holds on this trace. If it once did not, the model has changed since.`,
    );
  }
  return [
    ...wrap(`Refuted on ${kernel}: ${finding.text}.`),
    `${finding.failure}  ${FAILURE_CLASSES[finding.failure]}`,
    ...wrap(`who notices: ${notices.join(', ')}`),
  ];
}
