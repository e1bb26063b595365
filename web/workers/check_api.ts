/** What the page asks of the worker that checks claims. */

import type { AskJob } from '../../src/check/ask.ts';
import type { Job } from '../../src/check/check.ts';
import type { Source } from '../../src/check/claim.ts';
import type { Answer } from '../../src/check/jobs.ts';
import type { Report } from './rpc.ts';

export interface CheckApi {
  claims(argument: null): ClaimAbout[];
  check(job: Job, report: Report): Promise<Checked>;
  ask(job: AskJob, report: Report): Promise<Asked>;
}

export interface ClaimAbout {
  readonly id: string;
  readonly sentence: string;
  readonly source: Source;
}

export interface Checked {
  readonly answer: Answer;
  /** As `directmap check` prints it. */
  readonly text: string;
}

export interface Asked {
  /** As `directmap ask` prints it. */
  readonly text: string;
  readonly failures: readonly { readonly text: string; readonly id: string }[];
}
