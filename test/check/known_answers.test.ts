import { describe, expect, it } from 'vitest';
import { checkClaim, type Result } from '../../src/check/check.ts';
import { CLAIMS } from '../../src/check/claims/index.ts';
import { PRESETS } from '../../src/linux/kernels.ts';
import { parseScenario, runScenario, startMachine } from '../../src/scenario/index.ts';
import { KNOWN_ANSWERS } from './known_answers.ts';

const KERNELS = PRESETS.map(({ name }) => name);
const limits = { states: 1_000_000, seconds: 60, bytes: 2 ** 30 };

/** Verdicts by kernel, from v5.10 to v7.2: H holds, R refuted, - not modelled. */
const verdicts = (letters: string) =>
  [...letters].map((letter) => ({ H: 'holds', R: 'refuted', '-': 'not modelled' })[letter]);

/**
 * The seed claims, with the verdict that history gave, each by the claims that put it. Where a claim is phrased as
 * what people believed, it is refuted where the seed's own sentence ("it can happen") holds.
 */
const HISTORY: readonly [seed: string, claim: string, letters: string][] = [
  ['C1', 'remap-of-4k-np-cannot-fail', 'HHHHH'],
  ['C2', 'kernel-map-pages-cannot-fail', 'HHHHH'],
  ['C2', 'kernel-map-pages-cannot-fail-on-a-large-map', 'R----'],
  ['C2', 'kernel-map-pages-cannot-fail-beside-cpa', 'HHHHR'],
  ['C3', 'v1-and-v2-lose-remaps-on-arm64', '-----'],
  ['C4', 'arm64-safe-copy-page-does-not-fault', '-----'],
  ['C5', 'no-large-np-leaf', 'RRRRR'],
  ['C6', 'hibernation-stops-before-touching', 'RRRRR'],
  ['C7', 'guest-memfd-restore-after-4k-zap-cannot-fail', 'HHHHH'],
  ['C7', 'guest-memfd-restore-after-large-zap-cannot-fail', 'RRRRR'],
  ['C8', 'riscv-kernel-map-pages-is-atomic-safe', '-----'],
  ['C9', 'arm64-set-memory-ro-covers-the-linear-alias', '-----'],
  ['C10', 'arm64-invalid-then-valid-of-a-pmd-is-identity', '-----'],
  ['C11', 'decrypt-error-means-still-private', 'RRRRR'],
  ['C12', 'kernel-page-present-agrees', 'HHHHH'],
  ['C13', 'restore-never-merges', 'HHHHH'],
  ['C14', 'secretmem-fault-cannot-fail-in-cpa', '-----'],
  ['C15', 'execmem-rollback-is-exact', '----R'],
  ['C16', 'cpa-updates-are-not-lost', 'RRRRH'],
  ['C17', 'resume-does-not-clear-unmapped-pages', 'RRRRR'],
];

/** What a result comes to, as the table has it. */
function inShort({ verdict, bounds }: Result): string {
  return bounds === undefined ? verdict : `${verdict} ${bounds.states}`;
}

describe.each(CLAIMS.map((claim) => ({ id: claim.id, claim })))('$id', ({ id, claim }) => {
  const results = KERNELS.map((kernel) => checkClaim(claim, { claim: id, kernel, limits }));

  it('has the known verdict on every kernel, after the known number of states', () => {
    expect(results.map(inShort)).toEqual(KNOWN_ANSWERS[id]);
  });

  it('says what must have been seen for it to hold, unless no kernel has what it is about', () => {
    const modelled = results.some(({ verdict }) => verdict !== 'not modelled');
    expect(claim.sometimes.length > 0).toBe(modelled);
  });

  it('says why where it is not modelled, and is exhausted where it holds', () => {
    for (const { verdict, because, bounds } of results) {
      if (verdict === 'not modelled') expect(because).toMatch(/\w+ \w+/);
      if (verdict === 'holds') expect(bounds?.exhausted).toBe(true);
    }
  });

  it('is refuted at full size, by a trace that runs as a scenario and meets its expectations', () => {
    for (const { trace, kernel } of results.filter(({ verdict }) => verdict === 'refuted')) {
      expect(trace?.fullSize, kernel).toBe(true);
      const program = parseScenario(trace!.scenario, 'trace');
      const outcome = runScenario(program, startMachine(program, {}));
      expect(outcome.expectationsFailed, kernel).toBe(0);
      const died = outcome.steps.some((step) => step.expected?.value === 'OOPS');
      expect(outcome.ended, kernel).toBe(died ? 'died' : 'finished');
    }
  });
});

describe('history', () => {
  it.each(HISTORY)('%s is answered by %s', (seed, id, letters) => {
    expect(CLAIMS.find((claim) => claim.id === id)?.catalogue).toContain(seed);
    expect(KNOWN_ANSWERS[id]?.map((answer) => answer.replace(/ \d+$/, ''))).toEqual(verdicts(letters));
  });

  it('puts every property P1 to P10', () => {
    const put = new Set(CLAIMS.flatMap(({ catalogue }) => catalogue));
    expect(
      Array.from({ length: 10 }, (_, i) => `P${i + 1}`).filter((property) => !put.has(property)),
    ).toEqual([]);
  });

  it('knows an answer for every claim, and no other', () => {
    expect(Object.keys(KNOWN_ANSWERS).sort()).toEqual(CLAIMS.map(({ id }) => id).sort());
  });
});
