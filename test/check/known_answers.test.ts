import { describe, expect, it } from 'vitest';
import { checkClaim, type Result } from '../../src/check/check.ts';
import { CLAIMS } from '../../src/check/claims/index.ts';
import { findClaim } from '../../src/check/find_claim.ts';
import { ARCHITECTURES, DEFAULT_ARCH } from '../../src/linux/arch/index.ts';
import { presetsOf } from '../../src/linux/kernels.ts';
import { parseScenario, runScenario, startMachine } from '../../src/scenario/index.ts';
import { KNOWN_ANSWERS } from './known_answers.ts';

const limits = { states: 1_000_000, seconds: 60, bytes: 2 ** 30 };

/**
 * The seed claims, with the verdict that history gave, each by the claims that put it: a letter for each kernel from v5.10
 * to v7.2. Where a claim is phrased as what people believed, it is refuted where the seed's own sentence ("it can happen")
 * holds.
 */
const HISTORY: readonly [seed: string, claim: string, arch: string, letters: string][] = [
  ['C1', 'remap-of-4k-np-cannot-fail', 'x86_64', 'HHHHH'],
  ['C1', 'remap-of-4k-np-cannot-fail', 'arm64', 'HHHHH'],
  ['C1', 'remap-of-4k-np-cannot-fail', 'riscv64', 'HHHHH'],
  ['C1', 'remap-of-4k-np-cannot-fail', 's390x', 'HHHHH'],
  ['C2', 'kernel-map-pages-cannot-fail', 'x86_64', 'HHHHH'],
  ['C2', 'kernel-map-pages-cannot-fail-on-a-large-map', 'x86_64', 'R----'],
  ['C2', 'kernel-map-pages-cannot-fail-beside-cpa', 'x86_64', 'HHHHR'],
  ['C3', 'v1-and-v2-lose-remaps-on-arm64', 'arm64', '-HHHH'],
  ['C4', 'arm64-safe-copy-page-does-not-fault', 'arm64', 'HHHHH'],
  ['C5', 'no-large-np-leaf', 'x86_64', 'RRRRR'],
  ['C6', 'hibernation-stops-before-touching', 'x86_64', 'RRRRR'],
  ['C6', 'hibernation-stops-before-touching', 'arm64', 'HHHHR'],
  ['C7', 'guest-memfd-restore-after-4k-zap-cannot-fail', 'x86_64', 'HHHHH'],
  ['C7', 'guest-memfd-restore-after-large-zap-cannot-fail', 'x86_64', 'RRRRR'],
  ['C8', 'riscv-kernel-map-pages-is-atomic-safe', 'riscv64', 'RRHHH'],
  ['C9', 'arm64-set-memory-ro-covers-the-linear-alias', 'arm64', 'HHHHH'],
  ['C10', 'arm64-invalid-then-valid-of-a-pmd-is-identity', 'arm64', '----H'],
  ['C11', 'decrypt-error-means-still-private', 'x86_64', 'RRRRR'],
  ['C12', 'kernel-page-present-agrees', 'x86_64', 'HHHHH'],
  ['C12', 'kernel-page-present-agrees', 'arm64', 'HHHHH'],
  ['C12', 'kernel-page-present-agrees', 'riscv64', 'HRRRR'],
  ['C13', 'restore-never-merges', 'x86_64', 'HHHHH'],
  ['C14', 'secretmem-fault-cannot-fail-in-cpa', 'x86_64', '--HRR'],
  ['C15', 'execmem-rollback-is-exact', 'x86_64', '----R'],
  ['C16', 'cpa-updates-are-not-lost', 'x86_64', 'RRRRH'],
  ['C17', 'resume-does-not-clear-unmapped-pages', 'x86_64', 'RRRRR'],
];

