/**
 * Jobs on worker threads. There is one even for a single job: the main thread stays free to show how far it is and to
 * hear Ctrl-C.
 */

import { Worker } from 'node:worker_threads';
import type { Job } from '../check/check.ts';
import type { Progress } from '../check/explore/explore.ts';
import { type Answer, brokenAnswer, interruptedAnswer } from '../check/jobs.ts';
import { InputError } from '../errors.ts';
import type { FromWorker, WorkerData } from './check_worker.ts';

/** Compiled, as all that runs here. */
const WORKER = new URL('./check_worker.js', import.meta.url);

export interface JobStatus {
  job: Job;
  /** As `performance.now()` has it. */
  began: number;
  progress: Progress | undefined;
}

/** Runs jobs on so many threads, and gives their answers in the order of the jobs, whatever the number. */
export class JobRunner {
  readonly #jobs: readonly Job[];
  readonly #answers: (Answer | undefined)[];
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  readonly #running = new Map<Worker, JobStatus & { index: number }>();
  #next = 0;
  #badInput: InputError | undefined;

  constructor(jobs: readonly Job[]) {
    this.#jobs = jobs;
    this.#answers = jobs.map(() => undefined);
  }

  get done(): number {
    return this.#answers.filter((answer) => answer !== undefined).length;
  }

  get running(): readonly JobStatus[] {
    return [...this.#running.values()];
  }

  /** Begins nothing more, and ends what runs as soon as it looks up. */
  stop(): void {
    Atomics.store(this.#stop, 0, 1);
  }

  get #stopped(): boolean {
    return Atomics.load(this.#stop, 0) !== 0;
  }

  /** @throws InputError if a job cannot be done as it was asked for. */
  async run(threads: number): Promise<Answer[]> {
    const count = Math.min(threads, this.#jobs.length);
    await Promise.all(Array.from({ length: count }, () => this.#work()));
    if (this.#badInput !== undefined) throw this.#badInput;
    return this.#jobs.map((job, i) => this.#answers[i] ?? interruptedAnswer(job));
  }

  /** One thread after the other, until there is no more to do. */
  async #work(): Promise<void> {
    while (this.#hasMore) await this.#thread();
  }

  get #hasMore(): boolean {
    return this.#next < this.#jobs.length && !this.#stopped;
  }

  /** A thread that does jobs until there are no more, or one of them breaks it. */
  #thread(): Promise<void> {
    const workerData: WorkerData = { stop: this.#stop };
    const worker = new Worker(WORKER, { workerData });
    return new Promise((resolve) => {
      const next = () => {
        if (this.#hasMore) this.#give(worker);
        else {
          this.#running.delete(worker);
          worker.terminate();
        }
      };
      worker.on('message', (message: FromWorker) => {
        this.#hear(worker, message);
        if (message.kind !== 'progress') next();
      });
      worker.on('error', (error) => this.#broke(worker, error.message));
      worker.on('exit', () => {
        this.#broke(worker, 'its thread ended');
        resolve();
      });
      next();
    });
  }

  #give(worker: Worker): void {
    const index = this.#next++;
    const job = this.#jobs[index]!;
    this.#running.set(worker, { index, job, began: performance.now(), progress: undefined });
    worker.postMessage(job);
  }

  #hear(worker: Worker, message: FromWorker): void {
    const status = this.#running.get(worker);
    if (status === undefined) return;
    if (message.kind === 'progress') status.progress = message.progress;
    else if (message.kind === 'answer') this.#answers[status.index] = message.answer;
    else {
      this.#badInput ??= new InputError(message.problem);
      this.stop();
    }
  }

  /** The job that a thread was at, if it was at one, has no answer. */
  #broke(worker: Worker, message: string): void {
    const status = this.#running.get(worker);
    this.#running.delete(worker);
    if (status !== undefined) this.#answers[status.index] = brokenAnswer(status.job, message);
  }
}
