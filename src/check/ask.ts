/**
 * What can go wrong with one call: it is made in every state that the editors of the direct map can lead to, with every
 * subset of its allocations refused, with interrupts off, and with another CPU's TLB loaded.
 */

import { InputError } from '../errors.ts';
import type { Architecture } from '../linux/architecture.ts';
import { callersOf, ON_ERROR } from '../linux/callers.ts';
import { errnoText } from '../linux/errno.ts';
import { nearestNames } from '../scenario/nearest_names.ts';
import { promiseOf } from '../scenario/promises.ts';
import { allCalls, callsOf } from '../scenario/script_calls.ts';
import { machineFor, showTrace, type TraceResult, versionOf } from './check.ts';
import type { Claim, Done, Event, FailureClass, Finding, PageState, Pattern, State, World } from './claim.ts';
import { DIRECT_MAP_BY_PAGE, onRange, PERMISSIONS, PRESENCE } from './claims/shared/worlds.ts';
import { type Collected, explore, type Limits, type OnProgress } from './explore/explore.ts';
import { callNamed } from './machine/actions.ts';
import { plainBuild, type Surroundings } from './machine/machine.ts';

const WHERE = 'ask';
/** Index bits of the worlds: the smallest, so that every state is seen. */
const BITS = 1;
const IRQS_OFF: Pattern['calls'] = [{ name: 'local_irq_disable' }];
const IRQS_ON: Pattern['calls'] = [{ name: 'local_irq_enable' }];

export interface AskJob {
  /** "set_direct_map_default_noflush(page)", "set_memory_np(addr, n)", "__kernel_map_pages(page, n, 1)". */
  call: string;
  /** The usual one if not given. */
  arch?: string;
  kernel: string;
  config?: readonly (readonly [string, string])[];
  boot?: string;
  limits: Limits;
}

/** A situation in which it has always done what it should. */
export interface Safe {
  /** What the pages were before. */
  when: string;
  states: number;
  /** The conditions in the code that saw to it: "__change_page_attr(): level == PG_LEVEL_4K: no split". */
  because: readonly string[];
}

export interface Failure {
  when: string;
  failure: FailureClass;
  text: string;
  /** How often it was seen. */
  times: number;
  returned: string;
  notices: readonly string[];
  trace: TraceResult;
}

/** One of the kernel's own callers. */
export interface CallerPolicy {
  name: string;
  file: string;
  /** What it does with an error, and the worst that can come of that. */
  does: string;
  worst: string;
}

export interface AskResult {
  call: string;
  arch: string;
  kernel: string;
  states: number;
  transitions: number;
  exhausted: boolean;
  /** What was looked at, in a few words each. */
  explored: readonly string[];
  safe: readonly Safe[];
  failures: readonly Failure[];
  /** What the kernel's own callers do if it fails. */
  callers: readonly CallerPolicy[];
  notExplored: readonly string[];
}

/** @throws InputError, NotModelledError */
export function ask(job: AskJob, onProgress?: OnProgress): AskResult {
  const version = versionOf(job);
  const surroundings: Surroundings = { ...job, version };
  const asked = parseCall(job.call, version.arch);
  const plain = plainBuild(surroundings);
  const missing = callNamed(version.arch, asked.name).missing?.(plain);
  if (missing !== undefined) {
    throw new InputError({ code: 'missing', what: `${asked.name}()`, where: WHERE, hint: missing });
  }
  const inquiry = new Inquiry(asked, surroundings, job.limits, onProgress);
  worldsFor(asked, plain.boot.debug_pagealloc).forEach((each, index) => {
    inquiry.explore(askClaim(asked, plain.boot.debug_pagealloc, index), each);
  });
  return inquiry.result(version.name);
}

// ---- the call

interface AskedCall {
  name: string;
  on: 'page' | 'range' | 'leaf';
  with: number[];
}

/** @throws InputError */
function parseCall(text: string, arch: Architecture): AskedCall {
  const [, name, inner] = /^\s*(\w+)\s*(?:\(([^()]*(?:\([^()]*\))?[^()]*)\))?\s*;?\s*$/.exec(text) ?? [];
  if (name === undefined) {
    throw new InputError({
      code: 'bad-format',
      what: 'call',
      where: WHERE,
      found: text,
      expected: "such as 'set_memory_np(addr, 2)'",
    });
  }
  const calls = callsOf(arch);
  const call = calls.get(name);
  if (call === undefined) {
    const known = nearestNames(name, [...calls.keys()]);
    throw new InputError({ code: 'unknown-name', what: 'kernel function', where: WHERE, found: name, known });
  }
  const [place, second] = call.parameters;
  if (place?.kind !== 'page' && place?.kind !== 'address') {
    const expected = 'a function that takes a page or an address of the direct map';
    throw new InputError({ code: 'bad-format', what: 'call', where: WHERE, found: text, expected });
  }
  const given = inner === undefined ? [] : inner.split(',').map((each) => each.trim());
  const counted = second?.name === 'pages';
  const rest = given.slice(counted ? 2 : 1).map((each) => integer(each, text));
  return { name, on: counted ? placesOf(given[1], text) : 'page', with: rest };
}

