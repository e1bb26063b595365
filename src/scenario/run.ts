/** Runs a scenario on a machine, and records step by step what happened. */

import { InputError, NotModelledError } from '../errors.ts';
import type { CallArgument, KernelCall } from '../linux/call.ts';
import { errnoText } from '../linux/errno.ts';
import type { KernelEvent } from '../linux/events.ts';
import { type Kernel, type KernelSections, rightsOf } from '../linux/kernel.ts';
import { type AllocationPoint, type Point, runTask, type Task } from '../linux/task.ts';
import { hexAddress } from '../mmu/format.ts';
import { TableIndex } from '../mmu/table_index.ts';
import { Tlb } from '../mmu/tlb.ts';
import { type Program, placeOf, type Schedule } from './ast.ts';
import { pageOfCall } from './call_page.ts';
import { AS_WRITTEN, type Choices } from './choices.ts';
import { Interleaver } from './interleaver.ts';
import { InterleavingLog, MAX_INTERLEAVED_STEPS } from './interleaving_log.ts';
import { type Argument, type CallSite, type Host, interpret } from './interpret.ts';
import { LockHolders } from './lock_holders.ts';
import { countLeaves, disagreements, leavesBySize } from './observers.ts';
import { type Interleaving, OUTCOME_SCHEMA, type Outcome, type Step } from './outcome.ts';
import { promiseOf } from './promises.ts';
import { parseSchedule } from './schedule.ts';
import {
  callsOf,
  callText,
  constantsOf,
  kernelArguments,
  OOPS,
  pageArgument,
  SCRIPT_FUNCTIONS,
  type ScriptFunction,
} from './script_calls.ts';
import { StepRecorder } from './step_recorder.ts';

/** Where a run starts, for the report. */
export interface StartedOn {
  kernel: Kernel;
  /** "the model", or the name of the dump. */
  name: string;
}

/** Is told everything as it happens. What it throws ends the run. */
export interface RunWatcher {
  callBegins(step: Step): void;
  callEnds(step: Step): void;
  /** `run` tells where the run is. */
  event(event: KernelEvent, run: RunPosition): void;
}

export interface RunPosition {
  /** Allocations that were asked for so far. */
  readonly allocations: number;
  /** The interleave() that runs now and its steps so far, the last of which is not over. */
  readonly interleaving: { readonly number: number; readonly steps: number } | undefined;
}

export interface RunOptions {
  readonly choices?: Choices | undefined;
  readonly watcher?: RunWatcher | undefined;
  /** Memory's journal is kept, so that all of the run can be undone. */
  readonly keepJournal?: boolean | undefined;
}

/** @throws InputError with file, line and column; NotModelledError. */
export function runScenario(program: Program, start: StartedOn, options: RunOptions = {}): Outcome {
  return new Runner(program, start, options).run();
}

class Runner implements Host<Point> {
  readonly constants: ReadonlyMap<string, bigint>;
  readonly #program: Program;
  readonly #start: StartedOn;
  readonly #kernel: Kernel;
  readonly #index: TableIndex;
  readonly #recorder: StepRecorder;
  readonly #holders = new LockHolders();
  readonly #interleavings: Interleaving[] = [];
  readonly #choices: Choices;
  readonly #watcher: RunWatcher | undefined;
  readonly #keepJournal: boolean;

  #allocations = 0;
  #refuse = new Set<number>();
  #refuseAll = false;
  #log: InterleavingLog | undefined;
  #isStopped = false;

  constructor(
    program: Program,
    start: StartedOn,
    { choices = AS_WRITTEN, watcher, keepJournal = false }: RunOptions,
  ) {
    const { kernel } = start;
    this.constants = constantsOf(kernel.version.arch, kernel.page_size);
    this.#program = program;
    this.#start = start;
    this.#kernel = kernel;
    this.#choices = choices;
    this.#watcher = watcher;
    this.#keepJournal = keepJournal;
    kernel.tlb = new Tlb(kernel.machine.cpus, kernel.page_size);
    this.#index = new TableIndex(kernel.memory, kernel.format, kernel.root, kernel.kernel_range);
    this.#recorder = new StepRecorder(kernel, this.#index, keepJournal);
  }

