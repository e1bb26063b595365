/** An architecture that the model has never heard of: two short files, and all of the house works on it. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkClaimOn } from '../../src/check/check.ts';
import { findClaim } from '../../src/check/find_claim.ts';
import { parseKernelVersion, presetsOf } from '../../src/linux/kernels.ts';
import { knownNames, parseScenario, runScenario, startMachine } from '../../src/scenario/index.ts';
import { TOY } from '../support/toy_arch.ts';
import { contract } from './contract.ts';

const KERNELS = presetsOf(TOY).map(({ name }) => name);

contract(TOY, KERNELS, [
  {
    rule: 'vfree() leaves no leaf of vmalloc() behind',
    what: /not modelled/,
    reason: 'the toy has no vmalloc area',
  },
]);

test('an architecture can be had in less than 150 lines', () => {
  const lines = ['toy_arch.ts', 'toy_format.ts'].map(
    (name) => readFileSync(new URL(`../support/${name}`, import.meta.url), 'utf8').split('\n').length - 1,
  );
  expect(lines.reduce((sum, each) => sum + each)).toBeLessThan(150);
});

test('a scenario runs on it, from its text to its outcome', () => {
  const script = `
    ({ ram: '16M', cpus: 2 });
    const page = alloc_pages(0);
    expect(set_direct_map_invalid_noflush(page), 0);
    expect(touch(page), OOPS);`;
  const program = parseScenario(script, 'toy.js', knownNames([TOY]));
  const outcome = runScenario(program, startMachine(program, { arch: TOY, kernel: 'v7.2' }));
  expect(outcome).toMatchObject({ arch: 'toy', kernel: 'v7.2.13', ended: 'died', expectationsFailed: 0 });
  expect(outcome.steps[1]!.changes).toMatchObject([
    { level: 'PTE', effect: 'changed', before: { text: 'P W' }, after: { text: '- W' } },
  ]);
});

test('a scenario on a kernel that it does not have is refused in words', () => {
  const program = parseScenario("({ kernel: 'v5.10' });", 'toy.js', knownNames([TOY]));
  expect(() => startMachine(program, { arch: TOY })).toThrow('it was merged in v5.11');
});

test.each([
  ['v6.1', 'refuted'],
  ['v6.1+toy-flushes-all', 'holds'],
  ['v6.12', 'holds'],
] as const)('a claim about stale translations is checked on %s: %s', (kernel, verdict) => {
  const claim = findClaim('set-memory-ro-leaves-no-stale-write', 'test');
  const limits = { states: 1e6, seconds: 60, bytes: 2 ** 30 };
  const result = checkClaimOn(claim, parseKernelVersion(kernel, 'test', TOY), { claim: claim.id, limits });
  expect(result).toMatchObject({ arch: 'toy', verdict });
  expect(result.trace?.fullSize).toBe(verdict === 'refuted' ? true : undefined);
});
