/** A worker thread: checks one claim on one kernel after the other, as it is told. */

import { parentPort, workerData } from 'node:worker_threads';
import type { Job } from '../check/check.ts';
import type { Progress } from '../check/explore/explore.ts';
import { type Answer, answerTo } from '../check/jobs.ts';
import { InputError } from '../errors.ts';

/** How often a worker says how far it is. */
const MILLISECONDS = 200;

export interface WorkerData {
  /** Not 0: stop. */
  stop: Int32Array;
}

export type FromWorker =
  | { kind: 'answer'; answer: Answer }
  | { kind: 'progress'; progress: Progress }
  | { kind: 'bad input'; problem: InputError['problem'] };

const { stop } = workerData as WorkerData;

function send(message: FromWorker): void {
  parentPort?.postMessage(message);
}

parentPort?.on('message', (job: Job) => {
  let told = performance.now();
  try {
    const answer = answerTo(job, (progress) => {
      const now = performance.now();
      if (now - told >= MILLISECONDS) {
        told = now;
        send({ kind: 'progress', progress });
      }
      return Atomics.load(stop, 0) !== 0;
    });
    send({ kind: 'answer', answer });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    send({ kind: 'bad input', problem: error.problem });
  }
});
