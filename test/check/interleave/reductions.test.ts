/**
 * Whether the exploration of interleavings sees what the model does: beside a plain depth-first enumeration of every
 * schedule with the model's own generators, and beside itself with its reductions turned off.
 */

import { describe, expect, it } from 'vitest';
import type { Action, Claim, Done, Pattern, State, World } from '../../../src/check/claim.ts';
import { interleave } from '../../../src/check/interleave/interleave.ts';
import { WatchedMemory } from '../../../src/check/interleave/watched_memory.ts';
import { NamedFrames } from '../../../src/check/machine/frames.ts';
import { CheckedMachine, smallBits } from '../../../src/check/machine/machine.ts';
import { replay } from '../../../src/check/trace/replay.ts';
import { X86 } from '../../../src/linux/arch/x86/index.ts';
import { parseKernelVersion } from '../../../src/linux/kernels.ts';
import type { Task } from '../../../src/linux/task.ts';

const LIMITS = { states: 1e6, seconds: 60, bytes: 2 ** 30 };

interface Case extends World {
  kernel: string;
  /** Every call goes without cpa_lock although there is a large leaf: no kernel boots so. */
  unlocked?: boolean;
}

function machineOf({ kernel, unlocked = false, ...world }: Case): CheckedMachine {
  const surroundings = { version: parseKernelVersion(kernel, 'test', X86) };
  const machine = new CheckedMachine(world, surroundings, new WatchedMemory(2 ** smallBits(world)));
  const boot = { ...machine.kernel.boot, debug_pagealloc: true };
  if (unlocked) Object.defineProperty(machine.kernel, 'boot', { value: boot });
  return machine;
}

// ---- what can come of a world

/** What a state looks like, or of what the machine died. Pages may have changed places if they are alike. */
function outcomeOf(state: State, alike: boolean): string {
  const pages = state.pages.map(({ level, text, frameOffset }) => `${level}:${text}:${frameOffset}`);
  return (alike ? pages.sort() : pages).join(' | ');
}

function deathOf(text: string): string {
  return `died: ${text.replace(/0x[0-9a-f]+/, 'an address')}`;
}

const SEEK: Omit<Claim, 'after'> = {
  ...{ id: 'test', sentence: 'whatever', source: { who: '', when: '', where: '' }, catalogue: [] },
  ...{ world: () => ({ leaf: '4K', calls: [] }), remembers: true, sometimes: [] },
};

interface Options {
  alike: boolean;
  reduce: boolean;
  /** Only states in which every CPU has ended an action. */
  allDone?: boolean;
}

/** Every idle state, every death, and what each action returned, by the exploration. */
function explored(test: Case, { alike, reduce, allDone = false }: Options) {
  const outcomes = new Set<string>();
  const returned = new Set<string>();
  const after = (done: Done, state: State) => {
    if (done.died !== undefined) outcomes.add(deathOf(done.died.text));
    else {
      returned.add(`${done.action.calls.map(({ name }) => name)} = ${done.returned}`);
      if (state.idle && (!allDone || state.last.every((action) => action !== undefined)))
        outcomes.add(outcomeOf(state, test.pagesAlike === true));
    }
    return undefined;
  };
  const claim = { ...SEEK, remembers: allDone, after };
  const machine = machineOf({ ...test, pagesAlike: alike });
  const { exhausted, states } = interleave(claim, machine, LIMITS, undefined, { reduce });
  expect(exhausted).toBe(true);
  return { outcomes: [...outcomes].sort(), returned: [...returned].sort(), states };
}

// ---- the same by trying every schedule

