/** Checks claims and answers questions, and tells how far it is. */

import { type AskJob, ask } from '../../src/check/ask.ts';
import type { Job } from '../../src/check/check.ts';
import { CLAIMS } from '../../src/check/claims/index.ts';
import type { OnProgress, Progress } from '../../src/check/explore/explore.ts';
import { answerTo } from '../../src/check/jobs.ts';
import { askText } from '../../src/report/ask_text.ts';
import { checkText } from '../../src/report/check_text.ts';
import { allArchitectures } from './architectures.ts';
import type { CheckApi } from './check_api.ts';
import type { Report } from './rpc.ts';

/** Between two reports, in milliseconds. */
const REPORT_EVERY = 100;

export const checkApi: CheckApi = {
  claims: () => CLAIMS.map(({ id, sentence, source }) => ({ id, sentence, source })),
  async check(job: Job, report) {
    await allArchitectures();
    const answer = answerTo(job, reporting(report));
    return { answer, text: checkText([answer]) };
  },
  async ask(job: AskJob, report) {
    await allArchitectures();
    const result = ask(job, reporting(report));
    return {
      text: askText(result),
      failures: result.failures.map(({ text, trace }) => ({ text, id: trace.id })),
    };
  },
};

/** Who wants it to stop ends the worker. */
function reporting(report: Report): OnProgress {
  let last = 0;
  return (progress) => {
    const now = performance.now();
    if (now - last >= REPORT_EVERY) {
      last = now;
      report(progressWords(progress));
    }
    return false;
  };
}

function progressWords({ states, transitions, frontier, bytes }: Progress): string {
  const count = (value: number) => value.toLocaleString('en');
  return `${count(states)} states, ${count(transitions)} transitions, ${count(frontier)} waiting, ${count(Math.round(bytes / 2 ** 20))} MiB`;
}
