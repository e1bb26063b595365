import { describe, expect, it } from 'vitest';
import { type MatrixAnswer, matrixMarkdown, matrixText } from '../../src/report/matrix_text.ts';

const answer = (claim: string, arch: string, kernel: string, verdict: MatrixAnswer['verdict']) => ({
  ...{ claim, arch, kernel, verdict },
});

const ANSWERS = [
  answer('it-holds', 'x86_64', 'v6.1', 'holds'),
  answer('it-holds', 'x86_64', 'v7.2', 'refuted'),
  answer('it-holds', 'loongarch64', 'v7.2', 'not modelled'),
  answer('a-claim-whose-name-is-so-long-that-it-leaves-no-room', 'x86_64', 'v6.1', 'undecided'),
];

describe('a matrix of verdicts', () => {
  it('has a letter for each kernel, and a blank where an architecture has no such kernel', () => {
    expect(matrixText(ANSWERS)).toBe(`H holds, R refuted, ? undecided, - not modelled or not asked there
a letter for each of v6.1, v7.2

                                                 x86_64      loongarch64
it-holds                                         HR           -
a-claim-whose-name-is-so-long-that-it-leaves-no-room
                                                 ?
`);
  });

  it('is a table of Markdown, too', () => {
    expect(matrixMarkdown(ANSWERS).split('\n').slice(0, 3)).toEqual([
      '| claim | x86_64 | loongarch64 |',
      '| --- | --- | --- |',
      '| it-holds | `HR` | ` -` |',
    ]);
  });
});
