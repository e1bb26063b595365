import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Choice, Claim, World } from '../../../src/check/claim.ts';
import { claim as updatesAreNotLost } from '../../../src/check/claims/cpa_updates_are_not_lost.ts';
import { onPage, onRange } from '../../../src/check/claims/shared/worlds.ts';
import { interleave } from '../../../src/check/interleave/interleave.ts';
import type { CheckedMachine } from '../../../src/check/machine/machine.ts';
import { minimise, runsOf } from '../../../src/check/trace/minimise.ts';
import { replay } from '../../../src/check/trace/replay.ts';
import { claimIn, machineIn, NO_LIMITS } from '../../support/worlds.ts';

interface Size {
  calls: number;
  refusals: number;
  switches: number;
}

function sizeOf(choices: readonly Choice[]): Size {
  return {
    calls: choices.filter(({ action }) => action !== undefined).length,
    refusals: choices.reduce((sum, { refused }) => sum + refused.length, 0),
    switches: Math.max(0, runsOf(choices).length - 1),
  };
}

const shows = (claim: Claim, machine: CheckedMachine, choices: readonly Choice[]) =>
  replay(claim, machine, choices).finding !== undefined;

describe('between calls', () => {
  const world: World = {
    leaf: '2M',
    geometry: 1,
    cpus: 2,
    calls: [
      onRange('set_memory_np'),
      onRange('set_memory_p'),
      onPage('set_memory_ro'),
      onPage('set_memory_rw'),
    ],
  };
  const machine = machineIn(world, 'v7.2.13');
  const choice: fc.Arbitrary<Choice> = fc.record({
    cpu: fc.nat(1),
    action: fc.constantFrom(...machine.actions),
    refused: fc.subarray([1, 2]),
  });

  /** Claims that are wrong in some states, or of some calls. */
  const claims: readonly Claim[] = [
    claimIn(world, {
      always: ({ pages: [first, second] }) =>
        !first!.present && !second!.writable
          ? { text: 'one not present, the other read-only', failure: 'F6' }
          : undefined,
    }),
    claimIn(world, {
      after: ({ returned, before }) =>
        returned[0] !== 0 && !before[0]!.present ? { text: 'failed', failure: 'F1' } : undefined,
    }),
    claimIn(world, {
      after: ({ cpu, action }, { pages }) =>
        cpu === 1 && action.first === 1 && pages[0]!.level === 1 && pages[0]!.present !== pages[1]!.present
          ? { text: 'half of it', failure: 'F3' }
          : undefined,
    }),
  ];

  test('the small trace shows it too, and is no longer in any way', () => {
    let refuted = 0;
    fc.assert(
      fc.property(fc.constantFrom(...claims), fc.array(choice, { maxLength: 12 }), (claim, choices) => {
        fc.pre(shows(claim, machine, choices));
        refuted++;
        const hash = machine.kernel.memory.hash;
        const small = minimise(claim, machine, choices);
        expect(machine.kernel.memory.hash).toBe(hash);
        expect(shows(claim, machine, small)).toBe(true);
        expect(sizeOf(small).calls).toBeLessThanOrEqual(sizeOf(choices).calls);
        expect(sizeOf(small).refusals).toBeLessThanOrEqual(sizeOf(choices).refusals);
        const again = minimise(claim, machine, small);
        expect(sizeOf(again).calls).toBeLessThanOrEqual(sizeOf(small).calls);
      }),
      { numRuns: 60 },
    );
    expect(refuted).toBeGreaterThanOrEqual(60);
  });

  test('no call and no refusal of it can be left out, where none depends on another', () => {
    const [all] = machine.actions.filter(({ text }) => text === 'set_memory_np(page, 2)');
    const [one] = machine.actions.filter(({ text }) => text === 'set_memory_ro(page+1, 1)');
    const other = machine.actions.filter(({ text }) => text === 'set_memory_rw(page, 1)');
    const padding = other.map((action): Choice => ({ cpu: 1, action, refused: [1] }));
    const claim = claims[1]!;
    const trace: Choice[] = [
      ...padding,
      { cpu: 0, action: all!, refused: [] },
      ...padding,
      { cpu: 1, action: one!, refused: [1, 2] },
    ];
    expect(shows(claim, machine, trace)).toBe(true);
    expect(minimise(claim, machine, trace)).toEqual([
      { cpu: 0, action: all!, refused: [] },
      { cpu: 1, action: one!, refused: [1] },
    ]);
  });

  test('what is wrong at once needs no calls', () => {
    const wrong = claimIn(world, { always: () => ({ text: 'wrong', failure: 'F6' }) });
    expect(minimise(wrong, machine, [{ cpu: 0, action: machine.actions[0]!, refused: [1] }])).toEqual([]);
  });
});

describe('within calls', () => {
  const world = updatesAreNotLost.world({} as never);
  const machine = machineIn(world, 'v6.12.107');
  const found = interleave(
    updatesAreNotLost,
    machineIn(world, 'v6.12.107'),
    NO_LIMITS,
  ).refutation!.choices.map((choice) =>
    choice.action === undefined
      ? choice
      : { ...choice, action: machine.actions.find(({ text }) => text === choice.action!.text)! },
  );

  /** A call made from its beginning to its end by one CPU, behind `choices`. */
  function withWholeCall(choices: readonly Choice[], index: number): Choice[] {
    const action = machine.actions[index]!;
    const cpu = action.cpus[0]!;
    const { done } = replay(updatesAreNotLost, machine, choices);
    const longer: Choice[] = [...choices, { cpu, action, refused: [] }];
    while (replay(updatesAreNotLost, machine, longer).done.length === done.length) {
      longer.push({ cpu, refused: [] });
    }
    return longer;
  }

  test('behind other calls it is found again, with no more calls and switches', () => {
    const index = fc.nat(machine.actions.length - 1);
    const best = sizeOf(minimise(updatesAreNotLost, machine, found));
    fc.assert(
      fc.property(fc.array(index, { maxLength: 3 }), (before) => {
        const padding = before.reduce(withWholeCall, [] as Choice[]);
        const padded = [...padding, ...found];
        fc.pre(shows(updatesAreNotLost, machine, padded));
        const small = minimise(updatesAreNotLost, machine, padded);
        expect(shows(updatesAreNotLost, machine, small)).toBe(true);
        expect(sizeOf(small).calls).toBeLessThanOrEqual(sizeOf(padded).calls);
        expect(sizeOf(small).calls).toBeGreaterThanOrEqual(best.calls);
        expect(sizeOf(small).switches).toBeLessThanOrEqual(sizeOf(padded).switches);
      }),
      { numRuns: 30 },
    );
  });

  test('two calls and two switches are what it takes to lose an update', () => {
    expect(sizeOf(minimise(updatesAreNotLost, machine, found))).toEqual({
      calls: 2,
      refusals: 0,
      switches: 2,
    });
  });
});
