/** One line of a terminal that says how far long work is, while it is at work. */

import { progressText, type RunningJob } from '../report/progress_text.ts';
import type { JobRunner } from './workers.ts';

const AFTER = 1000;
const EVERY = 250;
const COLUMNS = 80;
const ERASE_LINE = '\r\x1b[K';

/** Shows nothing if errors do not go to a terminal, and nothing in the first second. */
export class ProgressLine {
  readonly #began = performance.now();
  #shown = 0;

  get seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }

  /** Asks for the text only if it is time to show it. */
  show(text: (columns: number) => string): void {
    const { stderr } = process;
    const now = performance.now();
    if (stderr.isTTY !== true || now - this.#began < AFTER || now - this.#shown < EVERY) return;
    this.#shown = now;
    stderr.write(ERASE_LINE + text(stderr.columns || COLUMNS));
  }

  end(): void {
    if (this.#shown > 0) process.stderr.write(ERASE_LINE);
  }
}

/** While jobs are run by workers. Returns what ends it. */
export function watchJobs(runner: JobRunner, total: number): () => void {
  const line = new ProgressLine();
  const timer = setInterval(() => {
    line.show((columns) => progressText(runner.done, total, runner.running.map(asRunning), columns));
  }, EVERY);
  return () => {
    clearInterval(timer);
    line.end();
  };
}

function asRunning({ job, began, progress }: JobRunner['running'][number]): RunningJob {
  const seconds = (performance.now() - began) / 1000;
  return { claim: job.claim, kernel: job.kernel, seconds, progress };
}