/** Runs from the first state, asking `choose` at every point where the world has a choice. */
function runSchedule(
  machine: CheckedMachine,
  begun: readonly Action[],
  choose: (options: number) => number,
): string | undefined {
  const { kernel } = machine;
  const locks = () =>
    kernel.locks.map((lock) => ('owner' in lock ? lock.owner : [lock.writer, lock.readers]));
  const memory = kernel.memory as WatchedMemory;
  let usedAfterFree = false;
  const use = (address: number) => {
    const isNote = NamedFrames.frameOfNote(address) !== undefined;
    if (!isNote && machine.frames.wasGivenBack(Math.floor(address / 4096))) usedAfterFree = true;
  };
  const tasks: (Task<unknown> | undefined)[] = begun.map((action) => machine.task(action));
  const at: (string | undefined)[] = begun.map(() => undefined);
  for (;;) {
    const able = tasks.flatMap((task, cpu) => (task === undefined || waits(at[cpu], cpu) ? [] : [cpu]));
    if (able.length === 0) break;
    const cpu = able[choose(able.length)]!;
    kernel.cpu = cpu;
    const before = JSON.stringify(locks());
    memory.watcher = { reads: use, writes: use };
    let step = tasks[cpu]!.next(0);
    while (step.done !== true && step.value.kind === 'allocation') {
      step = tasks[cpu]!.next(machine.world.memoryIsPlenty ? 1 : 1 - choose(2));
    }
    memory.watcher = undefined;
    if (usedAfterFree) return deathOf('a page table was used after it had been freed');
    if (kernel.death !== undefined) return deathOf(kernel.death.text);
    const point = step.done === true || step.value.kind !== 'preemption' ? undefined : step.value;
    const lock = point?.at === 'lock' ? String(point.what) : undefined;
    // Nothing has happened: this schedule is another one with a turn more.
    if (lock !== undefined && lock === at[cpu] && before === JSON.stringify(locks()) && isHeld(lock)) return;
    at[cpu] = lock;
    if (step.done === true) tasks[cpu] = undefined;
  }
  const stuck = tasks.findIndex((task) => task !== undefined);
  if (stuck >= 0) return deathOf(`CPU ${stuck} waits for ${at[stuck]}`);
  return outcomeOf(machine, machine.world.pagesAlike === true);

  function waits(name: string | undefined, cpu: number): boolean {
    const lock = kernel.locks.find((each) => each.name === name);
    if (lock === undefined) return false;
    const holder = 'owner' in lock ? lock.owner : lock.writer;
    return holder !== -1 && holder !== cpu;
  }

  function isHeld(name: string): boolean {
    const lock = kernel.locks.find((each) => each.name === name)!;
    return 'owner' in lock ? lock.owner !== -1 : lock.writer !== -1 || lock.readers > 0;
  }
}

/** What can come of one action on each CPU, each begun once, over every schedule and every refusal. */
function enumerated(test: Case): { outcomes: string[]; schedules: number } {
  const machine = machineOf(test);
  const { kernel } = machine;
  const begun = Array.from(
    { length: machine.cpus },
    (_, cpu) => machine.actions.find(({ cpus }) => cpus.includes(cpu))!,
  );
  expect(begun.length).toBe(machine.actions.length);
  const outcomes = new Set<string>();
  const start = kernel.mark();
  let schedules = 0;
  /** The options at each choice of the last run, and which were taken. */
  let way: { taken: number; options: number }[] = [];
  for (;;) {
    let next = 0;
    kernel.interleaved = true;
    const outcome = runSchedule(machine, begun, (options) => {
      const choice = way[next] ?? { taken: 0, options };
      way[next++] = choice;
      return choice.taken;
    });
    kernel.interleaved = false;
    kernel.cpu = 0;
    kernel.undo(start);
    schedules++;
    if (outcome !== undefined) outcomes.add(outcome);
    const last = way.findLastIndex(({ taken, options }) => taken + 1 < options);
    if (last < 0) return { outcomes: [...outcomes].sort(), schedules };
    way = [...way.slice(0, last), { ...way[last]!, taken: way[last]!.taken + 1 }];
  }
}

// ---- worlds

/** Calls as "name" or "name argument", on CPU `cpus` or on all. */
function pattern(on: Pattern['on'], text: string, more: Partial<Pattern> = {}): Pattern {
  const calls = text.split(', ').map((each) => {
    const [name = '', ...args] = each.split(' ');
    return { name, with: args.map(Number) };
  });
  return { calls, on, ...more };
}

const LARGE = { leaf: '2M', config: { DEBUG_PAGEALLOC: 'y' } } as const;
const DEBUG_PAGEALLOC = { leaf: '4K', config: { DEBUG_PAGEALLOC: 'y' }, boot: 'debug_pagealloc=on' } as const;

