import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answer, jobsOfShard } from '../../src/check/jobs.ts';
import { mergeResults, type NamedResults, parseResults, RESULTS_SCHEMA } from '../../src/check/merge.ts';

function answer(claim: string): Answer {
  const source = { who: 'w', when: 'w', where: 'w' };
  return {
    claim,
    sentence: 's',
    source,
    arch: 'x86_64',
    kernel: 'v7.2.13',
    verdict: 'undecided',
    because: 'test',
  };
}

/** The files of a run of so many jobs in so many shards. */
function shards(jobs: number, of: number): NamedResults[] {
  const answers = Array.from({ length: jobs }, (_, i) => answer(`claim-${i}`));
  return Array.from({ length: of }, (_, i) => {
    const index = i + 1;
    const results = jobsOfShard(answers, { index, of });
    return { schema: RESULTS_SCHEMA, name: `${index}.json`, results, shard: { index, of, run: 'r', jobs } };
  });
}

describe('merging', () => {
  it('gives the order of one run, in whatever order the files are named', () => {
    const cases = fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(cases, fc.boolean(), ([jobs, of], reversed) => {
        const files = shards(jobs, of);
        const { results } = mergeResults(reversed ? files.reverse() : files);
        expect(results.map(({ claim }) => claim)).toEqual(
          Array.from({ length: jobs }, (_, i) => `claim-${i}`),
        );
      }),
    );
  });

  it('refuses a run with shards missing, and names them', () => {
    const [first, , third] = shards(8, 4);
    expect(() => mergeResults([first!, third!])).toThrow(
      '1.json, 3.json: shard 2/4, 4/4 is missing: 2 of 4 were given',
    );
  });

  it('refuses a shard that is there twice, and names both files', () => {
    const [first, second] = shards(4, 2);
    expect(() => mergeResults([first!, second!, { ...second!, name: 'copy.json' }])).toThrow(
      'copy.json: results: found shard 2/2 again, expected each shard once; 2.json has it, too',
    );
  });

  it('refuses shards of another run or another number', () => {
    const [first, second] = shards(4, 2);
    const other = { ...second!, shard: { ...second!.shard!, run: 'x' } };
    expect(() => mergeResults([first!, other])).toThrow('2.json: results: found a shard of another run');
    expect(() => mergeResults([first!, shards(4, 4)[1]!])).toThrow('found a shard of 4, expected one of 2');
  });

  it('refuses a shard that lacks results', () => {
    const [only] = shards(4, 1);
    expect(() => mergeResults([{ ...only!, results: only!.results.slice(1) }])).toThrow(
      '1.json: results: found 3 results, expected 4: shard 1/1 of 4 jobs',
    );
  });
});

describe('a file of results', () => {
  const text = (parts: object) =>
    JSON.stringify({ schema: RESULTS_SCHEMA, results: [answer('a')], ...parts });

  it('is read as it was written', () => {
    expect(parseResults(text({}), 'x.json')).toEqual({
      schema: RESULTS_SCHEMA,
      name: 'x.json',
      results: [answer('a')],
    });
  });

  const wrong: [string, string, string][] = [
    ['no JSON', text({}).slice(0, -3), 'was the file cut off?'],
    ['null', 'null', 'no schema'],
    ['another schema', text({ schema: 'directmap-run/1' }), 'found schema directmap-run/1'],
    ['no list', text({ results: {} }), 'results as a list'],
    [
      'a result without a kernel',
      text({ results: [answer('a'), { claim: 'b' }] }),
      'result 2 with fields missing',
    ],
    ['a bad verdict', text({ results: [{ ...answer('a'), verdict: 'maybe' }] }), 'result 1'],
    ['bounds that are none', text({ results: [{ ...answer('a'), bounds: { states: 'many' } }] }), 'result 1'],
    [
      'a shard out of range',
      text({ shard: { index: 3, of: 2, run: '', jobs: 1 } }),
      'a shard with fields missing',
    ],
  ];
  it.each(wrong)('with %s is refused by name', (_what, content, message) => {
    expect(() => parseResults(content, 'x.json')).toThrow(/^x\.json: /);
    expect(() => parseResults(content, 'x.json')).toThrow(message);
  });
});