/** 1 is one page, 512 a whole leaf, a name (or nothing) any number of pages. */
function placesOf(count: string | undefined, text: string): AskedCall['on'] {
  if (count === undefined || /^[a-z_]\w*$/i.test(count)) return 'range';
  const pages = integer(count, text);
  if (pages === 1) return 'page';
  return pages === 512 ? 'leaf' : 'range';
}

function integer(each: string, text: string): number {
  const value = each === 'true' ? 1 : each === 'false' ? 0 : Number(each);
  if (Number.isSafeInteger(value) && value >= 0 && each !== '') return value;
  throw new InputError({
    code: 'bad-format',
    what: 'argument',
    where: WHERE,
    found: `${each} in ${text}`,
    expected: 'an integer',
  });
}

// ---- the worlds

interface AskedWorld {
  name: string;
  world: World;
  judge: Judge;
}

type Judge = (done: Done, state: State) => Finding | undefined;

function worldsFor(asked: AskedCall, debugPagealloc: boolean): AskedWorld[] {
  const call = { name: asked.name, with: asked.with };
  const pattern: Pattern = { calls: [call], on: asked.on };
  const quiet: Pattern = { calls: [...IRQS_OFF, call, ...IRQS_ON], on: asked.on };
  const base = debugPagealloc
    ? ({ leaf: '4K', geometry: BITS } as const)
    : ({ leaf: '2M', geometry: BITS } as const);
  const outcome: Judge = (done, state) => judgeOutcome(asked, done, state);
  const worlds: AskedWorld[] = [
    {
      name: `all that presence and permissions of a ${debugPagealloc ? 'row of 4K entries' : '2M leaf'} can become, any refusals`,
      world: { ...base, calls: [pattern, ...PRESENCE, ...PERMISSIONS] },
      judge: outcome,
    },
    {
      name: 'with interrupts off',
      world: { ...base, calls: [quiet, ...PRESENCE] },
      judge: judgeContext,
    },
    {
      name: 'with the TLB of another CPU loaded',
      world: {
        ...base,
        cpus: 2,
        tlb: true,
        memoryIsPlenty: true,
        calls: [
          { ...pattern, cpus: [0] },
          { calls: [{ name: 'write_page' }], on: 'page', cpus: [1] },
          { calls: [{ name: 'set_direct_map_default_noflush' }], on: 'page', cpus: [0] },
        ],
      },
      judge: (done, state) => judgeTlb(asked, done, state),
    },
  ];
  if (!debugPagealloc) {
    worlds.push({
      name: 'presence of a 1G leaf, any refusals',
      world: {
        leaf: '1G',
        geometry: BITS,
        calls: [pattern, ...DIRECT_MAP_BY_PAGE, onRange('set_memory_np')],
      },
      judge: outcome,
    });
  }
  return worlds;
}

// ---- judging

function pagesOf({ action }: Done, pages: readonly PageState[]): readonly PageState[] {
  return pages.slice(action.first, action.first + action.pages);
}

/** What the function promises of each page's flags if it returns 0, with its flag argument. */
function promise(asked: AskedCall): ReturnType<typeof promiseOf> {
  const flagged = asked.name === 'set_direct_map_valid_noflush' || asked.name === '__kernel_map_pages';
  if (!flagged) return promiseOf(asked.name);
  return promiseOf(asked.with[0] === 0 ? 'set_direct_map_invalid_noflush' : 'set_direct_map_default_noflush');
}

function sameButSize(a: PageState, b: PageState): boolean {
  return a.present === b.present && a.writable === b.writable && a.executable === b.executable;
}

function judgeOutcome(asked: AskedCall, done: Done, state: State): Finding | undefined {
  if (done.died !== undefined) return { failure: 'F8', text: `the machine dies: ${done.died.how}` };
  const { pages } = state;
  const before = pagesOf(done, done.before);
  const after = pagesOf(done, pages);
  const changed = before.some((page, i) => !sameButSize(page, after[i]!));
  const outside = pages.some((page, i) => {
    const inside = i >= done.action.first && i < done.action.first + done.action.pages;
    return !inside && !sameButSize(page, done.before[i]!);
  });
  if (outside) return { failure: 'F6', text: 'pages that nobody asked for change' };
  const value = done.returned[0];
  const promised = promise(asked);
  const kept = promised === undefined || after.every((page) => promised.kept(page));
  if (value !== undefined && value < 0) return failed(errnoText(value), changed, done.refused > 0);
  if (!kept) return silent(value, changed, done.refused > 0);
  const lies = after.some((page, i) => state.kernelPagePresent(done.action.first + i) !== page.present);
  return lies ? { failure: 'F7', text: 'kernel_page_present() tells otherwise than the tables' } : undefined;
}

