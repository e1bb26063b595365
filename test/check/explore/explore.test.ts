import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkClaim } from '../../../src/check/check.ts';
import type { Action, Pattern, World } from '../../../src/check/claim.ts';
import {
  DIRECT_MAP_BY_PAGE,
  onLeaf,
  onPage,
  onRange,
  PERMISSIONS,
  PRESENCE,
} from '../../../src/check/claims/shared/worlds.ts';
import { explore } from '../../../src/check/explore/explore.ts';
import { interleave } from '../../../src/check/interleave/interleave.ts';
import type { CheckedMachine } from '../../../src/check/machine/machine.ts';
import { claimIn, machineIn, NO_LIMITS } from '../../support/worlds.ts';

const onFirst = (name: string): Pattern => ({ calls: [{ name }], on: 'first' });

/** Everything in a state that anything depends on, word by word. */
function textOf({ kernel, pages }: CheckedMachine, start: number): string {
  const words = kernel.memory
    .changedSince(start)
    .map(({ address, low, high }) => `${address} ${low} ${high}`)
    .sort();
  const tlb = [...(kernel.tlb?.held() ?? [])].map((each) => JSON.stringify(each)).sort();
  const secret = [...kernel.secretmem_files.entries()].map(([fd, file]) => [fd, ...file]);
  return JSON.stringify([words, tlb, secret, kernel.page_flags.changed(), pages.map(({ text }) => text)]);
}

interface Naive {
  states: Set<string>;
  mappings: Set<string>;
  transitions: number;
}

/** From where the machine is: every action by every CPU with every answer, depth first, states by their full text. */
function exploreNaively(machine: CheckedMachine): Naive {
  const start = machine.kernel.memory.mark();
  const naive: Naive = { states: new Set(), mappings: new Set(), transitions: 0 };
  const visit = () => {
    const text = textOf(machine, start);
    if (naive.states.has(text)) return;
    naive.states.add(text);
    naive.mappings.add(mappingOf(machine));
    for (const action of machine.actions) {
      for (const cpu of action.cpus) if (machine.enabled(action)) take(action, cpu, []);
    }
  };
  const take = (action: Action, cpu: number, answers: readonly boolean[]) => {
    const mark = machine.kernel.mark();
    const { allocations, died } = machine.run(action, cpu, (n) => answers[n - 1] === false);
    const open = allocations > answers.length;
    if (!open) {
      naive.transitions++;
      if (died === undefined) visit();
    }
    machine.kernel.undo(mark);
    if (open) for (const answer of [true, false]) take(action, cpu, [...answers, answer]);
  };
  visit();
  return naive;
}

function mappingOf({ pages }: CheckedMachine): string {
  return pages.map(({ level, frameOffset, text }) => `${level} ${frameOffset} ${text}`).join('; ');
}

/** What the explorer sees in the same world. */
function exploreWell(world: World, kernel: string) {
  const machine = machineIn(world, kernel);
  const mappings = new Set<string>();
  const claim = claimIn(world, {
    always: () => {
      mappings.add(mappingOf(machine));
      return undefined;
    },
  });
  return { ...explore(claim, machine, NO_LIMITS), mappings };
}

const SECRETMEM: readonly Pattern[] = [
  { calls: [{ name: 'memfd_secret', keep: 'fd' }], on: 'none' },
  { calls: [{ name: 'secretmem_fault', with: ['fd', 0] }], on: 'none' },
  { calls: [{ name: 'secretmem_fault', with: ['fd', 1] }], on: 'none' },
  { calls: [{ name: 'secretmem_release', with: ['fd'], forget: 'fd' }], on: 'none' },
];

const WORLDS: readonly { name: string; kernel: string; world: World }[] = [
  {
    name: 'two pages of a 2M leaf, in and out of the direct map',
    kernel: 'v5.10',
    world: { leaf: '2M', geometry: 1, calls: [...DIRECT_MAP_BY_PAGE, onRange('set_memory_np')] },
  },
  {
    name: 'four pages of a 1G leaf, on v7.2, which merges them again',
    kernel: 'v7.2.13',
    world: {
      leaf: '1G',
      calls: [onPage('set_memory_ro'), onLeaf('set_memory_rox'), onFirst('set_memory_4k')],
    },
  },
  {
    name: 'two CPUs whose TLBs keep what they have',
    kernel: 'v6.12.107',
    world: {
      leaf: '2M',
      geometry: 1,
      cpus: 2,
      tlb: true,
      calls: [onPage('touch'), onPage('set_memory_ro'), onPage('set_direct_map_default_noflush')],
    },
  },
  {
    name: 'secret memory',
    kernel: 'v7.2.13',
    world: { leaf: '2M', geometry: 1, pagesFree: true, calls: SECRETMEM },
  },
];

