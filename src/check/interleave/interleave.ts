/**
 * Exploration where CPUs take turns within calls: at each lock, access to a shared entry and flush. Breadth first, so
 * that the first finding has the fewest steps.
 *
 * Reductions, all sound for what is claimed of calls and of idle states:
 * - Pages that are mapped alike and nobody works on change places, and so do CPUs: states that differ by that are one
 *   (C. N. Ip and D. L. Dill, "Better Verification Through Symmetry", CHDL 1993).
 * - A step that accesses nothing shared is taken at once and alone: it is a persistent set of one (P. Godefroid,
 *   "Partial-Order Methods for the Verification of Concurrent Systems", LNCS 1032, 1996). So is one that accesses only
 *   entries of pages that its caller owns, as long as no other CPU is ever seen to access those (S. D. Stoller and
 *   E. Cohen, "Optimistic Synchronization-Based State-Space Reduction", TACAS 2003): if one is, all is explored again
 *   without.
 */

import type { Action, Choice, Claim, Done, Finding, State } from '../claim.ts';
import {
  decodeStep,
  type Exploration,
  encodeChoice,
  type Limits,
  limitReached,
  NO_ACTION,
  type OnProgress,
  SeenSometimes,
} from '../explore/explore.ts';
import { VisitedStates } from '../explore/visited.ts';
import type { CheckedMachine } from '../machine/machine.ts';
import { Automaton, type Effect, type Node } from './automaton.ts';
import { CanonicalHash, PER_CPU } from './canonical_hash.ts';
import { FREE, MAX_CELLS, MINE, THEIRS } from './cells.ts';
import { Frontier } from './frontier.ts';
import { VectorState } from './vector_state.ts';

/** About what a node with its tree and effects takes. */
const NODE_BYTES = 1000;

export interface InterleaveOptions {
  /** Whether steps may be taken alone where that is sound. */
  reduce: boolean;
}

export function interleave(
  claim: Claim,
  machine: CheckedMachine,
  limits: Limits,
  onProgress?: OnProgress,
  options: InterleaveOptions = { reduce: true },
): Exploration {
  const automaton = new Automaton(machine);
  // A claim about every state sees all of them, in whatever order independent steps are taken.
  const reduce = options.reduce && claim.always === undefined;
  const reduced = new Interleaver(claim, machine, automaton, limits, onProgress, reduce);
  const result = reduced.run();
  if (!reduced.ownershipBroken) return result;
  return new Interleaver(claim, machine, automaton, limits, onProgress, false).run();
}

class Interleaver {
  readonly #claim: Claim;
  readonly #machine: CheckedMachine;
  readonly #automaton: Automaton;
  readonly #limits: Limits;
  readonly #onProgress: OnProgress | undefined;
  readonly #reduce: boolean;
  readonly #cpus: number;
  readonly #alike: boolean;
  /** Where a state's cells begin. */
  readonly #cells0: number;
  readonly #remembers: boolean;
  readonly #starts: readonly Node[];
  readonly #holders: readonly number[];
  readonly #visited = new VisitedStates();
  readonly #frontier: Frontier;
  readonly #state: Uint16Array;
  readonly #next: Uint16Array;
  readonly #seen: SeenSometimes;
  #transitions = 0;
  #number = 0;
  #progressed = false;
  #refutation: { finding: Finding; choices: Choice[] } | undefined;
  readonly #canonical: CanonicalHash;
  readonly #started = performance.now();
  /** A CPU accessed an entry that another one's caller owns. */
  ownershipBroken = false;

  constructor(
    claim: Claim,
    machine: CheckedMachine,
    automaton: Automaton,
    limits: Limits,
    onProgress: OnProgress | undefined,
    reduce: boolean,
  ) {
    this.#claim = claim;
    this.#machine = machine;
    this.#automaton = automaton;
    this.#limits = limits;
    this.#onProgress = onProgress;
    this.#reduce = reduce;
    this.#cpus = machine.world.cpus ?? 1;
    this.#alike =
      machine.world.pagesAlike === true && machine.kernel.pagesAlike && machine.world.leaf !== '1G';
    this.#cells0 = PER_CPU * this.#cpus;
    this.#remembers = claim.remembers === true;
    this.#starts = startNodes(machine, automaton, this.#alike);
    this.#holders = automaton.cells.holders();
    this.#canonical = new CanonicalHash(machine, automaton.cells, this.#cpus, this.#alike);
    this.#seen = new SeenSometimes(claim.sometimes);
    const width = MAX_CELLS + PER_CPU * this.#cpus;
    this.#state = new Uint16Array(width);
    this.#next = new Uint16Array(width);
    this.#frontier = new Frontier(this.#width);
  }

