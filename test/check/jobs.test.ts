import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Claim } from '../../src/check/claim.ts';
import { answerTo, jobsOfShard, type Plan, parseShard, planJobs, runName } from '../../src/check/jobs.ts';

const LIMITS = { states: 1e6, seconds: 60, bytes: 2 ** 28 };

const claims = vi.hoisted(() => {
  const base: Omit<Claim, 'id'> = {
    sentence: 'A call never asks for memory.',
    source: { who: 'nobody', when: 'never', where: 'this test' },
    catalogue: [],
    world: () => ({ leaf: '2M', geometry: 1, calls: [{ calls: [{ name: 'set_memory_np' }], on: 'page' }] }),
    sometimes: [],
  };
  const sound: Claim = { ...base, id: 'sound', after: () => undefined };
  const broken: Claim = {
    ...base,
    id: 'broken',
    after: () => {
      throw new TypeError('x is not a function');
    },
  };
  return [sound, broken];
});

vi.mock('../../src/check/claims/index.ts', () => ({ CLAIMS: claims }));

function plan(parts: Partial<Plan>): Plan {
  return { claims: [], kernels: [], limits: LIMITS, ...parts };
}

describe('a plan', () => {
  it('is every claim on the newest kernel if nothing is named', () => {
    expect(planJobs(plan({})).map(({ claim, kernel }) => [claim, kernel])).toEqual([
      ['sound', 'v7.2.13'],
      ['broken', 'v7.2.13'],
    ]);
  });

  it('goes claim by claim through the kernels, each once', () => {
    const jobs = planJobs(
      plan({ claims: ['broken', 'sound', 'broken'], kernels: ['v7.2', '6.1', 'v7.2.13'] }),
    );
    expect(jobs.map(({ claim, kernel }) => `${claim} ${kernel}`)).toEqual([
      'broken v7.2.13',
      'broken v6.1.192',
      'sound v7.2.13',
      'sound v6.1.192',
    ]);
  });

  it('refuses an unknown claim with the names like it', () => {
    expect(() => planJobs(plan({ claims: ['sounds'] }))).toThrow(/unknown claim "sounds"\n.*known: sound, /s);
  });

  it('refuses an unknown kernel, config option or modelled-out boot parameter before any work', () => {
    expect(() => planJobs(plan({ kernels: ['v9.9'] }))).toThrow('unknown kernel "v9.9"');
    expect(() => planJobs(plan({ config: [['FOO', 'y']] }))).toThrow('"FOO"');
    expect(() => planJobs(plan({ boot: 'nopat' }))).toThrow('not modelled: boot parameter nopat');
  });
});

describe('a shard', () => {
  it('is i/n, from 1', () => {
    expect(parseShard('3/8')).toEqual({ index: 3, of: 8 });
    for (const text of ['0/8', '9/8', '1/0', '1/99999'])
      expect(() => parseShard(text)).toThrow('out of range');
    for (const text of ['', '3', '3/', '/8', '-1/8', '1.5/8', 'a/b']) {
      expect(() => parseShard(text)).toThrow('expected i/n');
    }
  });

  it('has every job in exactly one of the parts', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 50 }), fc.integer({ min: 1, max: 12 }), (values, of) => {
        const jobs = values.map((value) => ({ value }));
        const parts = Array.from({ length: of }, (_, i) => jobsOfShard(jobs, { index: i + 1, of }));
        const all = parts.flat();
        expect(new Set(all)).toEqual(new Set(jobs));
        expect(all).toHaveLength(jobs.length);
      }),
    );
  });

  it('knows its run by the claims, kernels and options, whatever the limits', () => {
    const name = (parts: Partial<Plan>) => runName(planJobs(plan(parts)));
    expect(name({ limits: { ...LIMITS, seconds: 1 } })).toBe(name({}));
    const others = [{ kernels: ['v5.10'] }, { claims: ['sound'] }, { boot: 'nogbpages' }, { cpus: 2 }];
    expect(new Set(others.map(name)).size).toBe(others.length);
  });
});

describe('an answer', () => {
  it('says on what it was explored, and who said the sentence', () => {
    const answer = answerTo({ claim: 'sound', kernel: 'v7.2', limits: LIMITS, boot: 'debug_pagealloc=on' });
    expect(answer).toMatchObject({
      claim: 'sound',
      verdict: 'holds',
      source: { who: 'nobody' },
      world: { leaf: '2M', tlb: false, config: {}, boot: 'debug_pagealloc=on' },
    });
  });

  it('of a claim that throws is undecided, and says that it is a bug', () => {
    expect(
      answerTo({ claim: 'broken', kernel: 'v7.2', limits: LIMITS, boot: 'debug_pagealloc=on' }),
    ).toMatchObject({
      verdict: 'undecided',
      bug: 'x is not a function',
      because: 'this is a bug in claim broken: x is not a function',
    });
  });
});