describe('two CPUs with one action each end where they end by every schedule tried one after the other', () => {
  const beside = (on0: Pattern['on'], text0: string, text1: string) => ({
    ...{ cpus: 2, interleaved: true, geometry: 1 },
    calls: [pattern(on0, text0, { cpus: [0] }), pattern('first', text1, { cpus: [1] })],
  });
  const ptdump = {
    ...{ ...LARGE, ...beside('leaf', 'set_memory_rox', 'ptdump_walk_pgd') },
    first: [pattern('first', 'set_memory_ro')],
  };
  const np = 'set_direct_map_invalid_noflush';
  const cases: (Case & { name: string; outcomes: number })[] = [
    {
      ...{ name: 'an update that is lost', kernel: 'v6.12', outcomes: 3 },
      ...{ ...DEBUG_PAGEALLOC, ...beside('first', 'set_memory_x', 'set_memory_np') },
    },
    {
      ...{ name: 'an update that is not lost', kernel: 'v7.2', outcomes: 1 },
      ...{ ...DEBUG_PAGEALLOC, ...beside('first', 'set_memory_x', 'set_memory_np') },
    },
    {
      ...{ name: 'a whole leaf beside a page of it', kernel: 'v6.1', outcomes: 2 },
      ...{ ...LARGE, ...beside('leaf', 'set_memory_np', np) },
    },
    {
      ...{ name: 'the same without cpa_lock', kernel: 'v6.1', unlocked: true, outcomes: 4 },
      ...{ ...LARGE, ...beside('leaf', 'set_memory_np', np) },
    },
    {
      ...{ name: 'two splits without cpa_lock', kernel: 'v6.1', unlocked: true, outcomes: 3 },
      ...{ ...LARGE, ...beside('first', 'set_memory_ro', np) },
    },
    {
      ...{ name: 'a reader of a page that goes away', kernel: 'v7.2', unlocked: true, outcomes: 3 },
      ...{ ...LARGE, ...beside('first', '__kernel_map_pages 0', 'touch') },
    },
    { ...ptdump, name: 'a walk beside a collapse', kernel: 'v7.2~cpa-mmap-lock', outcomes: 2 },
    { ...ptdump, name: 'a walk kept out by the mmap lock', kernel: 'v7.2', outcomes: 1 },
  ];

  it.each(cases)('$name, on $kernel: $outcomes ends', (test) => {
    const { outcomes, schedules } = enumerated(test);
    expect(schedules).toBeGreaterThan(20);
    expect(outcomes).toHaveLength(test.outcomes);
    for (const reduce of [false, true]) {
      expect(explored(test, { alike: false, reduce, allDone: true }).outcomes).toEqual(outcomes);
    }
  });
});