  run(): Outcome {
    const k = this.#kernel;
    const { steps, cost } = this.#recorder;
    k.listen((event) => {
      this.#holders.record(event);
      this.#recorder.record(event);
      this.#log?.record(event);
      this.#watcher?.event(event, this.#position);
    });
    try {
      runTask(interpret(this.#program, this), (point) => this.#decide(point));
    } catch (error) {
      if (!this.#wantsNull(error)) throw error;
      this.#isStopped = true;
    } finally {
      k.listen(undefined);
    }
    cost.leavesAfter = leavesBySize(k, countLeaves(k));
    return {
      schema: OUTCOME_SCHEMA,
      scenario: this.#program.fileName,
      title: [...this.#program.comments],
      arch: k.version.arch.name,
      kernel: k.version.name,
      machine: describeMachine(k),
      startedOn: this.#start.name,
      boot: describeBoot(k),
      ignoredParameters: [...k.boot.ignored],
      steps,
      interleavings: this.#interleavings,
      ended: k.death !== undefined ? 'died' : this.#isStopped ? 'stopped' : 'finished',
      expectationsFailed: steps.filter((step) => step.expected?.met === false).length,
      disagreements: disagreements(k),
      cost,
    };
  }

  /** A script need not be ready for an allocation to be refused that it did not refuse itself. */
  #wantsNull(error: unknown): boolean {
    const last = this.#recorder.steps.at(-1);
    return error instanceof InputError && this.#choices.allocations.size > 0 && last?.returned === 'NULL';
  }

  stopped(): boolean {
    return this.#kernel.death !== undefined;
  }

  *call(site: CallSite, args: readonly Argument[]): Generator<Point, bigint | undefined, number> {
    if (Object.hasOwn(SCRIPT_FUNCTIONS, site.name)) return this.#scriptCall(site, args);
    return yield* this.#kernelCall(this.#kernelFunction(site, args), site, args);
  }

  *onCpu(
    cpu: number,
    body: () => Generator<Point, void, number>,
    site: CallSite,
  ): Generator<Point, void, number> {
    const k = this.#kernel;
    this.#checkCpu(cpu, site);
    const before = k.cpu;
    k.cpu = cpu;
    yield* body();
    k.cpu = before;
  }

  *interleave(
    schedule: Schedule,
    bodies: readonly (() => Generator<Point, void, number>)[],
    site: CallSite,
  ): Generator<Point, void, number> {
    const k = this.#kernel;
    this.#checkBodies(bodies.length, site);
    const { cpu, interleaved } = k;
    const { turns, where } = this.#scheduleOf(schedule, bodies.length);
    this.#log = this.#newLog(site, bodies.length);
    const tasks = bodies.map((body) => body());
    k.interleaved = true;
    try {
      yield* new Interleaver(k, tasks, this.#log, this.#holders).run(turns, where);
    } finally {
      k.interleaved = interleaved;
      k.cpu = cpu;
      this.#log = undefined;
    }
    this.#recorder.cutOff();
    if (!this.#keepJournal) k.memory.commit();
  }

  /** As the choices have it, or else the script. */
  #scheduleOf(written: Schedule, bodies: number): { turns: readonly number[]; where: string } {
    const number = this.#interleavings.length;
    const chosen = this.#choices.schedules.get(number);
    if (chosen === undefined)
      return { turns: written.turns, where: placeOf(this.#program.fileName, written.span) };
    const where = `schedule of interleave() ${number + 1}`;
    return { turns: parseSchedule(chosen, bodies, where), where };
  }

  #newLog(site: CallSite, cpus: number): InterleavingLog {
    const taken = this.#interleavings.reduce((sum, { steps }) => sum + steps.length, 0);
    const interleaving: Interleaving = { line: site.line, cpus, steps: [] };
    this.#interleavings.push(interleaving);
    const room = MAX_INTERLEAVED_STEPS - taken;
    return new InterleavingLog(this.#kernel, this.#index, interleaving, room, this.#where(site));
  }

  #checkBodies(bodies: number, site: CallSite): void {
    const { cpus } = this.#kernel.machine;
    if (bodies <= cpus) return;
    throw new InputError({
      code: 'out-of-range',
      what: 'number of functions of interleave()',
      where: this.#where(site),
      found: String(bodies),
      expected: `at most ${cpus}, one a CPU; the header's cpus says how many there are`,
    });
  }

  #checkCpu(cpu: number, site: CallSite): void {
    const { cpus } = this.#kernel.machine;
    if (cpu < cpus) return;
    throw new InputError({
      code: 'out-of-range',
      what: 'cpu',
      where: this.#where(site),
      found: String(cpu),
      expected: `0 to ${cpus - 1}; the header's cpus says how many there are`,
    });
  }

  expectation(site: CallSite, expected: bigint, found: bigint | undefined): void {
    const step = this.#recorder.steps.findLast(
      (each) => each.line === site.line && each.column === site.column,
    );
    if (step === undefined) return;
    if (expected === OOPS) step.expected = { value: 'OOPS', met: this.stopped() };
    else step.expected = { value: errnoText(Number(expected)), met: found === expected };
  }

  #where(site: CallSite): string {
    return `${this.#program.fileName}:${site.line}:${site.column}`;
  }

  #scriptCall(site: CallSite, args: readonly Argument[]): bigint | undefined {
    const k = this.#kernel;
    const name = site.name as ScriptFunction;
    switch (name) {
      case 'page_address':
        return this.#unsigned(k.page_address(this.#page(site, args[0])));
      case 'image_address':
        return this.#unsigned(k.image_address(this.#page(site, args[0])));
      case 'text_page':
        return this.#imagePage(site, ({ text }) => text);
      case 'rodata_page':
        return this.#imagePage(site, ({ start_rodata }) => start_rodata);
      case 'init_page':
        return this.#imagePage(site, ({ init_begin }) => init_begin);
      case 'fail_alloc':
        for (const arg of args) this.#refuse.add(this.#allocations + this.#positive(site, arg));
        return undefined;
      case 'fail_every_alloc':
        this.#refuseAll = true;
        return undefined;
      case 'allow_alloc':
        this.#refuseAll = false;
        this.#refuse.clear();
        return undefined;
    }
  }

  /** @throws NotModelledError for a function that this architecture does not have, InputError for too many arguments. */
  #kernelFunction(site: CallSite, args: readonly Argument[]): KernelCall {
    const { arch } = this.#kernel.version;
    const call = callsOf(arch).get(site.name);
    if (call === undefined)
      throw new NotModelledError(`${site.name}()`, `${arch.name} has no such function`, this.#where(site));
    const required = call.parameters.filter((parameter) => parameter.default === undefined).length;
    const most = call.parameters.length;
    if (args.length >= required && args.length <= most) return call;
    throw new InputError({
      code: 'out-of-range',
      what: `number of arguments of ${site.name}()`,
      where: this.#where(site),
      found: String(args.length),
      expected: required === most ? `${most} on ${arch.name}` : `${required} to ${most} on ${arch.name}`,
    });
  }

  #imagePage(site: CallSite, partOf: (sections: KernelSections) => number): bigint {
    const { sections, page_size } = this.#kernel;
    if (sections !== undefined) return BigInt(Math.floor(partOf(sections) / page_size));
    throw new NotModelledError(`${site.name}()`, 'this machine has no kernel image', this.#where(site));
  }

  #unsigned(address: number): bigint {
    return BigInt.asUintN(64, BigInt(address));
  }