/** Kernels between the presets, in the windows in which history had the bug, and right outside of them. */
const WINDOWS: readonly [claim: string, arch: string, kernel: string, verdict: Result['verdict']][] = [
  ['v1-and-v2-lose-remaps-on-arm64', 'arm64', 'v5.10+series-v1', 'refuted'],
  ['v1-and-v2-lose-remaps-on-arm64', 'arm64', 'v5.10+series-v2', 'refuted'],
  ['v1-and-v2-lose-remaps-on-arm64', 'arm64', 'v5.10+series-v3', 'holds'],
  ['riscv-kernel-map-pages-is-atomic-safe', 'riscv64', 'v6.1~kernel-map-pages-atomic', 'refuted'],
  ['riscv-kernel-map-pages-is-atomic-safe', 'riscv64', 'v6.12~kernel-map-pages-atomic', 'refuted'],
  ['arm64-set-memory-ro-covers-the-linear-alias', 'arm64', 'v7.2~linear-alias-errors-propagate', 'refuted'],
  ['arm64-invalid-then-valid-of-a-pmd-is-identity', 'arm64', 'v7.2~invalid-large-leaves-handled', 'refuted'],
  ['kernel-page-present-agrees', 'riscv64', 'v6.1~present-tests-leaves', 'refuted'],
];

const CODES = { holds: 'H', refuted: 'R', undecided: '?', 'not modelled': '-' } as const;

/** What a result comes to, as the table has it. */
function inShort({ verdict, bounds, trace }: Result): string {
  const code = verdict === 'refuted' && trace?.fullSize === false ? 'r' : CODES[verdict];
  return verdict === 'holds' || verdict === 'refuted' ? `${code}${bounds?.states}` : code;
}

function check(id: string, arch: string, kernel: string): Result {
  return checkClaim(findClaim(id, ''), { claim: id, arch, kernel, limits });
}

/** Runs the scenario of a refutation: it must come to what the checker says it does. */
function expectToRun({ trace, arch, kernel }: Result): void {
  const program = parseScenario(trace!.scenario, 'trace');
  const outcome = runScenario(program, startMachine(program, {}));
  expect([arch, kernel, outcome.expectationsFailed]).toEqual([arch, kernel, 0]);
  const died = outcome.steps.some((step) => step.expected?.value === 'OOPS');
  expect(outcome.ended).toBe(died ? 'died' : 'finished');
}

describe.each(CLAIMS.map((claim) => ({ id: claim.id, claim })))('$id', ({ id, claim }) => {
  const results = new Map(
    ARCHITECTURES.map((arch) => [arch.name, presetsOf(arch).map(({ name }) => check(id, arch.name, name))]),
  );

  it('has the known verdict on every kernel of every architecture, after the known number of states', () => {
    const found = [...results].map(([arch, each]) => [arch, each.map(inShort).join(' ')]);
    expect(Object.fromEntries(found)).toEqual(KNOWN_ANSWERS[id]);
  });

  it('says what must have been seen for it to hold', () => {
    expect(claim.sometimes.length).toBeGreaterThan(0);
  });

  it('says why where it is not modelled, and is exhausted where it holds', () => {
    for (const { verdict, because, bounds } of [...results.values()].flat()) {
      if (verdict === 'not modelled') expect(because).toMatch(/\w+ \w+/);
      if (verdict === 'holds') expect(bounds?.exhausted).toBe(true);
    }
  });

  it('leaves nothing unseen on the architecture that it was made for', () => {
    for (const { never, kernel } of results.get(DEFAULT_ARCH.name)!)
      expect([kernel, never]).toEqual([kernel, undefined]);
  });

  it('is refuted by a trace that runs as a scenario and meets its expectations', () => {
    for (const [arch, each] of results) {
      const refuted = each.filter(({ verdict }) => verdict === 'refuted');
      for (const result of arch === DEFAULT_ARCH.name ? refuted : refuted.slice(-1)) {
        if (arch === DEFAULT_ARCH.name) expect(result.trace?.fullSize, result.kernel).toBe(true);
        expectToRun(result);
      }
    }
  });
});

describe('history', () => {
  it.each(HISTORY)('%s is answered by %s on %s', (seed, id, arch, letters) => {
    expect(findClaim(id, '').catalogue).toContain(seed);
    expect(KNOWN_ANSWERS[id]?.[arch]?.replaceAll(/[\d ]/g, '').toUpperCase()).toBe(letters);
  });

  it.each(WINDOWS)('%s on %s %s: %s', (id, arch, kernel, verdict) => {
    expect(check(id, arch, kernel).verdict).toBe(verdict);
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