describe('what the reductions leave out changes no verdict, no outcome and no result', () => {
  const KMAP = '__kernel_map_pages 1, touch, __kernel_map_pages 0';
  const pages = (text: string) => pattern('page', text, { exclusive: true });
  const leaf = pattern('leaf', '__kernel_map_pages 1, __kernel_map_pages 0', { exclusive: true });
  const byPage = pages('set_direct_map_default_noflush, touch, set_direct_map_invalid_noflush');
  const ptdump = [
    pages('set_memory_ro'),
    pattern('leaf', 'set_memory_rox'),
    pattern('page', 'ptdump_walk_pgd'),
  ];
  const updates = ['set_memory_x', 'set_memory_nx', 'set_memory_np', 'set_memory_p'];
  const owned = [pages('set_memory_x, set_memory_np'), pages('set_memory_nx, set_memory_p')];
  const worlds = {
    'updates that are lost': {
      ...{ ...DEBUG_PAGEALLOC, kernel: 'v6.12', calls: updates.map((name) => pattern('page', name)) },
    },
    'updates of pages that the caller owns': { ...DEBUG_PAGEALLOC, kernel: 'v6.12', calls: owned },
    'splits under cpa_lock': { ...LARGE, kernel: 'v5.10', calls: [byPage] },
    'splits without cpa_lock': { ...LARGE, kernel: 'v6.1', unlocked: true, calls: [pages(KMAP)] },
    'a whole leaf': { ...LARGE, kernel: 'v6.1', calls: [pages(KMAP), leaf] },
    'a whole leaf without cpa_lock': {
      ...{ ...LARGE, kernel: 'v6.1', unlocked: true, calls: [pages(KMAP), leaf] },
    },
    'walks beside collapses': { ...LARGE, kernel: 'v7.2~cpa-mmap-lock', calls: ptdump },
    'walks kept out by the mmap lock': { ...LARGE, kernel: 'v7.2', calls: ptdump },
    'collapses of tables that others own pages in': {
      ...{ ...LARGE, kernel: 'v7.2', calls: [pages('set_memory_rox'), byPage] },
    },
  } as const;
  /** CPUs, then index bits. */
  const sizes: Partial<Record<keyof typeof worlds, [number, number][]>> = {
    'updates that are lost': [[2, 1]],
    'walks beside collapses': [
      [2, 1],
      [3, 1],
    ],
    'walks kept out by the mmap lock': [[3, 1]],
    'collapses of tables that others own pages in': [[2, 1]],
  };
  const all: [number, number][] = [
    [2, 1],
    [2, 2],
    [3, 1],
  ];
  const cases = (Object.keys(worlds) as (keyof typeof worlds)[]).flatMap((name) =>
    (sizes[name] ?? all).map(([cpus, geometry]) => ({ name, cpus, geometry, pages: 2 ** geometry })),
  );

  it.each(cases)('$name: $cpus CPUs, $pages pages', ({ name, cpus, geometry }) => {
    const test: Case = { ...worlds[name], cpus, geometry, interleaved: true, pagesAlike: true };
    const plain = explored(test, { alike: false, reduce: false });
    const plainTrace = shortest(test, { alike: false, reduce: false });
    expect(plain.outcomes.length).toBeGreaterThan(1);
    for (const [alike, reduce] of [
      [false, true],
      [true, false],
      [true, true],
    ] as const) {
      const reduced = explored(test, { alike, reduce });
      expect(reduced.outcomes).toEqual(plain.outcomes);
      expect(reduced.returned).toEqual(plain.returned);
      expect(reduced.states).toBeLessThanOrEqual(plain.states);
      expect(shortest(test, { alike, reduce })).toBe(plainTrace);
    }
  });

  it.each([
    ['updates of pages that the caller owns', 2, 6672],
    ['splits without cpa_lock', 2, 24655],
    ['a whole leaf', 1, 1308],
    ['walks beside collapses', 1, 2981],
  ] as const)(
    'every state has its own hash: %s, 2 CPUs, %i index bits: %i states',
    (name, geometry, states) => {
      // Counted once with the whole state as the key, in the place of its hash.
      const test: Case = { ...worlds[name], cpus: 2, geometry, interleaved: true, pagesAlike: true };
      expect(explored(test, { alike: false, reduce: false }).states).toBe(states);
    },
  );

  it('pages that the first calls have made different do not change places', () => {
    const test: Case = {
      ...{ ...LARGE, kernel: 'v6.1', cpus: 1, geometry: 1, interleaved: true, pagesAlike: true },
      first: [pattern('leaf', 'set_memory_np'), pattern('first', 'set_direct_map_default_noflush')],
      calls: [pages('touch')],
    };
    const { outcomes } = explored(test, { alike: true, reduce: true });
    expect(outcomes).toEqual(explored(test, { alike: false, reduce: false }).outcomes);
    expect(outcomes).toHaveLength(2);
  });

  it('the model itself confirms a trace to each outcome', () => {
    const test: Case = {
      ...{ ...worlds['a whole leaf without cpa_lock'], cpus: 2, geometry: 1 },
      ...{ interleaved: true, pagesAlike: true },
    };
    const { outcomes } = explored(test, { alike: true, reduce: true });
    for (const outcome of outcomes) {
      const after = (done: Done, state: State) => {
        const reached = done.died !== undefined ? deathOf(done.died.text) : outcomeOf(state, true);
        const isThere = reached === outcome && (done.died !== undefined || state.idle);
        return isThere ? ({ text: outcome, failure: 'F1' } as const) : undefined;
      };
      const claim = { ...SEEK, remembers: false, after };
      const found = interleave(claim, machineOf(test), LIMITS).refutation;
      expect(replay(claim, machineOf(test), found!.choices).finding?.text).toBe(outcome);
    }
  });
});

/** Steps to the first death, if there is any. */
function shortest(test: Case, { alike, reduce }: Options): number | undefined {
  const claim: Claim = {
    ...{ ...SEEK, remembers: false },
    after: ({ died }) => (died === undefined ? undefined : { text: died.text, failure: 'F1' }),
  };
  const machine = machineOf({ ...test, pagesAlike: alike });
  return interleave(claim, machine, LIMITS, undefined, { reduce }).refutation?.choices.length;
}