function failed(errno: string, changed: boolean, refused: boolean): Finding {
  if (changed) return { failure: 'F3', text: `${errno}, and some of the pages are changed` };
  if (refused) return { failure: 'F1', text: `${errno}: no page table for a split; no page is changed` };
  return { failure: 'F8', text: `${errno}, with memory to be had` };
}

/** It did not do what it is for, and did not say so. */
function silent(value: number | undefined, changed: boolean, refused: boolean): Finding {
  const returns = value === undefined ? 'returns nothing' : `returns ${value}`;
  if (refused)
    return { failure: 'F1', text: `no page table for a split: ${returns}, and the pages are not as asked` };
  if (changed) return { failure: 'F6', text: `${returns}, and some of the pages are not as asked` };
  return { failure: 'F2', text: `${returns}, and nothing was done` };
}

function judgeContext(done: Done): Finding | undefined {
  if (done.died !== undefined) return { failure: 'F8', text: `the machine dies: ${done.died.how}` };
  const sleeps = done.events.find(isSleep);
  if (sleeps === undefined) return undefined;
  return { failure: 'F8', text: 'it may sleep, or wait for other CPUs' };
}

function isSleep(event: Event): boolean {
  return (event.kind === 'unreported' || event.kind === 'printk') && event.text.includes('sleeping function');
}

function judgeTlb(asked: AskedCall, done: Done, state: State): Finding | undefined {
  const promised = promise(asked);
  if (promised === undefined || done.died !== undefined || (done.returned[0] ?? 0) !== 0) return undefined;
  const pages = pagesOf(done, state.pages);
  const stale = (write: boolean, allowed: (page: PageState) => boolean) =>
    pages.some((page, i) => !allowed(page) && state.canAccess(1, done.action.first + i, write));
  if (stale(false, ({ present }) => present)) {
    return { failure: 'F4', text: 'it returns, and another CPU can still read the page through its TLB' };
  }
  if (stale(true, ({ present, writable }) => present && writable)) {
    return { failure: 'F4', text: 'it returns, and another CPU can still write the page through its TLB' };
  }
  return undefined;
}

/** What the pages were before: "a 4K entry, not present"; "part of a 2M leaf, present". */
function shapeOf({ action, before }: Done): string {
  const pages = before.slice(action.first, action.first + action.pages);
  const present = pages.filter((page) => page.present).length;
  const presence = present === 0 ? 'not present' : present === pages.length ? 'present' : 'present and not';
  const levels = new Set(pages.map(({ level }) => level));
  if (levels.size > 1) return `entries and leaves of several sizes, ${presence}`;
  const level = pages[0]?.level ?? 0;
  if (level === 0) return 'no entry';
  if (level === 1) return pages.length === 1 ? `a 4K entry, ${presence}` : `4K entries, ${presence}`;
  const leaf = 2 ** ((level - 1) * BITS);
  const whole = action.first % leaf === 0 && pages.length % leaf === 0;
  return `${whole ? 'a whole' : 'part of a'} ${level === 2 ? '2M' : '1G'} leaf, ${presence}`;
}

// ---- the question as claims

/** The place of the asked call among an action's, or -1 if the action is not the question. */
function askedIn({ action }: Done, asked: AskedCall): number {
  const same = (values: readonly (number | string)[]) => values.join() === asked.with.join();
  return action.calls.findIndex(({ name, with: values = [] }) => name === asked.name && same(values));
}

/** That the call never goes wrong, in one of the worlds. */
function askClaim(asked: AskedCall, debugPagealloc: boolean, index: number): Claim {
  const { world, judge } = worldsFor(asked, debugPagealloc)[index]!;
  return {
    id: `ask${debugPagealloc ? 'd' : ''}${index}.${[asked.name, asked.on, ...asked.with].join('-')}`,
    sentence: `${asked.name}() cannot fail.`,
    source: { who: 'asked', when: 'now', where: 'on the command line' },
    catalogue: [],
    listens: true,
    world: () => world,
    after(done, state) {
      if (askedIn(done, asked) < 0) return undefined;
      const wrong = judge(done, state);
      return wrong === undefined ? undefined : { ...wrong, text: `${shapeOf(done)}: ${wrong.text}` };
    },
    sometimes: [],
  };
}

