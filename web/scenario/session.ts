/** A scenario as one works with it: its text, what is said over it, the run, and where in the run one is. */

import type { LinkState } from '../../src/report/link.ts';
import { choiceWords, parseChoices, type WrittenChoices } from '../../src/scenario/choices.ts';
import type { Moment } from '../../src/scenario/moments.ts';
import { scheduleText } from '../../src/scenario/schedule.ts';
import { Latest } from '../state/latest.ts';
import { Store } from '../state/store.ts';
import type {
  About,
  Look,
  LookRequest,
  ModelApi,
  Overrides,
  RunAnswer,
  RunRequest,
} from '../workers/model_api.ts';
import { type Caller, CallFailed, type Failure, failureOf } from '../workers/rpc.ts';
import { FIRST_SCENARIO, libraryScript } from './library.ts';

/** After so many milliseconds a run is given up. */
const RUN_TIMEOUT = 60_000;
const NO_OVERRIDES: Overrides = {
  arch: '',
  kernel: '',
  boot: '',
  config: '',
  features: '',
  ram: '',
  cpus: '',
};
const NO_CHOICES: WrittenChoices = { refuse: '', grant: '', schedules: [] };

export interface ScenarioState {
  readonly script: string;
  /** Its name in the library, while it is as it is there. */
  readonly library: string | null;
  readonly overrides: Overrides;
  readonly choices: WrittenChoices;
  readonly dump: RunRequest['dump'];
  /** The id that the script was made from, with what it says of the claim. */
  readonly replay: { readonly id: string; readonly text: string } | null;
  readonly about: About | null;
  readonly run: RunAnswer | null;
  readonly isRunning: boolean;
  /** The text is not what was run. */
  readonly isEdited: boolean;
  /** Why the text cannot be run, or the run has no end. */
  readonly problem: Failure | null;
  /** Moments that have happened. */
  readonly moment: number;
  /** An address that the reader has chosen; otherwise it is that of the moment. */
  readonly pinned: string | null;
  readonly look: Look | null;
  /** To be said once, to who is here for the first time. */
  readonly isFirstVisit: boolean;
}

/** Where in a run to be: a number of moments, its end, or half way, where the world refuses something. */
type Place = number | 'end' | 'half way';

export class ScenarioSession {
  readonly store = new Store<ScenarioState>({
    script: '',
    library: null,
    overrides: NO_OVERRIDES,
    choices: NO_CHOICES,
    dump: null,
    replay: null,
    about: null,
    run: null,
    isRunning: false,
    isEdited: false,
    problem: null,
    moment: 0,
    pinned: null,
    look: null,
    isFirstVisit: false,
  });
  readonly #model: Caller<ModelApi>;
  readonly #looks: Latest<LookRequest>;
  readonly #checks: Latest<string>;
  #runs = 0;

  constructor(model: Caller<ModelApi>) {
    this.#model = model;
    this.#looks = new Latest((request) => this.#look(request));
    this.#checks = new Latest((text) => this.#checkText(text));
  }

