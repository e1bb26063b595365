/** Calls from the page to a worker: by name, with progress on the way, and ended by ending the worker. */

import { InputError, NotModelledError } from '../../src/errors.ts';

/** Told in a few words how far a call is. */
export type Report = (progress: string) => void;

/** What a worker offers: each function takes one argument of plain data, and may tell how far it is. */
export type Api<A> = { [Name in keyof A]: (argument: never, report: Report) => unknown };

/** Why a call has no answer. */
export interface Failure {
  /** The input cannot be used; it is not modelled; it is our mistake; it took too long or was given up. */
  readonly kind: 'input' | 'not modelled' | 'bug' | 'stopped';
  readonly text: string;
  /** The place in a script, if it is about one. */
  readonly line?: number;
  readonly column?: number;
}

export class CallFailed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.text);
    this.failure = failure;
  }
}

interface Request {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

type Reply =
  | { readonly id: number; readonly progress: string }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: Failure };

/** In the worker: answer what is asked, one call after the other. */
export function answerCalls<A extends Api<A>>(api: A): void {
  const functions = new Map(Object.entries(api)) as Map<
    string,
    (argument: unknown, report: Report) => unknown
  >;
  let last: Promise<void> = Promise.resolve();
  self.addEventListener('message', ({ data }: MessageEvent<Request>) => {
    last = last.then(() => answer(data));
  });
  const answer = async ({ id, name, argument }: Request) => {
    const reply = (message: Reply) => self.postMessage(message);
    try {
      const result = await functions.get(name)?.(argument, (progress) => reply({ id, progress }));
      reply({ id, answer: result });
    } catch (error) {
      reply({ id, failure: failureOf(error) });
    }
  };
}

export function failureOf(error: unknown): Failure {
  if (error instanceof InputError || error instanceof NotModelledError) {
    const [, line, column] = /:(\d+):(\d+)/.exec(error.problem.where) ?? [];
    return {
      kind: error instanceof InputError ? 'input' : 'not modelled',
      text: error.message,
      ...(line !== undefined && { line: Number(line), column: Number(column) }),
    };
  }
  if (error instanceof CallFailed) return error.failure;
  return { kind: 'bug', text: error instanceof Error ? error.message : String(error) };
}

interface Pending {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: CallFailed) => void;
  readonly onProgress: Report | undefined;
}

/** In the page: a worker that is started when it is first called. */
export class Caller<A extends Api<A>> {
  readonly #start: () => Worker;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #calls = 0;

  constructor(start: () => Worker) {
    this.#start = start;
  }

  /** @throws CallFailed */
  call<Name extends keyof A & string>(
    name: Name,
    argument: Parameters<A[Name]>[0],
    onProgress?: Report,
  ): Promise<Awaited<ReturnType<A[Name]>>> {
    const worker = this.#running();
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, {
        resolve: resolve as (answer: unknown) => void,
        reject,
        onProgress,
      });
      worker.postMessage({ id, name, argument } satisfies Request);
    });
  }

  /** Ends the worker, and with it all calls; the next call starts another. */
  stop(why: string): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#rejectAll({ kind: 'stopped', text: why });
  }

  #running(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = this.#start();
    worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => this.#receive(data));
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      if (worker !== this.#worker) return;
      this.#worker = undefined;
      this.#rejectAll({ kind: 'bug', text: event.message || 'the worker could not be started' });
    });
    this.#worker = worker;
    return worker;
  }

  #receive(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    if ('progress' in reply) {
      pending.onProgress?.(reply.progress);
      return;
    }
    this.#pending.delete(reply.id);
    if ('failure' in reply) pending.reject(new CallFailed(reply.failure));
    else pending.resolve(reply.answer);
  }

  #rejectAll(failure: Failure): void {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of all) reject(new CallFailed(failure));
  }
}