/** The claim behind a replay id that an answer gave, or undefined. */
export function askClaimNamed(id: string): Claim | undefined {
  const [, debug, index, name = '', on, rest = ''] =
    /^ask(d?)(\d)\.(\w+)-(page|range|leaf)((?:-\d+)*)$/.exec(id) ?? [];
  if (on === undefined || !allCalls().has(name)) return undefined;
  const asked: AskedCall = { name, on: on as AskedCall['on'], with: rest.split('-').slice(1).map(Number) };
  const exists = Number(index) < worldsFor(asked, debug === 'd').length;
  return exists ? askClaim(asked, debug === 'd', Number(index)) : undefined;
}

// ---- the inquiry

class Inquiry {
  readonly #asked: AskedCall;
  readonly #surroundings: Surroundings;
  readonly #limits: Limits;
  readonly #onProgress: OnProgress | undefined;
  readonly #safe = new Map<string, { states: number; because: Set<string> }>();
  readonly #failing = new Set<string>();
  /** By their text: the same in two worlds is one. */
  readonly #failures = new Map<string, Failure>();
  readonly #explored: string[] = [];
  #states = 0;
  #transitions = 0;
  #exhausted = true;

  constructor(
    asked: AskedCall,
    surroundings: Surroundings,
    limits: Limits,
    onProgress: OnProgress | undefined,
  ) {
    this.#asked = asked;
    this.#surroundings = surroundings;
    this.#limits = limits;
    this.#onProgress = onProgress;
  }

  explore(claim: Claim, { name, world }: AskedWorld): void {
    const machine = machineFor(world, this.#surroundings);
    const collected = new Map<string, Collected>();
    const watched: Claim = {
      ...claim,
      after: (done, state) => {
        const wrong = claim.after!(done, state);
        if (askedIn(done, this.#asked) >= 0) this.#note(done, wrong);
        return wrong;
      },
    };
    const explored = explore(watched, machine, this.#limits, this.#onProgress, collected);
    this.#explored.push(name);
    this.#states += explored.states;
    this.#transitions += explored.transitions;
    this.#exhausted &&= explored.exhausted;
    for (const each of collected.values()) this.#add(claim, world, each);
  }

  /** Sorts an answer by what the pages were before. What a TLB or a context does is no failure of the shape's. */
  #note(done: Done, wrong: Finding | undefined): void {
    const when = shapeOf(done);
    if (wrong !== undefined && wrong.failure !== 'F4' && wrong.failure !== 'F8') this.#failing.add(when);
    const known = this.#safe.get(when) ?? { states: 0, because: new Set() };
    this.#safe.set(when, known);
    known.states++;
    for (const event of done.events) {
      if (event.kind === 'guard') known.because.add(`${event.where}(): ${event.because}`);
    }
  }

  #add(claim: Claim, world: World, { finding, choices, times }: Collected): void {
    const only: Claim = {
      ...claim,
      after: (done, state) => {
        const found = claim.after!(done, state);
        return found?.text === finding.text ? found : undefined;
      },
    };
    const { trace, notices, last } = showTrace(only, world, this.#surroundings, choices);
    const at = finding.text.indexOf(': ');
    const failure: Failure = {
      when: finding.text.slice(0, at),
      text: finding.text.slice(at + 2),
      failure: finding.failure,
      times,
      returned: last === undefined ? 'never' : returnedBy(last, askedIn(last, this.#asked)),
      notices,
      trace,
    };
    const known = this.#failures.get(finding.text);
    if (known === undefined) this.#failures.set(finding.text, failure);
    else known.times += times;
  }

  result(kernel: string): AskResult {
    const safe = [...this.#safe].filter(([when]) => !this.#failing.has(when));
    return {
      call: this.#asked.name,
      arch: this.#surroundings.version.arch.name,
      kernel,
      states: this.#states,
      transitions: this.#transitions,
      exhausted: this.#exhausted,
      explored: this.#explored,
      safe: safe.map(([when, { states, because }]) => ({ when, states, because: [...because] })),
      failures: [...this.#failures.values()].sort(
        (a, b) => a.failure.localeCompare(b.failure) || b.times - a.times,
      ),
      callers: callersOf(this.#asked.name, this.#surroundings.version).map(
        ({ name, file, onError, worst }) => ({ name, file, does: ON_ERROR[onError], worst }),
      ),
      notExplored: [
        'mappings of the same page elsewhere (vmalloc, the kernel image)',
        'two CPUs within the call',
      ],
    };
  }
}

function returnedBy({ returned }: Done, call: number): string {
  if (call >= returned.length) return 'never';
  const value = returned[call];
  return value === undefined ? 'void' : errnoText(value);
}