describe('in a tiny world the explorer sees what a naive recursion over full states sees', () => {
  test.each(WORLDS)('$name', ({ kernel, world }) => {
    const naive = exploreNaively(machineIn(world, kernel));
    const explored = exploreWell(world, kernel);
    expect(explored.exhausted).toBe(true);
    expect(explored.states).toBe(naive.states.size);
    expect(explored.transitions).toBe(naive.transitions);
    expect(explored.mappings).toEqual(naive.mappings);
  });

  test('and leaves the machine as it was', () => {
    const { kernel, world } = WORLDS[1]!;
    const machine = machineIn(world, kernel);
    const hash = machine.kernel.memory.hash;
    explore(claimIn(world), machine, NO_LIMITS);
    expect(machine.kernel.memory.hash).toBe(hash);
  });
});

/** The answers of every transition, "+-" for granted and then refused, by the state and action that it begins with. */
function answersGiven(world: World, kernel: string): Map<string, string[]> {
  const machine = machineIn(world, kernel);
  const start = machine.kernel.memory.mark();
  const given = new Map<string, string[]>();
  const run = machine.run.bind(machine);
  // Only an explored action is listened to: one that leads back to a state is not.
  machine.run = (action, cpu, refuse, listen) => {
    const from = `${textOf(machine, start)} ${action.text} ${cpu}`;
    let answers = '';
    const done = run(action, cpu, (n) => {
      const no = refuse(n);
      answers += no ? '-' : '+';
      return no;
    });
    if (listen === true) given.set(from, [...(given.get(from) ?? []), answers]);
    return done;
  };
  explore(claimIn(world, { listens: true }), machine, NO_LIMITS);
  return given;
}

describe('the answers to the allocations of an action', () => {
  test('three that do not depend on each other are answered in each of eight ways, once', () => {
    const alloc = { name: 'alloc_pages', with: [0] };
    const world: World = {
      leaf: '2M',
      pagesFree: true,
      calls: [{ calls: [alloc, alloc, alloc], on: 'none' }],
    };
    const [first] = answersGiven(world, 'v7.2.13').values();
    expect(first?.toSorted()).toEqual(['+++', '++-', '+-+', '+--', '-++', '-+-', '--+', '---']);
  });

  test('the second of two splits is asked for only if the first was granted', () => {
    const world: World = { leaf: '1G', calls: [{ calls: [{ name: 'set_memory_np' }], on: 'first' }] };
    const given = [...answersGiven(world, 'v6.12.107').values()];
    // From the 1G leaf, from the 4K leaf that is left of it, from the 2M leaf if that was not split.
    expect(given).toEqual([['++', '+-', '-'], [''], ['+', '-']]);
  });

  test.each(WORLDS)('are a complete tree without repetition: $name', ({ kernel, world }) => {
    const given = answersGiven(world, kernel);
    expect(given.size).toBeGreaterThan(10);
    for (const answers of given.values()) {
      expect(new Set(answers).size).toBe(answers.length);
      for (const one of answers) {
        expect(answers.some((other) => other !== one && other.startsWith(one))).toBe(false);
      }
      // Kraft: as much as 1 is what a complete tree has.
      expect(answers.reduce((sum, { length }) => sum + 2 ** -length, 0)).toBe(1);
    }
  });

  test('where memory is plenty are always yes', () => {
    const { world, kernel } = WORLDS[0]!;
    for (const answers of answersGiven({ ...world, memoryIsPlenty: true }, kernel).values()) {
      expect(answers).toEqual([expect.stringMatching(/^\+*$/)]);
    }
  });
});

