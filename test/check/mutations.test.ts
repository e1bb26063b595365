import { afterAll, describe, expect, test } from 'vitest';
import { checkClaim } from '../../src/check/check.ts';
import { findClaim } from '../../src/check/find_claim.ts';
import { mutated, removeCopy, whyNotOnce } from '../support/mutations.ts';
import { PLANTED_BUGS } from '../support/planted_bugs.ts';

const limits = { states: 400_000, seconds: 30, bytes: 2 ** 29 };

afterAll(removeCopy);

describe('a bug in the model is found by a claim that holds without it', () => {
  test.each(PLANTED_BUGS)('$name is found by $claim on $kernel', async (bug) => {
    const checker = await mutated([bug]);
    const claim = checker.CLAIMS.find(({ id }) => id === bug.claim);
    expect(claim, bug.claim).toBeDefined();
    const result = checker.checkClaim(claim!, { claim: bug.claim, kernel: bug.kernel, limits });
    expect(result.verdict, bug.what).toBe('refuted');
    expect(result.finding?.text).toMatch(bug.finding);
    expect(result.trace?.calls.length).toBeLessThanOrEqual(bug.calls);
  });
});

const CLAIMS_USED = [...new Set(PLANTED_BUGS.map(({ claim, kernel }) => `${claim}@${kernel}`))];

describe('without any bug the claim holds', () => {
  test.each(CLAIMS_USED)('%s', (used) => {
    const [id, kernel] = used.split('@') as [string, string];
    const { verdict, because } = checkClaim(findClaim(id, 'test'), { claim: id, kernel, limits });
    expect([verdict, because]).toEqual(['holds', undefined]);
  });

  test('and the copy of the model that is mutated does as the model does', async () => {
    const { checkClaim: check, CLAIMS } = await mutated([]);
    const [claim] = CLAIMS.filter(({ id }) => id === 'direct-map-round-trip-keeps-presence');
    expect(check(claim!, { claim: claim!.id, kernel: 'v6.12', limits })).toMatchObject({ verdict: 'holds' });
  });
});

describe('each bug is planted where it is meant to be', () => {
  test.each(PLANTED_BUGS)('$name: its text is in the compiled model once', (bug) => {
    expect(bug.edits.map((edit) => whyNotOnce(bug, edit)).filter(Boolean)).toEqual([]);
  });

  test('and has a name of its own', () => {
    expect(new Set(PLANTED_BUGS.map(({ name }) => name)).size).toBe(PLANTED_BUGS.length);
  });

  test('a text that is not there, or there twice, is said with its file', async () => {
    const [bug] = PLANTED_BUGS;
    const edit = { ...bug!.edits[0]!, from: 'const nowhere = 1;' };
    expect(whyNotOnce(bug!, edit)).toBe(
      `${bug!.name}: dist/${edit.file} has this text 0 times:\nconst nowhere = 1;`,
    );
    await expect(mutated([{ ...bug!, edits: [edit] }])).rejects.toThrow(/0 times/);
    await expect(mutated([{ ...bug!, edits: [{ ...edit, from: 'return 0;' }] }])).rejects.toThrow(
      /\d\d times/,
    );
  });
});