  run(): Exploration {
    this.#initialise();
    let limit: string | undefined;
    let expanded = 0;
    while (this.#frontier.length > 0 && this.#refutation === undefined && !this.ownershipBroken) {
      if ((expanded & 0x3ff) === 0) limit = this.#limitReached();
      if (limit !== undefined) break;
      this.#frontier.shift(this.#state);
      this.#number = expanded++;
      this.#expand();
    }
    return {
      states: this.#visited.count,
      transitions: this.#transitions,
      depth: this.#visited.depth(this.#visited.count - 1),
      exhausted: this.#frontier.length === 0 && this.#refutation === undefined,
      limit,
      bytes: this.#visited.bytes + this.#frontier.largestBytes,
      collisions: this.#visited.collisionProbability,
      seen: this.#seen,
      refutation: this.#refutation,
    };
  }

  /** Numbers in a state, now. */
  get #width(): number {
    return this.#cells0 + this.#automaton.cells.count;
  }

  #initialise(): void {
    this.#next.fill(0);
    this.#canonical.take(this.#next);
    this.#visited.add(this.#canonical.low, this.#canonical.high, 0, 0);
    this.#frontier.push(this.#next, this.#width);
    this.#seen.look(this.#view(this.#next), undefined);
    const wrong = this.#claim.always?.(this.#view(this.#next));
    if (wrong !== undefined) this.#refutation = { finding: wrong, choices: [] };
  }

  /** What the search holds: states seen, states that wait, and what has been learnt. */
  get #bytes(): number {
    return this.#visited.bytes + this.#frontier.largestBytes + this.#automaton.nodes.length * NODE_BYTES;
  }

  #limitReached(): string | undefined {
    const progress = {
      states: this.#visited.count,
      transitions: this.#transitions,
      frontier: this.#frontier.length,
      bytes: this.#bytes,
    };
    return limitReached(this.#limits, this.#started, progress, this.#onProgress);
  }

  // ---- what may happen next

  #expand(): void {
    if (this.#reduce && this.#takeAlone()) return;
    this.#progressed = false;
    let busy = false;
    for (let cpu = 0; cpu < this.#cpus && this.#refutation === undefined; cpu++) {
      const node = this.#nodeOf(cpu);
      if (node === undefined) this.#begin(cpu);
      else {
        busy = true;
        this.#follow(node, cpu, this.#actionOf(cpu), NO_ACTION, []);
      }
    }
    if (busy && !this.#progressed && this.#refutation === undefined) this.#stuck();
  }

  /** The actions that an idle CPU may begin: of pages that are alike, one. */
  #begin(cpu: number): void {
    const { actions } = this.#machine;
    const tried = new Set<string>();
    actions.forEach((action, index) => {
      if (this.#refutation !== undefined || !action.cpus.includes(cpu) || !this.#isFree(action)) return;
      const start = this.#starts[index]!;
      if (this.#alike && action.pages === 1 && !this.#isWorkedOn(action.first)) {
        const like = `${start.number} ${this.#tupleText(action.first)}`;
        if (tried.has(like)) return;
        tried.add(like);
      }
      this.#follow(start, cpu, index, index, []);
    });
  }

  #isWorkedOn(page: number): boolean {
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      if (this.#nodeOf(cpu) === undefined) continue;
      const { first, pages } = this.#machine.actions[this.#actionOf(cpu)]!;
      if (page >= first && page < first + pages) return true;
    }
    return false;
  }

  #tupleText(page: number): string {
    return this.#automaton.cells.columns.map((column) => this.#value(column + page)).join(' ');
  }

  /** Nobody who insists on it works on one of the action's pages. */
  #isFree(action: Action): boolean {
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      if (this.#nodeOf(cpu) === undefined) continue;
      const other = this.#machine.actions[this.#actionOf(cpu)]!;
      if (!action.exclusive && !other.exclusive) continue;
      if (action.first < other.first + other.pages && other.first < action.first + action.pages) return false;
    }
    return true;
  }

  /** If some CPU's next step concerns nobody else: takes it and nothing else. */
  #takeAlone(): boolean {
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      const node = this.#nodeOf(cpu);
      if (node === undefined) continue;
      const effect = this.#determined(node, cpu);
      if (effect === undefined || effect.blocked || effect.next === undefined) continue;
      if (!this.#concernsOnly(cpu, effect)) continue;
      this.#apply(effect, cpu, this.#actionOf(cpu), NO_ACTION, []);
      return true;
    }
    return false;
  }

  /** The one effect of a CPU's next step, if it is known and asks nothing of the world. */
  #determined(node: Node, cpu: number): Effect | undefined {
    let at = node.root;
    while (at !== undefined && at.kind === 'cell')
      at = at.next[this.#seenBy(cpu, this.#actionOf(cpu), at.cell)];
    return at?.kind === 'effect' ? at : undefined;
  }

  #concernsOnly(cpu: number, { accesses }: Effect): boolean {
    const action = this.#machine.actions[this.#actionOf(cpu)]!;
    return accesses.every((cell) => {
      const page = this.#automaton.cells.pageOf(this.#place(this.#actionOf(cpu), cell));
      return page >= 0 && action.exclusive && page >= action.first && page < action.first + action.pages;
    });
  }

  /** Nobody can go on. */
  #stuck(): void {
    const waits: string[] = [];
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      const node = this.#nodeOf(cpu);
      if (node !== undefined) waits.push(`CPU ${cpu} waits for ${node.lock}`);
    }
    this.#machineDied(`deadlock: ${waits.join(', ')}`, this.#number, undefined);
  }

  // ---- steps

  /**
   * Goes down a step's decisions to its effects: one, or one for each way to answer its allocations beyond `answers`.
   */
  #follow(node: Node, cpu: number, action: number, begins: number, answers: readonly number[]): void {
    let at = node.root;
    let asked = 0;
    while (at?.kind !== 'effect') {
      if (at === undefined) {
        this.#automaton.learn(node, (cell) => this.#seenBy(cpu, action, cell), answers);
        at = node.root;
        asked = 0;
      } else if (at.kind === 'cell') at = at.next[this.#seenBy(cpu, action, at.cell)];
      else if (asked < answers.length) at = at.next[answers[asked++]!];
      else {
        this.#ask(node, cpu, action, begins, answers);
        return;
      }
    }
    this.#apply(at, cpu, action, begins, answers);
  }

  #ask(node: Node, cpu: number, action: number, begins: number, answers: readonly number[]): void {
    this.#follow(node, cpu, action, begins, [...answers, 1]);
    if (this.#machine.world.memoryIsPlenty === true || this.#refutation !== undefined) return;
    this.#follow(node, cpu, action, begins, [...answers, 0]);
  }

  #apply(effect: Effect, cpu: number, action: number, begins: number, answers: readonly number[]): void {
    if (effect.blocked) {
      this.#wait(cpu);
      return;
    }
    this.#progressed = true;
    this.#transitions++;
    const refused = answers.reduce((bits, answer, i) => (answer === 0 ? bits | (1 << i) : bits), 0);
    const code = encodeChoice(cpu, begins, refused);
    const freed = effect.notes.some((note) => this.#value(note) === this.#automaton.cells.givenBack);
    if (freed) {
      this.#machineDied('a page table was used after it had been freed', this.#number, code);
      return;
    }
    if (this.#reduce && this.#intrudes(cpu, action, effect)) {
      this.ownershipBroken = true;
      return;
    }
    const next = this.#next;
    next.set(this.#state);
    for (let i = 0; i < effect.writes.length; i += 2) {
      const cell = this.#place(action, effect.writes[i]!);
      const value = this.#absolute(cpu, cell, effect.writes[i + 1]!);
      next[this.#cells0 + cell] = value ^ this.#automaton.cells.initial(cell);
    }
    const at = cpu * PER_CPU;
    next[at] = effect.next === undefined ? 0 : effect.next.number + 1;
    next[at + 1] = effect.next === undefined ? 0 : action + 1;
    const ended = effect.next === undefined;
    if (ended && this.#remembers) next[at + 2] = action + 1;
    this.#judge(effect, cpu, action, code, ended);
  }

  #judge(effect: Effect, cpu: number, action: number, code: number, ended: boolean): void {
    const done = ended ? this.#done(effect, cpu, action) : undefined;
    if (done !== undefined) {
      const wrong = this.#claim.after?.(done, this.#view(this.#next));
      if (wrong !== undefined) this.#refute(wrong, this.#number, code);
      if (wrong !== undefined || done.died !== undefined) return;
    }
    this.#canonical.take(this.#next);
    if (this.#visited.add(this.#canonical.low, this.#canonical.high, this.#number, code)) {
      this.#frontier.push(this.#next, this.#width);
      const wrong = this.#claim.always?.(this.#view(this.#next));
      if (wrong !== undefined) this.#refute(wrong, this.#number, code);
    }
    if (!this.#seen.complete) this.#seen.look(this.#view(this.#next), done);
  }

  #done(effect: Effect, cpu: number, action: number): Done {
    const { returned, allocations, refused, died, events } = effect;
    return {
      cpu,
      action: this.#machine.actions[action]!,
      returned,
      allocations,
      refused,
      died,
      events,
      before: [],
    };
  }

  /** It waits. For ever, if the holder has ended its call. */
  #wait(cpu: number): void {
    const { lock } = this.#nodeOf(cpu)!;
    for (const cell of this.#holders) {
      const holder = this.#value(cell) - 1;
      if (holder < 0 || holder === cpu || this.#nodeOf(holder) !== undefined) continue;
      this.#machineDied(
        `CPU ${cpu} waits for ${lock} for ever: CPU ${holder} left it held`,
        this.#number,
        undefined,
      );
      return;
    }
  }

  /** The machine is lost, and no call of its own has said so. */
  #machineDied(text: string, state: number, code: number | undefined): void {
    const action = this.#machine.actions[0]!;
    const died = { how: 'panic', text } as const;
    const done = { cpu: 0, action, returned: [], allocations: 0, refused: 0, died, events: [], before: [] };
    const wrong = this.#claim.after?.(done, this.#view(this.#state));
    if (wrong !== undefined) this.#refute(wrong, state, code);
  }

  #refute(finding: Finding, state: number, code: number | undefined): void {
    const codes = [...this.#visited.pathTo(state), ...(code === undefined ? [] : [code])];
    this.#refutation = { finding, choices: codes.map((each) => decodeStep(each, this.#machine.actions)) };
  }

  /** Whether the step accesses an entry whose page's owner is on another CPU, in a table that others can reach. */
  #intrudes(cpu: number, action: number, { accesses, writes }: Effect): boolean {
    const { cells } = this.#automaton;
    return accesses.some((cell) => {
      const page = cells.pageOf(this.#place(action, cell));
      if (page < 0) return false;
      for (let other = 0; other < this.#cpus; other++) {
        if (other === cpu || this.#nodeOf(other) === undefined) continue;
        const theirs = this.#machine.actions[this.#actionOf(other)]!;
        const owned = theirs.exclusive && page >= theirs.first && page < theirs.first + theirs.pages;
        if (owned && !this.#isPrivate(cell, writes)) return true;
      }
      return false;
    });
  }

  /** Whether an entry lies in a table that no entry points to, before the step and after: its maker's own so far. */
  #isPrivate(cell: number, writes: readonly number[]): boolean {
    const { cells } = this.#automaton;
    const frame = Math.floor(cells.addressOf(cell)! / cells.page_size);
    for (let each = 0; each < cells.count; each++) {
      if (cells.pageOf(each) >= 0 || cells.addressOf(each) === undefined) continue;
      if (cells.pointsTo(this.#value(each), frame)) return false;
    }
    for (let i = 0; i < writes.length; i += 2) {
      const each = writes[i]!;
      if (cells.pageOf(each) < 0 && !cells.isLock(each) && cells.pointsTo(writes[i + 1]!, frame))
        return false;
    }
    return true;
  }

  // ---- the state's parts

  /** Cells are stored as what they differ by from their first value, so that new cells need no room in old states. */
  #value(cell: number): number {
    return this.#state[this.#cells0 + cell]! ^ this.#automaton.cells.initial(cell);
  }

  #nodeOf(cpu: number): Node | undefined {
    const number = this.#state[cpu * PER_CPU]!;
    return number === 0 ? undefined : this.#automaton.nodes[number - 1];
  }

  #actionOf(cpu: number): number {
    return this.#state[cpu * PER_CPU + 1]! - 1;
  }

  /** Where a cell named as if the action were on page 0 really is. */
  #place(action: number, cell: number): number {
    if (!this.#alike) return cell;
    const { first, pages } = this.#machine.actions[action]!;
    if (pages !== 1 || first === 0) return cell;
    const page = this.#automaton.cells.pageOf(cell);
    if (page === 0) return cell + first;
    return page === first ? cell - first : cell;
  }

  /** What a cell holds, as the CPU that takes a step for an action sees it. */
  #seenBy(cpu: number, action: number, cell: number): number {
    const value = this.#value(this.#place(action, cell));
    if (!this.#automaton.cells.isHolder(cell) || value === FREE) return value;
    return value === cpu + 1 ? MINE : THEIRS;
  }

  #absolute(cpu: number, cell: number, value: number): number {
    return this.#automaton.cells.isHolder(cell) && value === MINE ? cpu + 1 : value;
  }

  /** The machine in a state, made up only if somebody looks. */
  #view(vector: Uint16Array): State {
    return new VectorState(this.#machine, this.#automaton, vector, this.#cpus);
  }
}

/** Actions that do the same on pages that are alike share their nodes. */
function startNodes(machine: CheckedMachine, automaton: Automaton, alike: boolean): Node[] {
  const shared = new Map<unknown, Node>();
  return machine.actions.map((action) => {
    if (!alike || action.pages !== 1) return automaton.start(action);
    let node = shared.get(action.calls);
    if (node === undefined) {
      node = automaton.start({ ...action, first: 0 });
      shared.set(action.calls, node);
    }
    return node;
  });
}