  #page(site: CallSite, arg: Argument | undefined): number {
    return pageArgument(this.#kernel, 'page', arg ?? 0n, `${this.#where(site)}: ${site.name}()`);
  }

  #positive(site: CallSite, arg: Argument): number {
    if (typeof arg === 'bigint' && arg >= 1n && arg <= 1_000_000n) return Number(arg);
    throw new InputError({
      code: 'out-of-range',
      what: `argument of ${site.name}()`,
      where: this.#where(site),
      found: String(arg),
      expected: '1 (the next allocation) to 1000000',
    });
  }

  *#kernelCall(
    call: KernelCall,
    site: CallSite,
    args: readonly Argument[],
  ): Generator<Point, bigint | undefined, number> {
    const k = this.#kernel;
    const missing = call.missing?.(k);
    if (missing !== undefined) throw new NotModelledError(`${call.name}()`, missing, this.#where(site));
    const values = kernelArguments(k, call, args, this.#where(site));
    const step = this.#recorder.begin(callText(call, values, site), site, this.#where(site));
    this.#log?.callBegins(step.call, pageOfCall(k, call, values));
    this.#watcher?.callBegins(step);
    const value = yield* untilHalt(k, call.run(k, values));
    if (k.death === undefined) this.#returned(step, call, values, value);
    else step.died = k.death.text;
    this.#recorder.end();
    this.#watcher?.callEnds(step);
    return value === undefined ? undefined : this.#scriptValue(call, value);
  }

  /** NULL is 0 to a script, as in C. */
  #scriptValue(call: KernelCall, value: number): bigint {
    return call.returns === 'address' ? this.#unsigned(value) : BigInt(value);
  }

  #returned(step: Step, call: KernelCall, values: readonly CallArgument[], value: number | undefined): void {
    step.value = value;
    if (call.returns === 'void') step.returned = 'void';
    else if (value === undefined) step.returned = 'NULL';
    else if (call.returns === 'page') step.returned = `pfn 0x${value.toString(16)}`;
    else if (call.returns === 'address') step.returned = hexAddress(value);
    else step.returned = errnoText(value);
    this.#log?.callReturns(step.returned);
    if (value === 0) this.#checkPromise(step, call, values);
  }

  /** A 0 that does not mean what it says: pages of the request that are not as promised. */
  #checkPromise(step: Step, call: KernelCall, values: readonly CallArgument[]): void {
    const promise = promiseOf(call.name, values);
    const first = values[0];
    if (promise === undefined || typeof first !== 'number') return;
    const k = this.#kernel;
    const start = call.parameters[0]!.kind === 'page' ? k.page_address(first) : first;
    const counted = call.parameters.findIndex((parameter) => parameter.kind === 'count');
    const of = counted < 0 ? 1 : Math.min(values[counted] as number, 2 ** 20);
    let pages = 0;
    let example = '';
    for (let page = 0; page < of; page++) {
      const address = start + page * k.page_size;
      const leaf = k.leafAt(address);
      if (leaf !== undefined && promise.kept(rightsOf(k.format, leaf))) continue;
      if (pages === 0) {
        example = `${hexAddress(address)} ${leaf === undefined ? 'has no entry' : `is not: ${promise.text}`}`;
      }
      pages++;
    }
    if (pages > 0) step.notAsPromised = { pages, of, example };
  }

  #decide(_point: AllocationPoint): boolean {
    this.#allocations++;
    const chosen = this.#choices.allocations.get(this.#allocations);
    return chosen ?? (!this.#refuseAll && !this.#refuse.has(this.#allocations));
  }

  get #position(): RunPosition {
    const number = this.#interleavings.length - 1;
    const steps = this.#interleavings[number]?.steps.length ?? 0;
    const interleaving = this.#log === undefined ? undefined : { number, steps };
    return { allocations: this.#allocations, interleaving };
  }
}

/** A task that ends, without a value, where the machine dies, be it while the task waits. */
function* untilHalt<T>(k: Kernel, task: Task<T>): Generator<Point, T | undefined, number> {
  let step = task.next(0);
  while (step.done !== true) {
    if (step.value.kind === 'halt') return undefined;
    const answer = yield step.value;
    if (k.death !== undefined) return undefined;
    step = task.next(answer);
  }
  return step.value;
}

function describeMachine(k: Kernel): string {
  const ram = k.machine.memory.filter((range) => range.type === 'RAM');
  const bytes = ram.reduce((sum, range) => sum + range.end - range.start, 0);
  const gibibytes = bytes / 2 ** 30;
  const size =
    gibibytes >= 1 ? `${Math.round(gibibytes * 10) / 10} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
  const cpus = `${k.machine.cpus} CPU${k.machine.cpus === 1 ? '' : 's'}`;
  return [size, cpus, ...k.describeMachine()].join(', ');
}

/** The switches that bear on the answer, always spelt out. */
function describeBoot(k: Kernel): string {
  return [`debug_pagealloc=${k.boot.debug_pagealloc ? 'on' : 'off'}`, ...k.describeBoot()].join(' ');
}
