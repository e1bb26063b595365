/** Claims and questions as one works with them: what was answered, and what is being explored. */

import type { Answer } from '../../src/check/jobs.ts';
import type { LinkState } from '../../src/report/link.ts';
import { Store } from '../state/store.ts';
import type { Asked, CheckApi, Checked, ClaimAbout } from '../workers/check_api.ts';
import { type Caller, type Failure, failureOf } from '../workers/rpc.ts';
import { keepAnswers, keptAnswers } from './kept_answers.ts';

/** Of a browser's page: states take some 100 bytes each. */
const LIMITS = { states: 5_000_000, seconds: 600, bytes: 2 ** 29 };
/** Explorations at a time, of a page that has other things to do. */
const WORKERS = Math.max(1, Math.min(4, (navigator.hardwareConcurrency ?? 2) - 1));

/** A claim on a kernel of an architecture. */
export interface Cell {
  readonly claim: string;
  readonly arch: string;
  readonly kernel: string;
}

/** How far one is: waiting, exploring with what was told last, or why there is no answer. */
export type CellState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'running'; readonly progress: string }
  | { readonly kind: 'answered'; readonly checked: Checked }
  | { readonly kind: 'failed'; readonly failure: Failure };

export interface CheckState {
  readonly claims: readonly ClaimAbout[];
  /** By `cellName`. */
  readonly cells: ReadonlyMap<string, CellState>;
  readonly chosen: Cell | null;
  readonly call: string;
  readonly callOn: Omit<Cell, 'claim'> | null;
  readonly asking: string | null;
  readonly asked: Asked | null;
  readonly askProblem: Failure | null;
}

export class CheckSession {
  readonly store = new Store<CheckState>({
    claims: [],
    cells: new Map(
      [...keptAnswers()].map(([name, checked]): [string, CellState] => [name, { kind: 'answered', checked }]),
    ),
    chosen: null,
    call: 'set_direct_map_default_noflush(page)',
    callOn: null,
    asking: null,
    asked: null,
    askProblem: null,
  });
  readonly #makeCaller: () => Caller<CheckApi>;
  readonly #idle: Caller<CheckApi>[] = [];
  readonly #busy = new Map<string, Caller<CheckApi>>();
  readonly #asker: Caller<CheckApi>;
  #queue: Cell[] = [];

  constructor(makeCaller: () => Caller<CheckApi>) {
    this.#makeCaller = makeCaller;
    this.#asker = makeCaller();
  }

  get link(): LinkState {
    const { chosen, call, callOn } = this.store.state;
    return { ...(chosen !== null && { claim: nameOf(chosen) }), ...(callOn !== null && { ask: call }) };
  }

  /** What a link says of claims and questions: they are there to be asked, and nothing is explored by itself. */
  load({ claim, ask }: LinkState): void {
    const chosen = claim === undefined ? null : cellOf(claim);
    this.store.set({ chosen, ...(ask !== undefined && { call: ask }) });
  }

  async loadClaims(): Promise<void> {
    if (this.store.state.claims.length > 0) return;
    this.store.set({ claims: await this.#asker.call('claims', null) });
  }

  choose(cell: Cell): void {
    this.store.set({ chosen: cell });
  }

  /** Explores what was not answered yet, in this order. */
  check(cells: readonly Cell[]): void {
    const wanted = cells.filter((cell) => {
      const state = this.store.state.cells.get(nameOf(cell));
      return state === undefined || state.kind === 'failed';
    });
    this.#setCells(wanted.map((cell) => [cell, { kind: 'waiting' }]));
    this.#queue.push(...wanted);
    this.#startNext();
  }

  /** Gives up one, or all. */
  cancel(cell?: Cell): void {
    const isMeant = (each: Cell) => cell === undefined || nameOf(each) === nameOf(cell);
    const cells = new Map(this.store.state.cells);
    for (const each of this.#queue.filter(isMeant)) cells.delete(nameOf(each));
    this.#queue = this.#queue.filter((each) => !isMeant(each));
    this.store.set({ cells });
    for (const [name, caller] of this.#busy) {
      if (cell === undefined || name === nameOf(cell)) caller.stop('It was cancelled.');
    }
  }

  async ask(call: string, on: Omit<Cell, 'claim'>): Promise<void> {
    this.store.set({ call, callOn: on, asking: 'exploring', asked: null, askProblem: null });
    try {
      const job = { call, ...on, limits: LIMITS };
      const asked = await this.#asker.call('ask', job, (asking) => this.store.set({ asking }));
      this.store.set({ asking: null, asked });
    } catch (error) {
      this.store.set({ asking: null, askProblem: failureOf(error) });
    }
  }

  cancelAsk(): void {
    this.#asker.stop('It was cancelled.');
  }

  #startNext(): void {
    while (this.#queue.length > 0 && this.#busy.size < WORKERS) {
      const cell = this.#queue.shift()!;
      const caller = this.#idle.pop() ?? this.#makeCaller();
      this.#busy.set(nameOf(cell), caller);
      void this.#explore(cell, caller);
    }
  }

  async #explore(cell: Cell, caller: Caller<CheckApi>): Promise<void> {
    const tell = (state: CellState) => this.#setCells([[cell, state]]);
    tell({ kind: 'running', progress: 'begun' });
    try {
      const job = { ...cell, limits: LIMITS };
      tell({
        kind: 'answered',
        checked: await caller.call('check', job, (progress) => tell({ kind: 'running', progress })),
      });
    } catch (error) {
      tell({ kind: 'failed', failure: failureOf(error) });
    }
    this.#busy.delete(nameOf(cell));
    if (this.#busy.size === 0 && this.#queue.length === 0) keepAnswers(this.#answers);
    this.#idle.push(caller);
    this.#startNext();
  }

  get #answers(): Map<string, Checked> {
    const answers = [...this.store.state.cells].flatMap(([name, state]): [string, Checked][] =>
      state.kind === 'answered' ? [[name, state.checked]] : [],
    );
    return new Map(answers);
  }

  #setCells(changes: readonly (readonly [Cell, CellState])[]): void {
    const cells = new Map(this.store.state.cells);
    for (const [cell, state] of changes) cells.set(nameOf(cell), state);
    this.store.set({ cells });
  }
}

/** "no-large-np-leaf@v7.2.13@x86_64". */
export function nameOf({ claim, kernel, arch }: Cell): string {
  return `${claim}@${kernel}@${arch}`;
}

function cellOf(name: string): Cell | null {
  const [, claim, kernel, arch] = /^([^@]*)@([^@]*)@([^@]*)$/.exec(name) ?? [];
  return claim === undefined || kernel === undefined || arch === undefined ? null : { claim, kernel, arch };
}

/** Of an answer, for a cell of the matrix. */
export function verdictWord(answer: Answer): string {
  return answer.verdict === 'not modelled' ? 'n/m' : answer.verdict;
}