describe('state spaces have the size that one counts by hand', () => {
  const explored = (world: World, kernel: string) => {
    const { states, transitions, depth } = exploreWell(world, kernel);
    return { states, transitions, depth };
  };

  test('one page of a 1G leaf made not present: whole, split once, split twice', () => {
    const world: World = { leaf: '1G', calls: [{ calls: [{ name: 'set_memory_np' }], on: 'first' }] };
    // 3 ways with two splits ahead, 2 with one, 1 with none. One refusal leads to the state between.
    expect(explored(world, 'v6.12.107')).toEqual({ states: 3, transitions: 3 + 2 + 1, depth: 1 });
  });

  test('each of n pages as it was, out of the direct map, or back: 3^n, but split with none changed', () => {
    const world = (geometry: number): World => ({ leaf: '2M', geometry, calls: DIRECT_MAP_BY_PAGE });
    // The whole leaf: n splits for "invalid", granted or not, and n times "default" that changes nothing.
    const size = (n: number) => ({ states: 3 ** n, transitions: 3 * n + (3 ** n - 1) * 2 * n });
    expect(explored(world(1), 'v6.12.107')).toMatchObject(size(2));
    expect(explored(world(2), 'v6.12.107')).toMatchObject(size(4));
  });

  test('with pages that are alike only how many there are of each kind counts', () => {
    const world: World = { leaf: '2M', geometry: 2, pagesAlike: true, calls: DIRECT_MAP_BY_PAGE };
    // Four pages of three kinds: C(6, 2) = 15, with one of them, all as before, in the large leaf.
    expect(explored(world, 'v6.12.107').states).toBe(15);
  });
});

describe('exploration is a function of the world', () => {
  const leafy: World = { leaf: '2M', calls: [...PRESENCE, ...PERMISSIONS] };
  const racing: World = {
    leaf: '2M',
    cpus: 2,
    interleaved: true,
    calls: [onPage('set_memory_np'), onPage('set_memory_p')],
  };

  test.each([1, 2])('between calls: the same twice at geometry %i', (geometry) => {
    const world = geometry === 1 ? leafy : { ...leafy, calls: DIRECT_MAP_BY_PAGE };
    const once = explore(claimIn(world), machineIn(world, 'v7.2.13', geometry), NO_LIMITS);
    const again = explore(claimIn(world), machineIn(world, 'v7.2.13', geometry), NO_LIMITS);
    expect(once.exhausted).toBe(true);
    expect(again).toEqual(once);
  });

  test('within calls: the same twice', () => {
    const claim = claimIn(racing);
    const once = interleave(claim, machineIn(racing, 'v6.12.107', 1), NO_LIMITS);
    const again = interleave(claim, machineIn(racing, 'v6.12.107', 1), NO_LIMITS);
    expect(once.exhausted).toBe(true);
    expect(again).toEqual(once);
  });
});

describe('a limit', () => {
  const many: World = { leaf: '2M', calls: [...PRESENCE, ...PERMISSIONS] };
  const racing: World = {
    leaf: '2M',
    geometry: 1,
    cpus: 2,
    interleaved: true,
    calls: [onPage('set_memory_np'), onPage('set_memory_p')],
  };
  const enough = { states: 1e6, seconds: 60, bytes: 2 ** 30 };
  const checked = (world: World, limits: Partial<typeof enough>) => {
    const claim = claimIn(world);
    return checkClaim(claim, { claim: claim.id, kernel: 'v7.2.13', limits: { ...enough, ...limits } });
  };

  test.each([
    ['states', { states: 300 }, 'more than 300 states'],
    ['seconds', { seconds: 0 }, 'more than 0 s'],
    ['bytes', { bytes: 1000 }, 'more than 0 MiB'],
  ])('of %s makes a claim undecided, between calls and within', (_, limits, because) => {
    for (const world of [many, racing]) {
      const { verdict, because: why, bounds } = checked(world, limits);
      expect([verdict, why]).toEqual(['undecided', because]);
      expect(bounds).toMatchObject({ exhausted: false, limit: because });
    }
  });

  test('of states is overrun by no more than what a few hundred states lead to', () => {
    expect(checked(many, { states: 1000 }).bounds?.states).toBeLessThan(20_000);
  });

  test('whatever it is never throws, and never makes a claim hold that was not explored', () => {
    const limits = fc.record({
      states: fc.nat(400),
      seconds: fc.double({ min: 0, max: 0.01, noNaN: true }),
      bytes: fc.nat(200_000),
    });
    fc.assert(
      fc.property(fc.constantFrom(many, racing), limits, (world, some) => {
        const { verdict, bounds } = checked(world, some);
        expect(verdict).toBe(bounds!.exhausted ? 'holds' : 'undecided');
      }),
      { numRuns: 20 },
    );
  });

  test('or a user who has seen enough stops it', () => {
    for (const world of [many, racing]) {
      const claim = claimIn(world);
      const job = { claim: claim.id, kernel: 'v7.2.13', limits: enough };
      expect(checkClaim(claim, job, () => true)).toMatchObject({
        verdict: 'undecided',
        because: 'interrupted',
      });
    }
  });
});