  /** What the links say of it, and what they do not is as it is at first. @throws CallFailed, InputError */
  async load(link: LinkState, isFirstVisit: boolean): Promise<void> {
    this.store.set({ ...(await this.#scriptOf(link)), isFirstVisit });
    const { arch = '', kernel = '', boot = '', config = '', features = '', ram = '', cpus = '' } = link;
    const { refuse = '', grant = '', schedules = [] } = link;
    this.store.set({
      overrides: { arch, kernel, boot, config, features, ram, cpus },
      choices: { refuse, grant, schedules },
      pinned: link.address === undefined ? null : `0x${link.address}`,
      run: null,
      look: null,
      problem: null,
    });
    await this.run(isFirstVisit ? 'half way' : (link.moment ?? 'end'));
    await this.#about();
  }

  get link(): LinkState {
    const { script, library, replay, overrides, choices, moment, pinned, run } = this.store.state;
    const whole = run !== null && moment === run.moments.length;
    return {
      ...(replay !== null ? { replay: replay.id } : library !== null ? { scenario: library } : { script }),
      ...overrides,
      ...choices,
      ...(run === null || whole ? {} : { moment }),
      ...(pinned === null ? {} : { address: pinned.replace(/^0x/, '') }),
    };
  }

  /** A scenario of the library in place of this one. */
  async open(name: string): Promise<void> {
    await this.load({ scenario: name }, false);
  }

  /** The counterexample of a claim. @throws CallFailed */
  async openReplay(id: string): Promise<void> {
    await this.load({ replay: id }, false);
    this.goTo('half way');
  }

  edit(script: string): void {
    this.store.set({ script, library: null, replay: null, isEdited: true });
    this.#checks.request(script);
  }

  /** Says something over the script's header, and runs it so. Empty text takes it back. */
  override(change: Partial<Overrides>): void {
    const overrides = { ...this.store.state.overrides, ...change };
    this.store.set({ overrides });
    void this.run('end');
  }

  /** Starts on the tables of a dump, or on those that boot makes. */
  startOn(dump: RunRequest['dump']): void {
    this.store.set({ dump, pinned: null });
    void this.run('end');
  }

  /** Refuses an allocation that is granted, or the reverse. The run goes on from there. */
  decide(allocation: number, grant: boolean): void {
    const { allocations, schedules } = parseChoices(this.store.state.choices, (word) => word);
    const decided = new Map(allocations);
    // What was chosen the other way before is the script's own again.
    if (!decided.delete(allocation)) decided.set(allocation, grant);
    this.#choose(choiceWords({ allocations: decided, schedules }));
  }

  /** Lets another CPU run at the moment where one is. The run goes on from there. */
  letRun(cpu: number): void {
    const { run, moment, choices } = this.store.state;
    const turn = run?.moments[moment - 1]?.turn;
    if (run === null || turn === undefined) return;
    const turns = run.outcome.interleavings[turn.interleaving]!.steps.slice(0, turn.step + 1);
    const parsed = parseChoices(choices, (word) => word);
    // A later interleave() may not come to be.
    const schedules = new Map([...parsed.schedules].filter(([number]) => number < turn.interleaving));
    schedules.set(turn.interleaving, scheduleText([...turns.map((step) => step.cpu), cpu]));
    this.#choose(choiceWords({ ...parsed, schedules }));
  }

  /** Everything is as the script says again. */
  forgetChoices(): void {
    this.#choose(NO_CHOICES);
  }

  #choose(choices: ScenarioState['choices']): void {
    this.store.set({ choices });
    void this.run(this.store.state.moment);
  }

  goTo(place: Place): void {
    const { run } = this.store.state;
    if (run === null) return;
    const moment = momentAt(run.moments, place);
    this.store.set({ moment, isFirstVisit: false });
    this.#looks.request({ moment, address: this.address });
  }

  step(by: number): void {
    this.goTo(this.store.state.moment + by);
  }

  /** To where the next call, or the one before, begins. */
  stepCall(forward: boolean): void {
    const { run, moment } = this.store.state;
    if (run === null) return;
    const begins = (each: Moment) => each.kind === 'call';
    if (forward) {
      const next = run.moments.findIndex((each, number) => number >= moment && begins(each));
      this.goTo(next < 0 ? 'end' : next + 1);
    } else this.goTo(Math.max(0, run.moments.slice(0, Math.max(0, moment - 1)).findLastIndex(begins) + 1));
  }

  /** Looks at an address from now on; null follows the moments. */
  pin(address: string | null): void {
    this.store.set({ pinned: address });
    const { run, moment } = this.store.state;
    if (run !== null) this.#looks.request({ moment, address: this.address });
  }

  /** What is looked at. */
  get address(): string | null {
    const { pinned, run, moment } = this.store.state;
    return pinned ?? followed(run?.moments ?? [], moment);
  }

  /** The run as the command line prints it. @throws CallFailed */
  account(): Promise<string> {
    return this.#model.call('account', null);
  }

  async run(place: Place): Promise<void> {
    const { script, library, overrides, choices, dump } = this.store.state;
    const number = ++this.#runs;
    this.store.set({ isRunning: true, problem: null, isEdited: false });
    const timeout = setTimeout(() => this.#model.stop(tooLong()), RUN_TIMEOUT);
    try {
      const name = library?.replace(/^.*\//, '') ?? 'script.js';
      const run = await this.#model.call('run', { script: { text: script, name }, overrides, choices, dump });
      if (number !== this.#runs) return;
      const moment = momentAt(run.moments, place);
      this.store.set({ run, moment, isRunning: false });
      this.#looks.request({ moment, address: this.address });
    } catch (error) {
      if (number !== this.#runs) return;
      const problem = failureOf(error);
      // With its worker the run before is gone, too; otherwise one can still go through that.
      const gone = problem.kind === 'stopped' ? { run: null, look: null } : {};
      this.store.set({ isRunning: false, problem, ...gone });
    } finally {
      clearTimeout(timeout);
    }
  }

  async #look(request: LookRequest): Promise<void> {
    try {
      const look = await this.#model.call('look', request);
      this.store.set({ look });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind !== 'stopped') this.store.set({ problem: failure });
    }
  }

  async #checkText(text: string): Promise<void> {
    const problem = await this.#model.call('problemOf', { text, name: 'script.js' });
    if (this.store.state.script === text) this.store.set({ problem });
  }

  async #about(): Promise<void> {
    if (this.store.state.about === null) this.store.set({ about: await this.#model.call('about', null) });
  }

  async #scriptOf(link: LinkState): Promise<Pick<ScenarioState, 'script' | 'library' | 'replay'>> {
    if (link.script !== undefined) return { script: link.script, library: null, replay: null };
    if (link.replay !== undefined) {
      const { scenario, text } = await this.#model.call('replay', link.replay);
      return { script: scenario, library: null, replay: { id: link.replay, text } };
    }
    const name = link.scenario ?? FIRST_SCENARIO;
    const script = await libraryScript(name);
    if (script === undefined) {
      throw new CallFailed({ kind: 'input', text: `link: there is no scenario "${name}" in the library` });
    }
    return { script, library: name, replay: null };
  }
}

function tooLong(): string {
  return `The run was given up after ${RUN_TIMEOUT / 1000} s. directmap run has no such limit.`;
}

function momentAt(moments: readonly Moment[], place: Place): number {
  if (place === 'end') return moments.length;
  if (place !== 'half way') return Math.max(0, Math.min(moments.length, place));
  const refused = moments.findIndex(({ kind }) => kind === 'refused');
  return refused < 0 ? Math.ceil(moments.length / 2) : refused;
}

/** The address that the last moment with one was about, or else that of the first one to come. */
function followed(moments: readonly Moment[], moment: number): string | null {
  for (let number = moment - 1; number >= 0; number--) {
    const { address } = moments[number]!;
    if (address !== undefined) return address;
  }
  return moments.find(({ address }) => address !== undefined)?.address ?? null;
}
